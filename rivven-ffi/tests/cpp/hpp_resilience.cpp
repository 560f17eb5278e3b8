// The options of resilience.c through the C++ layer: repetitions, breakers,
// connections, pings in the background, and servers that go and come back.

#include <future>
#include <rivven.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

extern "C" {
#include "check.h"
#include "launch.h"
}

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using rivven::CircuitState;
using rivven::Code;
using rivven::Outcome;
using Settings = std::vector<std::pair<std::string, std::string>>;

/// Seconds that a loaded machine may take to come to something.
constexpr double patience = 30;

/// A server that ends with this object.
class Server {
public:
    explicit Server(server started) : server_(started) {}
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;
    ~Server() {
        if (running_) stop_server(&server_);
    }
    std::string address() const { return server_.address; }
    void stop() {
        stop_server(&server_);
        running_ = false;
    }
    /// Starts the broker again where it was, with nothing in it.
    void restart() {
        server_ = restart_broker(address().c_str());
        running_ = true;
    }

private:
    server server_;
    bool running_ = true;
};

/// An address where nobody listens as long as this object is there.
class Absent {
public:
    Absent() : holder_(hold_address(address_, sizeof address_)) {}
    Absent(const Absent &) = delete;
    Absent &operator=(const Absent &) = delete;
    ~Absent() { close(holder_); }
    std::string address() const { return address_; }

private:
    char address_[64];
    int holder_;
};

rivven::Client client_of(const std::string &servers, const Settings &settings = {}) {
    rivven::Config config{{"bootstrap.servers", servers}};
    for (const auto &[key, value] : settings) config.set(key, value);
    return rivven::Client(config);
}

/// Checks that a call throws an error of this code; gives what it says of the outcome.
template <typename Call> Outcome throws(const char *what, Code wanted, Call call) {
    try {
        call();
        check(false, "%s: no error", what);
    } catch (const rivven::Error &error) {
        check(error.code() == wanted && *error.what(), "%s: %s", what, error.what());
        return error.outcome();
    }
    return Outcome::Rejected;
}

/// Waits until a condition holds; whether it does.
template <typename Condition> bool comes(Condition condition) {
    const auto holds = [](void *argument) { return (*static_cast<Condition *>(argument))(); };
    return holds_within(patience, holds, &condition);
}

bool pings(rivven::Client &client) {
    try {
        client.ping();
        return true;
    } catch (const rivven::Error &) {
        return false;
    }
}

CircuitState circuit(rivven::Client &client) { return client.stats().servers.at(0).circuit_state; }

std::size_t connections(rivven::Client &client) {
    const auto stats = client.stats();
    return stats.active_connections + stats.available_connections;
}

void test_options(const std::string &address) {
    const struct {
        const char *key, *good, *bad;
    } options[] = {
        {"pool.size.per.server", "4", "0"},
        {"connection.timeout.ms", "5000", "soon"},
        {"request.timeout.ms", "20000", "0"},
        {"max.retries", "2", "-1"},
        {"retry.initial.delay.ms", "50", "0"},
        {"retry.max.delay.ms", "500", "3600001"},
        {"retry.multiplier", "1.5", "0.5"},
        {"retry.unknown.outcome", "false", "maybe"},
        {"circuit.breaker.failure.threshold", "3", "0"},
        {"circuit.breaker.recovery.timeout.ms", "1000", "0"},
        {"max.connection.lifetime.ms", "60000", "0"},
        {"idle.timeout.ms", "30000", "1e3"},
        {"health.check.enabled", "true", "yes?"},
        {"health.check.interval.ms", "1000", "0"},
        {"decompression", "auto", "sometimes"},
    };
    rivven::Config config{{"bootstrap.servers", address}};
    for (const auto &option : options) {
        config.set(option.key, option.good);
        throws(option.key, Code::InvalidConfig, [&] { config.set(option.key, option.bad); });
    }
    rivven::Client client(config);
    check(pings(client), "a client with every option works");
    auto other = client_of(address, {{"retry.initial.delay.ms", "500"}, {"retry.max.delay.ms", "100"}});
    throws("delays that do not go together", Code::InvalidConfig, [&] { other.ping(); });
}

