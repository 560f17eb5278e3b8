/*
 * Every operation of a client, with arguments that are fine, where it is to fail.
 *
 * A test of rivven-ffi compares this file with the list of what every language offers.
 */

#ifndef EVERY_H
#define EVERY_H

#include "client.h"

/* Appending and reading. */
static inline void records_fail(rivven_client_t *client, rivven_code wanted) {
    const rivven_bytes_t value = rivven_bytes_from("v", 1);
    rivven_record_metadata_t *metadata = NULL;
    rivven_batch_t *batch = NULL;
    rivven_fetches_t *fetches = NULL;
    rivven_fetched_t *fetched = NULL;
    uint64_t offset = 77;
    uint32_t number = 77;
    fails("publish", wanted, rivven_client_publish(client, "t", value, &offset, &number, &error));
    fails("publish_with_key", wanted,
          rivven_client_publish_with_key(client, "t", value, value, &offset, &number, &error));
    fails("publish_to_partition", wanted,
          rivven_client_publish_to_partition(client, "t", 0, value, value, &offset, &error));
    fails("publish_with_metadata", wanted,
          rivven_client_publish_with_metadata(client, "t", 0, value, value, &metadata, &error));
    fails("publish_batch", wanted,
          rivven_client_publish_batch(client, "t", 0, NULL, &value, 1, &offset, &number, &error));
    fails("consume", wanted, rivven_client_consume(client, "t", 0, 0, 1, &batch, &error));
    fails("consume_with_isolation", wanted,
          rivven_client_consume_with_isolation(client, "t", 0, 0, 1, RIVVEN_ISOLATION_DEFAULT, &batch, &error));
    fails("consume_read_committed", wanted,
          rivven_client_consume_read_committed(client, "t", 0, 0, 1, &batch, &error));
    fails("consume_long_poll", wanted,
          rivven_client_consume_long_poll(client, "t", 0, 0, 1, RIVVEN_ISOLATION_DEFAULT, 0, &batch, &error));
    if (rivven_fetches_new(&fetches, NULL) ||
        rivven_fetches_add(fetches, "t", 0, 0, 1, RIVVEN_ISOLATION_DEFAULT, NULL)) {
        give_up("rivven_fetches_add");
    }
    fails("consume_pipelined", wanted, rivven_client_consume_pipelined(client, fetches, &fetched, &error));
    rivven_fetches_free(fetches);
    check(!metadata && !batch && !fetched && offset == 77 && number == 77, "outputs are untouched");
}

/* Topics and their settings. */
static inline void topics_fail(rivven_client_t *client, rivven_code wanted) {
    const char *const topics[] = {"t"}, *const keys[] = {"retention.ms"}, *const values[] = {"1000"};
    const uint32_t partitions[] = {0};
    const uint64_t offsets[] = {0};
    rivven_strings_t *names = NULL;
    rivven_deletions_t *deletions = NULL;
    rivven_topic_configs_t *configs = NULL;
    uint32_t number = 77;
    size_t changed = 77;
    fails("create_topic", wanted, rivven_client_create_topic(client, "u", 1, &number, &error));
    fails("list_topics", wanted, rivven_client_list_topics(client, &names, &error));
    fails("delete_topic", wanted, rivven_client_delete_topic(client, "t", &error));
    fails("get_metadata", wanted, rivven_client_get_metadata(client, "t", &number, &error));
    fails("create_partitions", wanted, rivven_client_create_partitions(client, "t", 9, &number, &error));
    fails("delete_records", wanted,
          rivven_client_delete_records(client, "t", partitions, offsets, 1, &deletions, &error));
    fails("describe_topic_configs", wanted,
          rivven_client_describe_topic_configs(client, topics, 1, &configs, &error));
    fails("alter_topic_config", wanted,
          rivven_client_alter_topic_config(client, "t", keys, values, 1, &changed, &error));
    check(!names && !deletions && !configs && number == 77 && changed == 77, "outputs are untouched");
}

/* Offsets. */
static inline void offsets_fail(rivven_client_t *client, rivven_code wanted) {
    rivven_offsets_t *offsets = NULL;
    rivven_results_t *results = NULL;
    uint64_t offset = 77;
    bool found = true;
    fails("commit_offset", wanted, rivven_client_commit_offset(client, "g", "t", 0, 0, &error));
    fails("get_offset", wanted, rivven_client_get_offset(client, "g", "t", 0, &found, &offset, &error));
    fails("get_offset_bounds", wanted, rivven_client_get_offset_bounds(client, "t", 0, &offset, &offset, &error));
    fails("get_offset_for_timestamp", wanted,
          rivven_client_get_offset_for_timestamp(client, "t", 0, 0, &found, &offset, &error));
    if (rivven_offsets_new(&offsets, NULL) || rivven_offsets_add(offsets, "t", 0, 0, NULL)) {
        give_up("rivven_offsets_add");
    }
    fails("commit_offsets_pipelined", wanted,
          rivven_client_commit_offsets_pipelined(client, "g", offsets, &results, &error));
    rivven_offsets_free(offsets);
    check(!results && found && offset == 77, "outputs are untouched");
}

