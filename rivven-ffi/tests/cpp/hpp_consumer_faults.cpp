// What consumer_faults.c shows, through the C++ layer: consumers where something
// fails or changes, and what is asked together is not waited for one by one.

#include "consumer.hpp"

namespace {

/// Where the scripted broker has a topic of one partition with a record.
constexpr const char *one_record =
    R"({"topics": {"t": 1}, "records": [{"topic": "t", "values": ["first"]}]})";

/// How late the bytes are in each direction where much is asked at once, and how much that is.
constexpr int late_ms = 100, many = 50;

/// What so many requests would take, one after another.
constexpr double one_by_one = many * 2 * late_ms / 1000.0;

/// A consumer of the scripted broker's record, which it has read.
rivven::Consumer reading(const Server &broker, Settings settings) {
    settings.emplace_back("enable.auto.commit", "false");
    rivven::Consumer consumer = consumer_of(broker.address(), settings);
    consumer.assign({{"t", 0}});
    check(values(consumer, 1).front() == "first", "the record is read");
    return consumer;
}

/// A poll that ends by an error of the connection; how long it took.
double polls_in_vain(rivven::Consumer &consumer, const Server &broker) {
    const double start = seconds();
    try {
        consumer.poll(10s);
        check(false, "the poll does not say that the broker is away");
    } catch (const rivven::Error &error) {
        check(error.is_retriable() && std::string_view(error.what()).find(broker.address()) != std::string_view::npos,
              "the poll says that the broker is away: %s", error.what());
    }
    return seconds() - start;
}

/// Polls until a record comes, whatever goes wrong before, at most a minute.
bool reads_on(rivven::Consumer &consumer, std::string_view value) {
    for (const double start = seconds(); seconds() - start < 60;) {
        try {
            const rivven::Batch batch = consumer.poll(1s);
            if (!batch.empty()) return batch.size() == 1 && batch.front().value == value;
        } catch (const rivven::Error &) {
            continue; // It has not noticed yet that the broker is back.
        }
    }
    return false;
}

/// The broker is away for as many attempts as are made; then it comes back.
void test_attempts(Settings settings, std::uint64_t attempts) {
    settings.insert(settings.end(), {{"reconnect.backoff.ms", "1"}, {"reconnect.backoff.max.ms", "2"}});
    Server broker(start_scripted(one_record));
    rivven::Consumer consumer = reading(broker, settings);
    const std::uint64_t before = consumer.stats().errors;
    broker.command("kill 0");
    for (std::uint64_t poll = 1; poll <= 3; ++poll) {
        polls_in_vain(consumer, broker);
        const auto stats = consumer.stats();
        check(stats.errors - before == poll * attempts && stats.last_error, "%d attempts after %d polls",
              static_cast<int>(stats.errors - before), static_cast<int>(poll));
    }
    broker.command("revive 0");
    broker.command("append t 0 second");
    check(reads_on(consumer, "second"), "reading goes on when the broker is back");
}

/// The time of a poll that makes some attempts in vain.
double pauses(const char *attempts, Settings settings) {
    settings.emplace_back("max.reconnect.attempts", attempts);
    Server broker(start_scripted(one_record));
    rivven::Consumer consumer = reading(broker, settings);
    broker.command("kill 0");
    polls_in_vain(consumer, broker);
    return polls_in_vain(consumer, broker);
}

/// At least half of each pause is waited for.
void test_pauses() {
    const auto limits = [](const char *first, const char *longest) {
        return Settings{{"reconnect.backoff.ms", first}, {"reconnect.backoff.max.ms", longest}};
    };
    check(pauses("3", {{"reconnect.backoff.ms", "400"}}) >= 0.6, "pauses of 400 and 800 ms");
    check(pauses("3", limits("400", "400")) >= 0.4, "two pauses of 400 ms");
    // By the default bound of 10 s the poll would be over before the attempts are.
    check(pauses("12", limits("20", "20")) >= 0.11, "eleven pauses of 20 ms");
    check(pauses("1", limits("60000", "60000")) < 10, "none after the only attempt");
    check(pauses("4", {}) >= 0.35, "by default pauses of 100, 200 and 400 ms");
}

/// The longest pause is not shorter than the first one: by this each shows the default of the other.
void test_default_pauses() {
    const auto make = [](const char *key, const char *value) { consumer_of("127.0.0.1:1", {{key, value}}); };
    make("reconnect.backoff.ms", "10000");
    throws("a longer first pause", Code::InvalidConfig, [&] { make("reconnect.backoff.ms", "10001"); });
    make("reconnect.backoff.max.ms", "100");
    throws("a shorter longest pause", Code::InvalidConfig, [&] { make("reconnect.backoff.max.ms", "99"); });
}

/// One that does not look for another five minutes sees only what there was.
void test_new_partitions(const std::string &address) {
    rivven::Client client(config_of(address));
    fill(address, "growing", 1);
    const auto looking = [&](const Settings &settings) {
        rivven::Consumer consumer = consumer_of(address, settings);
        consumer.subscribe({"growing"});
        check(values(consumer, 1).front() == "v0", "what there is is read");
        return consumer;
    };
    rivven::Consumer usual = looking({{"group.id", "usual"}});
    rivven::Consumer often = looking({{"group.id", "often"}, {"metadata.refresh.interval.ms", "50"}});
    client.create_partitions("growing", 2);
    client.publish_to_partition("growing", 1, std::nullopt, "v1");
    check(values(often, 1).front() == "v1" && often.assignments().size() == 2, "the new partition is read");
    check(usual.poll(2s).empty() && usual.assignments().size() == 1, "by default it is not found so soon");
}

/// Nothing is lost, and nothing read twice.
void test_lost_connections(const std::string &address) {
    rivven::Client client(config_of(address));
    Server proxy(start_proxy(address.c_str()));
    rivven::Consumer consumer = consumer_of(
        proxy.address(), {{"group.id", "lost"}, {"reconnect.backoff.ms", "5"}, {"reconnect.backoff.max.ms", "20"}});
    fill(address, "lost", 0);
    consumer.assign({{"lost", 0}});
    int round = 0;
    for (const char *accident : {"cut", "reset", "cut", "reset", "cut"}) {
        const std::vector<std::string> written = {"a" + std::to_string(round), "b" + std::to_string(round)};
        client.publish_batch("lost", {{std::nullopt, written[0]}, {std::nullopt, written[1]}}, 0);
        check(values(consumer, 2) == written, "the records of round %d", round++);
        proxy.command(accident);
    }
    client.publish("lost", "last");
    check(values(consumer, 1).front() == "last", "the last record");
    check(consumer.stats().reconnects > 0, "connections were made anew");
    consumer.close();
}

/// What becomes of the first answer with records.
constexpr const char *poisons[] = {R"("wrong_id")",         R"("twice")",
                                   R"({"truncate": 20})",   R"({"raw": "ffffffffffffffffff"})",
                                   R"("close_connection")", R"("reset_connection")"};

/// An answer that makes no sense ends its connection, and no record is lost or given twice.
void test_poisoned_connection(const std::string &poison) {
    Server broker(start_scripted(one_record));
    broker.command(R"(rule {"on": "Consume", "times": 1, "do": )" + poison + "}");
    rivven::Consumer consumer =
        reading(broker, {{"reconnect.backoff.ms", "5"}, {"reconnect.backoff.max.ms", "20"}});
    broker.command("append t 0 next");
    check(values(consumer, 1).front() == "next" && consumer.stats().reconnects > 0, "by another connection after %s",
          poison.c_str());
}

/// Commits through a slow line take about as long as one, and each has its result.
void commits_together(rivven::Consumer &consumer) {
    std::vector<rivven::PartitionOffset> offsets;
    for (std::uint32_t i = 0; i < many; ++i) offsets.push_back({"t", i, std::uint64_t{i % 3 ? 1u : 1000u}});
    const double start = seconds();
    const auto results = consumer.commit_offsets_each(offsets);
    const double taken = seconds() - start;
    check(taken < one_by_one, "%d commits in %.2f s", many, taken);
    std::size_t wrong = 0;
    for (std::uint32_t i = 0; i < many; ++i) {
        wrong += (i % 3 ? !results.at(i) : results.at(i) && results.at(i)->code() == Code::OffsetOutOfRange) ? 0 : 1;
    }
    check(results.size() == many && wrong == 0, "each offset has its own result");
    throws("one error for all", Code::OffsetOutOfRange, [&] { consumer.commit_offsets(offsets); });
}

/// Lets all bytes be late, and makes a record in each partition.
void prepare_late_records(Server &proxy, Server &broker) {
    const std::string late = R"({"delay_ms": )" + std::to_string(late_ms) + "}";
    proxy.command(R"(plan {"to_broker": )" + late + R"(, "to_client": )" + late + "}");
    proxy.command("cut");
    for (int i = 0; i < many; ++i) broker.command("append t " + std::to_string(i) + " v");
}

/// So does reading all partitions by a single connection.
void reads_together(rivven::Consumer &consumer) {
    std::vector<bool> seen(many, false);
    std::size_t count = 0;
    const double start = seconds();
    while (count < many) {
        const rivven::Batch batch = next_records(consumer);
        for (const rivven::Record record : batch) seen.at(record.partition) = true;
        count += batch.size();
    }
    const double taken = seconds() - start;
    check(count == many && std::count(seen.begin(), seen.end(), true) == many, "a record of each partition");
    check(taken < one_by_one, "%d partitions in %.2f s", many, taken);
}

void test_pipelining() {
    Server broker(start_scripted(R"({"topics": {"t": 50}})")), proxy(start_proxy(broker.address().c_str()));
    rivven::Consumer consumer = consumer_of(
        proxy.address(),
        {{"connections.per.broker", "1"}, {"enable.auto.commit", "false"}, {"fetch.max.wait.ms", "20"}});
    std::vector<rivven::TopicPartition> partitions;
    for (std::uint32_t i = 0; i < many; ++i) partitions.push_back({"t", i});
    consumer.assign(partitions);
    check(consumer.poll(500ms).empty(), "there is nothing yet");
    prepare_late_records(proxy, broker);
    reads_together(consumer);
    commits_together(consumer);
}

} // namespace

// covers: F089 cpp, F090 cpp, F091 cpp, F092 cpp, F098 cpp, F101 cpp
int main() {
    try {
        const Server broker(start_broker());
        test_attempts({}, 10);
        test_attempts({{"max.reconnect.attempts", "3"}}, 3);
        test_pauses();
        test_default_pauses();
        test_new_partitions(broker.address());
        test_lost_connections(broker.address());
        for (const char *poison : poisons) test_poisoned_connection(poison);
        test_pipelining();
    } catch (const std::exception &error) {
        check(false, "unexpected: %s", error.what());
    }
    return summary();
}
