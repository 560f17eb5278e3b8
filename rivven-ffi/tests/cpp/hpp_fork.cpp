// What a forked child may do with the clients of its parent: nothing but
// destroy them. Clients that it makes itself work, and the parent's go on.

#include <atomic>
#include <functional>
#include <memory>
#include <rivven.hpp>
#include <string>
#include <thread>
#include <vector>

extern "C" {
#include "check.h"
#include "launch.h"
}

namespace {

std::string address;

/// What the threads and the children use; destroyed when the process ends.
std::unique_ptr<rivven::Client> shared;

std::unique_ptr<rivven::Client> new_client() {
    return std::make_unique<rivven::Client>(rivven::Config{{"bootstrap.servers", address}});
}

/// Checks that a call throws an error of Code::Forked.
void throws_forked(const char *what, const std::function<void()> &call) {
    try {
        call();
        check(false, "%s: no error", what);
    } catch (const rivven::Error &error) {
        check(error.code() == rivven::Code::Forked, "%s: %s", what, error.what());
        check(error.outcome() == rivven::Outcome::NotSent && !error.is_retriable(), "nothing was sent");
    }
}

void use_old_client() {
    throws_forked("ping", [] { shared->ping(); });
    throws_forked("publish", [] { shared->publish("t", "v"); });
    throws_forked("list_topics", [] { shared->list_topics(); });
    throws_forked("consume_pipelined", [] { shared->consume_pipelined({{"t", 0, 0, 1}}); });
    throws_forked("alter_quotas", [] { shared->alter_quotas({{"user", "alice", "request_rate", 1}}); });
    throws_forked("sync_group", [] { shared->sync_group("g", 0, "m", {{"m", {{"t", {0}}}}}); });
    throws_forked("stats", [] { shared->stats(); });
    throws_forked("authenticate_scram", [] { shared->authenticate_scram("alice", "password"); });
    throws_forked("close", [] { shared->close(); });
    rivven::Client moved = std::move(*shared);
    throws_forked("one that was moved", [&] { moved.ping(); });
}

void destroy_old_client() {
    shared.reset();
    check(true, "the parent's client is destroyed");
}

void use_new_client() {
    const auto own = new_client();
    own->ping();
    own->publish("t", "v");
    own->close();
    check(true, "a client of the child's own");
}

void replace_old_client() {
    *shared = std::move(*new_client());
    shared->ping();
    check(true, "a client of the child's own in the place of the parent's");
}

/// Runs a body in a child, which ends as any process does: `shared` is destroyed, if it is still there.
void in_child(const char *what, const std::function<void()> &body) {
    fflush(nullptr);
    const pid_t pid = fork();
    if (pid < 0) give_up("fork");
    if (pid == 0) {
        try {
            body();
        } catch (const std::exception &error) {
            check(false, "unexpected: %s", error.what());
        }
        std::exit(checks_failed ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    check(child_succeeds(pid, 20), "child: %s", what);
}

/// Forks while threads are in calls, and their locks may be held.
void test_under_calls() {
    std::atomic<bool> stopping{false};
    std::atomic<int> failures{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            try {
                while (!stopping) shared->ping();
            } catch (const rivven::Error &) {
                ++failures;
            }
        });
    }
    for (int i = 0; i < 5; ++i) {
        in_child("uses the parent's client while calls are under way", use_old_client);
        in_child("destroys it", destroy_old_client);
        in_child("makes one while calls are under way", use_new_client);
    }
    stopping = true;
    for (auto &thread : threads) thread.join();
    check(failures == 0, "the parent's calls go on meanwhile");
}

} // namespace

int main() {
    server broker = start_broker();
    address = broker.address;
    try {
        shared = new_client();
        shared->create_topic("t", 1);
        in_child("does not use the client", [] {});
        in_child("uses the parent's client", use_old_client);
        in_child("destroys it", destroy_old_client);
        in_child("makes one", use_new_client);
        in_child("replaces it", replace_old_client);
        shared->ping();
        check(true, "the parent's client goes on");
        test_under_calls();
        shared.reset();
    } catch (const std::exception &error) {
        check(false, "unexpected: %s", error.what());
    }
    stop_server(&broker);
    return summary();
}
