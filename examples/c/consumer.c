/*
 * Reads what a topic has, from its beginning to its end, and commits how far it has come.
 *
 * Usage: consumer <broker address>
 */

#include <inttypes.h>
#include <rivven.h>
#include <stdio.h>
#include <stdlib.h>

enum { ORDERS = 100 };

static rivven_error_t *error;

static void check(rivven_code code) {
    if (code == RIVVEN_CODE_OK) return;
    fprintf(stderr, "%s\n", rivven_error_message(error));
    exit(1);
}

/* Writes the orders that are read afterwards. */
static void write_orders(const rivven_config_t *config) {
    const rivven_bytes_t no_key = {NULL, 0};
    rivven_producer_t *producer;
    rivven_topic_t *topic;
    check(rivven_producer_new(config, NULL, &producer, &error));
    check(rivven_producer_topic(producer, "orders-read-c", &topic, &error));
    for (int i = 0; i < ORDERS; i++) {
        char text[32];
        snprintf(text, sizeof text, "order %d", i);
        check(rivven_topic_enqueue(topic, RIVVEN_PARTITION_ANY, no_key, rivven_bytes_from_string(text), 0, &error));
    }
    check(rivven_producer_close(producer, -1, &error));
    rivven_topic_free(topic);
    rivven_producer_free(producer);
}

/* [consumer */
static void print(const rivven_batch_t *batch) {
    const uint64_t *offsets = rivven_batch_offsets(batch);
    const rivven_bytes_t *values = rivven_batch_values(batch);
    for (size_t i = 0; i < rivven_batch_len(batch); i++) {
        printf("%" PRIu32 " at %" PRIu64 ": %.*s\n", rivven_batch_partition(batch, i), offsets[i],
               (int)values[i].len, (const char *)values[i].data);
    }
}

static void read_orders(rivven_consumer_t *consumer) {
    const char *const topics[] = {"orders-read-c"};
    check(rivven_consumer_subscribe(consumer, topics, 1, &error));
    for (size_t count = 0; count < ORDERS;) {
        rivven_batch_t *batch;
        check(rivven_consumer_poll(consumer, -1, &batch, &error));
        print(batch);
        count += rivven_batch_len(batch);
        rivven_batch_free(batch);
        check(rivven_consumer_commit(consumer, &error));
    }
    check(rivven_consumer_close(consumer, -1, &error));
}
/* consumer] */

int main(int argc, char **argv) {
    rivven_config_t *config;
    rivven_consumer_t *consumer;
    check(rivven_config_new(&config, &error));
    check(rivven_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", &error));
    write_orders(config);
    check(rivven_config_set(config, "group.id", "printers-c", &error));
    check(rivven_consumer_new(config, NULL, &consumer, &error));
    rivven_config_free(config);
    read_orders(consumer);
    rivven_consumer_free(consumer);
}
