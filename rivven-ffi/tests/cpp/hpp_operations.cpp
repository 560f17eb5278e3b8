// The operations of operations.c through the C++ layer, against the real broker.

#include <algorithm>
#include <rivven.hpp>
#include <string>
#include <vector>

extern "C" {
#include "check.h"
#include "launch.h"
}

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using rivven::Isolation;

/// Checks that a call throws an error of this code.
template <typename Call> void throws(const char *what, rivven::Code wanted, Call call) {
    try {
        call();
        check(false, "%s: no error", what);
    } catch (const rivven::Error &error) {
        check(error.code() == wanted && *error.what(), "%s: %s", what, error.what());
    }
}

/// Creates a topic with three records in partition 0.
void create_filled(rivven::Client &client, const std::string &topic) {
    client.create_topic(topic, 2);
    client.publish_batch(topic, {{std::nullopt, "a"}, {std::nullopt, "b"}, {std::nullopt, "c"}}, 0);
}

void test_topics(rivven::Client &client) {
    create_filled(client, "shrinking");
    check(client.create_partitions("shrinking", 4) == 4, "create partitions");
    throws("fewer than there are", rivven::Code::InvalidPartitions, [&] { client.create_partitions("shrinking", 1); });
    const auto deleted = client.delete_records("shrinking", {{0, 2}, {1, 99}});
    check(deleted.size() == 2 && deleted[0].partition == 0 && deleted[0].low_watermark == 2 && !deleted[0].error,
          "delete records");
    check(deleted[1].partition == 1 && deleted[1].error && !deleted[1].error->empty(), "an offset behind the end");
    check(client.get_offset_bounds("shrinking", 0).earliest == 2, "they are gone");
    throws("a name with a zero", rivven::Code::InvalidArgument, [&] { client.delete_records("a\0b"s, {}); });
}

void test_settings(rivven::Client &client) {
    client.create_topic("settings", 1);
    check(client.alter_topic_config("settings", {{"retention.ms", "3600000"}, {"cleanup.policy", "compact"}}) == 2,
          "alter settings");
    check(client.alter_topic_config("settings", {{"cleanup.policy", std::nullopt}}) == 1, "take one back");
    throws("a key that is none", rivven::Code::InvalidTopicConfig,
           [&] { client.alter_topic_config("settings", {{"no.such.key", "1"}}); });
    const auto changed = client.describe_topic_configs();
    check(changed.size() == 1 && changed.count("settings") == 1, "describe what was altered");
    const auto described = client.describe_topic_configs({"settings", "shrinking"});
    check(described.size() == 2, "describe topics");
    const auto &retention = described.at("settings").at("retention.ms");
    check(retention.value == "3600000" && !retention.is_default && !retention.is_read_only && !retention.is_sensitive,
          "what was set is there");
    check(described.at("settings").at("cleanup.policy").is_default, "what was taken back is a default");
}

void test_supported_settings(rivven::Client &client) {
    const struct {
        const char *key, *good, *bad;
    } settings[] = {
        {"retention.ms", "3600000", "-5"},     {"retention.bytes", "1073741824", "-5"},
        {"max.message.bytes", "1048576", "0"}, {"segment.bytes", "16777216", "0"},
        {"segment.ms", "600000", "soon"},      {"cleanup.policy", "compact", "shred"},
        {"min.insync.replicas", "1", "0"},     {"compression.type", "gzip", "zip"},
    };
    client.create_topic("supported", 1);
    for (const auto &[key, good, bad] : settings) {
        check(client.alter_topic_config("supported", {{key, good}}) == 1, "alter %s", key);
        throws(key, rivven::Code::InvalidTopicConfig,
               [&client, key = key, bad = bad] { client.alter_topic_config("supported", {{key, bad}}); });
    }
}

