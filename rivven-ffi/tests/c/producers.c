/*
 * Producers and queues: every record that is taken is reported once, with the
 * place where it is; callbacks come in a poll alone and may free everything;
 * what cannot be sent is said.
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>

#include "client.h"
#include "launch.h"

enum { RECORDS = 10000, PARTITIONS = 3, AT_ONCE = 500 };

static const rivven_bytes_t no_key = {NULL, 0};
static struct server broker;

/* What became of each record, by its opaque, which counts from 0. */
struct ledger {
    size_t reported;
    size_t repeated;
    rivven_code codes[RECORDS];
    uint64_t offsets[RECORDS];
    int64_t partitions[RECORDS];
    bool seen[RECORDS];
};

static struct ledger ledger;

static void note_record(const rivven_events_t *events, size_t index, size_t record) {
    uint64_t opaque = rivven_events_opaques(events, index)[record];
    if (opaque >= RECORDS || ledger.seen[opaque]) {
        ledger.repeated++;
        return;
    }
    ledger.seen[opaque] = true;
    ledger.reported++;
    ledger.offsets[opaque] = RIVVEN_OFFSET_UNKNOWN;
    ledger.codes[opaque] = rivven_events_result(events, index, record, &ledger.offsets[opaque], NULL);
    ledger.partitions[opaque] = rivven_events_partition(events, index);
}

/* Notes the deliveries among events; gives their number of batches. */
static size_t note(const rivven_events_t *events) {
    size_t batches = 0;
    for (size_t i = 0; i < rivven_events_len(events); i++) {
        if (rivven_events_kind(events, i) != RIVVEN_EVENT_KIND_DELIVERIES) continue;
        batches++;
        for (size_t record = 0; record < rivven_events_count(events, i); record++) note_record(events, i, record);
    }
    return batches;
}

static void forget(void) { ledger = (struct ledger){0}; }

/* Polls until so many records are reported; whether they were within 60 s. */
static bool reported(rivven_queue_t *queue, size_t records) {
    double start = seconds();
    while (ledger.reported < records && seconds() - start < 60) {
        rivven_events_t *events = NULL;
        if (rivven_queue_poll(queue, 1000, &events, NULL)) return false;
        note(events);
        rivven_events_free(events);
    }
    return ledger.reported == records && ledger.repeated == 0;
}

static rivven_queue_t *new_queue(void) {
    rivven_queue_t *queue = NULL;
    if (rivven_queue_new(&queue, NULL)) give_up("rivven_queue_new");
    return queue;
}

static rivven_producer_t *producer_of(const char *address, rivven_queue_t *queue, const char *const *settings) {
    rivven_config_t *config = config_of(address, settings);
    rivven_producer_t *producer = NULL;
    if (rivven_producer_new(config, queue, &producer, NULL)) give_up("rivven_producer_new");
    rivven_config_free(config);
    return producer;
}

static rivven_topic_t *topic_of(rivven_producer_t *producer, const char *name) {
    rivven_topic_t *topic = NULL;
    if (rivven_producer_topic(producer, name, &topic, NULL)) give_up("rivven_producer_topic");
    return topic;
}

/* The bytes of a number in decimal. */
static rivven_bytes_t decimal(char *buffer, size_t size, uint64_t number) {
    snprintf(buffer, size, "%" PRIu64, number);
    return rivven_bytes_from_string(buffer);
}

/* Takes what an epoll instance says is there. */
static void take_ready(int epoll) {
    struct epoll_event ready;
    if (epoll_wait(epoll, &ready, 1, 60000) != 1) give_up("epoll_wait");
    rivven_events_t *events = NULL;
    if (rivven_queue_poll(ready.data.ptr, 0, &events, NULL)) give_up("rivven_queue_poll");
    note(events);
    rivven_events_free(events);
}

/* Whether the broker has every record where its report says. */
static void compare_with_the_log(const char *topic, size_t records) {
    rivven_client_t *client = connected_client(broker.address);
    size_t found = 0, astray = 0;
    for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
        uint64_t offset = 0, latest = 0;
        if (rivven_client_get_offset_bounds(client, topic, partition, NULL, &latest, NULL)) give_up("bounds");
        while (offset < latest) {
            rivven_batch_t *batch = NULL;
            if (rivven_client_consume(client, topic, partition, offset, AT_ONCE, &batch, NULL)) give_up("consume");
            for (size_t i = 0; i < rivven_batch_len(batch); i++, found++) {
                rivven_bytes_t value = rivven_batch_value(batch, i);
                char text[24];
                snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.data);
                unsigned long long opaque = strtoull(text, NULL, 10);
                astray += opaque >= RECORDS || ledger.offsets[opaque] != rivven_batch_offset(batch, i) ||
                          ledger.partitions[opaque] != partition;
            }
            if (rivven_batch_len(batch) == 0) give_up("a partition ended early");
            offset += rivven_batch_len(batch);
            rivven_batch_free(batch);
        }
    }
    check(found == records && astray == 0, "%zu records are in the log, %zu not where the report says", found, astray);
    rivven_client_free(client);
}

