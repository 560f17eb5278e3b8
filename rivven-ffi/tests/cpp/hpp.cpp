// The C++ layer: every method against the real broker, ownership, and errors.

#include <algorithm>
#include <memory>
#include <numeric>
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

template <typename T>
constexpr bool moves_only = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
                            std::is_nothrow_destructible_v<T> && !std::is_copy_constructible_v<T> &&
                            !std::is_copy_assignable_v<T>;

static_assert(moves_only<rivven::Config> && moves_only<rivven::Client> && moves_only<rivven::Batch>);
static_assert(std::is_base_of_v<std::exception, rivven::Error>);
static_assert(std::is_nothrow_copy_constructible_v<rivven::Error>, "the copy of an exception must not throw");

rivven::Config config_of(const std::string &address) { return rivven::Config{{"bootstrap.servers", address}}; }

/// Checks that a call throws an error of this code.
template <typename Call> void throws(const char *what, rivven::Code wanted, Call call) {
    try {
        call();
        check(false, "%s: no error", what);
    } catch (const rivven::Error &error) {
        check(error.code() == wanted && *error.what(), "%s: %s", what, error.what());
    }
}

void test_config() {
    rivven::Config config{{"client.id", "a"}, {"request.timeout.ms", "5000"}};
    config.set("close.timeout.ms", "100").set("connection.timeout.ms", "1000");
    check(config.get() != nullptr, "a configuration has a handle");
    throws("an unknown key", rivven::Code::InvalidConfig, [&] { config.set("no.such.key", "1"); });
    throws("an unknown key at once", rivven::Code::InvalidConfig, [] { rivven::Config{{"no.such.key", "1"}}; });
    throws("a value with a zero", rivven::Code::InvalidArgument, [&] { config.set("client.id", "a\0b"s); });
    throws("a value that is not UTF-8", rivven::Code::InvalidArgument, [&] { config.set("client.id", "\xff"); });
}

void test_topics(rivven::Client &client) {
    check(client.create_topic("topics", 4) == 4, "create a topic");
    check(client.create_topic("topics-default") == 3, "create a topic with the broker's default");
    throws("create it again", rivven::Code::TopicAlreadyExists, [&] { client.create_topic("topics", 4); });
    const auto names = client.list_topics();
    check(std::count(names.begin(), names.end(), "topics") == 1, "list the topics");
    const auto [name, partitions] = client.get_metadata("topics");
    check(name == "topics" && partitions == 4, "metadata");
    client.delete_topic("topics");
    throws("metadata of a deleted topic", rivven::Code::UnknownTopicOrPartition, [&] { client.get_metadata("topics"); });
    throws("a name with a zero", rivven::Code::InvalidArgument, [&] { client.delete_topic("topics-default\0"s); });
}

void test_records(rivven::Client &client) {
    client.create_topic("records", 2);
    check(client.publish("records", "v").partition < 2, "publish");
    const auto one = client.publish_with_key("records", "key", "v"), two = client.publish_with_key("records", "key", "v");
    check(one.partition == two.partition && two.offset == one.offset + 1, "publish with a key");
    client.create_topic("order", 1);
    check(client.publish_to_partition("order", 0, "k", "v") == 0, "publish to a partition");
    check(client.publish_to_partition("order", 0, std::nullopt, std::string_view("\0\xff", 2)) == 1, "without key");
    check(client.publish_to_partition("order", 0, "", {}) == 2, "with an empty key and value");
    const std::string key = "key", value = "value";
    const auto batch = client.publish_batch("order", {{key, value}, {std::nullopt, "no key"}, {"", ""}}, 0);
    check(batch.base_offset == 3 && batch.partition == 0 && batch.record_count == 3, "publish a batch");
    check(client.publish_batch("records", {{"a", "b"}}).partition < 2, "publish a batch to the broker's choice");
    throws("publish an empty batch", rivven::Code::InvalidArgument, [&] { client.publish_batch("order", {}); });
    throws("publish to a partition that is none", rivven::Code::InvalidPartition,
           [&] { client.publish_to_partition("order", 9, std::nullopt, "v"); });
    const auto [earliest, latest] = client.get_offset_bounds("order", 0);
    check(earliest == 0 && latest == 6, "offset bounds");
}

void test_metadata(rivven::Client &client) {
    client.create_topic("metadata", 2);
    const auto chosen = client.publish_with_metadata("metadata", "key", "v");
    check(chosen.topic == "metadata" && chosen.partition < 2 && chosen.offset == 0, "publish with metadata");
    check(chosen.timestamp > 1600000000s, "the answer came after 2020");
    check(!chosen.duplicate && !chosen.maybe_duplicate && chosen.offset_exact, "it was written once, there");
    const auto wanted = client.publish_with_metadata("metadata", std::nullopt, "v", 1 - chosen.partition);
    check(wanted.partition == 1 - chosen.partition && wanted.offset == 0, "to a partition");
    throws("to a partition that is none", rivven::Code::InvalidPartition,
           [&] { client.publish_with_metadata("metadata", std::nullopt, "v", 9); });
    throws("to a topic with a zero", rivven::Code::InvalidArgument,
           [&] { client.publish_with_metadata("meta\0data"s, std::nullopt, "v"); });
}

