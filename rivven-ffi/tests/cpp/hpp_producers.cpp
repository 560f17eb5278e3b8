// Producers, topics and queues of the C++ layer against the real broker.

#include <algorithm>
#include <memory>
#include <poll.h>
#include <rivven.hpp>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

extern "C" {
#include "check.h"
#include "launch.h"
}

#include "throws.hpp"

namespace {

using namespace std::chrono_literals;
using rivven::Code;

template <typename T>
constexpr bool moves_only = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
                            std::is_nothrow_destructible_v<T> && !std::is_copy_constructible_v<T> &&
                            !std::is_copy_assignable_v<T>;

static_assert(moves_only<rivven::Queue> && moves_only<rivven::Producer> && moves_only<rivven::Topic>);

rivven::Config config_of(const std::string &address) { return rivven::Config{{"bootstrap.servers", address}}; }

/// Every report of a thousand records, one of them at its place.
void test_reports(const rivven::Config &config) {
    constexpr std::uint64_t records = 1000;
    rivven::Queue queue;
    rivven::Producer producer(config, queue);
    rivven::Topic topic = producer.topic("reports");
    for (std::uint64_t opaque = 0; opaque < records; ++opaque) {
        const std::string value = std::to_string(opaque);
        while (!topic.try_enqueue(value, "key", opaque)) topic.wait_for_room(value.size());
    }
    std::vector<std::uint64_t> offsets(records, RIVVEN_OFFSET_UNKNOWN);
    std::size_t reported = 0, wrong = 0;
    while (reported < records) {
        pollfd ready{queue.fd(), POLLIN, 0};
        if (poll(&ready, 1, 60000) != 1) give_up("nothing is reported");
        const rivven::Events events = queue.poll(0ms);
        for (const rivven::Event event : events) {
            wrong += event.kind() != rivven::EventKind::Deliveries || event.topic() != "reports" || !event.partition();
            for (std::size_t i = 0; i < event.size(); ++i, ++reported) {
                std::uint64_t &offset = offsets.at(event.opaques()[i]);
                wrong += offset != RIVVEN_OFFSET_UNKNOWN || event.code(i) != Code::Ok;
                offset = event.offset(i);
                wrong += offset != event.first_offset() + i || !event.is_offset_exact(i) || event.is_duplicate(i) ||
                         event.is_maybe_duplicate(i) || event.timestamp() < 1600000000s;
            }
        }
    }
    check(reported == records && wrong == 0, "%zu records are reported, %zu wrongly", reported, wrong);
    // One key, one partition: the offsets are those of the order they were handed over in.
    check(std::is_sorted(offsets.begin(), offsets.end()) && offsets.front() == 0 && offsets.back() == records - 1,
          "in their order");
    check(queue.poll(0ms).empty(), "nothing is left");
    producer.close();
    throws("enqueue after close", Code::Closed, [&] { topic.enqueue("v"); });
}

void test_send(const rivven::Config &config) {
    rivven::Producer producer(config);
    producer.connect();
    const rivven::RecordMetadata sent = producer.send("sent", "v", "k", 0);
    check(sent.topic == "sent" && sent.partition == 0 && sent.offset == 0 && sent.offset_exact, "send a record");
    producer.send("sent", "v");
    check(producer.get_partition_count("sent") == 3, "partition count");
    producer.refresh_metadata("sent");
    check(!producer.is_idempotent(), "the producer is not idempotent");
    const rivven::ProducerStats stats = producer.stats();
    check(stats.records_sent == 2 && stats.records_delivered == 2 && stats.records_failed == 0 &&
              stats.records_pending == 0 && stats.batches_sent == 2 && stats.success_rate == 1.0 &&
              stats.latency_p50 > 0us && stats.latency_p50 <= stats.latency_p99,
          "statistics");
    throws("a partition beyond", Code::InvalidPartition, [&] { producer.send("sent", "v", std::nullopt, 3); });
    throws("a name with a zero", Code::InvalidArgument, [&] { producer.topic(std::string("a\0b", 3)); });
    producer.flush();
    producer.close();
    throws("send after close", Code::Closed, [&] { producer.send("sent", "v"); });
    throws("contradictory keys", Code::InvalidConfig, [&] {
        rivven::Config wrong = config_of("127.0.0.1:1");
        wrong.set("enable.idempotence", "true").set("acks", "0");
        rivven::Producer refused(wrong);
    });
}

void test_failures(const std::string &address) {
    rivven::Queue queue;
    rivven::Config config = config_of(address);
    config.set("allow.auto.create.topics", "false");
    rivven::Producer producer(config, queue);
    producer.topic("nowhere").enqueue("v", std::nullopt, 9, 0);
    const rivven::Events events = queue.poll();
    check(events.size() == 1 && events[0].opaques()[0] == 9, "a failure is reported");
    check(events[0].code(0) == Code::UnknownTopicOrPartition && events[0].first_offset() == RIVVEN_OFFSET_UNKNOWN,
          "with its code");
    throws("the offset", Code::UnknownTopicOrPartition, [&] { events[0].offset(0); });
    const rivven::ProducerStats stats = producer.stats();
    check(stats.records_failed == 1 && stats.records_pending == 0 && stats.success_rate == 0.0, "nothing is pending");
}

/// What settings change.
void test_settings(const std::string &address) {
    const auto with = [&](const char *key, const char *value) {
        rivven::Config config = config_of(address);
        config.set(key, value);
        return rivven::Producer(config);
    };
    const std::string kilobytes(4096, 'x');
    rivven::Client client(config_of(address));
    client.create_topic("settings", 1);
    rivven::Producer numbered = with("enable.idempotence", "true");
    check(numbered.send("settings", kilobytes).offset == 0 && numbered.is_idempotent(), "a producer is idempotent");
    check(with("compression.type", "lz4").send("settings", kilobytes).offset == 1, "another one compresses");
    const rivven::Batch batch = client.consume("settings", 0, 1, 1);
    check(batch.size() == 1 && batch.front().value == kilobytes, "what was compressed is read as it was");
    check(with("acks", "0").send("settings", "v").offset == RIVVEN_OFFSET_UNKNOWN, "without an answer no offset");
    throws("too many in flight", Code::InvalidConfig, [&] {
        rivven::Config config = config_of(address);
        config.set("enable.idempotence", "true").set("max.in.flight.requests", "6");
        rivven::Producer refused(config);
    });
    client.create_partitions("settings", 2);
    numbered.refresh_metadata("settings");
    check(numbered.get_partition_count("settings") == 2, "new partitions are learnt of");
}

/// The first server of two is none.
void test_failover(const std::string &address) {
    char none[64];
    const int holder = hold_address(none, sizeof none);
    rivven::Producer producer(config_of(none + ("," + address)));
    producer.connect();
    check(producer.send("failover", "v").offset == 0, "the second server is used");
    close(holder);
}

void test_full() {
    struct server stalling = start_misbehaving("stall");
    rivven::Queue queue;
    rivven::Config config = config_of(stalling.address);
    config.set("buffer.memory", "65536").set("max.block.ms", "50");
    rivven::Producer producer(config, queue);
    rivven::Topic topic = producer.topic("t");
    const std::string kilobyte(1024, 'x');
    const std::vector<rivven::KeyValue> records(100, {std::nullopt, kilobyte});
    const std::size_t accepted = topic.enqueue_batch(records, 0, 0);
    check(accepted > 10 && accepted < 64, "%zu records are taken", accepted);
    check(!topic.try_enqueue(kilobyte), "there is no room");
    throws("enqueue", Code::QueueFull, [&] { topic.enqueue(kilobyte); });
    throws("wait for room", Code::QueueFull, [&] { topic.wait_for_room(1024); });
    throws("flush", Code::TimedOut, [&] { producer.flush(10ms); });
    check(queue.poll(0ms).empty(), "nothing is settled");
    const std::uint64_t purged = producer.purge();
    check(purged == accepted, "%d are purged", static_cast<int>(purged));
    std::size_t reported = 0;
    while (reported < accepted) {
        const rivven::Events events = queue.poll();
        for (const rivven::Event event : events) {
            check(event.code(0) == Code::Purged, "the report says so");
            reported += event.size();
        }
    }
    check(reported == accepted, "each is reported");
    producer.close(100ms);
    stop_server(&stalling);
}

/// What a callback has, so that its end can be seen.
struct Resources {
    rivven::Queue queue;
    std::unique_ptr<rivven::Producer> producer;
    std::unique_ptr<rivven::Topic> topic;
};

void test_callback(const rivven::Config &config) {
    auto witness = std::make_shared<int>(0);
    rivven::Queue queue;
    std::size_t records = 0;
    bool elsewhere = false;
    const auto here = std::this_thread::get_id();
    {
        rivven::Producer producer(config, queue, [&, witness](const rivven::Events &events) {
            elsewhere |= std::this_thread::get_id() != here;
            for (const rivven::Event event : events) records += event.size();
        });
        rivven::Topic topic = producer.topic("callback");
        for (int i = 0; i < 100; ++i) topic.enqueue("v");
        producer.flush();
        check(records == 0, "nothing is called outside of a poll");
        check(queue.poll(0ms).empty() && records == 100 && !elsewhere, "a callback takes the deliveries");
        topic.enqueue("v");
        producer.flush();
        check(witness.use_count() == 2, "the callback is kept");
    }
    check(witness.use_count() == 1, "and destroyed with the producer");
    queue.poll(0ms);
    check(records == 100, "after which nothing is called");
}

void test_callback_that_destroys(const rivven::Config &config) {
    auto resources = std::make_unique<Resources>();
    bool called = false;
    resources->producer =
        std::make_unique<rivven::Producer>(config, resources->queue, [&](const rivven::Events &events) {
            called = events.size() == 1;
            resources.reset();
        });
    resources->topic = std::make_unique<rivven::Topic>(resources->producer->topic("destroys"));
    resources->topic->enqueue("v", std::nullopt, 0, 0);
    resources->producer->flush();
    rivven::Queue &queue = resources->queue;
    check(queue.poll(0ms).empty() && called && !resources, "a callback destroys everything");
}

void test_log(const rivven::Config &config) {
    rivven::Queue queue;
    queue.subscribe_log(rivven::LogLevel::Debug);
    rivven::Client(config).connect();
    const rivven::Events events = queue.poll();
    check(events[0].kind() == rivven::EventKind::Log && events[0].log_level() != rivven::LogLevel::Off &&
              !events[0].log_message().empty() && events[0].log_target().substr(0, 6) == "rivven",
          "the log comes by the queue");
    check(events[0].topic().empty() && events[0].size() == 0 && !events[0].partition(), "it is about no delivery");
    queue.subscribe_log(rivven::LogLevel::Off);
}

void test_moved(const rivven::Config &config) {
    rivven::Queue queue;
    rivven::Producer producer(config, queue);
    rivven::Topic topic = producer.topic("t");
    const rivven::Queue other_queue = std::move(queue);
    const rivven::Producer other = std::move(producer);
    const rivven::Topic other_topic = std::move(topic);
    throws("poll", Code::InvalidArgument, [&] { queue.poll(0ms); });
    throws("send", Code::InvalidArgument, [&] { producer.send("t", "v"); });
    throws("enqueue", Code::InvalidArgument, [&] { topic.enqueue("v"); });
    check(queue.fd() == -1 && other_queue.fd() >= 0, "descriptors");
}

} // namespace

// covers: F053 cpp, F054 cpp, F055 cpp, F056 cpp, F066 cpp, F067 cpp, F069 cpp, F070 cpp, F071 cpp, F073 cpp
// covers: F078 cpp, F079 cpp, F080 cpp
int main() {
    struct server broker = start_broker();
    const rivven::Config config = config_of(broker.address);
    test_reports(config);
    test_send(config);
    test_failures(broker.address);
    test_settings(broker.address);
    test_failover(broker.address);
    test_full();
    test_callback(config);
    test_callback_that_destroys(config);
    test_log(config);
    test_moved(config);
    stop_server(&broker);
    return summary();
}