static void test_reports(void) {
    rivven_queue_t *queue = new_queue();
    rivven_producer_t *producer = producer_of(broker.address, queue, NULL);
    rivven_client_t *client = connected_client(broker.address);
    succeeds("create a topic", rivven_client_create_topic(client, "reports", PARTITIONS, NULL, &error));
    rivven_client_free(client);
    rivven_topic_t *topic = topic_of(producer, "reports");
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = queue}, ready;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, rivven_queue_fd(queue), &wanted)) give_up("epoll_ctl");
    check(epoll_wait(epoll, &ready, 1, 0) == 0, "the descriptor of an empty queue is not readable");
    forget();
    for (uint64_t opaque = 0; opaque < RECORDS;) {
        char text[24];
        rivven_bytes_t value = decimal(text, sizeof text, opaque);
        rivven_bytes_t key = opaque % 2 ? value : no_key;
        rivven_code code = rivven_topic_enqueue(topic, RIVVEN_PARTITION_ANY, key, value, opaque, NULL);
        if (code == RIVVEN_CODE_OK) opaque++;
        else if (code == RIVVEN_CODE_QUEUE_FULL) take_ready(epoll);
        else give_up(rivven_code_name(code));
    }
    while (ledger.reported < RECORDS) take_ready(epoll);
    check(ledger.repeated == 0, "each of %d opaques comes once", RECORDS);
    size_t failed = 0;
    for (size_t i = 0; i < RECORDS; i++) failed += ledger.codes[i] != RIVVEN_CODE_OK;
    check(failed == 0, "every record is delivered");
    compare_with_the_log("reports", RECORDS);
    succeeds("flush", rivven_producer_flush(producer, -1, &error));
    rivven_events_t *events = NULL;
    succeeds("poll without waiting", rivven_queue_poll(queue, 0, &events, &error));
    check(rivven_events_len(events) == 0, "nothing is left");
    check(epoll_wait(epoll, &ready, 1, 0) == 0, "and the descriptor is not readable");
    rivven_events_free(events);
    close(epoll);
    rivven_topic_free(topic);
    succeeds("close", rivven_producer_close(producer, -1, &error));
    rivven_producer_free(producer);
    rivven_queue_free(queue);
}

/* What one event says of its batch. */
static void test_one_event(void) {
    rivven_queue_t *queue = new_queue();
    static const char *const settings[] = {"linger.ms", "60000", "enable.idempotence", "true", NULL};
    rivven_producer_t *producer = producer_of(broker.address, queue, settings);
    rivven_topic_t *topic = topic_of(producer, "one-event");
    const rivven_bytes_t values[] = {rivven_bytes_from("a", 1), rivven_bytes_from("b", 1), no_key};
    const uint64_t opaques[] = {7, UINT64_MAX, (uint64_t)(uintptr_t)&queue};
    size_t accepted = 0;
    succeeds("enqueue a batch", rivven_topic_enqueue_batch(topic, 0, NULL, values, opaques, 3, &accepted, &error));
    check(accepted == 3, "all are taken");
    succeeds("flush", rivven_producer_flush(producer, 30000, &error));
    rivven_events_t *events = NULL;
    succeeds("poll", rivven_queue_poll(queue, 0, &events, &error));
    check(rivven_events_len(events) == 1, "the records of a batch are one event");
    check(rivven_events_kind(events, 0) == RIVVEN_EVENT_KIND_DELIVERIES, "of deliveries");
    check(rivven_events_kind(events, 1) == RIVVEN_EVENT_KIND_NONE, "there is no other event");
    check(strcmp(rivven_events_topic(events, 0), "one-event") == 0, "the topic");
    check(rivven_events_partition(events, 0) == 0 && rivven_events_count(events, 0) == 3, "partition and count");
    check(memcmp(rivven_events_opaques(events, 0), opaques, sizeof opaques) == 0, "the opaques in their order");
    check(rivven_events_first_offset(events, 0) == 0, "the first offset");
    check(rivven_events_timestamp_ms(events, 0) > 1600000000000, "the time");
    uint64_t offset = 77;
    succeeds("result", rivven_events_result(events, 0, 2, &offset, &error));
    check(offset == 2, "the offset of the last record");
    check(!rivven_events_is_duplicate(events, 0, 2) && !rivven_events_is_maybe_duplicate(events, 0, 2) &&
              rivven_events_is_offset_exact(events, 0, 2),
          "it is there once, for certain");
    fails("a record beyond", RIVVEN_CODE_INVALID_ARGUMENT, rivven_events_result(events, 0, 3, &offset, &error));
    fails("an event beyond", RIVVEN_CODE_INVALID_ARGUMENT, rivven_events_result(events, 1, 0, &offset, &error));
    check(offset == 2, "outputs are untouched");
    check(!rivven_events_topic(events, 1) && !rivven_events_opaques(events, 1) && !rivven_events_count(events, 1) &&
              rivven_events_partition(events, 1) == -1 && !rivven_events_timestamp_ms(events, 1) &&
              rivven_events_first_offset(events, 1) == RIVVEN_OFFSET_UNKNOWN && !rivven_events_is_duplicate(events, 1, 0),
          "an event that is none says nothing");
    check(rivven_events_log_level(events, 0) == RIVVEN_LOG_LEVEL_OFF && !rivven_events_log_message(events, 0) &&
              !rivven_events_log_target(events, 0),
          "deliveries are no line of a log");
    rivven_queue_free(queue);
    rivven_topic_free(topic);
    rivven_producer_free(producer);
    check(rivven_events_opaques(events, 0)[0] == 7, "events outlive the queue and the producer");
    rivven_events_free(events);
}

