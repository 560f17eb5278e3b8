// Publishing once, and in transactions, through the C++ layer against the real broker.

#include <cstdlib>
#include <rivven.hpp>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

extern "C" {
#include "check.h"
#include "launch.h"
}

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

static_assert(std::is_nothrow_move_constructible_v<rivven::ProducerState>);
static_assert(!std::is_copy_constructible_v<rivven::ProducerState>);

/// Checks that a call throws an error of this code.
template <typename Call> void throws(const char *what, rivven::Code wanted, Call call) {
    try {
        call();
        check(false, "%s: no error", what);
    } catch (const rivven::Error &error) {
        check(error.code() == wanted && *error.what(), "%s: %s", what, error.what());
    }
}

/// The values of a partition that are shown to those who read what is committed.
std::vector<std::string> committed(rivven::Client &client, const std::string &topic, std::uint32_t partition) {
    std::vector<std::string> values;
    const rivven::Batch batch = client.consume_read_committed(topic, partition, 0, 1000);
    for (const auto &record : batch) values.emplace_back(record.value);
    return values;
}

void test_identity(rivven::Client &client) {
    client.create_topic("identities", 1);
    rivven::ProducerState state = client.init_producer_id();
    check(state.producer_id() && !state.producer_epoch() && !state.next_sequence(), "an identity");
    rivven::ProducerState heir = client.init_producer_id(state.producer_id());
    check(heir.producer_id() == state.producer_id() && heir.producer_epoch() == 1, "taken over");
    throws("the one before", rivven::Code::ProducerFenced,
           [&] { client.publish_idempotent("identities", std::nullopt, "v", state); });
    rivven::ProducerState moved = std::move(heir);
    client.publish_idempotent("identities", std::nullopt, "v", moved);
    check(moved.next_sequence() == 1, "the new one, moved");
    throws("one that was moved from", rivven::Code::InvalidArgument,
           [&] { client.publish_idempotent("identities", std::nullopt, "v", heir); });
    throws("abandon it", rivven::Code::InvalidArgument, [&] { heir.abandon(); });
}

void test_idempotent(rivven::Client &client) {
    client.create_topic("one", 1);
    client.create_topic("three", 3);
    rivven::ProducerState state = client.init_producer_id();
    const auto first = client.publish_idempotent("one", std::nullopt, "v", state);
    check(first.offset == 0 && first.partition == 0 && !first.was_duplicate, "publish");
    check(client.publish_idempotent("three", std::nullopt, "v", state).partition == 1, "the least used partition");
    check(client.publish_idempotent("three", "user-123", "v", state).partition == 2, "by key");
    check(client.publish_idempotent("three", "user-123", "v", state, 0).partition == 0, "to a partition");
    check(state.next_sequence() == 2, "counted by partition number");
    throws("a partition that is none", rivven::Code::InvalidPartition,
           [&] { client.publish_idempotent("one", std::nullopt, "v", state, 7); });
    throws("a topic with a zero", rivven::Code::InvalidArgument,
           [&] { client.publish_idempotent("a\0b"s, std::nullopt, "v", state); });
    const auto id = state.producer_id();
    state.abandon();
    throws("begin with an identity that was abandoned", rivven::Code::InvalidTxnState,
           [&] { client.begin_transaction("x", state); });
    client.publish_idempotent("one", std::nullopt, "v", state);
    check(state.producer_id() != id && state.next_sequence() == 1, "a new identity");
}

/// The broker writes the second record, and hangs up instead of answering.
void test_sent_again() {
    server broker = start_scripted(R"({"topics": {"t": 1}, "rules": [{"on": "IdempotentPublish", "after": 1,
        "times": 1, "do": "close_connection"}]})");
    rivven::Client client(rivven::Config{{"bootstrap.servers", broker.address}, {"retry.initial.delay.ms", "1"}});
    rivven::ProducerState state = client.init_producer_id();
    check(!client.publish_idempotent("t", std::nullopt, "v", state).was_duplicate, "publish");
    const auto second = client.publish_idempotent("t", std::nullopt, "v", state);
    check(second.offset == 1 && second.was_duplicate, "the broker had it already");
    check(client.get_offset_bounds("t", 0).latest == 2, "it is there once");
    stop_server(&broker);
}

void test_commit(rivven::Client &client) {
    client.create_topic("orders", 3);
    client.create_topic("input", 1);
    client.publish_batch("input", {{std::nullopt, "a"}, {std::nullopt, "b"}, {std::nullopt, "c"}}, 0);
    rivven::ProducerState state = client.init_producer_id();
    client.begin_transaction("etl", state);
    check(client.add_partitions_to_txn("etl", state, {{"orders", 0}, {"orders", 2}}) == 2, "add partitions");
    const auto first = client.publish_transactional("etl", "orders", std::nullopt, "a", state);
    check(first.offset == 0 && first.partition == 0 && first.sequence == 0, "publish");
    check(client.publish_transactional("etl", "orders", std::nullopt, "b", state).partition == 2, "to the other");
    const auto by_key = client.publish_transactional("etl", "orders", "user-123", "c", state);
    check(by_key.partition == 2 && by_key.sequence == 1, "by key");
    throws("a key that leads elsewhere", rivven::Code::PartitionNotInTxn,
           [&] { client.publish_transactional("etl", "orders", "kafka", "d", state); });
    check(client.publish_transactional("etl", "orders", "kafka", "d", state, 0).partition == 0, "to a partition");
    client.add_offsets_to_txn("etl", state, "readers", {{"input", 0, 2}});
    check(!client.get_offset("readers", "input", 0), "the offset does not count yet");
    client.commit_transaction("etl", state);
    check(client.get_offset("readers", "input", 0) == 2, "it counts");
    check(committed(client, "orders", 0) == std::vector{"a"s, "d"s} &&
              committed(client, "orders", 2) == std::vector{"b"s, "c"s},
          "so do the records");
}

