/*
 * Consumers and processing with arguments that are none: NULL, strings that are
 * not UTF-8, handles of another type. Whatever can fail says INVALID_ARGUMENT
 * before it does anything; reading from no handle gives nothing.
 */

#include "client.h"
#include "every_consumer.h"

static const char *const not_utf8 = "\xff\xfe";

static void refused(const char *what, rivven_code code) { fails(what, RIVVEN_CODE_INVALID_ARGUMENT, code); }

static const char *on_record(void *user_data, const rivven_batch_t *record) {
    (void)record;
    *(int *)user_data += 1;
    return NULL;
}

static void test_new(rivven_config_t *config) {
    rivven_consumer_t *consumer = NULL;
    refused("no configuration", rivven_consumer_new(NULL, NULL, &consumer, &error));
    refused("no place for a consumer", rivven_consumer_new(config, NULL, NULL, &error));
    refused("another handle for a queue", rivven_consumer_new(config, (rivven_queue_t *)config, &consumer, &error));
    check(!consumer, "outputs are untouched");
}

/* Reads from what is no handle of the type: NULL, or one of another type. */
static void test_batch_of_none(void *none) {
    rivven_batch_t *batch = NULL;
    check(!rivven_batch_topic(none, 0) && !rivven_batch_offsets(none) && !rivven_batch_timestamps(none) &&
              !rivven_batch_keys(none) && !rivven_batch_values(none),
          "no batch has no arrays");
    check(!rivven_batch_parts_len(none) && !rivven_batch_part_first(none, 0), "and no parts");
    check(!rivven_batch_ended_len(none) && !rivven_batch_ended_topic(none, 0) &&
              !rivven_batch_ended_partition(none, 0),
          "and no ends");
    refused("detach", rivven_batch_detach(none, 0, 0, &batch, &error));
    check(!batch, "outputs are untouched");
}

static void test_partitions_of_none(void *none) {
    check(!rivven_partitions_len(none) && !rivven_partitions_topic(none, 0) && !rivven_partitions_partition(none, 0),
          "no partitions");
    refused("add a partition", rivven_partitions_add(none, "t", 0, &error));
}

static void test_stats_of_none(void *none) {
    check(!rivven_consumer_stats_polls(none) && !rivven_consumer_stats_records(none) &&
              !rivven_consumer_stats_fetches(none) && !rivven_consumer_stats_empty_fetches(none) &&
              !rivven_consumer_stats_records_fetched(none) && !rivven_consumer_stats_bytes_fetched(none),
          "no statistics of reading");
    check(!rivven_consumer_stats_errors(none) && !rivven_consumer_stats_reconnects(none) &&
              !rivven_consumer_stats_throttled(none) && !rivven_consumer_stats_last_error(none),
          "nor of failures");
    check(!rivven_consumer_stats_commits(none) && !rivven_consumer_stats_failed_commits(none) &&
              !rivven_consumer_stats_rebalances(none),
          "nor of commits");
    check(!rivven_consumer_stats_records_waiting(none) && !rivven_consumer_stats_bytes_held(none) &&
              !rivven_consumer_stats_lag(none),
          "nor of what waits");
    check(!rivven_consumer_stats_partitions_len(none) && !rivven_consumer_stats_topic(none, 0) &&
              !rivven_consumer_stats_partition(none, 0) && !rivven_consumer_stats_is_paused(none, 0),
          "no partitions");
    check(rivven_consumer_stats_position(none, 0) == RIVVEN_OFFSET_UNKNOWN &&
              rivven_consumer_stats_committed(none, 0) == RIVVEN_OFFSET_UNKNOWN &&
              rivven_consumer_stats_latest(none, 0) == RIVVEN_OFFSET_UNKNOWN &&
              rivven_consumer_stats_partition_lag(none, 0) == RIVVEN_OFFSET_UNKNOWN,
          "nor where they are");
}

static void test_processing_of_none(void *none) {
    int calls = 0;
    refused("run", rivven_processing_run(none, on_record, &calls, &error));
    check(calls == 0, "no handler is called");
    check(!rivven_processing_processed(none) && !rivven_processing_retries(none) &&
              !rivven_processing_dead_lettered(none) && !rivven_processing_skipped(none),
          "no processing has done nothing");
}

static void test_none(void *none) {
    every_consumer_call_fails(none, RIVVEN_CODE_INVALID_ARGUMENT);
    check(!rivven_consumer_group_id(none), "no consumer has no group");
    test_batch_of_none(none);
    test_partitions_of_none(none);
    test_stats_of_none(none);
    test_processing_of_none(none);
    rivven_consumer_free(none);
    rivven_consumer_stats_free(none);
    rivven_processing_free(none);
    rivven_partitions_free(none);
    check(true, "what is no handle of the type is left alone");
}

