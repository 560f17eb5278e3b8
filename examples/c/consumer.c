/*
 * Reads the records of a topic, and commits how far it has come; then has each of them shipped.
 *
 * Usage: consumer <broker address>
 */

#include <inttypes.h>
#include <rivven.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ORDERS = 1000 };

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
/* Counts the orders of a batch, whose values are an array of views. */
static size_t count_orders(const rivven_batch_t *batch) {
    const rivven_bytes_t *values = rivven_batch_values(batch);
    size_t orders = 0;
    for (size_t i = 0; i < rivven_batch_len(batch); i++) {
        orders += values[i].len > 5 && memcmp(values[i].data, "order", 5) == 0;
    }
    return orders;
}

/* Reads all orders, and commits what was read of them after each batch. */
static size_t read_orders(rivven_consumer_t *consumer) {
    const char *const topics[] = {"orders-read-c"};
    size_t orders = 0;
    check(rivven_consumer_subscribe(consumer, topics, 1, &error));
    while (orders < ORDERS) {
        rivven_batch_t *batch;
        check(rivven_consumer_poll(consumer, -1, &batch, &error));
        orders += count_orders(batch);
        rivven_batch_free(batch);
        check(rivven_consumer_commit(consumer, &error));
    }
    check(rivven_consumer_close(consumer, -1, &error));
    return orders;
}
/* consumer] */

/* [process */
/* What a handler has to know; one handler at a time is at work. */
struct shipping {
    rivven_consumer_t *consumer;
    int shipped;
};

/* Ships an order: NULL when it is done, or why it could not. */
static const char *ship(void *user_data, const rivven_batch_t *record) {
    struct shipping *shipping = user_data;
    rivven_bytes_t order = rivven_batch_value(record, 0);
    if (order.len < 5 || memcmp(order.data, "order", 5) != 0) return "this is no order";
    if (++shipping->shipped == ORDERS) rivven_consumer_wakeup(shipping->consumer, NULL);
    return NULL;
}

/* Has all orders shipped. More threads that call rivven_processing_run work beside this one. */
static uint64_t ship_orders(rivven_consumer_t *consumer) {
    const char *const topics[] = {"orders-read-c"};
    struct shipping shipping = {consumer, 0};
    rivven_processing_t *processing;
    check(rivven_consumer_subscribe(consumer, topics, 1, &error));
    check(rivven_consumer_process(consumer, &processing, &error));
    check(rivven_processing_run(processing, ship, &shipping, &error));
    uint64_t shipped = rivven_processing_processed(processing);
    rivven_processing_free(processing);
    check(rivven_consumer_close(consumer, -1, &error));
    return shipped;
}
/* process] */

int main(int argc, char **argv) {
    rivven_config_t *config;
    rivven_consumer_t *consumer;
    check(rivven_config_new(&config, &error));
    check(rivven_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", &error));
    write_orders(config);
    check(rivven_config_set(config, "group.id", "printers-c", &error));
    check(rivven_consumer_new(config, NULL, &consumer, &error));
    printf("%zu orders are read\n", read_orders(consumer));
    rivven_consumer_free(consumer);
    check(rivven_config_set(config, "group.id", "shipping-c", &error));
    check(rivven_config_set(config, "process.dead.letter.topic", "orders-failed-c", &error));
    check(rivven_consumer_new(config, NULL, &consumer, &error));
    rivven_config_free(config);
    printf("%" PRIu64 " orders are shipped\n", ship_orders(consumer));
    rivven_consumer_free(consumer);
}
