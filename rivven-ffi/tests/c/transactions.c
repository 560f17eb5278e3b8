/*
 * Publishing once, and in transactions: what is committed counts, what is
 * aborted does not, and every misuse says what it is.
 */

#include <string.h>

#include "client.h"
#include "launch.h"

static const rivven_bytes_t no_key = {NULL, 0};

static struct server broker;

static void refused(const char *what, rivven_code code) { fails(what, RIVVEN_CODE_INVALID_ARGUMENT, code); }

static void create(rivven_client_t *client, const char *topic, uint32_t partitions) {
    succeeds("create a topic", rivven_client_create_topic(client, topic, partitions, NULL, &error));
}

static rivven_producer_state_t *new_state(rivven_client_t *client) {
    rivven_producer_state_t *state = NULL;
    succeeds("a producer", rivven_client_init_producer_id(client, NULL, &state, &error));
    return state;
}

/* How many records of a partition are shown to those who read what is committed. */
static size_t committed(rivven_client_t *client, const char *topic, uint32_t partition) {
    rivven_batch_t *batch = NULL;
    succeeds("read what is committed",
             rivven_client_consume_read_committed(client, topic, partition, 0, 1000, &batch, &error));
    size_t count = rivven_batch_len(batch);
    rivven_batch_free(batch);
    return count;
}

/* The offset of a group in partition 0 of a topic; UINT64_MAX if it has none. */
static uint64_t offset_of(rivven_client_t *client, const char *group, const char *topic) {
    bool found = false;
    uint64_t offset = 0;
    succeeds("the offset of the group", rivven_client_get_offset(client, group, topic, 0, &found, &offset, &error));
    return found ? offset : UINT64_MAX;
}

/* Adds a partition to the transaction. */
static rivven_code add(rivven_client_t *client, const char *txn_id, const rivven_producer_state_t *state,
                       const char *topic, uint32_t partition) {
    rivven_partitions_t *partitions = NULL;
    if (rivven_partitions_new(&partitions, NULL) || rivven_partitions_add(partitions, topic, partition, NULL)) {
        give_up("rivven_partitions_add");
    }
    rivven_code code = rivven_client_add_partitions_to_txn(client, txn_id, state, partitions, NULL, &error);
    rivven_partitions_free(partitions);
    return code;
}

/* Adds the next offset of partition 0 of a topic to the transaction. */
static rivven_code add_offset(rivven_client_t *client, const char *txn_id, const rivven_producer_state_t *state,
                              const char *group, const char *topic, uint64_t offset) {
    rivven_offsets_t *offsets = NULL;
    if (rivven_offsets_new(&offsets, NULL) || rivven_offsets_add(offsets, topic, 0, offset, NULL)) {
        give_up("rivven_offsets_add");
    }
    rivven_code code = rivven_client_add_offsets_to_txn(client, txn_id, state, group, offsets, &error);
    rivven_offsets_free(offsets);
    return code;
}

static rivven_code publish(rivven_client_t *client, const char *txn_id, const char *topic, const char *key,
                           rivven_producer_state_t *state, uint32_t *written_to, int32_t *sequence) {
    return rivven_client_publish_transactional(client, txn_id, topic, RIVVEN_PARTITION_ANY,
                                               rivven_bytes_from_string(key), rivven_bytes_from("v", 1), state, NULL,
                                               written_to, sequence, &error);
}

/* A record, by its key or without one, to a partition of the client's choice. */
static rivven_code publish_once(rivven_client_t *client, const char *topic, const char *key, const char *value,
                                rivven_producer_state_t *state) {
    return rivven_client_publish_idempotent(client, topic, RIVVEN_PARTITION_ANY, rivven_bytes_from_string(key),
                                            rivven_bytes_from_string(value), state, NULL, NULL, NULL, &error);
}