/* Sending, and what a producer says of itself. */
static void test_send(void) {
    rivven_producer_t *producer = producer_of(broker.address, NULL, NULL);
    const rivven_bytes_t key = rivven_bytes_from("k", 1), value = rivven_bytes_from("v", 1);
    rivven_record_metadata_t *metadata = NULL;
    rivven_producer_stats_t *stats = NULL;
    uint32_t count = 0;
    bool idempotent = true;
    succeeds("connect", rivven_producer_connect(producer, &error));
    succeeds("send to an unknown topic", rivven_producer_send(producer, "made", 0, key, value, &metadata, &error));
    check(strcmp(rivven_record_metadata_topic(metadata), "made") == 0, "the topic is created");
    check(rivven_record_metadata_partition(metadata) == 0 && rivven_record_metadata_offset(metadata) == 0,
          "the record is at its beginning");
    rivven_record_metadata_free(metadata);
    succeeds("send", rivven_producer_send(producer, "made", RIVVEN_PARTITION_ANY, no_key, value, NULL, &error));
    succeeds("partition count", rivven_producer_get_partition_count(producer, "made", &count, &error));
    check(count == 3, "the topic has the broker's number of partitions: %u", count);
    succeeds("refresh", rivven_producer_refresh_metadata(producer, "made", &error));
    fails("a partition beyond", RIVVEN_CODE_INVALID_PARTITION,
          rivven_producer_send(producer, "made", 3, no_key, value, NULL, &error));
    fails("no name of a topic", RIVVEN_CODE_INVALID_TOPIC,
          rivven_producer_send(producer, "no name", 0, no_key, value, NULL, &error));
    succeeds("is idempotent", rivven_producer_is_idempotent(producer, &idempotent, &error));
    check(!idempotent, "it is not");
    succeeds("stats", rivven_producer_stats(producer, &stats, &error));
    check(rivven_producer_stats_records_sent(stats) == 2 && rivven_producer_stats_records_delivered(stats) == 2 &&
              rivven_producer_stats_records_failed(stats) == 0 && rivven_producer_stats_records_pending(stats) == 0 &&
              rivven_producer_stats_records_queued(stats) == 0,
          "two records are delivered");
    check(rivven_producer_stats_batches_sent(stats) == 2 && rivven_producer_stats_bytes_sent(stats) > 0 &&
              rivven_producer_stats_records_per_batch(stats) == 1.0 && rivven_producer_stats_errors(stats) == 0 &&
              rivven_producer_stats_retries(stats) == 0 && rivven_producer_stats_success_rate(stats) == 1.0 &&
              rivven_producer_stats_bytes_buffered(stats) == 0,
          "by two requests");
    check(rivven_producer_stats_latency_p50_us(stats) > 0 &&
              rivven_producer_stats_latency_p50_us(stats) <= rivven_producer_stats_latency_p95_us(stats) &&
              rivven_producer_stats_latency_p95_us(stats) <= rivven_producer_stats_latency_p99_us(stats),
          "with latencies in their order");
    rivven_producer_stats_free(stats);
    succeeds("close", rivven_producer_close(producer, -1, &error));
    succeeds("close again", rivven_producer_close(producer, 0, &error));
    fails("send after close", RIVVEN_CODE_CLOSED,
          rivven_producer_send(producer, "made", 0, no_key, value, NULL, &error));
    rivven_producer_free(producer);
}