/* Every call that takes the name of a topic, with one that is none. */
static void test_topic_argument(rivven_consumer_t *consumer, const char *topic) {
    const char *const topics[] = {"t", topic};
    rivven_partitions_t *partitions = NULL;
    uint64_t offset = 77;
    bool found = true;
    succeeds("make a list", rivven_partitions_new(&partitions, &error));
    refused("add a partition", rivven_partitions_add(partitions, topic, 0, &error));
    check(rivven_partitions_len(partitions) == 0, "the list is unchanged");
    rivven_partitions_free(partitions);
    refused("subscribe", rivven_consumer_subscribe(consumer, topics, 2, &error));
    refused("pause", rivven_consumer_pause(consumer, topic, 0, &error));
    refused("resume", rivven_consumer_resume(consumer, topic, 0, &error));
    refused("seek", rivven_consumer_seek(consumer, topic, 0, 0, &error));
    refused("seek_to_beginning", rivven_consumer_seek_to_beginning(consumer, topic, 0, &error));
    refused("seek_to_end", rivven_consumer_seek_to_end(consumer, topic, 0, &error));
    refused("seek_to_timestamp", rivven_consumer_seek_to_timestamp(consumer, topic, 0, 0, &offset, &error));
    refused("position", rivven_consumer_position(consumer, topic, 0, &found, &offset, &error));
    refused("lag", rivven_consumer_lag(consumer, topic, 0, &offset, &error));
    refused("get_offset_bounds",
            rivven_consumer_get_offset_bounds(consumer, topic, 0, &offset, &offset, &error));
    refused("store_offset", rivven_consumer_store_offset(consumer, topic, 0, 0, &error));
    refused("committed", rivven_consumer_committed(consumer, topic, 0, &found, &offset, &error));
    check(found && offset == 77, "outputs are untouched");
}

static void test_lists(rivven_consumer_t *consumer, void *none) {
    rivven_results_t *results = NULL;
    refused("assign", rivven_consumer_assign(consumer, none, &error));
    refused("commit_offsets", rivven_consumer_commit_offsets(consumer, none, &error));
    refused("commit_offsets_each", rivven_consumer_commit_offsets_each(consumer, none, &results, &error));
    check(!results, "outputs are untouched");
}

static void test_no_place(rivven_consumer_t *consumer) {
    rivven_offsets_t *offsets = NULL;
    succeeds("make offsets", rivven_offsets_new(&offsets, &error));
    refused("for partitions", rivven_partitions_new(NULL, &error));
    refused("for assignments", rivven_consumer_assignments(consumer, NULL, &error));
    refused("for what is paused", rivven_consumer_paused(consumer, NULL, &error));
    refused("for a batch", rivven_consumer_poll(consumer, 0, NULL, &error));
    refused("for results", rivven_consumer_commit_offsets_each(consumer, offsets, NULL, &error));
    refused("for statistics", rivven_consumer_stats(consumer, NULL, &error));
    refused("for a processing", rivven_consumer_process(consumer, NULL, &error));
    rivven_offsets_free(offsets);
}

static void test_arrays(rivven_consumer_t *consumer) {
    const char *const topics[] = {"t"};
    refused("no topics", rivven_consumer_subscribe(consumer, NULL, 1, &error));
    refused("an impossible count", rivven_consumer_subscribe(consumer, topics, SIZE_MAX, &error));
}

/* What a processing is given; it ends as there is nothing to read. */
static void test_processing(rivven_consumer_t *consumer) {
    rivven_processing_t *processing = NULL;
    int calls = 0;
    succeeds("process", rivven_consumer_process(consumer, &processing, &error));
    refused("no handler", rivven_processing_run(processing, NULL, &calls, &error));
    fails("neither a topic nor a partition", RIVVEN_CODE_INVALID_STATE,
          rivven_processing_run(processing, on_record, &calls, &error));
    check(calls == 0 && rivven_processing_processed(processing) == 0, "no handler is called");
    rivven_processing_free(processing);
}

/* Without a place for the error there is the code alone. */
static void test_no_error(rivven_consumer_t *consumer) {
    check(rivven_consumer_new(NULL, NULL, NULL, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_consumer_new");
    check(rivven_consumer_poll(consumer, 0, NULL, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_consumer_poll");
    check(rivven_consumer_process(consumer, NULL, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_consumer_process");
    check(rivven_processing_run(NULL, NULL, NULL, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_processing_run");
    check(rivven_consumer_set_rebalance_callback(consumer, NULL, NULL, NULL, NULL) == RIVVEN_CODE_OK,
          "NULL for a callback sets none");
}

int main(void) {
    /* Nothing listens on port 1, and nothing below gets so far. */
    rivven_config_t *config = config_of("127.0.0.1:1", NULL);
    rivven_consumer_t *consumer = NULL;
    test_new(config);
    succeeds("make a consumer", rivven_consumer_new(config, NULL, &consumer, &error));
    test_none(NULL);
    test_none(config);
    test_topic_argument(consumer, NULL);
    test_topic_argument(consumer, not_utf8);
    test_lists(consumer, NULL);
    test_lists(consumer, config);
    test_no_place(consumer);
    test_arrays(consumer);
    test_processing(consumer);
    test_no_error(consumer);
    rivven_consumer_free(consumer);
    succeeds("what was freed as something else lives on", rivven_config_set(config, "client.id", "x", &error));
    rivven_config_free(config);
    return summary();
}