static void test_identity(rivven_client_t *client) {
    rivven_producer_state_t *state = new_state(client), *other = new_state(client), *again = NULL;
    uint64_t id = rivven_producer_state_producer_id(state);
    check(id && id != rivven_producer_state_producer_id(other), "each producer has an identity");
    check(rivven_producer_state_producer_epoch(state) == 0 && rivven_producer_state_next_sequence(state) == 0,
          "which begins");
    succeeds("take it over", rivven_client_init_producer_id(client, &id, &again, &error));
    check(rivven_producer_state_producer_id(again) == id && rivven_producer_state_producer_epoch(again) == 1,
          "its epoch rises");
    create(client, "identities", 1);
    fails("the one before", RIVVEN_CODE_PRODUCER_FENCED, publish_once(client, "identities", NULL, "v", state));
    succeeds("the new one", publish_once(client, "identities", NULL, "v", again));
    rivven_producer_state_free(state);
    rivven_producer_state_free(other);
    rivven_producer_state_free(again);
}

/* Records are counted by partition number, whatever the topic. */
static void test_idempotent(rivven_client_t *client) {
    rivven_producer_state_t *state = new_state(client);
    const rivven_bytes_t value = rivven_bytes_from("v", 1), key = rivven_bytes_from_string("user-123");
    uint64_t offset = 77;
    uint32_t partition = 77;
    bool duplicate = true;
    create(client, "one", 1);
    create(client, "three", 3);
    succeeds("publish", rivven_client_publish_idempotent(client, "one", RIVVEN_PARTITION_ANY, no_key, value, state,
                                                         &offset, &partition, &duplicate, &error));
    check(offset == 0 && partition == 0 && !duplicate, "the record is new");
    check(rivven_producer_state_next_sequence(state) == 1, "it is counted");
    succeeds("publish elsewhere", rivven_client_publish_idempotent(client, "three", RIVVEN_PARTITION_ANY, no_key, value,
                                                                   state, &offset, &partition, &duplicate, &error));
    check(offset == 0 && partition == 1 && !duplicate, "where the producer has fewest records");
    succeeds("publish by key", rivven_client_publish_idempotent(client, "three", RIVVEN_PARTITION_ANY, key, value,
                                                                state, &offset, &partition, &duplicate, &error));
    check(offset == 0 && partition == 2, "the key decides");
    succeeds("publish to a partition", rivven_client_publish_idempotent(client, "three", 0, key, value, state, &offset,
                                                                        &partition, &duplicate, &error));
    check(offset == 0 && partition == 0 && !duplicate && rivven_producer_state_next_sequence(state) == 2,
          "the caller decides");
    succeeds("publish to an unknown topic", publish_once(client, "made-by-it", NULL, "v", state));
    fails("to a partition that is none", RIVVEN_CODE_INVALID_PARTITION,
          rivven_client_publish_idempotent(client, "one", 7, key, value, state, NULL, NULL, NULL, &error));
    fails("to a topic that cannot be", RIVVEN_CODE_INVALID_TOPIC, publish_once(client, "no name", NULL, "v", state));
    rivven_producer_state_free(state);
}

/* How often a value is in a partition that nobody deletes from. */
static size_t times(rivven_client_t *client, const char *topic, const char *value) {
    rivven_batch_t *batch = NULL;
    size_t count = 0;
    succeeds("read", rivven_client_consume(client, topic, 0, 0, 1000, &batch, &error));
    for (size_t i = 0; i < rivven_batch_len(batch); i++) {
        count += holds(rivven_batch_value(batch, i), value, strlen(value));
    }
    rivven_batch_free(batch);
    return count;
}

/* What became of the record is found out by publishing it again; another one has to wait for that. */
static void publish_again(rivven_client_t *client, rivven_producer_state_t *state) {
    const rivven_bytes_t second = rivven_bytes_from_string("second");
    uint64_t offset = 77;
    bool duplicate = false;
    rivven_code code = publish_once(client, "t", NULL, "second", state);
    check(rivven_error_outcome(error) == RIVVEN_OUTCOME_UNKNOWN, "nobody knows what became of it");
    fails("publish without an answer", RIVVEN_CODE_TIMED_OUT, code);
    fails("publish another", RIVVEN_CODE_INVALID_STATE, publish_once(client, "t", NULL, "third", state));
    succeeds("publish the same", rivven_client_publish_idempotent(client, "t", RIVVEN_PARTITION_ANY, no_key, second,
                                                                  state, &offset, NULL, &duplicate, &error));
    check(offset == 1 && duplicate, "the broker had it already");
    succeeds("publish another", publish_once(client, "t", NULL, "third", state));
    check(times(client, "t", "second") == 1 && times(client, "t", "third") == 1, "each is there once");
}

