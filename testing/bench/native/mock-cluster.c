/* Hosts librdkafka's mock cluster, of one broker, in a process of its own: mock-cluster --topic NAME --partitions N
 *
 * Says its address in one line of JSON and ends when standard input ends. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "bench.h"

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
    printf("{\"address\": \"%s\"}\n", rd_kafka_mock_cluster_bootstraps(cluster));
    fflush(stdout);
    while (getchar() != EOF) {
    }
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
    return 0;
}
