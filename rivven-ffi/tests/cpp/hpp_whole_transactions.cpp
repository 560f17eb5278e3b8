// Transactions and work done by them, through the C++ layer against the real broker.

#include <map>
#include <rivven.hpp>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

extern "C" {
#include "check.h"
#include "launch.h"
}

namespace {

using namespace std::string_literals;
using rivven::Code;

static_assert(std::is_nothrow_move_constructible_v<rivven::Transaction> &&
              std::is_nothrow_destructible_v<rivven::Transaction> && !std::is_copy_constructible_v<rivven::Transaction>);
static_assert(std::is_nothrow_move_constructible_v<rivven::Transformer> &&
              std::is_nothrow_destructible_v<rivven::Transformer> && !std::is_copy_constructible_v<rivven::Transformer>);

constexpr std::uint32_t partitions = 3;
constexpr std::uint64_t records = 300;

std::string address;

/// Checks that a call throws an error of this code; gives whether that is abortable.
template <typename Call> bool throws(const char *what, Code wanted, Call call) {
    try {
        call();
        check(false, "%s: no error", what);
    } catch (const rivven::Error &error) {
        check(error.code() == wanted && *error.what(), "%s: %s", what, error.what());
        return error.is_abortable();
    }
    return false;
}

rivven::Producer producer_of(const std::string &id) {
    return rivven::Producer(rivven::Config{
        {"bootstrap.servers", address}, {"transactional.id", id}, {"transaction.timeout.ms", "10000"}});
}

rivven::Config reading(const std::string &group) {
    return rivven::Config{{"bootstrap.servers", address},
                          {"group.id", group},
                          {"enable.auto.commit", "false"},
                          {"max.poll.records", "40"},
                          {"process.retries", "2"},
                          {"process.retry.backoff.ms", "1"}};
}

rivven::Consumer consumer_of(const std::string &group, const std::string &topic) {
    rivven::Consumer consumer(reading(group));
    consumer.assign({{topic, 0}, {topic, 1}, {topic, 2}});
    return consumer;
}

/// How often each value of a topic is shown to those who read what is committed.
std::map<std::string, int> committed(rivven::Client &client, const std::string &topic) {
    std::map<std::string, int> values;
    for (std::uint32_t partition = 0; partition < partitions; ++partition) {
        const rivven::Batch batch = client.consume_read_committed(topic, partition, 0, 1000);
        for (const auto &record : batch) ++values[std::string(record.value)];
    }
    return values;
}

void test_commit(rivven::Client &client) {
    client.create_topic("out", partitions);
    client.create_topic("read", 1);
    rivven::Producer producer = producer_of("etl");
    rivven::Transaction transaction = producer.begin_transaction();
    check(transaction.id() == "etl" && transaction.is_open(), "it is open");
    const auto by_key = transaction.send("out", "by key", "kafka");
    check(by_key.topic == "out" && by_key.partition == 1, "where the key leads");
    check(transaction.send("out", "to a partition", "kafka", 2).partition == 2, "where the caller wants");
    transaction.enqueue("out", "later");
    transaction.enqueue("out", "later by key", "kafka", 0);
    const auto sent = transaction.send_batch("out", {{"kafka", "one"}, {std::nullopt, "two"}});
    check(sent.size() == 2 && sent[0].partition == 1, "many");
    transaction.flush();
    transaction.send_offsets("readers", {{"read", 0, 0}});
    check(!client.get_offset("readers", "read", 0), "the offset does not count yet");
    transaction.commit();
    check(!transaction.is_open() && client.get_offset("readers", "read", 0) == 0, "it counts");
    const std::map<std::string, int> all{{"by key", 1}, {"to a partition", 1}, {"later", 1},
                                         {"later by key", 1}, {"one", 1}, {"two", 1}};
    check(committed(client, "out") == all, "so do the records");

    rivven::Transaction other = rivven::Transaction::begin(producer);
    check(other.producer_id() != transaction.producer_id(), "each has an identity of its own");
    other.send("out", "given up");
    other.send_offsets("given-up", {{"read", 0, 0}});
    other.abort();
    check(committed(client, "out") == all && !client.get_offset("given-up", "read", 0), "nothing of it counts");
}

/// The next one waits for the abort of the one before.
void test_dropped(rivven::Client &client) {
    client.create_topic("dropped", partitions);
    rivven::Producer producer = producer_of("dropped");
    for (int round = 0; round < 6; ++round) producer.begin_transaction().send("dropped", "v");
    rivven::Transaction kept = producer.begin_transaction();
    kept.send("dropped", "kept");
    rivven::Transaction moved = std::move(kept);
    moved.commit();
    check(committed(client, "dropped") == std::map<std::string, int>{{"kept", 1}}, "only what was committed");
    check(kept.id().empty() && kept.producer_id() == 0, "nothing is known of one that was moved from");
    throws("use it", Code::InvalidArgument, [&] { kept.flush(); });
}

void test_ended(rivven::Transaction &transaction) {
    check(!throws("commit", Code::InvalidState, [&] { transaction.commit(); }), "there is nothing to abort");
    throws("abort", Code::InvalidState, [&] { transaction.abort(); });
    throws("flush", Code::InvalidState, [&] { transaction.flush(); });
    throws("send", Code::InvalidState, [&] { transaction.send("misused", "v"); });
    throws("enqueue", Code::InvalidState, [&] { transaction.enqueue("misused", "v"); });
    throws("send many", Code::InvalidState, [&] { transaction.send_batch("misused", {{std::nullopt, "v"}}); });
    throws("send offsets", Code::InvalidState, [&] { transaction.send_offsets("g", {{"read", 0, 0}}); });
}

void test_misuse(rivven::Client &client) {
    client.create_topic("misused", partitions);
    rivven::Producer plain(rivven::Config{{"bootstrap.servers", address}});
    throws("begin without id", Code::InvalidState, [&] { plain.begin_transaction(); });
    rivven::Producer producer = producer_of("misused");
    throws("send outside", Code::InvalidState, [&] { producer.send("misused", "v"); });
    throws("enqueue outside", Code::InvalidState, [&] { producer.topic("misused").enqueue("v"); });
    rivven::Transaction transaction = producer.begin_transaction();
    throws("begin another", Code::InvalidState, [&] { producer.begin_transaction(); });
    throws("a topic that cannot be", Code::InvalidTopic, [&] { transaction.send("..", "v"); });
    throws("a topic with a zero", Code::InvalidArgument, [&] { transaction.send("a\0b"s, "v"); });
    throws("no offsets", Code::InvalidArgument, [&] { transaction.send_offsets("g", {}); });
    throws("a group that cannot be", Code::InvalidGroupId,
           [&] { transaction.send_offsets("?", {{"read", 0, 0}}); });
    transaction.send("misused", "v");
    transaction.commit();
    test_ended(transaction);
    rivven::Transaction aborted = producer.begin_transaction();
    aborted.abort();
    test_ended(aborted);
    rivven::Transaction doomed = producer.begin_transaction();
    throws("send to no partition", Code::InvalidPartition, [&] { doomed.send("misused", "v", std::nullopt, 99); });
    check(throws("commit", Code::InvalidTxnState, [&] { doomed.commit(); }), "it can only be aborted");
    doomed.abort();
    check(committed(client, "misused").size() == 1, "what was committed counts");
}

void test_consumer_offsets(rivven::Client &client) {
    client.publish_batch("read", {{std::nullopt, "a"}, {std::nullopt, "b"}}, 0);
    rivven::Producer producer = producer_of("positions");
    rivven::Consumer consumer(reading("positions"));
    consumer.assign({{"read", 0}});
    std::size_t count = 0;
    while (count < 2) count += consumer.poll().size();
    rivven::Transaction transaction = producer.begin_transaction();
    transaction.send("out", "v");
    transaction.send_consumer_offsets(consumer);
    check(!client.get_offset("positions", "read", 0), "the positions do not count yet");
    transaction.commit();
    check(client.get_offset("positions", "read", 0) == 2, "they count");
}

/// Numbered records to be worked on.
void fill(rivven::Client &client, const std::string &topic) {
    client.create_topic(topic, partitions);
    for (std::uint32_t partition = 0; partition < partitions; ++partition) {
        std::vector<std::string> values;
        for (std::uint64_t i = partition; i < records; i += partitions) values.push_back(std::to_string(i));
        std::vector<rivven::KeyValue> batch;
        for (const auto &value : values) batch.emplace_back(std::nullopt, value);
        client.publish_batch(topic, batch, partition);
    }
}

/// Each record counts once, and the group is behind all of them.
void check_each_once(rivven::Client &client, const std::string &group, const std::string &from,
                     const std::string &to) {
    std::map<std::string, int> all;
    for (std::uint64_t i = 0; i < records; ++i) all[std::to_string(i)] = 1;
    check(committed(client, to) == all, "each record counts once");
    bool behind = true;
    for (std::uint32_t partition = 0; partition < partitions; ++partition) {
        behind &= client.get_offset(group, from, partition) == records / partitions;
    }
    check(behind, "the group is behind all of them");
}

void write_all(const rivven::Batch &batch, rivven::Transaction &transaction, const std::string &to) {
    for (const auto &record : batch) transaction.enqueue(to, record.value, record.key, record.partition);
}

/// The second round fails by an exception, the third by something else that is thrown.
void test_transform(rivven::Client &client) {
    fill(client, "orders");
    client.create_topic("bills", partitions);
    rivven::Consumer consumer = consumer_of("billing", "orders");
    rivven::Producer producer = producer_of("billing");
    int round = 0;
    std::uint64_t done = 0;
    const auto report = rivven::transform(consumer, producer, [&](const auto &orders, auto &transaction) {
        write_all(orders, transaction, "bills");
        ++round;
        if (round == 2) throw std::runtime_error("not today");
        if (round == 3) throw 3;
        done += orders.size();
        if (done == records) consumer.wakeup();
    });
    check(report.records == records && report.aborted == 2 && report.transactions >= records / 40 &&
              report.uncertain == 0,
          "the report says what was done");
    check_each_once(client, "billing", "orders", "bills");
    consumer.close();
    check(rivven::transform(consumer, producer, [](const auto &, auto &) {}).records == 0, "closing it ends it");
}

void test_always_fails(rivven::Client &client) {
    client.create_topic("nothing", partitions);
    rivven::Consumer consumer = consumer_of("failing", "orders");
    rivven::Producer producer = producer_of("failing");
    throws("work that always fails", Code::ProcessingFailed, [&] {
        rivven::transform(consumer, producer, [&](const auto &orders, auto &transaction) {
            write_all(orders, transaction, "nothing");
            throw std::runtime_error("never");
        });
    });
    check(committed(client, "nothing").empty() && !client.get_offset("failing", "orders", 0), "nothing counts");
}

/// One is destroyed in the middle of a round, and another one goes on.
void test_goes_on(rivven::Client &client) {
    fill(client, "left");
    client.create_topic("taken", partitions);
    std::uint64_t done = 0;
    {
        rivven::Consumer consumer = consumer_of("going-on", "left");
        rivven::Producer producer = producer_of("going-on");
        rivven::Transformer transformer(consumer, producer);
        auto round = transformer.next();
        write_all(round->records, round->transaction, "taken");
        check(transformer.commit(), "a round counts");
        done = transformer.report().records;
        round = transformer.next();
        write_all(round->records, round->transaction, "taken");
        round->transaction.flush();
        round->transaction.send_consumer_offsets(consumer);
    }
    rivven::Consumer consumer = consumer_of("going-on", "left");
    rivven::Producer producer = producer_of("going-on");
    rivven::Transformer transformer(consumer, producer);
    while (done + transformer.report().records < records) {
        auto round = transformer.next();
        write_all(round->records, round->transaction, "taken");
        transformer.commit();
    }
    check_each_once(client, "going-on", "left", "taken");
    throws("nothing to commit", Code::InvalidState, [&] { transformer.commit(); });
    throws("nothing to fail", Code::InvalidState, [&] { transformer.fail("x"); });
    consumer.wakeup();
    check(!transformer.next(), "waking it up ends it");
    rivven::Transformer moved = std::move(transformer);
    check(moved.report().transactions > 0, "one that was moved");
    throws("one that was moved from", Code::InvalidArgument, [&] { transformer.report(); });
}

void test_unfit() {
    rivven::Consumer consumer = consumer_of("unfit", "orders");
    rivven::Consumer committing(rivven::Config{{"bootstrap.servers", address}, {"group.id", "unfit"}});
    rivven::Producer producer = producer_of("unfit"), plain(rivven::Config{{"bootstrap.servers", address}});
    throws("a consumer that commits", Code::InvalidConfig, [&] { rivven::Transformer(committing, producer); });
    throws("a producer without id", Code::InvalidConfig, [&] { rivven::Transformer(consumer, plain); });
}

} // namespace

// covers: F120 cpp
int main() {
    server broker = start_broker();
    address = broker.address;
    try {
        rivven::Client client(rivven::Config{{"bootstrap.servers", address}});
        test_commit(client);
        test_dropped(client);
        test_misuse(client);
        test_consumer_offsets(client);
        test_transform(client);
        test_always_fails(client);
        test_goes_on(client);
        test_unfit();
        client.close();
    } catch (const std::exception &error) {
        check(false, "unexpected: %s", error.what());
    }
    stop_server(&broker);
    return summary();
}
