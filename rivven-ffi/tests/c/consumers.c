/*
 * Consumers: every record is given once, in the order of its partition; what
 * is committed is where the next one begins; callbacks come in a poll or a
 * close alone; what cannot be read is said.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "consumer.h"

enum { RECORDS = 3000, PARTITIONS = 3 };

static struct server broker;

/* A consumer of a group that commits only when it is told to. */
static rivven_consumer_t *member_of(const char *group) {
    const char *const settings[] = {"group.id", group, "enable.auto.commit", "false", NULL};
    return consumer_of(broker.address, NULL, settings);
}

/* The number that a value holds. */
static unsigned long number_of(rivven_bytes_t value) {
    char text[12];
    snprintf(text, sizeof text, "%.*s", (int)value.len - 1, (const char *)value.data + 1);
    return strtoul(text, NULL, 10);
}

/* Whether the arrays say of every record what the functions say of it. */
static bool agrees(const rivven_batch_t *batch) {
    const uint64_t *offsets = rivven_batch_offsets(batch);
    const int64_t *timestamps = rivven_batch_timestamps(batch);
    const rivven_bytes_t *keys = rivven_batch_keys(batch), *values = rivven_batch_values(batch);
    for (size_t i = 0; i < rivven_batch_len(batch); i++) {
        if (offsets[i] != rivven_batch_offset(batch, i) || timestamps[i] != rivven_batch_timestamp(batch, i)) return false;
        if (keys[i].data != rivven_batch_key(batch, i).data || keys[i].len != rivven_batch_key(batch, i).len) return false;
        if (values[i].data != rivven_batch_value(batch, i).data) return false;
        if (values[i].len != rivven_batch_value(batch, i).len) return false;
    }
    return true;
}

/* Whether the parts are those of the records, one after another. */
static bool is_in_parts(const rivven_batch_t *batch) {
    size_t parts = rivven_batch_parts_len(batch);
    for (size_t part = 0; part < parts; part++) {
        size_t first = rivven_batch_part_first(batch, part), end = rivven_batch_part_first(batch, part + 1);
        if (first >= end) return false;
        for (size_t i = first; i < end; i++) {
            if (rivven_batch_partition(batch, i) != rivven_batch_partition(batch, first)) return false;
            if (i > first && rivven_batch_offset(batch, i) <= rivven_batch_offset(batch, i - 1)) return false;
        }
    }
    return rivven_batch_part_first(batch, 0) == 0 && rivven_batch_part_first(batch, parts) == rivven_batch_len(batch);
}

/* Every record comes once, where it is. */
static void test_all_records(void) {
    static bool seen[RECORDS];
    fill(broker.address, "all", PARTITIONS, RECORDS);
    const char *const settings[] = {"group.id", "all", "enable.auto.commit", "false", "report.partition.end", "true", NULL};
    rivven_consumer_t *consumer = consumer_of(broker.address, NULL, settings);
    succeeds("connect", rivven_consumer_connect(consumer, &error));
    assign(consumer, "all", PARTITIONS);
    size_t count = 0, wrong = 0, ended = 0;
    bool in_parts = true, agreed = true;
    for (double start = seconds(); (count < RECORDS || ended < PARTITIONS) && seconds() - start < 30;) {
        rivven_batch_t *batch = NULL;
        if (!succeeds("poll", rivven_consumer_poll(consumer, 5000, &batch, &error))) break;
        in_parts = in_parts && is_in_parts(batch);
        agreed = agreed && agrees(batch);
        ended += rivven_batch_ended_len(batch);
        if (rivven_batch_ended_len(batch)) {
            check(!strcmp(rivven_batch_ended_topic(batch, 0), "all") && rivven_batch_ended_partition(batch, 0) < PARTITIONS,
                  "a partition has ended");
        }
        wrong += rivven_batch_len(batch) > 500 || (!rivven_batch_len(batch) && rivven_batch_offsets(batch));
        for (size_t i = 0; i < rivven_batch_len(batch); i++, count++) {
            unsigned long number = number_of(rivven_batch_value(batch, i));
            uint32_t partition = rivven_batch_partition(batch, i);
            wrong += number >= RECORDS || seen[number] || number % PARTITIONS != partition ||
                     rivven_batch_offset(batch, i) != number / PARTITIONS || strcmp(rivven_batch_topic(batch, i), "all") ||
                     rivven_batch_key(batch, i).data || rivven_batch_timestamp(batch, i) < INT64_C(1600000000000);
            if (number < RECORDS) seen[number] = true;
        }
        rivven_batch_free(batch);
    }
    check(count == RECORDS && wrong == 0, "%zu records are read, %zu of them wrong", count, wrong);
    check(in_parts, "the parts are those of the records");
    check(agreed, "the arrays say what the functions say");
    check(ended == PARTITIONS, "each partition ends once");
    succeeds("close", rivven_consumer_close(consumer, -1, &error));
    rivven_consumer_free(consumer);
}