/* The identity is given up with a record; the next publish takes another. */
static void abandon(rivven_client_t *client, rivven_producer_state_t *state) {
    uint64_t id = rivven_producer_state_producer_id(state);
    fails("publish without an answer", RIVVEN_CODE_TIMED_OUT, publish_once(client, "t", NULL, "fourth", state));
    fails("publish another", RIVVEN_CODE_INVALID_STATE, publish_once(client, "t", NULL, "fifth", state));
    succeeds("abandon", rivven_producer_state_abandon(state, &error));
    check(rivven_producer_state_producer_id(state) == id, "the identity stays for now");
    fails("begin with it", RIVVEN_CODE_INVALID_TXN_STATE,
          rivven_client_begin_transaction(client, "x", state, -1, &error));
    succeeds("publish another", publish_once(client, "t", NULL, "fifth", state));
    check(rivven_producer_state_producer_id(state) != id && rivven_producer_state_next_sequence(state) == 1,
          "with a new identity");
}

/* The broker writes the second and the fifth record, and does not answer. */
static void test_unknown_outcome(void) {
    static const char *const settings[] = {"request.timeout.ms", "2000", "health.check.enabled", "false", NULL};
    struct server silent = start_scripted(
        "{\"topics\": {\"t\": 1}, \"rules\": ["
        "{\"on\": \"IdempotentPublish\", \"after\": 1, \"times\": 1, \"do\": \"drop_answer\"}, "
        "{\"on\": \"IdempotentPublish\", \"after\": 3, \"times\": 1, \"do\": \"drop_answer\"}]}");
    rivven_client_t *client = client_of(silent.address, settings);
    rivven_producer_state_t *state = new_state(client);
    succeeds("publish", publish_once(client, "t", NULL, "first", state));
    publish_again(client, state);
    abandon(client, state);
    rivven_producer_state_free(state);
    rivven_client_free(client);
    stop_server(&silent);
}

static void test_commit(rivven_client_t *client) {
    rivven_producer_state_t *state = new_state(client);
    rivven_partitions_t *partitions = NULL;
    const rivven_bytes_t value = rivven_bytes_from("v", 1);
    uint64_t offset = 77;
    uint32_t partition = 77;
    int32_t sequence = 77;
    size_t count = 77;
    create(client, "orders", 3);
    succeeds("begin", rivven_client_begin_transaction(client, "etl", state, -1, &error));
    succeeds("make a list", rivven_partitions_new(&partitions, &error));
    succeeds("a partition", rivven_partitions_add(partitions, "orders", 0, &error));
    succeeds("another", rivven_partitions_add(partitions, "orders", 2, &error));
    succeeds("add them", rivven_client_add_partitions_to_txn(client, "etl", state, partitions, &count, &error));
    check(count == 2, "both are added");
    succeeds("add them again", rivven_client_add_partitions_to_txn(client, "etl", state, partitions, NULL, &error));
    rivven_partitions_free(partitions);
    succeeds("publish", rivven_client_publish_transactional(client, "etl", "orders", RIVVEN_PARTITION_ANY, no_key,
                                                            value, state, &offset, &partition, &sequence, &error));
    check(offset == 0 && partition == 0 && sequence == 0, "to the first of them");
    succeeds("publish", publish(client, "etl", "orders", NULL, state, &partition, &sequence));
    check(partition == 2 && sequence == 0, "to the other");
    succeeds("publish by key", publish(client, "etl", "orders", "user-123", state, &partition, &sequence));
    check(partition == 2 && sequence == 1, "to where the key leads");
    fails("a key that leads elsewhere", RIVVEN_CODE_PARTITION_NOT_IN_TXN,
          publish(client, "etl", "orders", "kafka", state, &partition, &sequence));
    succeeds("to a partition", rivven_client_publish_transactional(client, "etl", "orders", 0,
                                                                   rivven_bytes_from_string("kafka"), value, state,
                                                                   NULL, &partition, &sequence, &error));
    check(partition == 0 && sequence == 1, "the caller decides");
    succeeds("commit", rivven_client_commit_transaction(client, "etl", state, &error));
    check(committed(client, "orders", 0) == 2 && committed(client, "orders", 2) == 2, "the records count");
    rivven_producer_state_free(state);
}

