/* Hosts librdkafka's mock cluster, of one broker, in a process of its own: mock-cluster --topic NAME --partitions N
 * [--records N --record-size N]
 *
 * With records it has so many in each partition from the start, as supply.rs describes them; it keeps about 5 MB of
 * each. Says its address in one line of JSON and ends when standard input ends. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "bench.h"

/* How long the last records may take, in milliseconds. */
#define FLUSH_MS 60000

static void publish(rd_kafka_t *producer, const char *topic, int32_t partition, const void *value, size_t size) {
    rd_kafka_resp_err_t error;
    while ((error = rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                                      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE((void *)value, size),
                                      RD_KAFKA_V_END))) {
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail("produce", rd_kafka_err2str(error));
        rd_kafka_poll(producer, 10);
    }
}

static void fill(const char *address, const char *topic, int partitions, uint64_t records, size_t size) {
    char error[256];
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    rd_kafka_conf_set(config, "bootstrap.servers", address, error, sizeof error);
    rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, config, error, sizeof error);
    if (!producer) fail("create a producer", error);
    unsigned char *value = allocate(size);
    for (size_t i = 8; i < size; i++) value[i] = (unsigned char)('a' + (i - 8) % 26);
    for (uint64_t offset = 0; offset < records; offset++) {
        put_number(value, offset << 8 | 0x80);
        for (int32_t partition = 0; partition < partitions; partition++) publish(producer, topic, partition, value, size);
    }
    if (rd_kafka_flush(producer, FLUSH_MS)) fail("flush", "records are left");
    free(value);
    rd_kafka_destroy(producer);
}

int main(int argc, char **argv) {
    const char *topic = required(argc, argv, "--topic");
    int partitions = (int)number(argc, argv, "--partitions");
    char error[256];
    rd_kafka_conf_t *config = rd_kafka_conf_new();
    /* Only errors: that it has no server to connect to itself is no news. */
    rd_kafka_conf_set(config, "log_level", "3", error, sizeof error);
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, config, error, sizeof error);
    if (!host) fail("create a client", error);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, 1);
    if (!cluster) fail("create a mock cluster", "librdkafka does not say why");
    rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(cluster, topic, partitions, 1);
    if (code) fail("create a topic", rd_kafka_err2str(code));
    const char *address = rd_kafka_mock_cluster_bootstraps(cluster);
    if (option(argc, argv, "--records"))
        fill(address, topic, partitions, number(argc, argv, "--records"), number(argc, argv, "--record-size"));
    printf("{\"address\": \"%s\"}\n", address);
    fflush(stdout);
    while (getchar() != EOF) {
    }
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
    return 0;
}