/* A thread that looks at a batch. */
struct looker {
    pthread_t thread;
    pthread_barrier_t *together;
    const rivven_batch_t *batch;
    const rivven_bytes_t *keys;
    const int64_t *timestamps;
    bool agreed;
};

static void *look(void *argument) {
    struct looker *looker = argument;
    pthread_barrier_wait(looker->together);
    looker->keys = rivven_batch_keys(looker->batch);
    looker->timestamps = rivven_batch_timestamps(looker->batch);
    looker->agreed = agrees(looker->batch);
    return NULL;
}

/* Keys and times are made when somebody looks at them, here many threads at once; all see the same. */
static void test_looked_at_by_many(void) {
    enum { LOOKERS = 4, COUNT = 20 };
    rivven_client_t *client = connected_client(broker.address);
    rivven_bytes_t keys[COUNT];
    for (size_t i = 0; i < COUNT; i++) keys[i] = i % 2 ? rivven_bytes_from_string("key") : rivven_bytes_from(NULL, 0);
    succeeds("create a topic", rivven_client_create_topic(client, "keys", 1, NULL, &error));
    succeeds("fill it", rivven_client_publish_batch(client, "keys", 0, keys, keys, COUNT, NULL, NULL, &error));
    rivven_client_free(client);
    rivven_consumer_t *consumer = member_of("keys");
    assign(consumer, "keys", 1);
    rivven_batch_t *batch = next_records(consumer), *copy = NULL;
    check(rivven_batch_len(batch) == COUNT && rivven_batch_value(batch, 1).len == 3, "values alone");
    pthread_barrier_t together;
    struct looker lookers[LOOKERS];
    pthread_barrier_init(&together, NULL, LOOKERS);
    for (size_t i = 0; i < LOOKERS; i++) {
        lookers[i] = (struct looker){.together = &together, .batch = batch};
        if (pthread_create(&lookers[i].thread, NULL, look, &lookers[i])) give_up("pthread_create");
    }
    bool same = true;
    for (size_t i = 0; i < LOOKERS; i++) {
        pthread_join(lookers[i].thread, NULL);
        same = same && lookers[i].keys == lookers[0].keys && lookers[i].timestamps == lookers[0].timestamps &&
               lookers[i].agreed;
    }
    check(same && rivven_batch_keys(batch) == lookers[0].keys, "all threads see the same");
    check(!rivven_batch_key(batch, 0).data && holds(rivven_batch_key(batch, 1), "key", 3), "the keys of the records");
    succeeds("detach", rivven_batch_detach(batch, 1, 2, &copy, &error));
    check(rivven_batch_timestamp(copy, 0) == rivven_batch_timestamp(batch, 1) &&
              holds(rivven_batch_key(copy, 0), "key", 3) && !rivven_batch_key(copy, 1).data && agrees(copy),
          "and a copy of some");
    rivven_batch_free(copy);
    rivven_batch_free(batch);
    pthread_barrier_destroy(&together);
    rivven_consumer_free(consumer);
}

static void test_commits(void) {
    bool found = true;
    uint64_t offset = 77;
    fill(broker.address, "commits", 1, 10);
    rivven_consumer_t *consumer = member_of("commits");
    assign(consumer, "commits", 1);
    succeeds("committed", rivven_consumer_committed(consumer, "commits", 0, &found, &offset, &error));
    check(!found && offset == 77, "nothing is committed");
    rivven_batch_t *batch = next_records(consumer);
    check(rivven_batch_len(batch) == 10, "all records are read");
    rivven_batch_free(batch);
    succeeds("commit", rivven_consumer_commit(consumer, &error));
    succeeds("committed", rivven_consumer_committed(consumer, "commits", 0, &found, &offset, &error));
    check(found && offset == 10, "what was given is committed");
    succeeds("store an offset", rivven_consumer_store_offset(consumer, "commits", 0, 4, &error));
    succeeds("commit", rivven_consumer_commit(consumer, &error));
    succeeds("close", rivven_consumer_close(consumer, -1, &error));
    succeeds("close again", rivven_consumer_close(consumer, 0, &error));
    fails("poll after close", RIVVEN_CODE_CLOSED, rivven_consumer_poll(consumer, 0, &batch, &error));
    rivven_consumer_free(consumer);
    consumer = member_of("commits");
    assign(consumer, "commits", 1);
    batch = next_records(consumer);
    check(rivven_batch_offset(batch, 0) == 4, "the next one begins at what was stored");
    rivven_consumer_free(consumer);
    check(holds(rivven_batch_value(batch, 0), "v4", 2), "a batch outlives the consumer");
    rivven_batch_free(batch);
}

