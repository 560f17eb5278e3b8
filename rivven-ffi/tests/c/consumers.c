/*
 * Consumers: every record is given once, in the order of its partition; what
 * is committed is where the next one begins; callbacks come in a poll or a
 * close alone; what cannot be read is said.
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "client.h"
#include "launch.h"

enum { RECORDS = 3000, PARTITIONS = 3 };

static const rivven_bytes_t no_key = {NULL, 0};
static struct server broker;

static rivven_consumer_t *consumer_of(const char *address, rivven_queue_t *queue, const char *const *settings) {
    rivven_config_t *config = config_of(address, settings);
    rivven_consumer_t *consumer = NULL;
    succeeds("make a consumer", rivven_consumer_new(config, queue, &consumer, &error));
    rivven_config_free(config);
    return consumer;
}

/* A consumer of a group that commits only when it is told to. */
static rivven_consumer_t *member_of(const char *group) {
    const char *const settings[] = {"group.id", group, "enable.auto.commit", "false", NULL};
    return consumer_of(broker.address, NULL, settings);
}

/* Partitions 0 to `count` - 1 of a topic. */
static rivven_partitions_t *partitions_of(const char *topic, uint32_t count) {
    rivven_partitions_t *partitions = NULL;
    if (rivven_partitions_new(&partitions, NULL)) give_up("rivven_partitions_new");
    for (uint32_t i = 0; i < count; i++) {
        if (rivven_partitions_add(partitions, topic, i, NULL)) give_up("rivven_partitions_add");
    }
    return partitions;
}

static void assign(rivven_consumer_t *consumer, const char *topic, uint32_t count) {
    rivven_partitions_t *partitions = partitions_of(topic, count);
    succeeds("assign", rivven_consumer_assign(consumer, partitions, &error));
    rivven_partitions_free(partitions);
}

/* Makes a topic whose records have their numbers as values, by turns in each partition. */
static void fill(const char *topic, uint32_t partitions, uint32_t records) {
    rivven_client_t *client = connected_client(broker.address);
    if (rivven_client_create_topic(client, topic, partitions, NULL, NULL)) give_up("rivven_client_create_topic");
    for (uint32_t partition = 0; partition < partitions; partition++) {
        rivven_bytes_t values[RECORDS];
        static char texts[RECORDS][12];
        size_t count = 0;
        for (uint32_t record = partition; record < records; record += partitions, count++) {
            snprintf(texts[count], sizeof texts[count], "v%" PRIu32, record);
            values[count] = rivven_bytes_from_string(texts[count]);
        }
        if (count && rivven_client_publish_batch(client, topic, partition, NULL, values, count, NULL, NULL, NULL)) {
            give_up("rivven_client_publish_batch");
        }
    }
    rivven_client_free(client);
}

/* Polls until there are records, at most 30 s. */
static rivven_batch_t *next_records(rivven_consumer_t *consumer) {
    for (double start = seconds(); seconds() - start < 30;) {
        rivven_batch_t *batch = NULL;
        if (!succeeds("poll", rivven_consumer_poll(consumer, 1000, &batch, &error))) return NULL;
        if (rivven_batch_len(batch)) return batch;
        rivven_batch_free(batch);
    }
    return NULL;
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
    fill("all", PARTITIONS, RECORDS);
    rivven_consumer_t *consumer = member_of("all");
    succeeds("connect", rivven_consumer_connect(consumer, &error));
    assign(consumer, "all", PARTITIONS);
    size_t count = 0, wrong = 0, ended = 0;
    bool in_parts = true, agreed = true;
    while (count < RECORDS) {
        rivven_batch_t *batch = next_records(consumer);
        if (!batch) give_up("records are missing");
        in_parts = in_parts && is_in_parts(batch);
        agreed = agreed && agrees(batch);
        ended += rivven_batch_ended_len(batch);
        wrong += rivven_batch_len(batch) > 500;
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
    rivven_batch_t *batch = NULL;
    while (ended < PARTITIONS) {
        if (!succeeds("poll at the end", rivven_consumer_poll(consumer, 5000, &batch, &error))) break;
        check(rivven_batch_len(batch) == 0 && rivven_batch_offsets(batch) == NULL, "there are no more records");
        if (rivven_batch_ended_len(batch)) {
            check(!strcmp(rivven_batch_ended_topic(batch, 0), "all") && rivven_batch_ended_partition(batch, 0) < PARTITIONS,
                  "a partition has ended");
        }
        ended += rivven_batch_ended_len(batch);
        rivven_batch_free(batch);
    }
    check(ended == PARTITIONS, "each partition ends once");
    succeeds("close", rivven_consumer_close(consumer, -1, &error));
    rivven_consumer_free(consumer);
}

static void test_commits(void) {
    bool found = true;
    uint64_t offset = 77;
    fill("commits", 1, 10);
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

/* covers: F081 c, F100 c */
int main(void) {
    broker = start_broker();
    test_all_records();
    test_commits();
    stop_server(&broker);
    return summary();
}