static void test_no_topic(void) {
    static const char *const settings[] = {"allow.auto.create.topics", "false", NULL};
    rivven_queue_t *queue = new_queue();
    rivven_producer_t *producer = producer_of(broker.address, queue, settings);
    rivven_topic_t *topic = topic_of(producer, "nowhere");
    rivven_events_t *events = NULL;
    forget();
    succeeds("enqueue", rivven_topic_enqueue(topic, 0, no_key, rivven_bytes_from("v", 1), 5, &error));
    succeeds("poll", rivven_queue_poll(queue, -1, &events, &error));
    fails("the report", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION, rivven_events_result(events, 0, 0, NULL, &error));
    check(rivven_events_first_offset(events, 0) == RIVVEN_OFFSET_UNKNOWN, "it has no offset");
    note(events);
    check(ledger.seen[5] && ledger.repeated == 0, "and the opaque");
    rivven_events_free(events);
    fails("partition count", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION,
          rivven_producer_get_partition_count(producer, "nowhere", NULL, &error));
    rivven_producer_stats_t *stats = NULL;
    succeeds("stats", rivven_producer_stats(producer, &stats, &error));
    check(rivven_producer_stats_records_failed(stats) == 1 && rivven_producer_stats_records_pending(stats) == 0 &&
              rivven_producer_stats_success_rate(stats) == 0.0,
          "the record has failed, and is not pending");
    rivven_producer_stats_free(stats);
    rivven_topic_free(topic);
    rivven_producer_free(producer);
    rivven_queue_free(queue);
}

/* Sends a record, and gives its offset and whether the producer is idempotent then. */
static uint64_t send_with(const char *const *settings, const char *topic, rivven_bytes_t value, bool *idempotent) {
    rivven_producer_t *producer = producer_of(broker.address, NULL, settings);
    rivven_record_metadata_t *metadata = NULL;
    succeeds("send", rivven_producer_send(producer, topic, 0, no_key, value, &metadata, &error));
    succeeds("is idempotent", rivven_producer_is_idempotent(producer, idempotent, &error));
    succeeds("close", rivven_producer_close(producer, -1, &error));
    uint64_t offset = rivven_record_metadata_offset(metadata);
    rivven_record_metadata_free(metadata);
    rivven_producer_free(producer);
    return offset;
}

/* What settings change. */
static void test_settings(void) {
    static const char *const numbered[] = {"enable.idempotence", "true", NULL};
    static const char *const unanswered[] = {"acks", "0", NULL};
    static const char *const compressed[] = {"compression.type", "zstd", NULL};
    static const char *const too_many[] = {"enable.idempotence", "true", "max.in.flight.requests", "6", NULL};
    static char kilobytes[4096];
    const rivven_bytes_t value = rivven_bytes_from(kilobytes, sizeof kilobytes);
    bool idempotent = false;
    rivven_client_t *client = connected_client(broker.address);
    rivven_batch_t *batch = NULL;
    succeeds("create a topic", rivven_client_create_topic(client, "settings", 1, NULL, &error));
    check(send_with(numbered, "settings", value, &idempotent) == 0 && idempotent, "a producer is idempotent");
    check(send_with(compressed, "settings", value, &idempotent) == 1 && !idempotent, "another one compresses");
    succeeds("consume", rivven_client_consume(client, "settings", 0, 0, 2, &batch, &error));
    check(rivven_batch_len(batch) == 2 && holds(rivven_batch_value(batch, 1), kilobytes, sizeof kilobytes),
          "what was compressed is read as it was");
    rivven_batch_free(batch);
    check(send_with(unanswered, "settings", value, &idempotent) == RIVVEN_OFFSET_UNKNOWN,
          "without an answer the offset is not known");
    rivven_config_t *config = config_of(broker.address, too_many);
    rivven_producer_t *refused = NULL;
    fails("too many in flight", RIVVEN_CODE_INVALID_CONFIG, rivven_producer_new(config, NULL, &refused, &error));
    rivven_config_free(config);
    rivven_client_free(client);
}

/* The first server of two is none; partitions are added behind the producer's back. */
static void test_metadata(void) {
    char address[64], both[160];
    int holder = hold_address(address, sizeof address);
    snprintf(both, sizeof both, "%s,%s", address, broker.address);
    rivven_client_t *client = connected_client(broker.address);
    rivven_producer_t *producer = producer_of(both, NULL, NULL);
    uint32_t count = 0;
    succeeds("create a topic", rivven_client_create_topic(client, "grows", 1, NULL, &error));
    succeeds("connect to the second server", rivven_producer_connect(producer, &error));
    succeeds("partition count", rivven_producer_get_partition_count(producer, "grows", &count, &error));
    check(count == 1, "it is 1");
    succeeds("add partitions", rivven_client_create_partitions(client, "grows", 2, NULL, &error));
    succeeds("refresh", rivven_producer_refresh_metadata(producer, "grows", &error));
    succeeds("partition count", rivven_producer_get_partition_count(producer, "grows", &count, &error));
    check(count == 2, "it is 2");
    succeeds("send to the new one", rivven_producer_send(producer, "grows", 1, no_key, no_key, NULL, &error));
    rivven_producer_free(producer);
    rivven_client_free(client);
    close(holder);
}

