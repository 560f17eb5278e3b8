/*
 * Settings, offsets, groups, quotas and the rest of what can be asked of a
 * broker, against the real one; functions.c has topics and records.
 */

#include <string.h>

#include "client.h"
#include "every.h"
#include "launch.h"

static const char *const unknown_topic = "no-such-topic";

static bool is(const char *text, const char *wanted) { return text && strcmp(text, wanted) == 0; }

/* Creates a topic with so many records in partition 0. */
static void create_filled(rivven_client_t *client, const char *topic, uint32_t partitions, size_t records) {
    rivven_bytes_t values[8];
    if (records > sizeof values / sizeof *values) give_up("too many records");
    for (size_t i = 0; i < records; i++) values[i] = rivven_bytes_from("v", 1);
    succeeds("create a topic", rivven_client_create_topic(client, topic, partitions, NULL, &error));
    succeeds("fill it", rivven_client_publish_batch(client, topic, 0, NULL, values, records, NULL, NULL, &error));
}

static void test_partitions(rivven_client_t *client) {
    uint32_t created = 77;
    succeeds("create a topic", rivven_client_create_topic(client, "growing", 2, NULL, &error));
    succeeds("create partitions", rivven_client_create_partitions(client, "growing", 5, &created, &error));
    check(created == 5, "the new number comes back");
    succeeds("without wanting the number", rivven_client_create_partitions(client, "growing", 6, NULL, &error));
    created = 77;
    fails("fewer than there are", RIVVEN_CODE_INVALID_PARTITIONS,
          rivven_client_create_partitions(client, "growing", 2, &created, &error));
    fails("of an unknown topic", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION,
          rivven_client_create_partitions(client, unknown_topic, 2, &created, &error));
    check(created == 77, "outputs are untouched on failure");
}

static void test_delete_records(rivven_client_t *client) {
    const uint32_t partitions[] = {0, 1};
    const uint64_t before[] = {3, 99};
    rivven_deletions_t *deletions = NULL;
    uint64_t earliest = 0, latest = 0;
    create_filled(client, "shrinking", 2, 5);
    succeeds("delete records",
             rivven_client_delete_records(client, "shrinking", partitions, before, 2, &deletions, &error));
    check(rivven_deletions_len(deletions) == 2, "each partition has an answer");
    check(rivven_deletions_partition(deletions, 0) == 0 && rivven_deletions_low_watermark(deletions, 0) == 3,
          "the records below the offset are gone");
    check(!rivven_deletions_error(deletions, 0), "without error");
    check(rivven_deletions_partition(deletions, 1) == 1 && rivven_deletions_error(deletions, 1),
          "an offset behind the end is refused: %s", rivven_deletions_error(deletions, 1));
    check(!rivven_deletions_error(deletions, 2) && !rivven_deletions_partition(deletions, SIZE_MAX),
          "there is nothing behind the end");
    rivven_deletions_free(deletions);
    succeeds("offset bounds", rivven_client_get_offset_bounds(client, "shrinking", 0, &earliest, &latest, &error));
    check(earliest == 3 && latest == 5, "are what the answer said");
}

/* The place of a setting of the first topic; SIZE_MAX if it has none of that key. */
static size_t setting(const rivven_topic_configs_t *configs, const char *key) {
    for (size_t i = 0; i < rivven_topic_configs_settings_len(configs, 0); i++) {
        if (is(rivven_topic_configs_key(configs, 0, i), key)) return i;
    }
    return SIZE_MAX;
}

static bool is_sorted(const rivven_topic_configs_t *configs) {
    for (size_t i = 1; i < rivven_topic_configs_settings_len(configs, 0); i++) {
        if (strcmp(rivven_topic_configs_key(configs, 0, i - 1), rivven_topic_configs_key(configs, 0, i)) >= 0) {
            return false;
        }
    }
    return true;
}