static void test_abort(rivven_client_t *client) {
    rivven_producer_state_t *state = new_state(client);
    create(client, "aborted", 1);
    succeeds("begin", rivven_client_begin_transaction(client, "etl", state, 30000, &error));
    succeeds("add", add(client, "etl", state, "aborted", 0));
    succeeds("publish", publish(client, "etl", "aborted", NULL, state, NULL, NULL));
    check(committed(client, "aborted", 0) == 1, "broker release 0.0.22 shows what is not committed yet");
    succeeds("abort", rivven_client_abort_transaction(client, "etl", state, &error));
    check(committed(client, "aborted", 0) == 0, "the records do not count");
    rivven_producer_state_free(state);
}

static void test_offsets(rivven_client_t *client) {
    rivven_producer_state_t *state = new_state(client), *other = new_state(client);
    const rivven_bytes_t values[] = {no_key, no_key, no_key};
    create(client, "input", 1);
    succeeds("fill it", rivven_client_publish_batch(client, "input", 0, NULL, values, 3, NULL, NULL, &error));
    succeeds("begin", rivven_client_begin_transaction(client, "offsets", state, -1, &error));
    succeeds("add an offset", add_offset(client, "offsets", state, "readers", "input", 2));
    check(offset_of(client, "readers", "input") == UINT64_MAX, "it does not count yet");
    succeeds("commit", rivven_client_commit_transaction(client, "offsets", state, &error));
    check(offset_of(client, "readers", "input") == 2, "it counts");
    succeeds("begin", rivven_client_begin_transaction(client, "offsets", other, -1, &error));
    succeeds("add an offset", add_offset(client, "offsets", other, "readers", "input", 3));
    refused("an offset that is none", add_offset(client, "offsets", other, "readers", "input", RIVVEN_OFFSET_UNKNOWN));
    fails("a group that cannot be", RIVVEN_CODE_INVALID_GROUP_ID,
          add_offset(client, "offsets", other, "no spaces", "input", 3));
    succeeds("abort", rivven_client_abort_transaction(client, "offsets", other, &error));
    check(offset_of(client, "readers", "input") == 2, "that of an aborted one does not");
    rivven_producer_state_free(state);
    rivven_producer_state_free(other);
}

static void test_before_begin(rivven_client_t *client, rivven_producer_state_t *state) {
    rivven_code code = publish(client, "x", "misused", NULL, state, NULL, NULL);
    check(rivven_error_outcome(error) == RIVVEN_OUTCOME_NOT_SENT && rivven_error_is_abortable(error) &&
              !rivven_error_is_retriable(error),
          "nothing was sent");
    fails("publish before begin", RIVVEN_CODE_INVALID_TXN_ID, code);
    fails("add before begin", RIVVEN_CODE_INVALID_TXN_ID, add(client, "x", state, "misused", 0));
    fails("an offset before begin", RIVVEN_CODE_INVALID_TXN_ID, add_offset(client, "x", state, "g", "misused", 0));
    fails("commit before begin", RIVVEN_CODE_INVALID_TXN_ID,
          rivven_client_commit_transaction(client, "x", state, &error));
    fails("abort before begin", RIVVEN_CODE_INVALID_TXN_ID,
          rivven_client_abort_transaction(client, "x", state, &error));
}