/* A broker that never answers: records wait, until there is no room. */
static void test_full(void) {
    static const char *const settings[] = {"buffer.memory", "65536", "max.block.ms", "50", NULL};
    struct server stalling = start_misbehaving("stall");
    rivven_queue_t *queue = new_queue();
    rivven_producer_t *producer = producer_of(stalling.address, queue, settings);
    rivven_topic_t *topic = topic_of(producer, "t");
    rivven_bytes_t values[AT_ONCE];
    uint64_t opaques[AT_ONCE];
    static const char kilobyte[1024];
    for (size_t i = 0; i < AT_ONCE; i++) {
        values[i] = rivven_bytes_from(kilobyte, sizeof kilobyte);
        opaques[i] = i;
    }
    size_t accepted = 0, none = 77;
    forget();
    fails("a batch that does not fit", RIVVEN_CODE_QUEUE_FULL,
          rivven_topic_enqueue_batch(topic, 0, NULL, values, opaques, AT_ONCE, &accepted, &error));
    check(accepted > 10 && accepted < 64, "%zu records are taken", accepted);
    fails("the rest", RIVVEN_CODE_QUEUE_FULL,
          rivven_topic_enqueue_batch(topic, 0, NULL, values + accepted, opaques + accepted, 1, &none, &error));
    check(none == 0, "none of it is taken");
    fails("one more", RIVVEN_CODE_QUEUE_FULL, rivven_topic_enqueue(topic, 0, no_key, values[0], 0, &error));
    fails("waiting for room", RIVVEN_CODE_QUEUE_FULL,
          rivven_topic_wait_for_room(topic, sizeof kilobyte, &error));
    fails("send", RIVVEN_CODE_QUEUE_FULL, rivven_producer_send(producer, "t", 0, no_key, values[0], NULL, &error));
    fails("flush", RIVVEN_CODE_TIMED_OUT, rivven_producer_flush(producer, 50, &error));
    rivven_events_t *events = NULL;
    succeeds("poll", rivven_queue_poll(queue, 0, &events, &error));
    check(rivven_events_len(events) == 0, "nothing is settled");
    rivven_events_free(events);
    char number[24];
    snprintf(number, sizeof number, " %zu ", accepted);
    rivven_code code = rivven_producer_close(producer, 100, &error);
    check(code == RIVVEN_CODE_TIMED_OUT && strstr(rivven_error_message(error), number), "close says what is left: %s",
          rivven_error_message(error));
    rivven_error_free(error);
    error = NULL;
    check(reported(queue, accepted), "what was taken is reported, once, when close returns");
    size_t closed = 0;
    for (size_t i = 0; i < accepted; i++) closed += ledger.codes[i] == RIVVEN_CODE_CLOSED;
    check(closed == accepted, "as closed");
    rivven_topic_free(topic);
    rivven_producer_free(producer);
    rivven_queue_free(queue);
    stop_server(&stalling);
}

static void test_purge(void) {
    struct server stalling = start_misbehaving("stall");
    rivven_queue_t *queue = new_queue();
    rivven_producer_t *producer = producer_of(stalling.address, queue, NULL);
    rivven_topic_t *topic = topic_of(producer, "t");
    uint64_t purged = 0;
    forget();
    for (uint64_t i = 0; i < 20; i++) rivven_topic_enqueue(topic, 0, no_key, rivven_bytes_from("v", 1), i, NULL);
    succeeds("purge", rivven_producer_purge(producer, &purged, &error));
    check(purged == 20 && reported(queue, 20), "20 records are given up");
    check(ledger.codes[0] == RIVVEN_CODE_PURGED, "as purged");
    rivven_topic_free(topic);
    rivven_producer_free(producer);
    rivven_queue_free(queue);
    stop_server(&stalling);
}

/* What a callback is given as its data. */
struct context {
    rivven_queue_t *queue;
    rivven_producer_t *producer;
    rivven_topic_t *topic;
    pthread_t thread;
    size_t calls;
    size_t records;
    size_t frees;
    bool frees_all;
    bool elsewhere;
};

