// The options of consumer_config.c through the C++ layer, each with what can be
// seen of it from outside, and what holds where a configuration says nothing.

#include "consumer.hpp"

extern "C" {
#include "secure.h"
}

namespace {

/// Seconds that a loaded machine may take to come to something.
constexpr double patience = 30;

/// So many that a poll gives them only in turns.
constexpr std::size_t many = 1800;

/// What is read is chosen when the consumer is there.
void test_every_option(const std::string &address) {
    const struct {
        const char *key, *good, *bad;
    } options[] = {
        {"group.id", "every-option", ""},
        {"max.poll.records", "100", "0"},
        {"max.poll.interval.ms", "1000", "0"},
        {"max.processing.interval.ms", "60000", "0"},
        {"enable.auto.commit", "true", "perhaps"},
        {"auto.commit.interval.ms", "1000", "0"},
        {"auto.offset.reset", "earliest", "somewhere"},
        {"isolation.level", "read_committed", "serializable"},
        {"metadata.refresh.interval.ms", "60000", "0"},
        {"reconnect.backoff.ms", "50", "0"},
        {"reconnect.backoff.max.ms", "5000", "3600001"},
        {"max.reconnect.attempts", "5", "0"},
        {"session.timeout.ms", "30000", "0"},
        {"rebalance.timeout.ms", "60000", "-1"},
        {"heartbeat.interval.ms", "5000", "soon"},
        {"partition.assignment.strategy", "sticky", "fair"},
        {"fetch.buffer.memory", "1048576", "0"},
        {"fetch.max.wait.ms", "1000", "30001"},
        {"connections.per.broker", "4", "0"},
        {"report.partition.end", "true", "1"},
        {"decompression", "never", "sometimes"},
        {"process.concurrency", "4", "0"},
        {"process.retries", "5", "-1"},
        {"process.retry.backoff.ms", "50", "0"},
        {"process.retry.backoff.max.ms", "5000", "0"},
        {"process.dead.letter.topic", "failed", ""},
        {"process.on.failure", "skip", "wait"},
        {"request.timeout.ms", "20000", "0"},
        {"connection.timeout.ms", "5000", "0"},
        {"close.timeout.ms", "3000", "0"},
    };
    rivven::Config config = config_of(address);
    for (const auto &option : options) {
        config.set(option.key, option.good);
        throws(option.key, Code::InvalidConfig, [&] { config.set(option.key, option.bad); });
    }
    throws("no option", Code::InvalidConfig, [&] { config.set("no.such.option", "1"); });
    fill(address, "every-option", 5);
    rivven::Consumer consumer(config);
    consumer.subscribe({"every-option"});
    check(values(consumer, 5).back() == "v4", "a consumer with every option reads what it subscribes to");
    consumer.close();
}

/// Two frames of the value "hello": with a checksum and without.
void test_decompression(const std::string &address) {
    const std::string summed = "\x20\x86\xa6\x10\x36hello", plain = "\0hello"s;
    rivven::Client client(config_of(address));
    client.create_topic("framed", 1);
    client.publish_batch("framed", {{std::nullopt, summed}, {std::nullopt, plain}}, 0);
    const struct {
        const char *what;
        Settings settings;
        std::string first, second;
    } cases[] = {{"by default", {}, "hello", plain},
                 {"auto", {{"decompression", "auto"}}, "hello", plain},
                 {"always", {{"decompression", "always"}}, "hello", "hello"},
                 {"never", {{"decompression", "never"}}, summed, plain}};
    for (const auto &expected : cases) {
        Settings settings = expected.settings;
        settings.emplace_back("enable.auto.commit", "false");
        rivven::Consumer consumer = consumer_of(address, settings);
        consumer.assign({{"framed", 0}});
        check(values(consumer, 2) == std::vector{expected.first, expected.second}, "decompression %s", expected.what);
    }
}

/// Whether this process has a connection to the port.
bool is_connected_to(int port) {
    for (int descriptor = 3; descriptor < 1024; ++descriptor) {
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        if (getpeername(descriptor, reinterpret_cast<sockaddr *>(&peer), &size) || peer.sin_family != AF_INET) continue;
        if (ntohs(peer.sin_port) == port) return true;
    }
    return false;
}

/// Whoever runs the tests may have a broker of his own at the default address.
void test_default_server() {
    rivven::Consumer consumer(rivven::Config{{"connection.timeout.ms", "5000"}});
    try {
        consumer.connect();
        check(is_connected_to(9092), "the default server is connected");
    } catch (const rivven::Error &error) {
        check(error.address() == "127.0.0.1:9092", "the default server is tried: %s", error.what());
    }
}

void test_servers(const std::string &address) {
    char absent[64];
    const int holder = hold_address(absent, sizeof absent);
    fill(address, "servers", 3);
    rivven::Consumer consumer = consumer_of(absent + ("," + address), {{"group.id", "servers"}});
    consumer.assign({{"servers", 0}});
    check(values(consumer, 3).back() == "v2", "the second server is read");
    throws("one that is not there", Code::ConnectionFailed, [&] { consumer_of(absent).connect(); });
    close(holder);
}

void test_group(const std::string &address) {
    rivven::Client client(config_of(address));
    fill(address, "groups", 3);
    const auto read = [&](const Settings &settings) {
        rivven::Consumer consumer = consumer_of(address, settings);
        consumer.assign({{"groups", 0}});
        check(values(consumer, 3).size() == 3, "all records are read");
        consumer.commit();
    };
    read({{"group.id", "own"}});
    check(client.get_offset("own", "groups", 0) == 3, "the offset is the group's");
    check(!client.get_offset("default-group", "groups", 0), "and no other's");
    read({});
    check(client.get_offset("default-group", "groups", 0) == 3, "without a group it is the default's");
}

/// Waits until so many records wait for a poll; whether they do.
bool has_waiting(rivven::Consumer &consumer, std::size_t count) {
    auto wait = [&] { return consumer.stats().records_waiting >= count; };
    const auto holds = [](void *argument) { return (*static_cast<decltype(wait) *>(argument))(); };
    return holds_within(patience, holds, &wait);
}

/// Where more records wait than a poll may give, it gives as many as it may.
void test_poll_size(const std::string &address, Settings settings, std::size_t most) {
    settings.emplace_back("enable.auto.commit", "false");
    rivven::Consumer consumer = consumer_of(address, settings);
    consumer.assign({{"many", 0}});
    std::size_t left = many - consumer.poll(0ms).size();
    while (left > 0) {
        if (!check(has_waiting(consumer, std::min(left, most + 1)), "records wait")) break;
        const std::size_t count = consumer.poll(0ms).size();
        check(count == std::min(left, most), "a poll gives %zu of %zu", count, left);
        left -= count;
    }
}

void test_poll_sizes() {
    const std::string records = std::to_string(many);
    const char *const arguments[] = {"--partitions", "1", "--records", records.c_str(), nullptr};
    const Server sink(start_server("RIVVEN_SINK", arguments));
    test_poll_size(sink.address(), {{"max.poll.records", "700"}}, 700);
    test_poll_size(sink.address(), {}, 500);
}

/// How long a poll without a time of its own waits for nothing.
double empty_poll(const std::string &address, const Settings &settings) {
    rivven::Consumer consumer = consumer_of(address, settings);
    consumer.assign({{"empty", 0}});
    consumer.connect();
    const double start = seconds();
    const bool empty = consumer.poll().empty();
    const double taken = seconds() - start;
    check(empty, "the poll gives nothing after %.2f s", taken);
    return taken;
}

void test_poll_interval(const std::string &address) {
    fill(address, "empty", 0);
    const double configured = empty_poll(address, {{"max.poll.interval.ms", "200"}});
    check(configured >= 0.2 && configured < 4.5, "as configured");
    const double usual = empty_poll(address, {});
    check(usual >= 4.9 && usual < 9.5, "five seconds by default");
}

void test_auto_commit(const std::string &address) {
    rivven::Client client(config_of(address));
    fill(address, "committed", 3);
    const auto reading = [&](const char *group, Settings settings) {
        settings.emplace_back("group.id", group);
        rivven::Consumer consumer = consumer_of(address, settings);
        consumer.assign({{"committed", 0}});
        check(values(consumer, 3).size() == 3 && consumer.poll(5ms).empty(), "%s has all records", group);
        return consumer;
    };
    const auto committed = [&](const char *group) { return client.get_offset(group, "committed", 0) == 3; };
    const auto comes_to_commit = [&](rivven::Consumer &consumer, const char *group) {
        for (const double start = seconds(); !committed(group) && seconds() - start < patience;) consumer.poll(5ms);
        check(committed(group), "%s commits", group);
    };
    const double start = seconds();
    rivven::Consumer usual = reading("usual", {}), often = reading("often", {{"auto.commit.interval.ms", "20"}});
    rivven::Consumer rarely = reading("rarely", {{"auto.commit.interval.ms", "86400000"}});
    rivven::Consumer never = reading("never", {{"enable.auto.commit", "false"}});
    comes_to_commit(often, "often");
    const bool not_yet = !committed("usual");
    check(not_yet || seconds() - start >= 5, "others do not yet");
    comes_to_commit(usual, "usual");
    const double taken = seconds() - start;
    check(taken >= 5 && taken < 15, "the default is five seconds: %.2f s", taken);
    check(rarely.poll(5ms).empty() && !committed("rarely"), "where the time is long it is not over");
    for (rivven::Consumer *consumer : {&usual, &often, &rarely, &never}) consumer->close();
    check(committed("rarely"), "the end commits, too");
    check(!committed("never"), "but for a consumer that never does");
}

/// Writes a record that does not count between two that do.
void write_aborted(const std::string &address) {
    rivven::Client client(config_of(address));
    rivven::Producer producer(config_of(address, {{"transactional.id", "aborting"}}));
    client.publish("isolated", "before");
    rivven::Transaction transaction = rivven::Transaction::begin(producer);
    transaction.send("isolated", "aborted", std::nullopt, 0);
    transaction.abort();
    client.publish("isolated", "after");
}

void test_isolation(const std::string &address) {
    fill(address, "isolated", 0);
    write_aborted(address);
    const std::vector<std::string> all = {"before", "aborted", "after"}, counting = {"before", "after"};
    const struct {
        const char *what;
        Settings settings;
        const std::vector<std::string> &shown;
    } cases[] = {{"by default", {}, all},
                 {"read_uncommitted", {{"isolation.level", "read_uncommitted"}}, all},
                 {"0", {{"isolation.level", "0"}}, all},
                 {"read_committed", {{"isolation.level", "read_committed"}}, counting},
                 {"1", {{"isolation.level", "1"}}, counting}};
    for (const auto &expected : cases) {
        Settings settings = expected.settings;
        settings.emplace_back("enable.auto.commit", "false");
        rivven::Consumer consumer = consumer_of(address, settings);
        consumer.assign({{"isolated", 0}});
        check(values(consumer, expected.shown.size()) == expected.shown, "level %s", expected.what);
    }
}

/// Reads the topic of a secure broker with these settings of encryption.
void read_secure(const secure_broker &broker, Settings settings) {
    settings.insert(settings.end(), {{"auth.username", USER},
                                     {"auth.password", PASSWORD},
                                     {"auth.mechanism", "plain"},
                                     {"max.reconnect.attempts", "1"},
                                     {"connection.timeout.ms", "2000"}});
    rivven::Consumer consumer = consumer_of(broker.server.address, settings);
    consumer.assign({{"t", 0}});
    const rivven::Batch batch = consumer.poll(20s);
    check(batch.size() == 1 && batch.front().value == "v", "the record is read");
}

void test_tls() {
    secure_broker broker;
    const char *const options[] = {"--san", "broker.example", nullptr};
    start_secure(&broker, options);
    const Settings named = {{"tls.ca.cert.path", broker.ca}, {"tls.server.name", "broker.example"}};
    {
        rivven::Client client(config_of(broker.server.address, named));
        client.authenticate(USER, PASSWORD);
        client.create_topic("t", 1);
        client.publish("t", "v");
    }
    read_secure(broker, named);
    throws("by default the name is that of the host", Code::TlsFailed,
           [&] { read_secure(broker, {{"tls.ca.cert.path", broker.ca}}); });
    throws("another authority is not trusted", Code::TlsFailed, [&] {
        read_secure(broker, {{"tls.ca.cert.path", broker.other_ca}, {"tls.server.name", "broker.example"}});
    });
    try {
        read_secure(broker, {});
        check(false, "by default nothing is encrypted: no error");
    } catch (const rivven::Error &error) {
        check(error.code() != Code::TlsFailed && error.address() == broker.server.address,
              "by default nothing is encrypted: %s", error.what());
    }
    stop_secure(&broker);
}

} // namespace

// covers: F082 cpp, F083 cpp, F084 cpp, F085 cpp, F086 cpp, F087 cpp, F088 cpp, F096 cpp
int main() {
    try {
        const Server broker(start_broker());
        test_every_option(broker.address());
        test_decompression(broker.address());
        test_default_server();
        test_servers(broker.address());
        test_group(broker.address());
        test_poll_sizes();
        test_poll_interval(broker.address());
        test_auto_commit(broker.address());
        test_isolation(broker.address());
        test_tls();
    } catch (const std::exception &error) {
        check(false, "unexpected: %s", error.what());
    }
    return summary();
}