/* Groups. */
static inline void groups_fail(rivven_client_t *client, rivven_code wanted) {
    const char *const topics[] = {"t"};
    rivven_strings_t *groups = NULL;
    rivven_offsets_t *offsets = NULL;
    rivven_membership_t *membership = NULL;
    rivven_assignment_t *assignment = NULL;
    int32_t status = 77;
    fails("list_groups", wanted, rivven_client_list_groups(client, &groups, &error));
    fails("describe_group", wanted, rivven_client_describe_group(client, "g", &offsets, &error));
    fails("delete_group", wanted, rivven_client_delete_group(client, "g", &error));
    fails("join_group", wanted,
          rivven_client_join_group(client, "g", "", 10000, 30000, "consumer", topics, 1, &membership, &error));
    fails("sync_group", wanted, rivven_client_sync_group(client, "g", 0, "m", NULL, &assignment, &error));
    fails("heartbeat", wanted, rivven_client_heartbeat(client, "g", 0, "m", &status, &error));
    fails("leave_group", wanted, rivven_client_leave_group(client, "g", "m", &error));
    fails("remove_member", wanted, rivven_client_remove_member(client, "g", "m", &error));
    check(!groups && !offsets && !membership && !assignment && status == 77, "outputs are untouched");
}

/* Publishing once and in transactions; the state has the transaction "x" open, with partition 0 of "t" added. */
static inline void transactions_fail(rivven_client_t *client, rivven_producer_state_t *state, rivven_code wanted) {
    const rivven_bytes_t value = rivven_bytes_from("v", 1);
    rivven_partitions_t *partitions = NULL;
    rivven_offsets_t *offsets = NULL;
    rivven_producer_state_t *made = NULL;
    uint64_t offset = 77;
    uint32_t number = 77;
    int32_t sequence = 77;
    size_t count = 77;
    bool duplicate = true;
    if (rivven_partitions_new(&partitions, NULL) || rivven_partitions_add(partitions, "t", 0, NULL) ||
        rivven_offsets_new(&offsets, NULL) || rivven_offsets_add(offsets, "t", 0, 0, NULL)) {
        give_up("lists");
    }
    fails("init_producer_id", wanted, rivven_client_init_producer_id(client, NULL, &made, &error));
    fails("publish_idempotent", wanted,
          rivven_client_publish_idempotent(client, "t", 0, value, value, state, &offset, &number, &duplicate, &error));
    fails("begin_transaction", wanted, rivven_client_begin_transaction(client, "y", state, -1, &error));
    fails("add_partitions_to_txn", wanted,
          rivven_client_add_partitions_to_txn(client, "x", state, partitions, &count, &error));
    fails("publish_transactional", wanted,
          rivven_client_publish_transactional(client, "x", "t", 0, value, value, state, &offset, &number, &sequence,
                                              &error));
    fails("add_offsets_to_txn", wanted, rivven_client_add_offsets_to_txn(client, "x", state, "g", offsets, &error));
    fails("commit_transaction", wanted, rivven_client_commit_transaction(client, "x", state, &error));
    fails("abort_transaction", wanted, rivven_client_abort_transaction(client, "x", state, &error));
    rivven_partitions_free(partitions);
    rivven_offsets_free(offsets);
    check(!made && offset == 77 && number == 77 && sequence == 77 && count == 77 && duplicate,
          "outputs are untouched");
}

/* Everything else. */
static inline void rest_fails(rivven_client_t *client, rivven_code wanted) {
    static const char *const url = "http://127.0.0.1:1";
    rivven_session_t *session = NULL;
    rivven_quotas_t *quotas = NULL;
    rivven_quota_alterations_t *alterations = NULL;
    rivven_cluster_t *cluster = NULL;
    rivven_schema_t *schema = NULL;
    rivven_stats_t *stats = NULL;
    size_t altered = 77;
    uint32_t id = 77;
    fails("ping", wanted, rivven_client_ping(client, &error));
    fails("authenticate", wanted, rivven_client_authenticate(client, "u", "p", &session, &error));
    fails("authenticate_scram", wanted, rivven_client_authenticate_scram(client, "u", "p", &session, &error));
    fails("describe_quotas", wanted, rivven_client_describe_quotas(client, NULL, NULL, 0, &quotas, &error));
    if (rivven_quota_alterations_new(&alterations, NULL)) give_up("rivven_quota_alterations_new");
    fails("alter_quotas", wanted, rivven_client_alter_quotas(client, alterations, &altered, &error));
    rivven_quota_alterations_free(alterations);
    fails("get_cluster_metadata", wanted, rivven_client_get_cluster_metadata(client, NULL, 0, &cluster, &error));
    fails("register_schema", wanted, rivven_client_register_schema(client, url, "s", "AVRO", "{}", &id, &error));
    fails("get_schema", wanted, rivven_client_get_schema(client, url, 1, &schema, &error));
    fails("get_schema_version", wanted,
          rivven_client_get_schema_version(client, url, "s", RIVVEN_SCHEMA_VERSION_LATEST, &schema, &error));
    fails("stats", wanted, rivven_client_stats(client, &stats, &error));
    check(!session && !quotas && !cluster && !schema && !stats && altered == 77 && id == 77, "outputs are untouched");
}

/* Checks that every operation but closing fails with a code and leaves its outputs alone; the state is as above. */
static inline void every_operation_fails(rivven_client_t *client, rivven_producer_state_t *state, rivven_code wanted) {
    rest_fails(client, wanted);
    topics_fail(client, wanted);
    records_fail(client, wanted);
    offsets_fail(client, wanted);
    groups_fail(client, wanted);
    transactions_fail(client, state, wanted);
}

#endif
