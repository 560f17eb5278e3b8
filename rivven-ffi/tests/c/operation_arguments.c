/*
 * The operations of operations.c with arguments that are none: NULL, strings
 * that are not UTF-8, impossible numbers, handles of another type. Whatever
 * can fail says INVALID_ARGUMENT before anything is sent; reading from no
 * handle gives nothing.
 */

#include <string.h>

#include "client.h"

static const char *const not_utf8 = "\xff\xfe";

static void refused(const char *what, rivven_code code) { fails(what, RIVVEN_CODE_INVALID_ARGUMENT, code); }

/* Reads from what is no handle of the type: NULL, or one of another type. */
static void test_metadata_of_none(void *none) {
    check(!rivven_record_metadata_topic(none) && !rivven_record_metadata_partition(none), "no metadata");
    check(!rivven_record_metadata_offset(none) && !rivven_record_metadata_timestamp_ms(none), "nor where and when");
    check(!rivven_record_metadata_is_duplicate(none) && !rivven_record_metadata_is_maybe_duplicate(none) &&
              !rivven_record_metadata_is_offset_exact(none),
          "nor what is known of it");
}

static void test_offsets_of_none(void *none) {
    check(!rivven_offsets_len(none) && !rivven_offsets_topic(none, 0), "no offsets");
    check(!rivven_offsets_partition(none, 0) && !rivven_offsets_offset(none, 0), "and none of them");
    check(!rivven_results_len(none), "no results");
    refused("a result of none", rivven_results_get(none, 0, &error));
    check(!rivven_deletions_len(none) && !rivven_deletions_partition(none, 0), "no deletions");
    check(!rivven_deletions_low_watermark(none, 0) && !rivven_deletions_error(none, 0), "and none of them");
    rivven_batch_t *batch = NULL;
    check(!rivven_fetched_len(none), "nothing fetched");
    refused("a batch of none", rivven_fetched_batch(none, 0, &batch, &error));
    check(!batch, "outputs are untouched");
}

static void test_groups_of_none(void *none) {
    check(!rivven_membership_generation(none) && !rivven_membership_protocol_type(none), "no membership");
    check(!rivven_membership_member_id(none) && !rivven_membership_leader_id(none), "and no ids");
    check(!rivven_membership_members_len(none) && !rivven_membership_member(none, 0), "and no members");
    check(!rivven_membership_subscriptions_len(none, 0) && !rivven_membership_subscription(none, 0, 0), "nor theirs");
    check(!rivven_assignment_len(none) && !rivven_assignment_topic(none, 0), "no assignment");
    check(!rivven_assignment_partitions_len(none, 0) && !rivven_assignment_partition(none, 0, 0), "no partitions");
}

static void test_settings_of_none(void *none) {
    check(!rivven_topic_configs_len(none) && !rivven_topic_configs_topic(none, 0), "no topics");
    check(!rivven_topic_configs_settings_len(none, 0) && !rivven_topic_configs_key(none, 0, 0), "no settings");
    check(!rivven_topic_configs_value(none, 0, 0) && !rivven_topic_configs_is_default(none, 0, 0), "no values");
    check(!rivven_topic_configs_is_read_only(none, 0, 0) && !rivven_topic_configs_is_sensitive(none, 0, 0),
          "nor what they are");
    check(!rivven_quotas_len(none) && !rivven_quotas_entity_type(none, 0), "no entities");
    check(!rivven_quotas_entity_name(none, 0) && !rivven_quotas_quotas_len(none, 0), "no names");
    check(!rivven_quotas_key(none, 0, 0) && !rivven_quotas_value(none, 0, 0), "no quotas");
    check(rivven_schema_id(none) == -1 && rivven_schema_version(none) == -1, "no schema has no numbers");
    check(!rivven_schema_subject(none) && !rivven_schema_type(none) && !rivven_schema_text(none), "and no texts");
}

static void test_cluster_of_none(void *none) {
    check(!rivven_cluster_controller_id(none) && !rivven_cluster_brokers_len(none), "no cluster");
    check(!rivven_cluster_broker_id(none, 0) && !rivven_cluster_broker_host(none, 0), "no broker");
    check(!rivven_cluster_broker_port(none, 0) && !rivven_cluster_broker_rack(none, 0), "nor where it is");
    check(!rivven_cluster_topics_len(none) && !rivven_cluster_topic_name(none, 0), "no topics");
    check(!rivven_cluster_topic_is_internal(none, 0) && !rivven_cluster_partitions_len(none, 0), "no partitions");
    check(!rivven_cluster_partition_number(none, 0, 0) && !rivven_cluster_partition_leader(none, 0, 0), "no leader");
    check(!rivven_cluster_partition_is_offline(none, 0, 0), "nothing is offline");
    check(!rivven_cluster_replicas_len(none, 0, 0) && !rivven_cluster_replica(none, 0, 0, 0), "no replicas");
    check(!rivven_cluster_isr_len(none, 0, 0) && !rivven_cluster_isr(none, 0, 0, 0), "none in sync");
}