static void test_alter_configs(rivven_client_t *client) {
    const char *const keys[] = {"retention.ms", "cleanup.policy"};
    const char *const values[] = {"86400000", "compact"}, *const defaults[] = {"3600000", NULL};
    const char *const bad_keys[] = {"no.such.key"}, *const bad_values[] = {"soon"};
    size_t changed = 77;
    succeeds("create a topic", rivven_client_create_topic(client, "settings", 1, NULL, &error));
    succeeds("alter settings",
             rivven_client_alter_topic_config(client, "settings", keys, values, 2, &changed, &error));
    check(changed == 2, "both are changed");
    succeeds("set one and take one back",
             rivven_client_alter_topic_config(client, "settings", keys, defaults, 2, NULL, &error));
    changed = 77;
    fails("a key that is none", RIVVEN_CODE_INVALID_TOPIC_CONFIG,
          rivven_client_alter_topic_config(client, "settings", bad_keys, values, 1, &changed, &error));
    fails("a value that the key does not take", RIVVEN_CODE_INVALID_TOPIC_CONFIG,
          rivven_client_alter_topic_config(client, "settings", keys, bad_values, 1, &changed, &error));
    fails("of an unknown topic", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION,
          rivven_client_alter_topic_config(client, unknown_topic, keys, values, 2, &changed, &error));
    check(changed == 77, "outputs are untouched on failure");
}

static void test_describe_configs(rivven_client_t *client) {
    const char *const topics[] = {"settings", "growing"};
    rivven_topic_configs_t *configs = NULL;
    succeeds("describe what was altered", rivven_client_describe_topic_configs(client, NULL, 0, &configs, &error));
    check(rivven_topic_configs_len(configs) == 1 && is(rivven_topic_configs_topic(configs, 0), "settings"),
          "it is the only topic with changed settings");
    check(rivven_topic_configs_settings_len(configs, 0) >= 8 && is_sorted(configs), "its settings are sorted");
    size_t retention = setting(configs, "retention.ms"), policy = setting(configs, "cleanup.policy");
    check(is(rivven_topic_configs_value(configs, 0, retention), "3600000"), "what was set is there");
    check(!rivven_topic_configs_is_default(configs, 0, retention), "and is no default");
    check(!rivven_topic_configs_is_read_only(configs, 0, retention), "it can be changed");
    check(!rivven_topic_configs_is_sensitive(configs, 0, retention), "and shown");
    check(is(rivven_topic_configs_value(configs, 0, policy), "delete"), "what was taken back is as before");
    check(rivven_topic_configs_is_default(configs, 0, policy), "and is a default");
    check(!rivven_topic_configs_key(configs, 0, 999) && !rivven_topic_configs_value(configs, 1, 0) &&
              !rivven_topic_configs_topic(configs, 1) && !rivven_topic_configs_settings_len(configs, 1),
          "there is nothing behind the end");
    rivven_topic_configs_free(configs);
    configs = NULL;
    succeeds("describe topics", rivven_client_describe_topic_configs(client, topics, 2, &configs, &error));
    check(rivven_topic_configs_len(configs) == 2 && is(rivven_topic_configs_topic(configs, 0), "growing") &&
              is(rivven_topic_configs_topic(configs, 1), "settings"),
          "both are there, by their names");
    rivven_topic_configs_free(configs);
}

static void test_supported_settings(rivven_client_t *client) {
    static const char *const keys[] = {"retention.ms",   "retention.bytes", "max.message.bytes",   "segment.bytes",
                                       "segment.ms",     "cleanup.policy",  "min.insync.replicas", "compression.type"};
    static const char *const values[] = {"3600000", "1073741824", "1048576", "16777216",
                                         "600000",  "compact",    "1",       "gzip"};
    static const char *const bad[] = {"-5", "-5", "0", "0", "soon", "shred", "0", "zip"};
    const size_t count = sizeof keys / sizeof *keys;
    size_t changed = 0;
    succeeds("create a topic", rivven_client_create_topic(client, "supported", 1, NULL, &error));
    succeeds("alter every setting",
             rivven_client_alter_topic_config(client, "supported", keys, values, count, &changed, &error));
    check(changed == count, "all are changed");
    for (size_t i = 0; i < count; i++) {
        fails(keys[i], RIVVEN_CODE_INVALID_TOPIC_CONFIG,
              rivven_client_alter_topic_config(client, "supported", &keys[i], &bad[i], 1, NULL, &error));
    }
}