void test_reading(rivven::Client &client) {
    create_filled(client, "reading");
    check(client.consume_read_committed("reading", 0, 0, 9).size() == 3, "consume read committed");
    check(client.consume_with_isolation("reading", 0, 2, 9, Isolation::ReadUncommitted).size() == 1, "at a level");
    const double start = seconds();
    check(client.consume_long_poll("reading", 0, 3, 9, Isolation::Default, 300ms).empty(), "a long poll");
    check(seconds() - start >= 0.3, "waits");
    check(client.consume_long_poll("reading", 0, 0, 9, Isolation::Default, 20s).size() == 3, "not for what is there");
    throws("a negative wait", rivven::Code::InvalidArgument,
           [&] { client.consume_long_poll("reading", 0, 0, 9, Isolation::Default, -1ms); });
}

void test_pipelined(rivven::Client &client) {
    std::vector<rivven::Fetched> fetched =
        client.consume_pipelined({{"reading", 0, 1, 9}, {"no-such-topic", 0, 0, 9, Isolation::ReadCommitted}});
    if (!check(fetched.size() == 2, "each fetch has an answer")) return;
    const auto *batch = std::get_if<rivven::Batch>(&fetched[0]);
    check(batch && batch->size() == 2 && (*batch)[0].value == "b", "the records of one");
    const auto *error = std::get_if<rivven::Error>(&fetched[1]);
    check(error && error->code() == rivven::Code::UnknownTopicOrPartition, "the error of the other");
    check(client.consume_pipelined({}).empty(), "nothing for nothing");
}

void test_offsets(rivven::Client &client) {
    const auto first = client.consume("reading", 0, 0, 1);
    const auto received = first[0].timestamp;
    check(client.get_offset_for_timestamp("reading", 0, received) == 0, "the offset for a time");
    check(!client.get_offset_for_timestamp("reading", 0, received + 24h), "there is none for tomorrow");
    check(!client.get_offset("readers", "reading", 0), "a group without offset");
    client.commit_offset("readers", "reading", 0, 2);
    check(client.get_offset("readers", "reading", 0) == 2, "commit an offset");
    const auto results =
        client.commit_offsets_pipelined("readers", {{"reading", 0, 3}, {"reading", 1, 99}, {"shrinking", 1, 0}});
    check(results.size() == 3 && !results[0] && !results[2], "commit many");
    check(results[1] && results[1]->code() == rivven::Code::OffsetOutOfRange, "one fails alone");
    check(client.list_groups() == std::vector<std::string>{"readers"}, "list the groups");
    const rivven::GroupOffsets wanted = {{"reading", {{0, 3}}}, {"shrinking", {{1, 0}}}};
    check(client.describe_group("readers") == wanted, "describe the group");
    client.delete_group("readers");
    throws("describe it once deleted", rivven::Code::GroupNotFound, [&] { client.describe_group("readers"); });
}

void test_membership(rivven::Client &client) {
    throws("a heartbeat before joining", rivven::Code::UnknownGroup, [&] { client.heartbeat("team", 0, "nobody"); });
    const auto first = client.join_group("team", "", 10s, 30s, "consumer", {"reading", "shrinking"});
    check(first.generation == 0 && first.protocol_type == "consumer" && first.member == first.leader, "join");
    check(client.heartbeat("team", 0, first.member) == 27, "the leader has not synced");
    const auto second = client.join_group("team", "", 10s, 30s, "consumer", {"reading"});
    check(second.leader == first.member && second.members.size() == 2, "another joins");
    check(second.members.at(first.member) == std::vector<std::string>{"reading", "shrinking"}, "it sees the first");
    const rivven::Assignment share = {{"reading", {1, 0}}, {"shrinking", {3}}};
    check(client.sync_group("team", 0, first.member, {{first.member, share}, {second.member, {}}}) == share, "sync");
    check(client.sync_group("team", 0, second.member).empty(), "the other has none");
    check(client.heartbeat("team", 0, first.member) == 0, "the group is stable");
    client.remove_member("team", second.member);
    client.leave_group("team", first.member);
    throws("a timeout that is none", rivven::Code::InvalidArgument,
           [&] { client.join_group("team", "", -1s, 30s, "consumer", {}); });
}