static void test_begun(rivven_client_t *client, rivven_producer_state_t *state) {
    rivven_partitions_t *partitions = NULL;
    rivven_offsets_t *offsets = NULL;
    succeeds("begin", rivven_client_begin_transaction(client, "x", state, -1, &error));
    fails("begin again", RIVVEN_CODE_INVALID_TXN_STATE,
          rivven_client_begin_transaction(client, "x", state, -1, &error));
    fails("begin another", RIVVEN_CODE_CONCURRENT_TRANSACTIONS,
          rivven_client_begin_transaction(client, "y", state, -1, &error));
    fails("publish without a partition", RIVVEN_CODE_PARTITION_NOT_IN_TXN,
          publish(client, "x", "misused", NULL, state, NULL, NULL));
    if (rivven_partitions_new(&partitions, NULL) || rivven_offsets_new(&offsets, NULL)) give_up("lists");
    refused("no partitions", rivven_client_add_partitions_to_txn(client, "x", state, partitions, NULL, &error));
    refused("no offsets", rivven_client_add_offsets_to_txn(client, "x", state, "g", offsets, &error));
    rivven_partitions_free(partitions);
    rivven_offsets_free(offsets);
    succeeds("add", add(client, "x", state, "misused", 0));
}

/* What is another producer's is none of this one's. */
static void test_foreign(rivven_client_t *client) {
    rivven_producer_state_t *foreign = new_state(client);
    fails("publish by another", RIVVEN_CODE_INVALID_TXN_ID,
          publish(client, "x", "misused", NULL, foreign, NULL, NULL));
    fails("add by another", RIVVEN_CODE_INVALID_TXN_ID, add(client, "x", foreign, "misused", 0));
    fails("commit by another", RIVVEN_CODE_INVALID_TXN_ID,
          rivven_client_commit_transaction(client, "x", foreign, &error));
    fails("abort by another", RIVVEN_CODE_INVALID_TXN_ID,
          rivven_client_abort_transaction(client, "x", foreign, &error));
    rivven_producer_state_free(foreign);
}

static void test_after_the_end(rivven_client_t *client, rivven_producer_state_t *state) {
    succeeds("publish", publish(client, "x", "misused", NULL, state, NULL, NULL));
    succeeds("commit", rivven_client_commit_transaction(client, "x", state, &error));
    fails("commit again", RIVVEN_CODE_INVALID_TXN_ID,
          rivven_client_commit_transaction(client, "x", state, &error));
    fails("publish after the commit", RIVVEN_CODE_INVALID_TXN_ID,
          publish(client, "x", "misused", NULL, state, NULL, NULL));
    succeeds("begin", rivven_client_begin_transaction(client, "x", state, -1, &error));
    succeeds("add", add(client, "x", state, "misused", 0));
    succeeds("abort", rivven_client_abort_transaction(client, "x", state, &error));
    fails("publish after the abort", RIVVEN_CODE_INVALID_TXN_ID,
          publish(client, "x", "misused", NULL, state, NULL, NULL));
    fails("add after the abort", RIVVEN_CODE_INVALID_TXN_ID, add(client, "x", state, "misused", 0));
    fails("abort again", RIVVEN_CODE_INVALID_TXN_ID, rivven_client_abort_transaction(client, "x", state, &error));
}

/* An identity that was taken over may not go on; the one that began the transaction may abort it. */
static void test_taken_over(rivven_client_t *client, rivven_producer_state_t *state) {
    uint64_t id = rivven_producer_state_producer_id(state);
    rivven_producer_state_t *heir = NULL;
    succeeds("begin", rivven_client_begin_transaction(client, "x", state, -1, &error));
    succeeds("add", add(client, "x", state, "misused", 0));
    succeeds("take the identity over", rivven_client_init_producer_id(client, &id, &heir, &error));
    fails("publish by the heir", RIVVEN_CODE_PRODUCER_FENCED, publish(client, "x", "misused", NULL, heir, NULL, NULL));
    succeeds("abort by the one before", rivven_client_abort_transaction(client, "x", state, &error));
    rivven_producer_state_free(heir);
}

static void test_misuse(rivven_client_t *client) {
    rivven_producer_state_t *state = new_state(client);
    create(client, "misused", 1);
    test_before_begin(client, state);
    test_begun(client, state);
    test_foreign(client);
    test_after_the_end(client, state);
    test_taken_over(client, state);
    rivven_producer_state_free(state);
}

struct reader {
    rivven_client_t *client;
    const char *topic;
};