static void test_isolation(rivven_client_t *client) {
    rivven_batch_t *batch = NULL;
    create_filled(client, "reading", 2, 3);
    succeeds("consume read committed",
             rivven_client_consume_read_committed(client, "reading", 0, 0, 9, &batch, &error));
    check(rivven_batch_len(batch) == 3, "all records are committed");
    rivven_batch_free(batch);
    for (int32_t level = RIVVEN_ISOLATION_DEFAULT; level <= RIVVEN_ISOLATION_READ_COMMITTED; level++) {
        batch = NULL;
        succeeds("consume at a level",
                 rivven_client_consume_with_isolation(client, "reading", 0, 1, 9, level, &batch, &error));
        check(rivven_batch_len(batch) == 2 && rivven_batch_offset(batch, 0) == 1, "level %d", (int)level);
        rivven_batch_free(batch);
    }
}

static void test_long_poll(rivven_client_t *client) {
    rivven_batch_t *batch = NULL;
    double start = seconds();
    succeeds("wait for a record", rivven_client_consume_long_poll(client, "reading", 0, 3, 9, RIVVEN_ISOLATION_DEFAULT,
                                                                  300, &batch, &error));
    check(rivven_batch_len(batch) == 0 && seconds() - start >= 0.3, "there is none for as long as asked");
    rivven_batch_free(batch);
    batch = NULL;
    succeeds("wait for one that is there",
             rivven_client_consume_long_poll(client, "reading", 0, 2, 9, RIVVEN_ISOLATION_READ_COMMITTED, 20000, &batch,
                                             &error));
    check(rivven_batch_len(batch) == 1, "it comes");
    rivven_batch_free(batch);
}

static void test_consume_pipelined(rivven_client_t *client) {
    rivven_fetches_t *fetches = NULL;
    rivven_fetched_t *fetched = NULL;
    rivven_batch_t *first = NULL, *again = NULL, *none = NULL;
    succeeds("make a list of fetches", rivven_fetches_new(&fetches, &error));
    succeeds("fetch nothing", rivven_client_consume_pipelined(client, fetches, &fetched, &error));
    check(fetched && rivven_fetched_len(fetched) == 0, "nothing comes");
    rivven_fetched_free(fetched);
    succeeds("add a partition", rivven_fetches_add(fetches, "reading", 0, 1, 9, RIVVEN_ISOLATION_DEFAULT, &error));
    succeeds("add an empty one",
             rivven_fetches_add(fetches, "reading", 1, 0, 9, RIVVEN_ISOLATION_READ_COMMITTED, &error));
    succeeds("add one that is none",
             rivven_fetches_add(fetches, unknown_topic, 0, 0, 9, RIVVEN_ISOLATION_DEFAULT, &error));
    succeeds("fetch them", rivven_client_consume_pipelined(client, fetches, &fetched, &error));
    rivven_fetches_free(fetches);
    check(rivven_fetched_len(fetched) == 3, "each has an answer");
    succeeds("the records", rivven_fetched_batch(fetched, 0, &first, &error));
    succeeds("the records again", rivven_fetched_batch(fetched, 0, &again, &error));
    succeeds("the empty batch", rivven_fetched_batch(fetched, 1, &none, &error));
    check(none && rivven_batch_len(none) == 0, "is empty");
    rivven_batch_free(none);
    none = NULL;
    fails("what failed", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION, rivven_fetched_batch(fetched, 2, &none, &error));
    fails("what failed, again", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION,
          rivven_fetched_batch(fetched, 2, &none, &error));
    fails("behind the end", RIVVEN_CODE_INVALID_ARGUMENT, rivven_fetched_batch(fetched, 3, &none, &error));
    check(!none, "outputs are untouched on failure");
    rivven_fetched_free(fetched);
    rivven_batch_free(first);
    check(rivven_batch_len(again) == 2 && rivven_batch_offset(again, 0) == 1 &&
              holds(rivven_batch_value(again, 0), "v", 1),
          "a batch outlives what it was taken from");
    rivven_batch_free(again);
}