static void on_deliveries(void *user_data, const rivven_events_t *deliveries) {
    struct context *context = user_data;
    context->calls++;
    context->elsewhere |= !pthread_equal(context->thread, pthread_self());
    for (size_t i = 0; i < rivven_events_len(deliveries); i++) context->records += rivven_events_count(deliveries, i);
    if (context->frees_all) {
        rivven_topic_free(context->topic);
        rivven_producer_free(context->producer);
        rivven_queue_free(context->queue);
        rivven_events_free((rivven_events_t *)deliveries);
        check(context->frees == 0, "the data lives until the callback has returned");
    }
}

static void on_free(void *user_data) {
    struct context *context = user_data;
    context->frees++;
}

/* Makes the producer of a context, which stays where it is. */
static void produce_with(struct context *context, const char *topic) {
    *context = (struct context){.queue = new_queue(), .thread = pthread_self()};
    rivven_config_t *config = config_of(broker.address, NULL);
    if (rivven_producer_new_with_callback(config, context->queue, on_deliveries, context, on_free, &context->producer,
                                          NULL)) {
        give_up("rivven_producer_new_with_callback");
    }
    rivven_config_free(config);
    context->topic = topic_of(context->producer, topic);
}

static void enqueue_and_flush(struct context *context) {
    for (int i = 0; i < 100; i++) {
        succeeds("enqueue", rivven_topic_enqueue(context->topic, 0, no_key, rivven_bytes_from("v", 1), 1, &error));
    }
    succeeds("flush", rivven_producer_flush(context->producer, -1, &error));
}

static void poll_once(rivven_queue_t *queue) {
    rivven_events_t *events = NULL;
    succeeds("poll", rivven_queue_poll(queue, 0, &events, &error));
    check(rivven_events_len(events) == 0, "what callbacks are given is not given twice");
    rivven_events_free(events);
}

static void test_callback(void) {
    struct context context;
    produce_with(&context, "callback");
    enqueue_and_flush(&context);
    check(context.calls == 0, "no callback outside of a poll");
    poll_once(context.queue);
    check(context.calls == 1 && context.records == 100, "one callback for all that has come");
    check(!context.elsewhere, "on the thread that polls");
    enqueue_and_flush(&context);
    rivven_producer_free(context.producer);
    check(context.frees == 1, "the data is freed with the producer");
    poll_once(context.queue);
    check(context.calls == 1, "and no callback comes any more");
    rivven_topic_free(context.topic);
    rivven_queue_free(context.queue);
    check(context.frees == 1, "the data is freed once");

    produce_with(&context, "callback");
    enqueue_and_flush(&context);
    rivven_queue_free(context.queue);
    check(context.frees == 1 && context.calls == 0, "freeing the queue ends callbacks");
    enqueue_and_flush(&context);
    rivven_topic_free(context.topic);
    rivven_producer_free(context.producer);
    check(context.frees == 1 && context.calls == 0, "for good, while the producer goes on");
}

static void test_callback_that_frees(void) {
    struct context context;
    produce_with(&context, "frees");
    context.frees_all = true;
    enqueue_and_flush(&context);
    rivven_events_t *events = NULL;
    succeeds("poll", rivven_queue_poll(context.queue, 0, &events, &error));
    check(context.calls == 1 && context.frees == 1, "a callback may free everything");
    rivven_events_free(events);
}

/* The first callback frees the queue that has deliveries for a second one. */
static void test_callback_that_ends_another(void) {
    struct context first, second = {.thread = pthread_self()};
    produce_with(&first, "first");
    rivven_config_t *config = config_of(broker.address, NULL);
    succeeds("make a producer", rivven_producer_new_with_callback(config, first.queue, on_deliveries, &second, on_free,
                                                                  &second.producer, &error));
    rivven_config_free(config);
    second.topic = topic_of(second.producer, "second");
    first.frees_all = true;
    enqueue_and_flush(&first);
    enqueue_and_flush(&second);
    rivven_events_t *events = NULL;
    succeeds("poll", rivven_queue_poll(first.queue, 0, &events, &error));
    check(first.calls == 1 && first.frees == 1, "the first callback frees the queue");
    check(second.calls == 0 && second.frees == 1, "the second one is not called any more");
    rivven_events_free(events);
    rivven_topic_free(second.topic);
    rivven_producer_free(second.producer);
    check(second.frees == 1, "its data is freed once");
}

static void *poll_for_ever(void *queue) {
    rivven_events_t *events = NULL;
    rivven_code code = rivven_queue_poll(queue, -1, &events, NULL);
    rivven_events_free(events);
    return (void *)(intptr_t)code;
}

static void test_free_under_polls(void) {
    rivven_queue_t *queue = new_queue();
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        if (pthread_create(&threads[i], NULL, poll_for_ever, queue)) give_up("pthread_create");
    }
    rivven_events_t *events = NULL;
    succeeds("poll beside them", rivven_queue_poll(queue, 50, &events, &error));
    check(rivven_events_len(events) == 0, "a poll ends with nothing when its time is over");
    rivven_events_free(events);
    rivven_queue_free(queue);
    for (int i = 0; i < 3; i++) {
        void *code = NULL;
        pthread_join(threads[i], &code);
        check((intptr_t)code == RIVVEN_CODE_CLOSED, "a poll ends when its queue is freed");
    }
}