static bool shows_nothing(void *argument) {
    const struct reader *reader = argument;
    return committed(reader->client, reader->topic, 0) == 0;
}

/* A call after the timeout would keep the broker from ever aborting the transaction. */
static void test_timeout(rivven_client_t *client) {
    enum { TIMEOUT = 3000 };
    const struct timespec timeout = {TIMEOUT / 1000, TIMEOUT % 1000 * 1000000};
    rivven_producer_state_t *state = new_state(client);
    create(client, "late", 1);
    succeeds("begin", rivven_client_begin_transaction(client, "x", state, TIMEOUT, &error));
    succeeds("add", add(client, "x", state, "late", 0));
    succeeds("publish", publish(client, "x", "late", NULL, state, NULL, NULL));
    nanosleep(&timeout, NULL);
    fails("publish too late", RIVVEN_CODE_TRANSACTION_TIMED_OUT,
          publish(client, "x", "late", NULL, state, NULL, NULL));
    rivven_code code = rivven_client_commit_transaction(client, "x", state, &error);
    check(rivven_error_outcome(error) == RIVVEN_OUTCOME_NOT_SENT, "nothing was sent");
    fails("commit too late", RIVVEN_CODE_TRANSACTION_TIMED_OUT, code);
    check(holds_within(60, shows_nothing, &(struct reader){client, "late"}), "the broker aborts it by itself");
    rivven_producer_state_free(state);
}

static void test_too_many(rivven_client_t *client) {
    rivven_producer_state_t *states[6];
    for (size_t i = 0; i < 6; i++) states[i] = new_state(client);
    for (size_t i = 0; i < 5; i++) {
        succeeds("begin", rivven_client_begin_transaction(client, "x", states[i], -1, &error));
    }
    rivven_code code = rivven_client_begin_transaction(client, "x", states[5], -1, &error);
    check(rivven_error_is_retriable(error), "another one may end");
    fails("begin the sixth", RIVVEN_CODE_TOO_MANY_TRANSACTIONS, code);
    for (size_t i = 0; i < 5; i++) {
        succeeds("abort", rivven_client_abort_transaction(client, "x", states[i], &error));
    }
    for (size_t i = 0; i < 6; i++) rivven_producer_state_free(states[i]);
}