static void test_timestamps(rivven_client_t *client) {
    rivven_batch_t *batch = NULL;
    bool found = false;
    uint64_t offset = 77;
    succeeds("consume", rivven_client_consume(client, "reading", 0, 0, 1, &batch, &error));
    int64_t first = rivven_batch_timestamp(batch, 0), day = INT64_C(86400000);
    rivven_batch_free(batch);
    succeeds("the offset for a time",
             rivven_client_get_offset_for_timestamp(client, "reading", 0, first, &found, &offset, &error));
    check(found && offset == 0, "is that of the record");
    offset = 77;
    succeeds("for tomorrow",
             rivven_client_get_offset_for_timestamp(client, "reading", 0, first + day, &found, &offset, &error));
    check(!found && offset == 77, "there is none");
    fails("of an unknown topic", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION,
          rivven_client_get_offset_for_timestamp(client, unknown_topic, 0, 0, &found, &offset, &error));
}

static void test_commit(rivven_client_t *client) {
    bool found = true;
    uint64_t offset = 77;
    succeeds("the offset of a group that has none", rivven_client_get_offset(client, "readers", "reading", 0, &found,
                                                                             &offset, &error));
    check(!found && offset == 77, "there is none");
    succeeds("commit", rivven_client_commit_offset(client, "readers", "reading", 0, 2, &error));
    succeeds("ask for it", rivven_client_get_offset(client, "readers", "reading", 0, &found, &offset, &error));
    check(found && offset == 2, "it is there");
    succeeds("ask whether there is one",
             rivven_client_get_offset(client, "readers", "reading", 0, &found, NULL, &error));
    fails("commit behind the end", RIVVEN_CODE_OFFSET_OUT_OF_RANGE,
          rivven_client_commit_offset(client, "readers", "reading", 0, 99, &error));
    fails("commit for a group that cannot be", RIVVEN_CODE_INVALID_GROUP_ID,
          rivven_client_commit_offset(client, "no spaces", "reading", 0, 0, &error));
    fails("commit for an unknown topic", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION,
          rivven_client_commit_offset(client, "readers", unknown_topic, 0, 0, &error));
}

static void test_commit_pipelined(rivven_client_t *client) {
    rivven_offsets_t *offsets = NULL;
    rivven_results_t *results = NULL;
    succeeds("make a list of offsets", rivven_offsets_new(&offsets, &error));
    succeeds("commit nothing", rivven_client_commit_offsets_pipelined(client, "readers", offsets, &results, &error));
    check(results && rivven_results_len(results) == 0, "nothing comes of it");
    rivven_results_free(results);
    succeeds("add an offset", rivven_offsets_add(offsets, "reading", 1, 0, &error));
    succeeds("add one behind the end", rivven_offsets_add(offsets, "reading", 1, 99, &error));
    succeeds("add another", rivven_offsets_add(offsets, "reading", 0, 3, &error));
    check(rivven_offsets_len(offsets) == 3 && is(rivven_offsets_topic(offsets, 1), "reading") &&
              rivven_offsets_partition(offsets, 1) == 1 && rivven_offsets_offset(offsets, 1) == 99,
          "they stay in their order");
    succeeds("commit them", rivven_client_commit_offsets_pipelined(client, "readers", offsets, &results, &error));
    rivven_offsets_free(offsets);
    check(rivven_results_len(results) == 3, "each has a result");
    succeeds("the first", rivven_results_get(results, 0, &error));
    fails("the second", RIVVEN_CODE_OFFSET_OUT_OF_RANGE, rivven_results_get(results, 1, &error));
    fails("the second, again", RIVVEN_CODE_OFFSET_OUT_OF_RANGE, rivven_results_get(results, 1, &error));
    succeeds("the third", rivven_results_get(results, 2, &error));
    fails("behind the end", RIVVEN_CODE_INVALID_ARGUMENT, rivven_results_get(results, 3, &error));
    check(rivven_results_get(results, 1, NULL) == RIVVEN_CODE_OFFSET_OUT_OF_RANGE, "a result without error");
    rivven_results_free(results);
}