static void test_stats_of_none(void *none) {
    check(!rivven_stats_total_servers(none) && !rivven_stats_healthy_servers(none), "no statistics");
    check(!rivven_stats_active_connections(none) && !rivven_stats_available_connections(none), "no connections");
    check(!rivven_stats_servers_len(none) && !rivven_stats_server_address(none, 0), "no servers");
    check(rivven_stats_server_circuit_state(none, 0) == RIVVEN_CIRCUIT_STATE_CLOSED, "no state");
    check(!rivven_stats_server_active_connections(none, 0) && !rivven_stats_server_available_connections(none, 0),
          "nor theirs");
    check(!rivven_stats_server_last_error(none, 0), "no error");
}

static void test_frees(void *none) {
    rivven_record_metadata_free(none);
    rivven_offsets_free(none);
    rivven_results_free(none);
    rivven_deletions_free(none);
    rivven_fetches_free(none);
    rivven_fetched_free(none);
    rivven_assignments_free(none);
    rivven_assignment_free(none);
    rivven_membership_free(none);
    rivven_topic_configs_free(none);
    rivven_quotas_free(none);
    rivven_quota_alterations_free(none);
    rivven_schema_free(none);
    rivven_cluster_free(none);
    rivven_stats_free(none);
    check(true, "what is no handle of the type is left alone");
}

/* Filling what is no handle of the type. */
static void test_fill_none(void *none) {
    refused("add an offset", rivven_offsets_add(none, "t", 0, 0, &error));
    refused("add a fetch", rivven_fetches_add(none, "t", 0, 0, 1, RIVVEN_ISOLATION_DEFAULT, &error));
    refused("add a member", rivven_assignments_add_member(none, "m", &error));
    refused("add a partition", rivven_assignments_add(none, "m", "t", 0, &error));
    refused("set a quota", rivven_quota_alterations_set(none, "user", "u", "request_rate", 1, &error));
    refused("remove a quota", rivven_quota_alterations_remove(none, "user", "u", "request_rate", &error));
}

static void test_none(void *none) {
    test_metadata_of_none(none);
    test_offsets_of_none(none);
    test_groups_of_none(none);
    test_settings_of_none(none);
    test_cluster_of_none(none);
    test_stats_of_none(none);
    test_fill_none(none);
    test_frees(none);
}

/* Lists, and a string that none of them takes. */
static void test_fill(const char *bad) {
    rivven_offsets_t *offsets = NULL;
    rivven_fetches_t *fetches = NULL;
    rivven_assignments_t *assignments = NULL;
    rivven_quota_alterations_t *alterations = NULL;
    succeeds("make offsets", rivven_offsets_new(&offsets, &error));
    succeeds("make fetches", rivven_fetches_new(&fetches, &error));
    succeeds("make assignments", rivven_assignments_new(&assignments, &error));
    succeeds("make alterations", rivven_quota_alterations_new(&alterations, &error));
    refused("an offset", rivven_offsets_add(offsets, bad, 0, 0, &error));
    check(rivven_offsets_len(offsets) == 0, "the list is unchanged");
    refused("a fetch", rivven_fetches_add(fetches, bad, 0, 0, 1, RIVVEN_ISOLATION_DEFAULT, &error));
    refused("a level of -2", rivven_fetches_add(fetches, "t", 0, 0, 1, -2, &error));
    refused("a level of 256", rivven_fetches_add(fetches, "t", 0, 0, 1, 256, &error));
    refused("a member", rivven_assignments_add_member(assignments, bad, &error));
    refused("the member of a partition", rivven_assignments_add(assignments, bad, "t", 0, &error));
    refused("the topic of a partition", rivven_assignments_add(assignments, "m", bad, 0, &error));
    refused("an entity type", rivven_quota_alterations_set(alterations, bad, "u", "request_rate", 1, &error));
    refused("a key", rivven_quota_alterations_set(alterations, "user", "u", bad, 1, &error));
    refused("an entity name", rivven_quota_alterations_set(alterations, "user", not_utf8, "request_rate", 1, &error));
    refused("an entity type", rivven_quota_alterations_remove(alterations, bad, "u", "request_rate", &error));
    refused("a key", rivven_quota_alterations_remove(alterations, "user", "u", bad, &error));
    rivven_offsets_free(offsets);
    rivven_fetches_free(fetches);
    rivven_assignments_free(assignments);
    rivven_quota_alterations_free(alterations);
}