/// Makes requests of every purpose: each has connections of its own where there may be so many.
void use_for_every_purpose(rivven::Client &client) {
    client.ping();
    client.publish_to_partition("pooled", 0, std::nullopt, "v");
    client.consume("pooled", 0, 0, 1);
    client.get_offset("g", "pooled", 0);
}

void test_pool(const std::string &address) {
    for (const std::size_t size : {1, 2, 4}) {
        auto client = client_of(address, {{"pool.size.per.server", std::to_string(size)}});
        check(connections(client) == 0, "there is no connection before the first request");
        use_for_every_purpose(client);
        check(connections(client) == size, "there are as many as allowed: %zu", size);
    }
    auto idle = client_of(address, {{"idle.timeout.ms", "50"}, {"health.check.interval.ms", "20"}});
    use_for_every_purpose(idle);
    check(comes([&] { return connections(idle) == 1; }), "connections without use are closed but for one");
}

/// The local port of a connection of this process to an address; 0 if there is none.
int local_port(const std::string &address) {
    const int port = std::stoi(address.substr(address.rfind(':') + 1));
    for (int descriptor = 3; descriptor < 1024; ++descriptor) {
        sockaddr_in peer{}, own{};
        socklen_t peer_size = sizeof peer, own_size = sizeof own;
        if (getpeername(descriptor, reinterpret_cast<sockaddr *>(&peer), &peer_size) != 0) continue;
        if (peer.sin_family != AF_INET || ntohs(peer.sin_port) != port) continue;
        if (getsockname(descriptor, reinterpret_cast<sockaddr *>(&own), &own_size) == 0) return ntohs(own.sin_port);
    }
    return 0;
}

/// With a broker of its own, so that no other client has connections to it.
void test_lifetime() {
    const Server broker(start_broker());
    auto client =
        client_of(broker.address(), {{"max.connection.lifetime.ms", "2000"}, {"health.check.interval.ms", "20"}});
    client.ping();
    const int first = local_port(broker.address());
    check(first != 0, "there is a connection");
    const auto is_replaced = [&] {
        const int now = local_port(broker.address());
        return now != 0 && now != first;
    };
    check(comes(is_replaced), "another takes its place when its time is over");
    check(pings(client), "which works");
}

/// Whether one call to a server that is not there fails so many times that a breaker of that threshold opens.
bool fails_often(const std::string &threshold, const std::string &retries, const std::string &initial,
                 const std::string &most, const std::string &multiplier) {
    const Absent absent;
    auto client = client_of(absent.address(), {{"circuit.breaker.failure.threshold", threshold},
                                               {"circuit.breaker.recovery.timeout.ms", "3600000"},
                                               {"max.retries", retries},
                                               {"retry.initial.delay.ms", initial},
                                               {"retry.max.delay.ms", most},
                                               {"retry.multiplier", multiplier},
                                               {"request.timeout.ms", "20000"},
                                               {"health.check.enabled", "false"}});
    throws("a server that is not there", Code::ConnectionFailed, [&] { client.ping(); });
    return circuit(client) == CircuitState::Open;
}

/// A pause that is longer than what is left of the time of the call ends it at once.
void test_repetitions() {
    check(fails_often("1", "0", "10", "10", "1") && !fails_often("2", "0", "10", "10", "1"), "no repetition");
    check(fails_often("3", "2", "10", "10", "1") && !fails_often("4", "2", "10", "10", "1"), "two repetitions");
    check(!fails_often("2", "2", "60000", "60000", "1"), "the first pause is too long");
    check(fails_often("3", "2", "600", "3600000", "1"), "one that does not grow is not");
    check(!fails_often("3", "2", "600", "3600000", "100"), "one that grows is in the end");
    check(fails_often("3", "2", "600", "700", "100"), "unless it grows to a limit only");
}

void test_unknown_outcome() {
    const Server server(start_misbehaving("reset"));
    for (const bool again : {true, false}) {
        auto client = client_of(server.address(), {{"retry.unknown.outcome", again ? "true" : "false"},
                                                   {"circuit.breaker.failure.threshold", "2"},
                                                   {"max.retries", "1"},
                                                   {"health.check.enabled", "false"}});
        const auto outcome = throws("a reset", Code::ConnectionLost, [&] { client.publish("t", "v"); });
        check(outcome == Outcome::Unknown, "nobody knows whether the record was written");
        check((circuit(client) == CircuitState::Open) == again, "it is sent again: %s", again ? "yes" : "no");
    }
}