static void test_groups(rivven_client_t *client) {
    rivven_strings_t *groups = NULL;
    rivven_offsets_t *offsets = NULL;
    succeeds("list the groups", rivven_client_list_groups(client, &groups, &error));
    check(rivven_strings_len(groups) == 1 && is(rivven_strings_get(groups, 0), "readers"), "there is the one");
    rivven_strings_free(groups);
    succeeds("describe it", rivven_client_describe_group(client, "readers", &offsets, &error));
    check(rivven_offsets_len(offsets) == 2, "it has committed in two partitions");
    for (uint32_t i = 0; i < 2; i++) {
        check(is(rivven_offsets_topic(offsets, i), "reading") && rivven_offsets_partition(offsets, i) == i &&
                  rivven_offsets_offset(offsets, i) == (i == 0 ? 3 : 0),
              "the offset of partition %u, in order", (unsigned)i);
    }
    check(!rivven_offsets_topic(offsets, 2) && !rivven_offsets_offset(offsets, SIZE_MAX),
          "there is nothing behind the end");
    rivven_offsets_free(offsets);
    offsets = NULL;
    succeeds("delete the group", rivven_client_delete_group(client, "readers", &error));
    fails("delete it again", RIVVEN_CODE_GROUP_NOT_FOUND, rivven_client_delete_group(client, "readers", &error));
    fails("describe it", RIVVEN_CODE_GROUP_NOT_FOUND,
          rivven_client_describe_group(client, "readers", &offsets, &error));
    check(!offsets, "outputs are untouched on failure");
}

static bool is_unknown_group(rivven_code code) {
    return code == RIVVEN_CODE_UNKNOWN_GROUP || code == RIVVEN_CODE_UNKNOWN_MEMBER_ID;
}

/* The steps of membership before there is one. */
static void test_wrong_order(rivven_client_t *client) {
    rivven_assignment_t *assignment = NULL;
    int32_t status = 77;
    fails("sync before joining", RIVVEN_CODE_UNKNOWN_GROUP,
          rivven_client_sync_group(client, "strangers", 0, "nobody", NULL, &assignment, &error));
    fails("a heartbeat before joining", RIVVEN_CODE_UNKNOWN_GROUP,
          rivven_client_heartbeat(client, "strangers", 0, "nobody", &status, &error));
    check(is_unknown_group(rivven_client_leave_group(client, "strangers", "nobody", NULL)), "leave before joining");
    check(is_unknown_group(rivven_client_remove_member(client, "strangers", "nobody", NULL)), "remove before joining");
    check(!assignment && status == 77, "outputs are untouched on failure");
}

static rivven_membership_t *join(rivven_client_t *client, const char *member) {
    const char *const topics[] = {"reading", "growing"};
    rivven_membership_t *membership = NULL;
    succeeds("join", rivven_client_join_group(client, "team", member, 10000, 30000, "consumer", topics, 2, &membership,
                                              &error));
    return membership;
}

static void check_membership(const rivven_membership_t *membership) {
    const char *member = rivven_membership_member_id(membership);
    check(rivven_membership_generation(membership) == 0, "the first generation");
    check(is(rivven_membership_protocol_type(membership), "consumer"), "the kind of group");
    check(member && *member && is(rivven_membership_leader_id(membership), member), "the first member leads");
    check(rivven_membership_members_len(membership) == 1 && is(rivven_membership_member(membership, 0), member),
          "it is the only one");
    check(rivven_membership_subscriptions_len(membership, 0) == 2 &&
              is(rivven_membership_subscription(membership, 0, 0), "reading") &&
              is(rivven_membership_subscription(membership, 0, 1), "growing"),
          "its subscriptions are there");
    check(!rivven_membership_member(membership, 1) && !rivven_membership_subscription(membership, 0, 2) &&
              !rivven_membership_subscription(membership, 1, 0) && !rivven_membership_subscriptions_len(membership, 1),
          "there is nothing behind the end");
}

/* The place of a topic, which the broker puts in no order; SIZE_MAX if it is not there. */
static size_t assigned(const rivven_assignment_t *assignment, const char *topic) {
    for (size_t i = 0; i < rivven_assignment_len(assignment); i++) {
        if (is(rivven_assignment_topic(assignment, i), topic)) return i;
    }
    return SIZE_MAX;
}