static void test_no_place(rivven_client_t *client) {
    const uint32_t partitions[] = {0};
    const uint64_t before[] = {0};
    rivven_offsets_t *offsets = NULL;
    rivven_fetches_t *fetches = NULL;
    refused("for offsets", rivven_offsets_new(NULL, &error));
    refused("for fetches", rivven_fetches_new(NULL, &error));
    refused("for assignments", rivven_assignments_new(NULL, &error));
    refused("for alterations", rivven_quota_alterations_new(NULL, &error));
    succeeds("make offsets", rivven_offsets_new(&offsets, &error));
    succeeds("make fetches", rivven_fetches_new(&fetches, &error));
    refused("for results", rivven_client_commit_offsets_pipelined(client, "g", offsets, NULL, &error));
    refused("for what is fetched", rivven_client_consume_pipelined(client, fetches, NULL, &error));
    refused("for a batch", rivven_client_consume_with_isolation(client, "t", 0, 0, 1, 0, NULL, &error));
    refused("for a batch", rivven_client_consume_read_committed(client, "t", 0, 0, 1, NULL, &error));
    refused("for a batch", rivven_client_consume_long_poll(client, "t", 0, 0, 1, 0, 0, NULL, &error));
    refused("for deletions", rivven_client_delete_records(client, "t", partitions, before, 1, NULL, &error));
    refused("for settings", rivven_client_describe_topic_configs(client, NULL, 0, NULL, &error));
    refused("for groups", rivven_client_list_groups(client, NULL, &error));
    refused("for offsets of a group", rivven_client_describe_group(client, "g", NULL, &error));
    refused("for a membership",
            rivven_client_join_group(client, "g", "", 1, 1, "consumer", NULL, 0, NULL, &error));
    refused("for an assignment", rivven_client_sync_group(client, "g", 0, "m", NULL, NULL, &error));
    refused("for quotas", rivven_client_describe_quotas(client, NULL, NULL, 0, NULL, &error));
    refused("for a cluster", rivven_client_get_cluster_metadata(client, NULL, 0, NULL, &error));
    refused("for a schema", rivven_client_get_schema(client, "http://h", 1, NULL, &error));
    refused("for a schema", rivven_client_get_schema_version(client, "http://h", "s", 1, NULL, &error));
    refused("for statistics", rivven_client_stats(client, NULL, &error));
    rivven_offsets_free(offsets);
    rivven_fetches_free(fetches);
}

/* Every operation that takes the name of a topic, with one that is none. */
static void test_topic_argument(rivven_client_t *client, const char *topic) {
    const char *const names[] = {"t", topic}, *const keys[] = {"retention.ms"}, *const values[] = {"1"};
    rivven_batch_t *batch = NULL;
    rivven_deletions_t *deletions = NULL;
    rivven_topic_configs_t *configs = NULL;
    rivven_cluster_t *cluster = NULL;
    rivven_membership_t *membership = NULL;
    refused("consume_with_isolation", rivven_client_consume_with_isolation(client, topic, 0, 0, 1, 0, &batch, &error));
    refused("consume_read_committed", rivven_client_consume_read_committed(client, topic, 0, 0, 1, &batch, &error));
    refused("consume_long_poll", rivven_client_consume_long_poll(client, topic, 0, 0, 1, 0, 0, &batch, &error));
    refused("create_partitions", rivven_client_create_partitions(client, topic, 2, NULL, &error));
    refused("delete_records", rivven_client_delete_records(client, topic, NULL, NULL, 0, &deletions, &error));
    refused("describe_topic_configs", rivven_client_describe_topic_configs(client, names, 2, &configs, &error));
    refused("alter_topic_config", rivven_client_alter_topic_config(client, topic, keys, values, 1, NULL, &error));
    refused("get_cluster_metadata", rivven_client_get_cluster_metadata(client, names, 2, &cluster, &error));
    refused("commit_offset", rivven_client_commit_offset(client, "g", topic, 0, 0, &error));
    refused("get_offset", rivven_client_get_offset(client, "g", topic, 0, NULL, NULL, &error));
    refused("get_offset_for_timestamp",
            rivven_client_get_offset_for_timestamp(client, topic, 0, 0, NULL, NULL, &error));
    refused("join_group",
            rivven_client_join_group(client, "g", "", 1, 1, "consumer", names, 2, &membership, &error));
    check(!batch && !deletions && !configs && !cluster && !membership, "outputs are untouched");
}