static void test_log(void) {
    rivven_queue_t *queue = new_queue();
    fails("no level", RIVVEN_CODE_INVALID_ARGUMENT, rivven_queue_subscribe_log(queue, 6, &error));
    fails("no level", RIVVEN_CODE_INVALID_ARGUMENT, rivven_queue_subscribe_log(queue, -1, &error));
    succeeds("subscribe", rivven_queue_subscribe_log(queue, RIVVEN_LOG_LEVEL_DEBUG, &error));
    rivven_client_free(connected_client(broker.address));
    rivven_events_t *events = NULL;
    succeeds("poll", rivven_queue_poll(queue, -1, &events, &error));
    check(rivven_events_kind(events, 0) == RIVVEN_EVENT_KIND_LOG, "a connection is logged");
    check(rivven_events_log_level(events, 0) != RIVVEN_LOG_LEVEL_OFF && *rivven_events_log_message(events, 0), "%s",
          rivven_events_log_message(events, 0));
    check(strncmp(rivven_events_log_target(events, 0), "rivven", 6) == 0, "by the library");
    check(rivven_events_timestamp_ms(events, 0) > 1600000000000, "with a time");
    check(rivven_events_count(events, 0) == 0 && !rivven_events_topic(events, 0), "a line is no delivery");
    rivven_events_free(events);
    succeeds("end it", rivven_queue_subscribe_log(queue, RIVVEN_LOG_LEVEL_OFF, &error));
    rivven_queue_free(queue);
}

static void refused(const char *what, rivven_code code) { fails(what, RIVVEN_CODE_INVALID_ARGUMENT, code); }