static void check_assignment(const rivven_assignment_t *assignment) {
    size_t reading = assigned(assignment, "reading"), growing = assigned(assignment, "growing");
    check(rivven_assignment_len(assignment) == 2, "it has two topics");
    check(rivven_assignment_partitions_len(assignment, reading) == 2 &&
              rivven_assignment_partition(assignment, reading, 0) == 1 &&
              rivven_assignment_partition(assignment, reading, 1) == 0,
          "one with two partitions, in their order");
    check(rivven_assignment_partitions_len(assignment, growing) == 1 &&
              rivven_assignment_partition(assignment, growing, 0) == 4,
          "the other with one");
    check(!rivven_assignment_topic(assignment, 2) && !rivven_assignment_partitions_len(assignment, 2) &&
              !rivven_assignment_partition(assignment, 2, 0) &&
              !rivven_assignment_partition(assignment, reading, 2),
          "there is nothing behind the end");
}

static void test_sync(rivven_client_t *client, const char *leader, const char *idle) {
    rivven_assignments_t *assignments = NULL;
    rivven_assignment_t *assignment = NULL;
    succeeds("make assignments", rivven_assignments_new(&assignments, &error));
    succeeds("a partition", rivven_assignments_add(assignments, leader, "reading", 1, &error));
    succeeds("of another topic", rivven_assignments_add(assignments, leader, "growing", 4, &error));
    succeeds("of the first again", rivven_assignments_add(assignments, leader, "reading", 0, &error));
    succeeds("a member without partitions", rivven_assignments_add_member(assignments, idle, &error));
    succeeds("a member that is there", rivven_assignments_add_member(assignments, leader, &error));
    succeeds("the leader hands them in",
             rivven_client_sync_group(client, "team", 0, leader, assignments, &assignment, &error));
    check_assignment(assignment);
    rivven_assignment_free(assignment);
    assignment = NULL;
    succeeds("the other asks", rivven_client_sync_group(client, "team", 0, idle, NULL, &assignment, &error));
    check(assignment && rivven_assignment_len(assignment) == 0, "and has none");
    rivven_assignment_free(assignment);
    assignment = NULL;
    succeeds("add a stranger", rivven_assignments_add_member(assignments, "stranger", &error));
    fails("hand in for a stranger", RIVVEN_CODE_INCONSISTENT_GROUP_PROTOCOL,
          rivven_client_sync_group(client, "team", 0, leader, assignments, &assignment, &error));
    check(!assignment, "outputs are untouched on failure");
    rivven_assignments_free(assignments);
}

static void test_membership(rivven_client_t *client) {
    rivven_membership_t *first = join(client, "");
    int32_t status = 77;
    check_membership(first);
    const char *leader = rivven_membership_member_id(first);
    succeeds("a heartbeat", rivven_client_heartbeat(client, "team", 0, leader, &status, &error));
    check(status == 27, "says that the leader has not synced");
    rivven_membership_t *second = join(client, "");
    const char *idle = rivven_membership_member_id(second);
    check(rivven_membership_members_len(second) == 2 && is(rivven_membership_leader_id(second), leader),
          "another member sees the first");
    test_sync(client, leader, idle);
    succeeds("a heartbeat", rivven_client_heartbeat(client, "team", 0, leader, &status, &error));
    check(status == 0, "says that the group is stable");
    succeeds("without wanting the status", rivven_client_heartbeat(client, "team", 0, idle, NULL, &error));
    fails("of another generation", RIVVEN_CODE_ILLEGAL_GENERATION,
          rivven_client_heartbeat(client, "team", 9, leader, &status, &error));
    succeeds("remove a member", rivven_client_remove_member(client, "team", idle, &error));
    fails("remove it again", RIVVEN_CODE_UNKNOWN_MEMBER_ID, rivven_client_remove_member(client, "team", idle, &error));
    succeeds("leave", rivven_client_leave_group(client, "team", leader, &error));
    check(is_unknown_group(rivven_client_leave_group(client, "team", leader, NULL)), "leave again");
    rivven_membership_free(first);
    rivven_membership_free(second);
}

/* The quotas of an entity, which has to be the only one that comes. */
static rivven_quotas_t *quotas_of(rivven_client_t *client, const char *type, const char *name) {
    rivven_quotas_t *quotas = NULL;
    succeeds("describe quotas", rivven_client_describe_quotas(client, &type, &name, 1, &quotas, &error));
    const char *entity = rivven_quotas_entity_name(quotas, 0);
    check(rivven_quotas_len(quotas) == 1 && is(rivven_quotas_entity_type(quotas, 0), type) &&
              (name ? is(entity, name) : !entity),
          "the entity is described");
    return quotas;
}