/// The broker writes the second record, and hangs up instead of answering.
void test_lost_answer() {
    const Server broker(start_scripted(R"({"topics": {"t": 1}, "rules": [
        {"on": "Publish", "after": 1, "times": 1, "do": "close_connection"}]})"));
    auto client = client_of(broker.address(), {{"retry.initial.delay.ms", "1"}, {"health.check.enabled", "false"}});
    const std::pair<std::uint64_t, bool> expected[] = {{0, false}, {2, true}, {3, false}};
    for (const auto &[offset, maybe_duplicate] : expected) {
        const auto metadata = client.publish_with_metadata("t", std::nullopt, "v");
        check(metadata.offset == offset && metadata.offset_exact, "the record is at offset %d", int(offset));
        check(metadata.maybe_duplicate == maybe_duplicate, "it may be there twice: %s", maybe_duplicate ? "yes" : "no");
    }
}

const Settings breaker_settings = {{"circuit.breaker.failure.threshold", "2"},
                                   {"circuit.breaker.recovery.timeout.ms", "3600000"},
                                   {"max.retries", "0"},
                                   {"health.check.enabled", "false"}};

void test_breaker() {
    const Absent absent;
    auto client = client_of(absent.address(), breaker_settings);
    throws("the first failure", Code::ConnectionFailed, [&] { client.ping(); });
    check(circuit(client) == CircuitState::Closed, "is below the threshold");
    throws("the second failure", Code::ConnectionFailed, [&] { client.ping(); });
    check(circuit(client) == CircuitState::Open && client.stats().healthy_servers == 0, "is not");
    const auto outcome = throws("the breaker is open", Code::CircuitBreakerOpen, [&] { client.ping(); });
    check(outcome == Outcome::NotSent, "nothing is sent then");
}

/// Nothing but calls tries the server again, as there are no pings in the background.
void test_recovery() {
    Server broker(start_broker());
    auto client = client_of(broker.address(), {{"circuit.breaker.failure.threshold", "1"},
                                               {"circuit.breaker.recovery.timeout.ms", "100"},
                                               {"max.retries", "0"},
                                               {"health.check.enabled", "false"}});
    auto patient = client_of(broker.address(), breaker_settings);
    broker.stop();
    check(!pings(client) && circuit(client) == CircuitState::Open, "the breaker is open");
    check(!pings(patient) && !pings(patient), "so is that of another");
    broker.restart();
    check(comes([&] { return pings(client); }), "a call is let through after the recovery time");
    check(circuit(client) == CircuitState::Closed, "and closes the breaker");
    throws("where that is long", Code::CircuitBreakerOpen, [&] { patient.ping(); });
}

void test_failover(const std::string &address) {
    const Absent absent;
    auto client = client_of(absent.address() + "," + address);
    client.ping();
    const auto stats = client.stats();
    check(stats.total_servers == 2 && stats.healthy_servers == 1, "one of two servers works");
    const auto &first = stats.servers.at(0), &second = stats.servers.at(1);
    check(first.address == absent.address() && first.last_error && !first.last_error->empty(), "not the first");
    check(second.address == address && !second.last_error, "but the second");
    check(first.active_connections + first.available_connections == 0, "the first has no connection");
    check(second.active_connections + second.available_connections == 1, "the second has one");
}

/// Neither client is called while the broker is away.
void test_health_checks() {
    Server broker(start_broker());
    auto watcher = client_of(broker.address(), {{"health.check.interval.ms", "20"},
                                                {"retry.initial.delay.ms", "10"},
                                                {"retry.max.delay.ms", "50"},
                                                {"circuit.breaker.recovery.timeout.ms", "50"}});
    auto other = client_of(broker.address(), {{"health.check.enabled", "false"}});
    check(pings(watcher) && pings(other) && watcher.stats().healthy_servers == 1, "the broker works");
    broker.stop();
    check(comes([&] { return watcher.stats().healthy_servers == 0; }), "that it is gone shows without a call");
    check(other.stats().healthy_servers == 1, "but not where there are no checks");
    broker.restart();
    check(comes([&] { return watcher.stats().healthy_servers == 1; }), "and so does that it is back");
    check(pings(watcher) && pings(other), "both go on");
}