static void test_arguments(void) {
    rivven_queue_t *queue = new_queue(), *no_queue = NULL;
    static const char *const settings[] = {"enable.idempotence", "true", "acks", "0", NULL};
    rivven_config_t *config = config_of(broker.address, NULL), *contradictory = config_of(broker.address, settings);
    rivven_producer_t *producer = producer_of(broker.address, queue, NULL), *no_producer = NULL;
    rivven_topic_t *topic = topic_of(producer, "t"), *no_topic = NULL;
    rivven_events_t *events = NULL;
    rivven_producer_stats_t *stats = NULL;
    const rivven_bytes_t value = rivven_bytes_from("v", 1), no_data = rivven_bytes_from(NULL, 1);
    const rivven_bytes_t views[] = {value, no_data}, around[] = {value, no_data, value};
    struct context context = {0};
    size_t accepted = 77;

    refused("no place for a queue", rivven_queue_new(NULL, &error));
    refused("poll no queue", rivven_queue_poll(NULL, 0, &events, &error));
    refused("no place for events", rivven_queue_poll(queue, 0, NULL, &error));
    refused("no queue for the log", rivven_queue_subscribe_log(NULL, RIVVEN_LOG_LEVEL_INFO, &error));
    check(rivven_queue_fd(NULL) == -1 && rivven_queue_fd(queue) >= 0, "descriptors");
    refused("no configuration", rivven_producer_new(NULL, queue, &no_producer, &error));
    refused("no place for a producer", rivven_producer_new(config, queue, NULL, &error));
    refused("another handle for a queue", rivven_producer_new(config, (rivven_queue_t *)topic, &no_producer, &error));
    refused("no callback",
            rivven_producer_new_with_callback(config, queue, NULL, &context, on_free, &no_producer, &error));
    refused("a callback without queue",
            rivven_producer_new_with_callback(config, NULL, on_deliveries, &context, on_free, &no_producer, &error));
    fails("keys that contradict", RIVVEN_CODE_INVALID_CONFIG,
          rivven_producer_new(contradictory, queue, &no_producer, &error));
    fails("keys that contradict", RIVVEN_CODE_INVALID_CONFIG,
          rivven_producer_new_with_callback(contradictory, queue, on_deliveries, &context, on_free, &no_producer,
                                            &error));
    check(context.frees == 0, "data is not taken by a call that fails");
    refused("connect", rivven_producer_connect(NULL, &error));
    refused("topic of no producer", rivven_producer_topic(NULL, "t", &no_topic, &error));
    refused("topic without name", rivven_producer_topic(producer, NULL, &no_topic, &error));
    refused("no place for a topic", rivven_producer_topic(producer, "t", NULL, &error));
    refused("send by none", rivven_producer_send(NULL, "t", 0, no_key, value, NULL, &error));
    refused("send to none", rivven_producer_send(producer, NULL, 0, no_key, value, NULL, &error));
    refused("send to partition -2", rivven_producer_send(producer, "t", -2, no_key, value, NULL, &error));
    refused("send a key without data", rivven_producer_send(producer, "t", 0, no_data, value, NULL, &error));
    refused("send a value without data", rivven_producer_send(producer, "t", 0, no_key, no_data, NULL, &error));
    refused("flush", rivven_producer_flush(NULL, -1, &error));
    refused("close", rivven_producer_close(NULL, -1, &error));
    refused("purge", rivven_producer_purge(NULL, NULL, &error));
    refused("stats of none", rivven_producer_stats(NULL, &stats, &error));
    refused("no place for stats", rivven_producer_stats(producer, NULL, &error));
    refused("is_idempotent", rivven_producer_is_idempotent(NULL, NULL, &error));
    refused("partition count of none", rivven_producer_get_partition_count(NULL, "t", NULL, &error));
    refused("partition count without topic", rivven_producer_get_partition_count(producer, NULL, NULL, &error));
    refused("refresh", rivven_producer_refresh_metadata(producer, NULL, &error));
    refused("enqueue to none", rivven_topic_enqueue(NULL, 0, no_key, value, 0, &error));
    refused("enqueue to a producer", rivven_topic_enqueue((rivven_topic_t *)producer, 0, no_key, value, 0, &error));
    refused("enqueue to partition -2", rivven_topic_enqueue(topic, -2, no_key, value, 0, &error));
    refused("enqueue a key without data", rivven_topic_enqueue(topic, 0, no_data, value, 0, &error));
    refused("enqueue a value without data", rivven_topic_enqueue(topic, 0, no_key, no_data, 0, &error));
    refused("a batch to none", rivven_topic_enqueue_batch(NULL, 0, NULL, &value, NULL, 1, &accepted, &error));
    check(accepted == 0, "nothing is taken");
    refused("a batch without values", rivven_topic_enqueue_batch(topic, 0, NULL, NULL, NULL, 1, NULL, &error));
    refused("an impossible count", rivven_topic_enqueue_batch(topic, 0, NULL, &value, NULL, SIZE_MAX, NULL, &error));
    refused("a value in a batch", rivven_topic_enqueue_batch(topic, 0, NULL, views, NULL, 2, &accepted, &error));
    check(accepted == 1, "the one before it is taken");
    refused("a value within a batch", rivven_topic_enqueue_batch(topic, 0, NULL, around, NULL, 3, &accepted, &error));
    check(accepted == 1, "the one behind it is not taken either");
    succeeds("an empty batch", rivven_topic_enqueue_batch(topic, 0, NULL, NULL, NULL, 0, &accepted, &error));
    check(accepted == 0, "has nothing to take");
    refused("room of none", rivven_topic_wait_for_room(NULL, 1, &error));
    succeeds("room", rivven_topic_wait_for_room(topic, 1, &error));
    fails("room for all memory", RIVVEN_CODE_REQUEST_TOO_LARGE, rivven_topic_wait_for_room(topic, SIZE_MAX, &error));
    refused("the result of none", rivven_events_result(NULL, 0, 0, NULL, &error));
    check(rivven_events_len(NULL) == 0 && rivven_events_kind(NULL, 0) == RIVVEN_EVENT_KIND_NONE &&
              !rivven_events_opaques(NULL, 0),
          "no events");
    check(rivven_producer_stats_records_sent(NULL) == 0 && rivven_producer_stats_success_rate(NULL) == 0.0, "no stats");
    check(!no_queue && !no_producer && !no_topic && !events && !stats, "outputs are untouched");

    rivven_producer_free(producer);
    fails("enqueue without the producer", RIVVEN_CODE_CLOSED, rivven_topic_enqueue(topic, 0, no_key, value, 0, &error));
    rivven_topic_free(topic);
    rivven_config_free(config);
    rivven_config_free(contradictory);
    rivven_queue_free(queue);
    rivven_queue_free(NULL);
    rivven_producer_free(NULL);
    rivven_topic_free(NULL);
    rivven_events_free(NULL);
    rivven_producer_stats_free(NULL);
}

/* covers: F053 c, F054 c, F055 c, F056 c, F066 c, F067 c, F069 c, F070 c, F071 c, F073 c, F078 c, F079 c, F080 c */
int main(void) {
    broker = start_broker();
    test_arguments();
    test_reports();
    test_one_event();
    test_send();
    test_no_topic();
    test_settings();
    test_metadata();
    test_full();
    test_purge();
    test_callback();
    test_callback_that_frees();
    test_callback_that_ends_another();
    test_free_under_polls();
    test_log();
    stop_server(&broker);
    return summary();
}