/* Whatever is no state of a producer. */
static void test_no_state(rivven_client_t *client, void *none) {
    rivven_partitions_t *partitions = NULL;
    rivven_offsets_t *offsets = NULL;
    const rivven_bytes_t value = rivven_bytes_from("v", 1);
    if (rivven_partitions_new(&partitions, NULL) || rivven_offsets_new(&offsets, NULL)) give_up("lists");
    check(!rivven_producer_state_producer_id(none) && !rivven_producer_state_producer_epoch(none) &&
              !rivven_producer_state_next_sequence(none),
          "no state has no numbers");
    refused("abandon", rivven_producer_state_abandon(none, &error));
    refused("publish once",
            rivven_client_publish_idempotent(client, "t", 0, no_key, value, none, NULL, NULL, NULL, &error));
    refused("begin", rivven_client_begin_transaction(client, "x", none, -1, &error));
    refused("add partitions", rivven_client_add_partitions_to_txn(client, "x", none, partitions, NULL, &error));
    refused("publish", rivven_client_publish_transactional(client, "x", "t", 0, no_key, value, none, NULL, NULL, NULL,
                                                           &error));
    refused("add offsets", rivven_client_add_offsets_to_txn(client, "x", none, "g", offsets, &error));
    refused("commit", rivven_client_commit_transaction(client, "x", none, &error));
    refused("abort", rivven_client_abort_transaction(client, "x", none, &error));
    check(rivven_producer_state_abandon(none, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "without error");
    rivven_producer_state_free(none);
    rivven_partitions_free(partitions);
    rivven_offsets_free(offsets);
}

/* Strings that are none: of the transaction, the topic and the group. */
static void test_strings(rivven_client_t *client, rivven_producer_state_t *state, const char *bad) {
    rivven_partitions_t *partitions = NULL;
    rivven_offsets_t *offsets = NULL;
    const rivven_bytes_t value = rivven_bytes_from("v", 1);
    if (rivven_partitions_new(&partitions, NULL) || rivven_offsets_new(&offsets, NULL)) give_up("lists");
    refused("publish once to none",
            rivven_client_publish_idempotent(client, bad, 0, no_key, value, state, NULL, NULL, NULL, &error));
    refused("begin", rivven_client_begin_transaction(client, bad, state, -1, &error));
    refused("add partitions", rivven_client_add_partitions_to_txn(client, bad, state, partitions, NULL, &error));
    refused("publish", rivven_client_publish_transactional(client, bad, "t", 0, no_key, value, state, NULL, NULL, NULL,
                                                           &error));
    refused("publish to none", rivven_client_publish_transactional(client, "x", bad, 0, no_key, value, state, NULL,
                                                                   NULL, NULL, &error));
    refused("add offsets", rivven_client_add_offsets_to_txn(client, bad, state, "g", offsets, &error));
    refused("of no group", rivven_client_add_offsets_to_txn(client, "x", state, bad, offsets, &error));
    refused("commit", rivven_client_commit_transaction(client, bad, state, &error));
    refused("abort", rivven_client_abort_transaction(client, bad, state, &error));
    rivven_partitions_free(partitions);
    rivven_offsets_free(offsets);
}

/* Bytes, partitions and lists that are none, and no place for a state. */
static void test_values(rivven_client_t *client, rivven_producer_state_t *state) {
    const rivven_bytes_t value = rivven_bytes_from("v", 1), no_data = rivven_bytes_from(NULL, 1);
    const int64_t partitions[] = {-2, INT64_C(1) << 32, INT64_MIN};
    refused("no place for a state", rivven_client_init_producer_id(client, NULL, NULL, &error));
    refused("no partitions", rivven_client_add_partitions_to_txn(client, "x", state, NULL, NULL, &error));
    refused("another handle", rivven_client_add_partitions_to_txn(client, "x", state, (rivven_partitions_t *)state,
                                                                  NULL, &error));
    refused("no offsets", rivven_client_add_offsets_to_txn(client, "x", state, "g", NULL, &error));
    refused("a key without data",
            rivven_client_publish_idempotent(client, "t", 0, no_data, value, state, NULL, NULL, NULL, &error));
    refused("a value without data",
            rivven_client_publish_idempotent(client, "t", 0, value, no_data, state, NULL, NULL, NULL, &error));
    refused("a key without data", rivven_client_publish_transactional(client, "x", "t", 0, no_data, value, state, NULL,
                                                                      NULL, NULL, &error));
    refused("a value without data", rivven_client_publish_transactional(client, "x", "t", 0, value, no_data, state,
                                                                        NULL, NULL, NULL, &error));
    for (size_t i = 0; i < sizeof partitions / sizeof *partitions; i++) {
        refused("a partition", rivven_client_publish_idempotent(client, "t", partitions[i], no_key, value, state, NULL,
                                                                NULL, NULL, &error));
        refused("a partition", rivven_client_publish_transactional(client, "x", "t", partitions[i], no_key, value,
                                                                   state, NULL, NULL, NULL, &error));
    }
}

static void test_arguments(rivven_client_t *client) {
    rivven_producer_state_t *state = new_state(client);
    test_no_state(client, NULL);
    test_no_state(client, client);
    test_strings(client, state, NULL);
    test_strings(client, state, "\xff\xfe");
    test_values(client, state);
    check(rivven_producer_state_next_sequence(state) == 0, "nothing was counted");
    rivven_producer_state_free(state);
    succeeds("what was freed as something else lives on", rivven_client_ping(client, &error));
}

/* covers: F114 c, F115 c, F116 c, F117 c, F118 c, F119 c */
int main(void) {
    broker = start_broker();
    rivven_client_t *client = connected_client(broker.address);
    test_identity(client);
    test_idempotent(client);
    test_unknown_outcome();
    test_commit(client);
    test_abort(client);
    test_offsets(client);
    test_misuse(client);
    test_too_many(client);
    test_timeout(client);
    test_arguments(client);
    rivven_client_free(client);
    stop_server(&broker);
    return summary();
}