/// The broker is started again only when an attempt is known to have failed.
void test_restart() {
    Server broker(start_broker());
    auto client = client_of(broker.address(), {{"max.retries", "1000000"},
                                               {"retry.initial.delay.ms", "10"},
                                               {"retry.max.delay.ms", "100"},
                                               {"circuit.breaker.failure.threshold", "1000000"},
                                               {"health.check.enabled", "false"},
                                               {"request.timeout.ms", "60000"}});
    client.ping();
    broker.stop();
    auto publish = std::async(std::launch::async, [&] { return client.publish("late", "v"); });
    check(comes([&] { return client.stats().healthy_servers == 0; }), "an attempt to publish fails");
    broker.restart();
    const auto published = publish.get();
    check(published.offset == 0 && published.partition < 3, "a later one tells where the record is");
    check(client.stats().healthy_servers == 1, "the server works again");
}

/// Checks that a call ends by a limit of 200 ms: not before, and by no other, as the error says.
template <typename Call> void times_out(const char *what, Call call) {
    const double start = seconds();
    try {
        call();
        check(false, "%s: no error", what);
    } catch (const rivven::Error &error) {
        check(error.code() == Code::TimedOut && seconds() - start >= 0.15, "%s", what);
        check(std::string_view(error.what()).find("200ms") != std::string_view::npos, "by its limit: %s", error.what());
    }
}

void test_timeouts() {
    const Server silent(start_misbehaving("silent")), stalling(start_misbehaving("stall"));
    auto unanswered = client_of(silent.address(), {{"connection.timeout.ms", "200"}});
    times_out("connect to a silent server", [&] { unanswered.connect(); });
    auto stalled = client_of(stalling.address(), {{"request.timeout.ms", "200"}, {"max.retries", "0"}});
    times_out("publish to a server that stalls", [&] { stalled.publish("t", "v"); });
}

void test_handshake() {
    const Server server(start_misbehaving("incompatible"));
    auto client = client_of(server.address());
    throws("a server of another version", Code::IncompatibleVersion, [&] { client.connect(); });
}

/// Two frames of the value "hello": with a checksum and without.
void test_decompression(const std::string &address) {
    const std::string summed = "\x20\x86\xa6\x10\x36hello", plain = "\0hello"s;
    auto writer = client_of(address);
    writer.create_topic("framed", 1);
    writer.publish_batch("framed", {{std::nullopt, summed}, {std::nullopt, plain}}, 0);
    const struct {
        const char *decompression;
        std::string first, second;
    } cases[] = {{"auto", "hello", plain}, {"always", "hello", "hello"}, {"never", summed, plain}};
    for (const auto &expected : cases) {
        auto client = client_of(address, {{"decompression", expected.decompression}});
        const auto batch = client.consume("framed", 0, 0, 9);
        check(batch.size() == 2 && batch[0].value == expected.first && batch[1].value == expected.second,
              "decompression %s", expected.decompression);
    }
}

} // namespace

// covers: F006 cpp, F021 cpp, F022 cpp, F023 cpp, F024 cpp, F025 cpp, F026 cpp, F027 cpp, F028 cpp, F029 cpp
// covers: F030 cpp, F031 cpp, F033 cpp, F035 cpp, F036 cpp, F037 cpp, F038 cpp, F039 cpp, F040 cpp
int main() {
    try {
        const Server broker(start_broker());
        test_options(broker.address());
        test_pool(broker.address());
        test_lifetime();
        test_repetitions();
        test_unknown_outcome();
        test_lost_answer();
        test_breaker();
        test_recovery();
        test_failover(broker.address());
        test_health_checks();
        test_restart();
        test_timeouts();
        test_handshake();
        test_decompression(broker.address());
    } catch (const std::exception &error) {
        check(false, "unexpected: %s", error.what());
    }
    return summary();
}