/* A quota of an entity; 0 if it has none of that key. */
static uint64_t quota(const rivven_quotas_t *quotas, size_t entity, const char *key) {
    for (size_t i = 0; i < rivven_quotas_quotas_len(quotas, entity); i++) {
        if (is(rivven_quotas_key(quotas, entity, i), key)) return rivven_quotas_value(quotas, entity, i);
    }
    return 0;
}

static void test_alter_quotas(rivven_client_t *client) {
    rivven_quota_alterations_t *list = NULL;
    size_t altered = 77;
    succeeds("make a list of alterations", rivven_quota_alterations_new(&list, &error));
    succeeds("set one", rivven_quota_alterations_set(list, "user", "alice", "produce_bytes_rate", 1000000, &error));
    succeeds("set another", rivven_quota_alterations_set(list, "user", "alice", "consume_bytes_rate", 7, &error));
    succeeds("set a default", rivven_quota_alterations_set(list, "user", NULL, "request_rate", 50, &error));
    succeeds("set what is none", rivven_quota_alterations_set(list, "user", "alice", "no_such_key", 1, &error));
    succeeds("alter them", rivven_client_alter_quotas(client, list, &altered, &error));
    check(altered == 3, "the broker passes over what it does not know");
    rivven_quota_alterations_free(list);
    succeeds("make a list of alterations", rivven_quota_alterations_new(&list, &error));
    succeeds("remove one", rivven_quota_alterations_remove(list, "user", "alice", "consume_bytes_rate", &error));
    succeeds("alter it", rivven_client_alter_quotas(client, list, NULL, &error));
    rivven_quota_alterations_free(list);
}

static void test_describe_quotas(rivven_client_t *client) {
    rivven_quotas_t *quotas = quotas_of(client, "user", "alice");
    check(quota(quotas, 0, "produce_bytes_rate") == 1000000, "what was set is there");
    check(quota(quotas, 0, "consume_bytes_rate") != 7, "what was removed is gone, or back at its default");
    size_t count = rivven_quotas_quotas_len(quotas, 0);
    for (size_t i = 1; i < count; i++) {
        check(strcmp(rivven_quotas_key(quotas, 0, i - 1), rivven_quotas_key(quotas, 0, i)) < 0, "the keys are sorted");
    }
    check(!rivven_quotas_entity_type(quotas, 1) && !rivven_quotas_key(quotas, 0, count) &&
              !rivven_quotas_value(quotas, 1, 0) && !rivven_quotas_quotas_len(quotas, 1),
          "there is nothing behind the end");
    rivven_quotas_free(quotas);
    quotas = quotas_of(client, "user", NULL);
    check(rivven_quotas_quotas_len(quotas, 0) > 0, "the default of a type has quotas");
    rivven_quotas_free(quotas);
    quotas = NULL;
    /* Asked for by its type alone, the broker gives its own default, not what was set. */
    succeeds("describe all quotas", rivven_client_describe_quotas(client, NULL, NULL, 0, &quotas, &error));
    check(rivven_quotas_len(quotas) == 2, "both entities are described");
    size_t nameless = rivven_quotas_entity_name(quotas, 0) ? 1 : 0;
    check(!rivven_quotas_entity_name(quotas, nameless) && is(rivven_quotas_entity_type(quotas, nameless), "user") &&
              quota(quotas, nameless, "request_rate") == 50,
          "what was set without a name is there");
    check(is(rivven_quotas_entity_name(quotas, 1 - nameless), "alice"), "beside what was set with one");
    rivven_quotas_free(quotas);
}