/* Every operation that takes a group or a member, with a string that is none. */
static void test_group_argument(rivven_client_t *client, const char *bad) {
    rivven_offsets_t *offsets = NULL, *described = NULL;
    rivven_results_t *results = NULL;
    rivven_membership_t *membership = NULL;
    rivven_assignment_t *assignment = NULL;
    succeeds("make offsets", rivven_offsets_new(&offsets, &error));
    refused("commit_offset", rivven_client_commit_offset(client, bad, "t", 0, 0, &error));
    refused("commit_offsets_pipelined",
            rivven_client_commit_offsets_pipelined(client, bad, offsets, &results, &error));
    refused("get_offset", rivven_client_get_offset(client, bad, "t", 0, NULL, NULL, &error));
    refused("describe_group", rivven_client_describe_group(client, bad, &described, &error));
    refused("delete_group", rivven_client_delete_group(client, bad, &error));
    refused("join_group", rivven_client_join_group(client, bad, "", 1, 1, "consumer", NULL, 0, &membership, &error));
    refused("join_group of a member", rivven_client_join_group(client, "g", bad, 1, 1, "consumer", NULL, 0, &membership,
                                                               &error));
    refused("join_group of a kind", rivven_client_join_group(client, "g", "", 1, 1, bad, NULL, 0, &membership, &error));
    refused("sync_group", rivven_client_sync_group(client, bad, 0, "m", NULL, &assignment, &error));
    refused("sync_group of a member", rivven_client_sync_group(client, "g", 0, bad, NULL, &assignment, &error));
    refused("heartbeat", rivven_client_heartbeat(client, bad, 0, "m", NULL, &error));
    refused("heartbeat of a member", rivven_client_heartbeat(client, "g", 0, bad, NULL, &error));
    refused("leave_group", rivven_client_leave_group(client, bad, "m", &error));
    refused("leave_group of a member", rivven_client_leave_group(client, "g", bad, &error));
    refused("remove_member", rivven_client_remove_member(client, bad, "m", &error));
    refused("remove_member of a member", rivven_client_remove_member(client, "g", bad, &error));
    check(!described && !results && !membership && !assignment, "outputs are untouched");
    rivven_offsets_free(offsets);
}

/* Every operation on schemas, with a string that is none. */
static void test_schema_argument(rivven_client_t *client, const char *bad) {
    static const char *const url = "http://127.0.0.1:1";
    rivven_schema_t *schema = NULL;
    uint32_t id = 77;
    refused("a URL", rivven_client_register_schema(client, bad, "s", "AVRO", "{}", &id, &error));
    refused("a subject", rivven_client_register_schema(client, url, bad, "AVRO", "{}", &id, &error));
    refused("a type", rivven_client_register_schema(client, url, "s", bad, "{}", &id, &error));
    refused("a schema", rivven_client_register_schema(client, url, "s", "AVRO", bad, &id, &error));
    refused("a URL", rivven_client_get_schema(client, bad, 1, &schema, &error));
    refused("a URL", rivven_client_get_schema_version(client, bad, "s", 1, &schema, &error));
    refused("a subject", rivven_client_get_schema_version(client, url, bad, 1, &schema, &error));
    check(!schema && id == 77, "outputs are untouched");
}

static void test_numbers(rivven_client_t *client) {
    static const char *const url = "http://127.0.0.1:1";
    rivven_batch_t *batch = NULL;
    rivven_membership_t *membership = NULL;
    rivven_schema_t *schema = NULL;
    const int32_t levels[] = {-2, 256, INT32_MIN, INT32_MAX};
    const int64_t times[] = {-1, INT64_C(1) << 32, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        int32_t level = levels[i];
        int64_t time = times[i];
        refused("a level", rivven_client_consume_with_isolation(client, "t", 0, 0, 1, level, &batch, &error));
        refused("a level", rivven_client_consume_long_poll(client, "t", 0, 0, 1, level, 0, &batch, &error));
        refused("a session timeout",
                rivven_client_join_group(client, "g", "", time, 1, "consumer", NULL, 0, &membership, &error));
        refused("a rebalance timeout",
                rivven_client_join_group(client, "g", "", 1, time, "consumer", NULL, 0, &membership, &error));
    }
    refused("a negative wait", rivven_client_consume_long_poll(client, "t", 0, 0, 1, 0, -1, &batch, &error));
    refused("version -2", rivven_client_get_schema_version(client, url, "s", -2, &schema, &error));
    refused("version 2^32", rivven_client_get_schema_version(client, url, "s", INT64_C(1) << 32, &schema, &error));
    check(!batch && !membership && !schema, "outputs are untouched");
}