void test_quotas(rivven::Client &client) {
    const auto altered = client.alter_quotas({{"user", "alice", "produce_bytes_rate", 1000000},
                                              {"user", "alice", "consume_bytes_rate", 7},
                                              {"user", std::nullopt, "request_rate", 50},
                                              {"user", "alice", "no_such_key", 1}});
    check(altered == 3, "alter quotas");
    client.alter_quotas({{"user", "alice", "consume_bytes_rate", std::nullopt}});
    const auto alice = client.describe_quotas({{"user", "alice"}});
    if (!check(alice.size() == 1, "describe quotas")) return;
    check(alice[0].entity_type == "user" && alice[0].entity_name == "alice", "of an entity");
    check(alice[0].quotas.at("produce_bytes_rate") == 1000000, "what was set is there");
    const auto removed = alice[0].quotas.find("consume_bytes_rate");
    check(removed == alice[0].quotas.end() || removed->second != 7, "what was removed is gone, or at its default");
    const auto everybody = client.describe_quotas({{"user", std::nullopt}});
    check(everybody.size() == 1 && !everybody[0].entity_name && !everybody[0].quotas.empty(), "the default of a type");
    // Asked for by its type alone, the broker gives its own default, not what was set.
    const auto all = client.describe_quotas();
    const auto set = std::find_if(all.begin(), all.end(), [](const auto &entry) { return !entry.entity_name; });
    check(all.size() == 2 && set != all.end() && set->quotas.at("request_rate") == 50, "what was set without a name");
}

void test_cluster(rivven::Client &client, const std::string &address) {
    const auto cluster = client.get_cluster_metadata({"reading"});
    if (!check(cluster.brokers.size() == 1 && cluster.topics.empty(), "the cluster has one broker")) return;
    const auto &broker = cluster.brokers[0];
    check(broker.host + ":" + std::to_string(broker.port) == address && !broker.rack, "where it was dialled");
    check(cluster.controller_id == broker.node_id, "which controls it");
    const auto stats = client.stats();
    check(stats.total_servers == 1 && stats.servers.size() == 1, "statistics");
    check(stats.servers.at(0).address == address, "name the server");
    check(stats.servers.at(0).circuit_state == rivven::CircuitState::Closed && !stats.servers.at(0).last_error,
          "which works");
}

void test_schema_arguments(rivven::Client &client) {
    throws("a URL with a zero", rivven::Code::InvalidArgument, [&] { client.get_schema("a\0b"s, 1); });
    throws("a subject with a zero", rivven::Code::InvalidArgument,
           [&] { client.get_schema_version("http://127.0.0.1:1", "a\0b"s); });
    throws("a schema with a zero", rivven::Code::InvalidArgument,
           [&] { client.register_schema("http://127.0.0.1:1", "s", "AVRO", "a\0b"s); });
}

} // namespace

// covers: F010 cpp, F034 cpp, F039 cpp, F104 cpp, F105 cpp, F106 cpp, F107 cpp, F108 cpp, F109 cpp, F110 cpp, F111 cpp
int main() {
    server broker = start_broker();
    try {
        rivven::Client client(rivven::Config{{"bootstrap.servers", broker.address}});
        test_topics(client);
        test_settings(client);
        test_supported_settings(client);
        test_reading(client);
        test_pipelined(client);
        test_offsets(client);
        test_membership(client);
        test_quotas(client);
        test_cluster(client, broker.address);
        test_schema_arguments(client);
        client.close();
        throws("after close", rivven::Code::Closed, [&] { client.stats(); });
    } catch (const std::exception &error) {
        check(false, "unexpected: %s", error.what());
    }
    stop_server(&broker);
    return summary();
}