void test_batch(rivven::Client &client) {
    const std::vector<std::optional<std::string>> keys = {"k", std::nullopt, "", "key", std::nullopt, ""};
    const std::vector<std::string> values = {"v", "\0\xff"s, "", "value", "no key", ""};
    rivven::Batch batch = client.consume("order", 0, 0, 100);
    if (!check(batch.size() == values.size() && !batch.empty(), "consume")) return;
    std::size_t index = 0;
    for (const rivven::Record &record : batch) {
        check(record.offset == index && record.partition == 0, "record %zu is where it was written", index);
        check(record.key == keys[index] && record.value == values[index], "and as it was written");
        ++index;
    }
    check(index == values.size(), "the loop sees every record");
    check(batch.front().value == "v" && batch.back().offset == 5 && batch[3].key == "key", "records by index");
    const auto age = std::chrono::system_clock::now().time_since_epoch() - batch[0].timestamp;
    check(age > -5s && age < 600s, "the broker received them just now");
    const std::size_t bytes = std::accumulate(batch.begin(), batch.end(), std::size_t{0},
                                              [](std::size_t sum, rivven::Record record) { return sum + record.value.size(); });
    check(bytes == 14, "algorithms take the iterators");

    const auto first = batch.begin();
    const std::string_view view = (*first).value;
    const rivven::Batch moved = std::move(batch);
    check(view == "v" && (*first).value == "v", "views and iterators outlive a move");
    check(moved.size() == 6 && batch.empty() && batch.begin() == batch.end(), "what was moved from is empty");
    check(client.consume("order", 0, 1000, 1).empty(), "nothing behind the end");
}

void test_ownership(const std::string &address) {
    rivven::Client first(config_of(address)), second(config_of(address));
    first.connect();
    second = std::move(first);
    second.ping();
    check(true, "a client that was moved works");
    throws("one that was moved from", rivven::Code::InvalidArgument, [&] { first.ping(); });
    first = std::move(second);
    first.ping();
    check(first.get() && !second.get(), "it can be assigned to again");

    auto owner = std::make_unique<rivven::Client>(config_of(address));
    const rivven::Batch batch = owner->consume("order", 0, 0, 1);
    owner.reset();
    check(batch[0].value == "v", "a batch outlives its client");
}

void test_threads(const std::string &address) {
    rivven::Client client(config_of(address));
    std::vector<std::thread> threads;
    std::vector<int> pings(4);
    for (int &count : pings) {
        threads.emplace_back([&client, &count] {
            for (; count < 50; ++count) client.ping();
        });
    }
    for (auto &thread : threads) thread.join();
    check(std::accumulate(pings.begin(), pings.end(), 0) == 200, "many threads use one client");
}

void test_errors() {
    rivven::Client client(rivven::Config{{"bootstrap.servers", "255.255.255.255:9092"}});
    try {
        client.connect();
        check(false, "connecting to nowhere fails");
    } catch (const std::exception &exception) {
        const auto *found = dynamic_cast<const rivven::Error *>(&exception);
        if (!check(found != nullptr, "an error is a std::exception: %s", exception.what())) return;
        const rivven::Error error = *found;
        check(error.code() == rivven::Code::ConnectionFailed, "it has a code");
        check(error.name() == "CONNECTION_FAILED" && rivven::name(error.code()) == error.name(), "and its name");
        check(error.address() == "255.255.255.255:9092", "and an address");
        check(!error.registry_code(), "and no registry was asked");
        check(error.outcome() == rivven::Outcome::NotSent, "and an outcome");
        check(error.is_retriable() && !error.is_fatal() && !error.is_abortable(), "and flags");
        check(std::string(error.what()) == exception.what(), "and a message that a copy shares");
    }
    client.close(-1ms);
    client.close();
    throws("after close", rivven::Code::Closed, [&] { client.ping(); });
}

void test_close(const std::string &address) {
    rivven::Client client(config_of(address));
    client.connect();
    client.close(500ms);
    try {
        client.ping();
        check(false, "ping after close");
    } catch (const rivven::Error &error) {
        check(error.code() == rivven::Code::Closed && error.is_fatal() && !error.address(), "ping after close");
    }
}

} // namespace

// covers: F004 cpp, F007 cpp, F008 cpp, F009 cpp, F011 cpp, F020 cpp, F034 cpp, F103 cpp, F121 cpp, F123 cpp
int main() {
    server broker = start_broker();
    try {
        check(!rivven::version().empty(), "the library has a version");
        test_config();
        test_errors();
        rivven::Client client(config_of(broker.address));
        client.connect();
        client.ping();
        test_topics(client);
        test_records(client);
        test_metadata(client);
        test_batch(client);
        test_ownership(broker.address);
        test_threads(broker.address);
        test_close(broker.address);
    } catch (const std::exception &error) {
        check(false, "unexpected: %s", error.what());
    }
    stop_server(&broker);
    return summary();
}