/* What is paused waits; what is sought comes next. */
static void test_positions(void) {
    bool found = false;
    uint64_t offset = 77, lag = 77, earliest = 77, latest = 77;
    rivven_partitions_t *list = NULL;
    rivven_batch_t *batch = NULL;
    fill(broker.address, "positions", 1, 20);
    rivven_consumer_t *consumer = member_of("positions");
    check(!strcmp(rivven_consumer_group_id(consumer), "positions"), "the group");
    assign(consumer, "positions", 1);
    succeeds("assignments", rivven_consumer_assignments(consumer, &list, &error));
    check(rivven_partitions_len(list) == 1 && !strcmp(rivven_partitions_topic(list, 0), "positions") &&
              rivven_partitions_partition(list, 0) == 0 && !rivven_partitions_topic(list, 1),
          "the partition is assigned");
    rivven_partitions_free(list);
    succeeds("pause", rivven_consumer_pause(consumer, "positions", 0, &error));
    succeeds("paused", rivven_consumer_paused(consumer, &list, &error));
    check(rivven_partitions_len(list) == 1, "it is paused");
    rivven_partitions_free(list);
    succeeds("poll", rivven_consumer_poll(consumer, 100, &batch, &error));
    check(rivven_batch_len(batch) == 0, "nothing comes of a paused partition");
    rivven_batch_free(batch);
    succeeds("resume", rivven_consumer_resume(consumer, "positions", 0, &error));
    succeeds("seek", rivven_consumer_seek(consumer, "positions", 0, 17, &error));
    batch = next_records(consumer);
    check(rivven_batch_len(batch) == 3 && rivven_batch_offset(batch, 0) == 17, "what was sought comes");
    rivven_batch_t *detached = NULL;
    succeeds("detach", rivven_batch_detach(batch, 1, 2, &detached, &error));
    fails("detach too many", RIVVEN_CODE_INVALID_ARGUMENT, rivven_batch_detach(batch, 1, 3, &detached, &error));
    rivven_batch_free(batch);
    check(rivven_batch_len(detached) == 2 && rivven_batch_offset(detached, 0) == 18 && is_in_parts(detached) &&
              holds(rivven_batch_value(detached, 1), "v19", 3) && !rivven_batch_key(detached, 0).data &&
              !strcmp(rivven_batch_topic(detached, 0), "positions"),
          "a copy outlives its batch");
    rivven_batch_free(detached);
    succeeds("position", rivven_consumer_position(consumer, "positions", 0, &found, &offset, &error));
    check(found && offset == 20, "the position is the end");
    succeeds("seek to the beginning", rivven_consumer_seek_to_beginning(consumer, "positions", 0, &error));
    succeeds("lag", rivven_consumer_lag(consumer, "positions", 0, &lag, &error));
    check(lag == 20, "everything is still to be read");
    succeeds("seek to the end", rivven_consumer_seek_to_end(consumer, "positions", 0, &error));
    succeeds("lag", rivven_consumer_lag(consumer, "positions", 0, &lag, &error));
    check(lag == 0, "nothing is");
    succeeds("bounds", rivven_consumer_get_offset_bounds(consumer, "positions", 0, &earliest, &latest, &error));
    check(earliest == 0 && latest == 20, "the bounds of what there is");
    succeeds("no bounds", rivven_consumer_get_offset_bounds(consumer, "positions", 0, NULL, NULL, &error));
    fails("bounds of another", RIVVEN_CODE_NOT_ASSIGNED,
          rivven_consumer_get_offset_bounds(consumer, "positions", 1, &earliest, &latest, &error));
    succeeds("seek to a time", rivven_consumer_seek_to_timestamp(consumer, "positions", 0, 0, &offset, &error));
    check(offset == 0, "all records are younger");
    fails("seek elsewhere", RIVVEN_CODE_NOT_ASSIGNED, rivven_consumer_seek(consumer, "positions", 1, 0, &error));
    fails("subscribe, too", RIVVEN_CODE_INVALID_STATE,
          rivven_consumer_subscribe(consumer, (const char *const[]){"positions"}, 1, &error));
    rivven_consumer_stats_t *stats = NULL;
    succeeds("stats", rivven_consumer_stats(consumer, &stats, &error));
    check(rivven_consumer_stats_records(stats) == 3 && rivven_consumer_stats_partitions_len(stats) == 1 &&
              rivven_consumer_stats_position(stats, 0) == 0 && !rivven_consumer_stats_is_paused(stats, 0) &&
              rivven_consumer_stats_position(stats, 1) == RIVVEN_OFFSET_UNKNOWN,
          "statistics");
    rivven_consumer_stats_free(stats);
    succeeds("wake up", rivven_consumer_wakeup(consumer, &error));
    fails("poll", RIVVEN_CODE_WOKEN_UP, rivven_consumer_poll(consumer, 1000, &batch, &error));
    rivven_consumer_free(consumer);
}

