/*
 * Every call of a consumer, with arguments that are fine, where it is to fail.
 *
 * A test of rivven-ffi compares this file with the list of what every language offers.
 */

#ifndef EVERY_CONSUMER_H
#define EVERY_CONSUMER_H

#include "client.h"

/* What it reads. */
static inline void reading_fails(rivven_consumer_t *consumer, rivven_code wanted) {
    const char *const topics[] = {"t"};
    rivven_partitions_t *partitions = NULL, *given = NULL;
    rivven_batch_t *batch = NULL;
    rivven_processing_t *processing = NULL;
    rivven_consumer_stats_t *stats = NULL;
    if (rivven_partitions_new(&partitions, NULL) || rivven_partitions_add(partitions, "t", 0, NULL)) {
        give_up("rivven_partitions_add");
    }
    fails("connect", wanted, rivven_consumer_connect(consumer, &error));
    fails("subscribe", wanted, rivven_consumer_subscribe(consumer, topics, 1, &error));
    fails("unsubscribe", wanted, rivven_consumer_unsubscribe(consumer, &error));
    fails("assign", wanted, rivven_consumer_assign(consumer, partitions, &error));
    fails("assignments", wanted, rivven_consumer_assignments(consumer, &given, &error));
    fails("poll", wanted, rivven_consumer_poll(consumer, -1, &batch, &error));
    fails("wakeup", wanted, rivven_consumer_wakeup(consumer, &error));
    fails("pause", wanted, rivven_consumer_pause(consumer, "t", 0, &error));
    fails("resume", wanted, rivven_consumer_resume(consumer, "t", 0, &error));
    fails("paused", wanted, rivven_consumer_paused(consumer, &given, &error));
    fails("process", wanted, rivven_consumer_process(consumer, &processing, &error));
    fails("stats", wanted, rivven_consumer_stats(consumer, &stats, &error));
    rivven_partitions_free(partitions);
    check(!given && !batch && !processing && !stats, "outputs are untouched");
}

/* Where it reads. */
static inline void positions_fail(rivven_consumer_t *consumer, rivven_code wanted) {
    uint64_t offset = 77;
    bool found = true;
    fails("seek", wanted, rivven_consumer_seek(consumer, "t", 0, 0, &error));
    fails("seek_to_beginning", wanted, rivven_consumer_seek_to_beginning(consumer, "t", 0, &error));
    fails("seek_to_end", wanted, rivven_consumer_seek_to_end(consumer, "t", 0, &error));
    fails("seek_to_timestamp", wanted, rivven_consumer_seek_to_timestamp(consumer, "t", 0, 0, &offset, &error));
    fails("position", wanted, rivven_consumer_position(consumer, "t", 0, &found, &offset, &error));
    fails("lag", wanted, rivven_consumer_lag(consumer, "t", 0, &offset, &error));
    fails("get_offset_bounds", wanted,
          rivven_consumer_get_offset_bounds(consumer, "t", 0, &offset, &offset, &error));
    check(found && offset == 77, "outputs are untouched");
}

/* What it commits. */
static inline void commits_fail(rivven_consumer_t *consumer, rivven_code wanted) {
    rivven_offsets_t *offsets = NULL;
    rivven_results_t *results = NULL;
    uint64_t offset = 77;
    bool found = true;
    if (rivven_offsets_new(&offsets, NULL) || rivven_offsets_add(offsets, "t", 0, 0, NULL)) {
        give_up("rivven_offsets_add");
    }
    fails("commit", wanted, rivven_consumer_commit(consumer, &error));
    fails("commit_async", wanted, rivven_consumer_commit_async(consumer, &error));
    fails("commit_offsets", wanted, rivven_consumer_commit_offsets(consumer, offsets, &error));
    fails("commit_offsets_each", wanted, rivven_consumer_commit_offsets_each(consumer, offsets, &results, &error));
    fails("store_offset", wanted, rivven_consumer_store_offset(consumer, "t", 0, 0, &error));
    fails("committed", wanted, rivven_consumer_committed(consumer, "t", 0, &found, &offset, &error));
    rivven_offsets_free(offsets);
    check(!results && found && offset == 77, "outputs are untouched");
}

static inline void never_told(void *user_data, rivven_rebalance_kind kind, const rivven_partitions_t *partitions) {
    (void)kind, (void)partitions;
    *(int *)user_data += 1;
}

static inline void never_freed(void *user_data) { *(int *)user_data += 1; }

/* Checks that every call fails with a code and leaves its outputs alone, and that no data is taken. */
static inline void every_consumer_call_fails(rivven_consumer_t *consumer, rivven_code wanted) {
    int calls = 0;
    reading_fails(consumer, wanted);
    positions_fail(consumer, wanted);
    commits_fail(consumer, wanted);
    fails("set_rebalance_callback", wanted,
          rivven_consumer_set_rebalance_callback(consumer, never_told, &calls, never_freed, &error));
    check(calls == 0, "data is not taken by a call that fails");
    fails("close", wanted, rivven_consumer_close(consumer, -1, &error));
}

#endif
