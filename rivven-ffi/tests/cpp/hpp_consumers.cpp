// Consumers of the C++ layer against the real broker.

#include <atomic>
#include <rivven.hpp>
#include <stdexcept>
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

static_assert(std::is_nothrow_move_constructible_v<rivven::Consumer> &&
              std::is_nothrow_destructible_v<rivven::Consumer> && !std::is_copy_constructible_v<rivven::Consumer>);

rivven::Config config_of(const std::string &address, const char *group) {
    return rivven::Config{{"bootstrap.servers", address}, {"group.id", group}, {"enable.auto.commit", "false"}};
}

/// Makes a topic of one partition with records `v0`, `v1` and so on.
void fill(const std::string &address, const std::string &topic, int records) {
    rivven::Client client(rivven::Config{{"bootstrap.servers", address}});
    client.create_topic(topic, 1);
    for (int i = 0; i < records; ++i) client.publish_to_partition(topic, 0, "key", "v" + std::to_string(i));
}

/// Polls until there are records.
rivven::Batch next_records(rivven::Consumer &consumer) {
    for (int i = 0; i < 30; ++i) {
        rivven::Batch batch = consumer.poll(1s);
        if (!batch.empty()) return batch;
    }
    give_up("no records came");
}

void test_assigned(const std::string &address) {
    fill(address, "assigned", 20);
    rivven::Consumer consumer(config_of(address, "assigned"));
    check(consumer.group_id() == "assigned", "the group");
    consumer.connect();
    consumer.assign({{"assigned", 0}});
    check(consumer.assignments().size() == 1 && consumer.assignments()[0].topic == "assigned", "assignments");
    check(!consumer.committed("assigned", 0), "nothing is committed");
    std::uint64_t next = 0;
    bool right = true;
    while (next < 20) {
        const rivven::Batch batch = next_records(consumer);
        for (const rivven::Record record : batch) {
            right = right && record.offset == next && record.topic == "assigned" && record.partition == 0 &&
                    record.key == "key" && record.value == "v" + std::to_string(next);
            ++next;
        }
    }
    check(right && next == 20, "every record comes, in order");
    consumer.commit();
    check(consumer.committed("assigned", 0) == 20 && consumer.position("assigned", 0) == 20, "commit and position");
    check(consumer.lag("assigned", 0) == 0, "lag");
    const rivven::OffsetBounds bounds = consumer.get_offset_bounds("assigned", 0);
    check(bounds.earliest == 0 && bounds.latest == 20, "bounds");
    consumer.seek("assigned", 0, 18);
    rivven::Batch kept = next_records(consumer).detach(0, 1);
    check(kept.size() == 1 && kept.front().value == "v18", "a copy outlives its batch");
    consumer.pause("assigned", 0);
    check(consumer.paused().size() == 1 && consumer.stats().partitions.at(0).paused, "pause");
    consumer.resume("assigned", 0);
    consumer.seek_to_beginning("assigned", 0);
    check(consumer.position("assigned", 0) == 0, "seek to the beginning");
    consumer.seek_to_end("assigned", 0);
    check(consumer.position("assigned", 0) == 20, "seek to the end");
    check(consumer.seek_to_timestamp("assigned", 0, 0ms) == 0, "seek to a time");
    consumer.commit_offsets({{"assigned", 0, 5}});
    const auto each = consumer.commit_offsets_each({{"assigned", 0, 6}, {"assigned", 0, 1000}});
    check(each.size() == 2 && !each[0] && each[1] && each[1]->code() == Code::OffsetOutOfRange, "commit each");
    consumer.store_offset("assigned", 0, 7);
    consumer.commit_async();
    throws("another partition", Code::NotAssigned, [&] { consumer.seek("assigned", 1, 0); });
    consumer.wakeup();
    throws("poll", Code::WokenUp, [&] { consumer.poll(1s); });
    consumer.close();
    throws("poll after close", Code::Closed, [&] { consumer.poll(0ms); });
}

void test_subscribed(const std::string &address) {
    fill(address, "subscribed", 5);
    auto witness = std::make_shared<int>(0);
    rivven::Queue queue;
    std::size_t assigned = 0, revoked = 0;
    bool elsewhere = false;
    const auto here = std::this_thread::get_id();
    {
        rivven::Consumer consumer(config_of(address, "subscribed"), queue);
        consumer.set_rebalance_callback(
            [&, witness](rivven::RebalanceKind kind, const std::vector<rivven::TopicPartition> &partitions) {
                elsewhere |= std::this_thread::get_id() != here;
                (kind == rivven::RebalanceKind::Assigned ? assigned : revoked) += partitions.size();
            });
        consumer.subscribe({"subscribed"});
        check(next_records(consumer).size() <= 5 && assigned == 1, "the partition is given");
        consumer.close();
        check(revoked == 1 && !elsewhere, "and taken away, on this thread");
        check(witness.use_count() == 2, "the callback is kept");
    }
    check(witness.use_count() == 1, "and destroyed with the consumer");
    const rivven::Events events = queue.poll(10s);
    bool told = false;
    for (const rivven::Event event : events) {
        told |= event.kind() == rivven::EventKind::Assigned && event.partitions().at(0).topic == "subscribed";
    }
    check(told, "the queue tells it, too");
}

/// Handlers run side by side, an exception is a failure, and its text goes to the dead letter topic.
void test_processing(const std::string &address) {
    rivven::Client client(rivven::Config{{"bootstrap.servers", address}});
    client.create_topic("dead", 1);
    fill(address, "processed", 10);
    rivven::Config config = config_of(address, "processed");
    config.set("process.retries", "1").set("process.retry.backoff.ms", "1");
    config.set("process.dead.letter.topic", "dead");
    rivven::Consumer consumer(config);
    consumer.assign({{"processed", 0}});
    std::atomic<std::uint64_t> next{0};
    std::atomic<bool> right{true};
    const rivven::ProcessReport report = consumer.process([&](const rivven::Record &record) {
        if (record.offset == 3) throw std::runtime_error("no such customer");
        if (record.offset == 5 && next == 5) {
            ++next;
            throw 5;
        }
        right = right && record.value == "v" + std::to_string(record.offset) && record.topic == "processed";
        next = record.offset + 1;
        if (next == 10) consumer.wakeup();
    });
    check(right && report.processed == 9 && report.retries == 2 && report.dead_lettered == 1 && report.skipped == 0,
          "the report");
    check(consumer.committed("processed", 0) == 10, "all of it is committed");
    const rivven::Batch letters = client.consume("dead", 0, 0, 10);
    check(letters.size() == 1 && letters[0].value.find("error: no such customer\n\nv3") != std::string_view::npos,
          "the dead letter");
    fill(address, "stopped", 2);
    rivven::Consumer other(config_of(address, "stopped"));
    other.assign({{"stopped", 0}});
    throws("a handler that throws", Code::ProcessingFailed, [&] {
        other.process([&](const rivven::Record &) { throw std::runtime_error("no"); }, 1);
    });
}

} // namespace

// covers: F081 cpp, F099 cpp, F100 cpp
int main() {
    struct server broker = start_broker();
    test_assigned(broker.address);
    test_subscribed(broker.address);
    test_processing(broker.address);
    stop_server(&broker);
    return summary();
}
