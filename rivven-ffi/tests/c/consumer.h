/*
 * What the tests of consumers have in common: topics to read, and reading them.
 */

#ifndef CONSUMER_H
#define CONSUMER_H

#include <inttypes.h>
#include <string.h>

#include "client.h"
#include "launch.h"

static inline rivven_consumer_t *consumer_of(const char *address, rivven_queue_t *queue, const char *const *settings) {
    rivven_config_t *config = config_of(address, settings);
    rivven_consumer_t *consumer = NULL;
    succeeds("make a consumer", rivven_consumer_new(config, queue, &consumer, &error));
    rivven_config_free(config);
    return consumer;
}

/* Partitions 0 to `count` - 1 of a topic. */
static inline rivven_partitions_t *partitions_of(const char *topic, uint32_t count) {
    rivven_partitions_t *partitions = NULL;
    if (rivven_partitions_new(&partitions, NULL)) give_up("rivven_partitions_new");
    for (uint32_t i = 0; i < count; i++) {
        if (rivven_partitions_add(partitions, topic, i, NULL)) give_up("rivven_partitions_add");
    }
    return partitions;
}

static inline void assign(rivven_consumer_t *consumer, const char *topic, uint32_t count) {
    rivven_partitions_t *partitions = partitions_of(topic, count);
    succeeds("assign", rivven_consumer_assign(consumer, partitions, &error));
    rivven_partitions_free(partitions);
}

static inline void subscribe(rivven_consumer_t *consumer, const char *topic) {
    succeeds("subscribe", rivven_consumer_subscribe(consumer, &topic, 1, &error));
}

/* How many partitions a consumer has. */
static inline size_t assigned(rivven_consumer_t *consumer) {
    rivven_partitions_t *partitions = NULL;
    if (rivven_consumer_assignments(consumer, &partitions, NULL)) give_up("rivven_consumer_assignments");
    size_t count = rivven_partitions_len(partitions);
    rivven_partitions_free(partitions);
    return count;
}

/* Makes a topic whose records have their numbers as values, by turns in each partition. */
static inline void fill(const char *address, const char *topic, uint32_t partitions, uint32_t records) {
    enum { TEXT = 12 };
    rivven_client_t *client = connected_client(address);
    rivven_bytes_t *values = calloc(records + 1, sizeof *values);
    char *texts = calloc(records + 1, TEXT);
    if (!values || !texts) give_up("calloc");
    if (rivven_client_create_topic(client, topic, partitions, NULL, NULL)) give_up("rivven_client_create_topic");
    for (uint32_t partition = 0; partition < partitions; partition++) {
        size_t count = 0;
        for (uint32_t record = partition; record < records; record += partitions, count++) {
            snprintf(texts + count * TEXT, TEXT, "v%" PRIu32, record);
            values[count] = rivven_bytes_from_string(texts + count * TEXT);
        }
        if (count && rivven_client_publish_batch(client, topic, partition, NULL, values, count, NULL, NULL, NULL)) {
            give_up("rivven_client_publish_batch");
        }
    }
    free(texts);
    free(values);
    rivven_client_free(client);
}

/* Polls until there are records, at most 30 s. */
static inline rivven_batch_t *next_records(rivven_consumer_t *consumer) {
    for (double start = seconds(); seconds() - start < 30;) {
        rivven_batch_t *batch = NULL;
        if (!succeeds("poll", rivven_consumer_poll(consumer, 1000, &batch, &error))) return NULL;
        if (rivven_batch_len(batch)) return batch;
        rivven_batch_free(batch);
    }
    return NULL;
}

/* Polls until so many records have come, and checks the value of the last one. */
static inline bool reads(rivven_consumer_t *consumer, size_t count, const char *last) {
    bool right = false;
    for (size_t seen = 0; seen < count;) {
        rivven_batch_t *batch = next_records(consumer);
        if (!batch) return check(false, "%zu records of %zu came", seen, count);
        seen += rivven_batch_len(batch);
        right = seen == count && holds(rivven_batch_value(batch, rivven_batch_len(batch) - 1), last, strlen(last));
        rivven_batch_free(batch);
    }
    return check(right, "there are %zu records, the last one is %s", count, last);
}

#endif