static void test_cluster(rivven_client_t *client, const char *address) {
    const char *const topics[] = {"reading"};
    char dialled[128];
    rivven_cluster_t *cluster = NULL;
    succeeds("the cluster", rivven_client_get_cluster_metadata(client, NULL, 0, &cluster, &error));
    check(rivven_cluster_brokers_len(cluster) == 1, "it has one broker");
    check(rivven_cluster_controller_id(cluster) &&
              is(rivven_cluster_broker_id(cluster, 0), rivven_cluster_controller_id(cluster)),
          "which controls it");
    snprintf(dialled, sizeof dialled, "%s:%u", rivven_cluster_broker_host(cluster, 0),
             (unsigned)rivven_cluster_broker_port(cluster, 0));
    check(is(address, dialled), "and is where it was dialled");
    check(!rivven_cluster_broker_rack(cluster, 0), "in no rack");
    check(rivven_cluster_topics_len(cluster) == 0, "a standalone broker names no topics");
    check(!rivven_cluster_broker_id(cluster, 1) && !rivven_cluster_broker_port(cluster, 1) &&
              !rivven_cluster_topic_name(cluster, 0) && !rivven_cluster_partitions_len(cluster, 0) &&
              !rivven_cluster_partition_leader(cluster, 0, 0) && !rivven_cluster_replica(cluster, 0, 0, 0),
          "there is nothing behind the end");
    rivven_cluster_free(cluster);
    cluster = NULL;
    succeeds("the cluster, of a topic", rivven_client_get_cluster_metadata(client, topics, 1, &cluster, &error));
    check(rivven_cluster_brokers_len(cluster) == 1, "it has the broker all the same");
    rivven_cluster_free(cluster);
}

static void test_stats(rivven_client_t *client, const char *address) {
    rivven_stats_t *stats = NULL;
    succeeds("statistics", rivven_client_stats(client, &stats, &error));
    check(rivven_stats_total_servers(stats) == 1 && rivven_stats_servers_len(stats) == 1, "there is one server");
    check(is(rivven_stats_server_address(stats, 0), address), "it has its address");
    check(rivven_stats_server_circuit_state(stats, 0) == RIVVEN_CIRCUIT_STATE_CLOSED, "it works");
    check(!rivven_stats_server_last_error(stats, 0), "and did not fail");
    check(!rivven_stats_server_address(stats, 1) && !rivven_stats_server_last_error(stats, 1),
          "there is nothing behind the end");
    rivven_stats_free(stats);
}

/* Statistics come without a connection; they name every server that is configured. */
static void test_stats_of_many(void) {
    rivven_client_t *client = client_of("127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", NULL);
    rivven_stats_t *stats = NULL;
    succeeds("statistics without a connection", rivven_client_stats(client, &stats, &error));
    check(rivven_stats_total_servers(stats) == 3, "all servers are counted");
    rivven_stats_free(stats);
    rivven_client_free(client);
}

/* A producer with a transaction that is open when the client is closed. */
static rivven_producer_state_t *begin(rivven_client_t *client) {
    rivven_producer_state_t *state = NULL;
    rivven_partitions_t *partitions = NULL;
    succeeds("make a list of partitions", rivven_partitions_new(&partitions, &error));
    succeeds("add one", rivven_partitions_add(partitions, "t", 0, &error));
    succeeds("a producer", rivven_client_init_producer_id(client, NULL, &state, &error));
    succeeds("begin", rivven_client_begin_transaction(client, "x", state, -1, &error));
    succeeds("add it", rivven_client_add_partitions_to_txn(client, "x", state, partitions, NULL, &error));
    rivven_partitions_free(partitions);
    return state;
}

/* covers: F010 c, F034 c, F039 c, F104 c, F105 c, F106 c, F107 c, F108 c, F109 c, F110 c, F111 c */
int main(void) {
    struct server broker = start_broker();
    rivven_client_t *client = connected_client(broker.address);
    test_partitions(client);
    test_delete_records(client);
    test_alter_configs(client);
    test_describe_configs(client);
    test_supported_settings(client);
    test_isolation(client);
    test_long_poll(client);
    test_consume_pipelined(client);
    test_timestamps(client);
    test_commit(client);
    test_commit_pipelined(client);
    test_groups(client);
    test_wrong_order(client);
    test_membership(client);
    test_alter_quotas(client);
    test_describe_quotas(client);
    test_cluster(client, broker.address);
    test_stats(client, broker.address);
    test_stats_of_many();
    rivven_producer_state_t *state = begin(client);
    succeeds("close", rivven_client_close(client, -1, &error));
    every_operation_fails(client, state, RIVVEN_CODE_CLOSED);
    rivven_producer_state_free(state);
    rivven_client_free(client);
    stop_server(&broker);
    return summary();
}
