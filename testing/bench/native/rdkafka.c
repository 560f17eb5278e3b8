/* Publishes with librdkafka: the settings of our own scenarios, everything else as it is by default.
 *
 * --call handle: by a topic handle; name: by the name of the topic; batch: many records in a call; await: one
 * record at a time, without linger. */
#include <librdkafka/rdkafka.h>

#include "bench.h"

/* Records of a call with many. */
#define BATCH 1000

/* How long a caller waits for reports before it tries a full queue again, in milliseconds. */
#define PAUSE_MS 10

/* How long an answer may take, in milliseconds. */
#define ANSWER_MS 10000

/* How long the last records may take, in milliseconds. */
#define FLUSH_MS 60000

static uint64_t delivered, failed;
static uint64_t *enqueued_ns;
static struct latencies latencies;

/* Counts the report. The opaque of a sampled record is where its time is kept, plus one. */
static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client, (void)opaque;
    if (message->err) {
        if (!failed++) fprintf(stderr, "delivery failed: %s\n", rd_kafka_err2str(message->err));
        return;
    }
    delivered++;
    if (message->_private)
        latencies.ns[latencies.count++] = now_ns() - enqueued_ns[(uintptr_t)message->_private - 1];
}

static void set(rd_kafka_conf_t *config, const char *key, const char *value) {
    char error[256];
    if (rd_kafka_conf_set(config, key, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail(key, error);
}

static rd_kafka_t *connect_client(const char *address, const char *linger_ms) {
    char error[256];
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    set(config, "bootstrap.servers", address);
    set(config, "batch.size", "65536");
    set(config, "linger.ms", linger_ms);
    set(config, "acks", "1");
    set(config, "max.in.flight.requests.per.connection", "5");
    set(config, "compression.type", "none");
    rd_kafka_conf_set_dr_msg_cb(config, on_delivery);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, config, error, sizeof error);
    if (!client) fail("create a producer", error);
    return client;
}

/* Waits until the partitions are known, so that the first records do not. */
static void fetch_metadata(rd_kafka_t *client, rd_kafka_topic_t *topic) {
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = rd_kafka_metadata(client, 0, topic, &metadata, ANSWER_MS);
    if (error) fail("fetch metadata", rd_kafka_err2str(error));
    rd_kafka_metadata_destroy(metadata);
}

/* Fails unless the partitions hold so many records in all. */
static void verify(rd_kafka_t *client, const struct options *options) {
    uint64_t found = 0;
    for (uint32_t partition = 0; partition < options->partitions; partition++) {
        int64_t low, high;
        rd_kafka_resp_err_t error =
            rd_kafka_query_watermark_offsets(client, options->topic, (int32_t)partition, &low, &high, ANSWER_MS);
        if (error) fail("ask for offsets", rd_kafka_err2str(error));
        found += (uint64_t)high;
    }
    if (found != options->records) fail("delivery", "the broker has another number of records");
}

/* The opaque of a record, and its time where it is sampled. */
static void *sample(uint64_t record, uint64_t one_in) {
    if (record % one_in) return NULL;
    enqueued_ns[record / one_in] = now_ns();
    return (void *)(uintptr_t)(record / one_in + 1);
}

/* Records between two looks at the reports, while the queue has room. */
static void poll_now_and_then(rd_kafka_t *client, uint64_t record) {
    if (record % BATCH == 0) rd_kafka_poll(client, 0);
}

/* Makes room; any other error ends the program. */
static void make_room(rd_kafka_t *client, rd_kafka_resp_err_t error) {
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("produce", rd_kafka_err2str(error));
    rd_kafka_poll(client, PAUSE_MS);
}

static void produce_by_handle(rd_kafka_t *client, rd_kafka_topic_t *topic, struct values *values, uint64_t records) {
    while (values->count < records) {
        void *opaque = sample(values->count, SAMPLED), *value = next_value(values);
        while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, values->size, NULL, 0, opaque))
            make_room(client, rd_kafka_last_error());
        poll_now_and_then(client, values->count);
    }
}

static void produce_by_name(rd_kafka_t *client, const char *topic, struct values *values, uint64_t records) {
    while (values->count < records) {
        void *opaque = sample(values->count, SAMPLED), *value = next_value(values);
        rd_kafka_resp_err_t error;
        while ((error = rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                          RD_KAFKA_V_VALUE(value, values->size), RD_KAFKA_V_OPAQUE(opaque),
                                          RD_KAFKA_V_END)))
            make_room(client, error);
        poll_now_and_then(client, values->count);
    }
}

static void produce_batches(rd_kafka_t *client, rd_kafka_topic_t *topic, struct values *values, uint64_t records) {
    static rd_kafka_message_t batch[BATCH];
    while (values->count < records) {
        int count = 0;
        for (; count < BATCH && values->count < records; count++) {
            void *opaque = sample(values->count, SAMPLED), *value = next_value(values);
            batch[count] = (rd_kafka_message_t){.payload = value, .len = values->size, ._private = opaque};
        }
        /* Those that found no room are at the end, in order. */
        for (rd_kafka_message_t *left = batch; count > 0;) {
            int taken = rd_kafka_produce_batch(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, left, count);
            left += taken, count -= taken;
            if (count > 0) make_room(client, left->err);
        }
        rd_kafka_poll(client, 0);
    }
}

static void produce_and_await(rd_kafka_t *client, rd_kafka_topic_t *topic, struct values *values, uint64_t records) {
    while (values->count < records) {
        void *opaque = sample(values->count, 1), *value = next_value(values);
        if (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value, values->size, NULL, 0, opaque))
            fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
        while (delivered + failed < values->count) rd_kafka_poll(client, PAUSE_MS);
    }
}

int main(int argc, char **argv) {
    struct options options = parse(argc, argv);
    struct values values = make_values(&options);
    const char *call = required(argc, argv, "--call");
    int awaits = !strcmp(call, "await");
    latencies = make_latencies(&options, awaits ? 1 : SAMPLED);
    enqueued_ns = make_latencies(&options, awaits ? 1 : SAMPLED).ns;
    rd_kafka_t *client = connect_client(options.address, awaits ? "0" : "5");
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, options.topic, NULL);
    if (!topic) fail("create a topic handle", rd_kafka_err2str(rd_kafka_last_error()));
    fetch_metadata(client, topic);

    struct stopwatch watch = start_stopwatch();
    if (!strcmp(call, "handle")) produce_by_handle(client, topic, &values, options.records);
    else if (!strcmp(call, "name")) produce_by_name(client, options.topic, &values, options.records);
    else if (!strcmp(call, "batch")) produce_batches(client, topic, &values, options.records);
    else if (awaits) produce_and_await(client, topic, &values, options.records);
    else fail("--call", "is neither handle, name, batch nor await");
    rd_kafka_resp_err_t error = rd_kafka_flush(client, FLUSH_MS);
    if (error) fail("flush", rd_kafka_err2str(error));
    if (failed) fail("delivery", "some records were not delivered");

    char name[64];
    snprintf(name, sizeof name, "librdkafka %s", rd_kafka_version_str());
    finish(watch, name, delivered, latencies);
    verify(client, &options);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client);
    return 0;
}