/* What a callback of rebalances has seen. */
struct witness {
    pthread_t thread;
    rivven_consumer_t *consumer;
    int assigned, revoked, freed;
    bool elsewhere;
    rivven_code nested;
};

static void on_rebalance(void *user_data, rivven_rebalance_kind kind, const rivven_partitions_t *partitions) {
    struct witness *witness = user_data;
    rivven_batch_t *batch = NULL;
    witness->elsewhere |= !pthread_equal(witness->thread, pthread_self());
    if (kind == RIVVEN_REBALANCE_KIND_ASSIGNED) witness->assigned += (int)rivven_partitions_len(partitions);
    if (kind == RIVVEN_REBALANCE_KIND_REVOKED) witness->revoked += (int)rivven_partitions_len(partitions);
    witness->nested = rivven_consumer_poll(witness->consumer, 0, &batch, NULL);
}

static void on_free(void *user_data) { ((struct witness *)user_data)->freed++; }

/* Callbacks come in a poll or a close, and events by the queue. */
static void test_rebalances(void) {
    rivven_queue_t *queue = NULL;
    rivven_events_t *events = NULL;
    if (rivven_queue_new(&queue, NULL)) give_up("rivven_queue_new");
    fill(broker.address, "rebalances", PARTITIONS, 30);
    static const char *const settings[] = {"group.id", "rebalances", NULL};
    rivven_consumer_t *consumer = consumer_of(broker.address, queue, settings);
    struct witness witness = {.thread = pthread_self(), .consumer = consumer};
    succeeds("set a callback",
             rivven_consumer_set_rebalance_callback(consumer, on_rebalance, &witness, on_free, &error));
    const char *const topics[] = {"rebalances"};
    succeeds("subscribe", rivven_consumer_subscribe(consumer, topics, 1, &error));
    rivven_batch_free(next_records(consumer));
    check(witness.assigned == PARTITIONS && !witness.elsewhere, "the partitions are given, on the thread that polls");
    check(witness.nested == RIVVEN_CODE_INVALID_STATE, "a poll within the callback is refused");
    bool told = false;
    for (double start = seconds(); !told && seconds() - start < 30;) {
        succeeds("poll the queue", rivven_queue_poll(queue, 1000, &events, &error));
        for (size_t i = 0; i < rivven_events_len(events); i++) {
            told |= rivven_events_kind(events, i) == RIVVEN_EVENT_KIND_ASSIGNED &&
                    rivven_events_count(events, i) == PARTITIONS &&
                    rivven_partitions_len(rivven_events_partitions(events, i)) == PARTITIONS;
        }
        rivven_events_free(events);
    }
    check(told, "the queue tells it, too");
    succeeds("close", rivven_consumer_close(consumer, -1, &error));
    check(witness.revoked == PARTITIONS && !witness.elsewhere, "they are taken away by the close");
    check(witness.freed == 0, "the data is kept");
    rivven_consumer_free(consumer);
    check(witness.freed == 1, "and freed with the consumer");
    rivven_queue_free(queue);
}

/* covers: F081 c, F099 c, F100 c */
int main(void) {
    broker = start_broker();
    test_all_records();
    test_looked_at_by_many();
    test_commits();
    test_positions();
    test_rebalances();
    stop_server(&broker);
    return summary();
}
