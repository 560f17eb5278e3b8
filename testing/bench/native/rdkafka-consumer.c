/* Reads with librdkafka: everything there is of a topic, as supply.rs describes it, with its defaults.
 *
 * --call batch: many records in a call; views: one record in a call. */
#include <librdkafka/rdkafka.h>

#include "arrivals.h"

/* Records of a call with many. */
#define BATCH 10000

/* How long a call waits for records, in milliseconds. */
#define WAIT_MS 1000

static void set(rd_kafka_conf_t *config, const char *key, const char *value) {
    char error[256];
    if (rd_kafka_conf_set(config, key, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail(key, error);
}

static rd_kafka_t *connect_client(const char *address) {
    char error[256];
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    set(config, "bootstrap.servers", address);
    set(config, "group.id", "bench");
    set(config, "auto.offset.reset", "earliest");
    set(config, "enable.auto.commit", "false");
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, config, error, sizeof error);
    if (!client) fail("create a consumer", error);
    rd_kafka_poll_set_consumer(client);
    return client;
}

static void assign(rd_kafka_t *client, const struct options *options) {
    rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new((int)options->partitions);
    for (uint32_t i = 0; i < options->partitions; i++)
        rd_kafka_topic_partition_list_add(partitions, options->topic, (int32_t)i)->offset = 0;
    rd_kafka_resp_err_t error = rd_kafka_assign(client, partitions);
    if (error) fail("assign", rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(partitions);
}

static void take(rd_kafka_message_t *message, struct arrivals *arrivals) {
    if (message->err) fail("read", rd_kafka_message_errstr(message));
    take_record(arrivals, (uint32_t)message->partition, (uint64_t)message->offset, message->payload, message->len);
    rd_kafka_message_destroy(message);
}

static void read_batches(rd_kafka_t *client, struct arrivals *arrivals, uint64_t records) {
    static rd_kafka_message_t *batch[BATCH];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    while (arrivals->read < records) {
        ssize_t count = rd_kafka_consume_batch_queue(queue, WAIT_MS, batch, BATCH);
        if (count < 0) fail("read", rd_kafka_err2str(rd_kafka_last_error()));
        for (ssize_t i = 0; i < count; i++) take(batch[i], arrivals);
    }
    rd_kafka_queue_destroy(queue);
}

static void read_each(rd_kafka_t *client, struct arrivals *arrivals, uint64_t records) {
    while (arrivals->read < records) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, WAIT_MS);
        if (message) take(message, arrivals);
    }
}

int main(int argc, char **argv) {
    struct options options = parse(argc, argv);
    struct arrivals arrivals = make_arrivals(&options);
    const char *call = required(argc, argv, "--call");
    rd_kafka_t *client = connect_client(options.address);

    struct stopwatch watch = start_stopwatch();
    assign(client, &options);
    if (!strcmp(call, "batch")) read_batches(client, &arrivals, options.records);
    else if (!strcmp(call, "views")) read_each(client, &arrivals, options.records);
    else fail("--call", "is neither batch nor views");
    char name[64];
    snprintf(name, sizeof name, "librdkafka %s", rd_kafka_version_str());
    finish(watch, name, arrivals.read, (struct latencies){0});

    verify_arrivals(&arrivals);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return 0;
}