void test_abort(rivven::Client &client) {
    client.create_topic("aborted", 1);
    rivven::ProducerState state = client.init_producer_id();
    client.begin_transaction("etl", state, 30s);
    client.add_partitions_to_txn("etl", state, {{"aborted", 0}});
    client.publish_transactional("etl", "aborted", std::nullopt, "v", state);
    client.add_offsets_to_txn("etl", state, "readers", {{"input", 0, 3}});
    client.abort_transaction("etl", state);
    check(committed(client, "aborted", 0).empty(), "the records do not count");
    check(client.get_offset("readers", "input", 0) == 2, "nor does the offset");
}

void test_before_begin(rivven::Client &client, rivven::ProducerState &state) {
    const auto publish = [&] { client.publish_transactional("x", "misused", std::nullopt, "v", state); };
    throws("publish before begin", rivven::Code::InvalidTxnId, publish);
    throws("commit before begin", rivven::Code::InvalidTxnId, [&] { client.commit_transaction("x", state); });
    throws("abort before begin", rivven::Code::InvalidTxnId, [&] { client.abort_transaction("x", state); });
}

void test_begun(rivven::Client &client, rivven::ProducerState &state) {
    client.begin_transaction("x", state);
    throws("begin again", rivven::Code::InvalidTxnState, [&] { client.begin_transaction("x", state); });
    throws("begin another", rivven::Code::ConcurrentTransactions, [&] { client.begin_transaction("y", state); });
    throws("no partitions", rivven::Code::InvalidArgument, [&] { client.add_partitions_to_txn("x", state, {}); });
    throws("no offsets", rivven::Code::InvalidArgument, [&] { client.add_offsets_to_txn("x", state, "g", {}); });
    throws("an offset that is none", rivven::Code::InvalidArgument,
           [&] { client.add_offsets_to_txn("x", state, "g", {{"misused", 0, RIVVEN_OFFSET_UNKNOWN}}); });
    throws("a name with a zero", rivven::Code::InvalidArgument, [&] { client.commit_transaction("a\0b"s, state); });
    client.add_partitions_to_txn("x", state, {{"misused", 0}});
    rivven::ProducerState foreign = client.init_producer_id();
    throws("publish by another", rivven::Code::InvalidTxnId,
           [&] { client.publish_transactional("x", "misused", std::nullopt, "v", foreign); });
    throws("commit by another", rivven::Code::InvalidTxnId, [&] { client.commit_transaction("x", foreign); });
}

void test_after_the_end(rivven::Client &client, rivven::ProducerState &state) {
    client.commit_transaction("x", state);
    throws("commit again", rivven::Code::InvalidTxnId, [&] { client.commit_transaction("x", state); });
    client.begin_transaction("x", state);
    client.add_partitions_to_txn("x", state, {{"misused", 0}});
    client.abort_transaction("x", state);
    throws("publish after the abort", rivven::Code::InvalidTxnId,
           [&] { client.publish_transactional("x", "misused", std::nullopt, "v", state); });
    throws("abort again", rivven::Code::InvalidTxnId, [&] { client.abort_transaction("x", state); });
}

void test_misuse(rivven::Client &client) {
    client.create_topic("misused", 1);
    rivven::ProducerState state = client.init_producer_id();
    test_before_begin(client, state);
    test_begun(client, state);
    test_after_the_end(client, state);
}

void test_timeout(rivven::Client &client) {
    rivven::ProducerState state = client.init_producer_id();
    client.begin_transaction("late", state, 3s);
    client.add_partitions_to_txn("late", state, {{"misused", 0}});
    std::this_thread::sleep_for(3s);
    throws("publish too late", rivven::Code::TransactionTimedOut,
           [&] { client.publish_transactional("late", "misused", std::nullopt, "v", state); });
    throws("commit too late", rivven::Code::TransactionTimedOut, [&] { client.commit_transaction("late", state); });
}

/// Threads share a state; every record has a number of its own.
void test_threads(rivven::Client &client) {
    constexpr int each = 25;
    client.create_topic("shared", 1);
    rivven::ProducerState state = client.init_producer_id();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int record = 0; record < each; ++record) {
                try {
                    client.publish_idempotent("shared", std::nullopt, "v", state);
                } catch (const rivven::Error &) {
                    // It is missing below.
                }
            }
        });
    }
    for (auto &thread : threads) thread.join();
    check(committed(client, "shared", 0).size() == 4 * each && state.next_sequence() == 4 * each, "nothing is lost");
}

} // namespace

// covers: F114 cpp, F115 cpp, F116 cpp, F117 cpp, F118 cpp, F119 cpp
int main() {
    server broker = start_broker();
    try {
        rivven::Client client(rivven::Config{{"bootstrap.servers", broker.address}});
        test_identity(client);
        test_idempotent(client);
        test_sent_again();
        test_commit(client);
        test_abort(client);
        test_misuse(client);
        test_timeout(client);
        test_threads(client);
        client.close();
    } catch (const std::exception &error) {
        check(false, "unexpected: %s", error.what());
    }
    stop_server(&broker);
    return summary();
}