/* Arrays that are missing or impossibly long. */
static void test_arrays(rivven_client_t *client) {
    const char *const strings[] = {"user"};
    const uint32_t partitions[] = {0};
    const uint64_t before[] = {0};
    rivven_deletions_t *deletions = NULL;
    rivven_topic_configs_t *configs = NULL;
    rivven_membership_t *membership = NULL;
    rivven_quotas_t *quotas = NULL;
    rivven_cluster_t *cluster = NULL;
    const size_t counts[] = {1, SIZE_MAX};
    for (size_t i = 0; i < 2; i++) {
        const char *const *topics = i ? strings : NULL;
        size_t count = counts[i];
        refused("topics to describe", rivven_client_describe_topic_configs(client, topics, count, &configs, &error));
        refused("topics of the cluster", rivven_client_get_cluster_metadata(client, topics, count, &cluster, &error));
        refused("subscriptions",
                rivven_client_join_group(client, "g", "", 1, 1, "consumer", topics, count, &membership, &error));
        refused("keys", rivven_client_alter_topic_config(client, "t", topics, strings, count, NULL, &error));
        refused("types", rivven_client_describe_quotas(client, topics, strings, count, &quotas, &error));
        const uint32_t *numbers = i ? partitions : NULL;
        refused("partitions",
                rivven_client_delete_records(client, "t", numbers, before, count, &deletions, &error));
    }
    const char *const no_text[] = {not_utf8}, *const null[] = {NULL};
    refused("values", rivven_client_alter_topic_config(client, "t", strings, NULL, 1, NULL, &error));
    refused("a value", rivven_client_alter_topic_config(client, "t", strings, no_text, 1, NULL, &error));
    refused("a key", rivven_client_alter_topic_config(client, "t", null, strings, 1, NULL, &error));
    refused("names", rivven_client_describe_quotas(client, strings, NULL, 1, &quotas, &error));
    refused("a name", rivven_client_describe_quotas(client, strings, no_text, 1, &quotas, &error));
    refused("a type", rivven_client_describe_quotas(client, null, strings, 1, &quotas, &error));
    refused("offsets", rivven_client_delete_records(client, "t", partitions, NULL, 1, &deletions, &error));
    check(!deletions && !configs && !membership && !quotas && !cluster, "outputs are untouched");
}

static void test_lists(rivven_client_t *client, void *none) {
    rivven_results_t *results = NULL;
    rivven_fetched_t *fetched = NULL;
    rivven_assignment_t *assignment = NULL;
    refused("no offsets", rivven_client_commit_offsets_pipelined(client, "g", none, &results, &error));
    refused("no fetches", rivven_client_consume_pipelined(client, none, &fetched, &error));
    refused("no alterations", rivven_client_alter_quotas(client, none, NULL, &error));
    /* NULL stands for none there. */
    if (none) refused("no assignments", rivven_client_sync_group(client, "g", 0, "m", none, &assignment, &error));
    check(!results && !fetched && !assignment, "outputs are untouched");
}

/* Without a place for the error there is the code alone. */
static void test_no_error(rivven_client_t *client) {
    check(rivven_offsets_new(NULL, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_offsets_new without error");
    check(rivven_offsets_add(NULL, "t", 0, 0, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_offsets_add");
    check(rivven_results_get(NULL, 0, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_results_get");
    check(rivven_fetched_batch(NULL, 0, NULL, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_fetched_batch");
    check(rivven_client_stats(client, NULL, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_client_stats");
}

int main(void) {
    /* Nothing listens on port 1, and nothing below gets so far. */
    rivven_config_t *config = config_of("127.0.0.1:1", NULL);
    rivven_client_t *client = client_of("127.0.0.1:1", NULL);
    test_none(NULL);
    test_none(config);
    test_fill(NULL);
    test_fill(not_utf8);
    test_no_place(client);
    test_topic_argument(client, NULL);
    test_topic_argument(client, not_utf8);
    test_group_argument(client, NULL);
    test_group_argument(client, not_utf8);
    test_schema_argument(client, NULL);
    test_schema_argument(client, not_utf8);
    test_numbers(client);
    test_arrays(client);
    test_lists(client, NULL);
    test_lists(client, config);
    test_no_error(client);
    succeeds("what was freed as something else lives on", rivven_config_set(config, "client.id", "x", &error));
    rivven_client_free(client);
    rivven_config_free(config);
    return summary();
}
