// Groups of consumers of the C++ layer.

#include <rivven.hpp>
#include <signal.h>
#include <string>

extern "C" {
#include "check.h"
#include "launch.h"
}

namespace {

using namespace std::chrono_literals;

rivven::Consumer member_of(const std::string &address) {
    rivven::Consumer consumer(rivven::Config{{"bootstrap.servers", address},
                                             {"group.id", "divided"},
                                             {"session.timeout.ms", "1500"},
                                             {"rebalance.timeout.ms", "500"},
                                             {"heartbeat.interval.ms", "100"}});
    consumer.subscribe({"divided"});
    return consumer;
}

/// Polls two members until each has two partitions, at most a minute.
bool divide(rivven::Consumer &one, rivven::Consumer &other) {
    for (double start = seconds(); seconds() - start < 60;) {
        if (one.assignments().size() == 2 && other.assignments().size() == 2) return true;
        one.poll(20ms);
        other.poll(20ms);
    }
    return false;
}

/// A process of its own that polls until it is killed.
pid_t start_member(const char *program, const std::string &address) {
    const pid_t pid = fork();
    if (pid < 0) give_up("fork");
    if (pid == 0) {
        execl(program, program, address.c_str(), nullptr);
        _exit(127);
    }
    return pid;
}

/// Polls two members until a third one has taken partitions of theirs, at most a minute.
bool give_some_away(rivven::Consumer &one, rivven::Consumer &other) {
    for (double start = seconds(); seconds() - start < 60;) {
        const std::size_t ones = one.assignments().size(), others = other.assignments().size();
        if (ones && others && ones + others < 4) return true;
        one.poll(20ms);
        other.poll(20ms);
    }
    return false;
}

/// By the default the session of a member that is gone would end after ten seconds.
void test_killed_member(const char *program, const std::string &address) {
    rivven::Consumer one = member_of(address), other = member_of(address);
    check(divide(one, other), "two members have two partitions each");
    const pid_t killed = start_member(program, address);
    check(give_some_away(one, other), "a third one gets some of them");
    kill(killed, SIGKILL);
    waitpid(killed, nullptr, 0);
    const double start = seconds();
    check(divide(one, other), "when it is killed the others get it back");
    const double taken = seconds() - start;
    check(taken > 1 && taken < 9, "after the timeout of its session: %.2f s", taken);
    one.close();
    other.close();
}

void test_group(const std::string &address) {
    rivven::Consumer one = member_of(address), other = member_of(address), third = member_of(address);
    check(divide(one, other), "two members have two partitions each");
    check(divide(other, third), "one that does not poll is not waited for");
    check(one.assignments().empty(), "and has lost its partitions");
    third.close();
    check(divide(one, other), "until it polls again, and another one has left");
}

} // namespace

// covers: F093 cpp, F094 cpp, F095 cpp, F097 cpp
int main(int argc, char **argv) {
    if (argc > 1) {
        rivven::Consumer member = member_of(argv[1]);
        for (;;) member.poll(20ms);
    }
    struct server broker = start_broker();
    rivven::Client(rivven::Config{{"bootstrap.servers", broker.address}}).create_topic("divided", 4);
    test_killed_member(argv[0], broker.address);
    test_group(broker.address);
    stop_server(&broker);
    return summary();
}
