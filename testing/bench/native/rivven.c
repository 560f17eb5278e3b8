/* Publishes with librivven: the settings of the Rust scenarios, everything else as it is by default.
 *
 * --call handle: by a topic handle; batch: many records in a call; await: one record at a time, without linger. */
#include <rivven.h>

#include "bench.h"

/* Records of a call with many, and between two looks at the reports. */
#define BATCH 1000

/* How much room is waited for where there is none: that of many batches, so that threads change seldom. */
#define ROOM (1024 * 1024)

static rivven_error_t *error;
static uint64_t delivered;
static uint64_t *enqueued_ns;
static struct latencies latencies;

static void check(const char *what, rivven_code code) {
    if (code != RIVVEN_CODE_OK) fail(what, error ? rivven_error_message(error) : rivven_code_name(code));
}

/* Counts a report. The opaque of a sampled record is where its time is kept, plus one. */
static void take_report(const rivven_events_t *events, size_t index) {
    size_t count = rivven_events_count(events, index);
    const uint64_t *opaques = rivven_events_opaques(events, index);
    if (rivven_events_first_offset(events, index) == RIVVEN_OFFSET_UNKNOWN)
        check("delivery", rivven_events_result(events, index, 0, NULL, &error));
    for (size_t record = 0; record < count; record++)
        if (opaques[record]) latencies.ns[latencies.count++] = now_ns() - enqueued_ns[opaques[record] - 1];
    delivered += count;
}

static void poll_reports(rivven_queue_t *queue, int64_t timeout_ms) {
    rivven_events_t *events;
    check("poll", rivven_queue_poll(queue, timeout_ms, &events, &error));
    for (size_t i = 0; i < rivven_events_len(events); i++)
        if (rivven_events_kind(events, i) == RIVVEN_EVENT_KIND_DELIVERIES) take_report(events, i);
    rivven_events_free(events);
}

/* The opaque of a record, and its time where it is sampled. */
static uint64_t sample(uint64_t record) {
    if (record % SAMPLED) return 0;
    enqueued_ns[record / SAMPLED] = now_ns();
    return record / SAMPLED + 1;
}

/* Makes room; any other code ends the program. */
static void make_room(rivven_topic_t *topic, rivven_queue_t *queue, rivven_code code) {
    if (code != RIVVEN_CODE_QUEUE_FULL) check("enqueue", code);
    check("wait for room", rivven_topic_wait_for_room(topic, ROOM, &error));
    poll_reports(queue, 0);
}

static void produce_by_handle(rivven_topic_t *topic, rivven_queue_t *queue, struct values *values, uint64_t records) {
    const rivven_bytes_t no_key = {NULL, 0};
    while (values->count < records) {
        uint64_t opaque = sample(values->count);
        rivven_bytes_t value = {next_value(values), values->size};
        rivven_code code;
        while ((code = rivven_topic_enqueue(topic, RIVVEN_PARTITION_ANY, no_key, value, opaque, NULL)))
            make_room(topic, queue, code);
        if (values->count % BATCH == 0) poll_reports(queue, 0);
    }
}

static void produce_batches(rivven_topic_t *topic, rivven_queue_t *queue, struct values *values, uint64_t records) {
    static rivven_bytes_t batch[BATCH];
    static uint64_t opaques[BATCH];
    while (values->count < records) {
        size_t count = 0;
        for (; count < BATCH && values->count < records; count++) {
            opaques[count] = sample(values->count);
            batch[count] = (rivven_bytes_t){next_value(values), values->size};
        }
        for (size_t done = 0, accepted; done < count; done += accepted) {
            rivven_code code = rivven_topic_enqueue_batch(topic, RIVVEN_PARTITION_ANY, NULL, batch + done,
                                                          opaques + done, count - done, &accepted, NULL);
            if (code) make_room(topic, queue, code);
        }
        poll_reports(queue, 0);
    }
}

static void produce_and_await(rivven_producer_t *producer, const char *topic, struct values *values, uint64_t records) {
    const rivven_bytes_t no_key = {NULL, 0};
    while (values->count < records) {
        uint64_t start = now_ns();
        rivven_bytes_t value = {next_value(values), values->size};
        check("send", rivven_producer_send(producer, topic, RIVVEN_PARTITION_ANY, no_key, value, NULL, &error));
        latencies.ns[latencies.count++] = now_ns() - start;
        delivered++;
    }
}

static rivven_config_t *configure(const char *address, const char *linger_ms) {
    const char *keys[][2] = {{"bootstrap.servers", address}, {"batch.size", "65536"}, {"linger.ms", linger_ms},
                             {"acks", "1"}, {"max.in.flight.requests", "5"}};
    rivven_config_t *config;
    check("configure", rivven_config_new(&config, &error));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        check(keys[i][0], rivven_config_set(config, keys[i][0], keys[i][1], &error));
    return config;
}

int main(int argc, char **argv) {
    struct options options = parse(argc, argv);
    struct values values = make_values(&options);
    const char *call = required(argc, argv, "--call");
    int awaits = !strcmp(call, "await");
    latencies = make_latencies(&options, awaits ? 1 : SAMPLED);
    enqueued_ns = make_latencies(&options, SAMPLED).ns;
    rivven_config_t *config = configure(options.address, awaits ? "0" : "5");
    rivven_queue_t *queue;
    rivven_producer_t *producer;
    rivven_topic_t *topic;
    check("queue", rivven_queue_new(&queue, &error));
    /* Who awaits each record needs no reports. */
    check("producer", rivven_producer_new(config, awaits ? NULL : queue, &producer, &error));
    check("topic", rivven_producer_topic(producer, options.topic, &topic, &error));
    /* So that the first records do not wait until the partitions are known. */
    check("metadata", rivven_producer_refresh_metadata(producer, options.topic, &error));

    struct stopwatch watch = start_stopwatch();
    if (!strcmp(call, "handle")) produce_by_handle(topic, queue, &values, options.records);
    else if (!strcmp(call, "batch")) produce_batches(topic, queue, &values, options.records);
    else if (awaits) produce_and_await(producer, options.topic, &values, options.records);
    else fail("--call", "is neither handle, batch nor await");
    while (delivered < options.records) poll_reports(queue, -1);
    char name[64];
    snprintf(name, sizeof name, "librivven %s", rivven_version());
    finish(watch, name, delivered, latencies);

    check("close", rivven_producer_close(producer, -1, &error));
    rivven_topic_free(topic);
    rivven_producer_free(producer);
    rivven_queue_free(queue);
    rivven_config_free(config);
    return 0;
}
