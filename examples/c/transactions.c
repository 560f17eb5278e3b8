/*
 * Bills two orders together or not at all; then bills all orders of a topic, each once.
 *
 * Usage: transactions <broker address>
 */

#include <inttypes.h>
#include <rivven.h>
#include <stdio.h>
#include <stdlib.h>

enum { ORDERS = 300 };

static rivven_error_t *error;

static void check(rivven_code code) {
    if (code == RIVVEN_CODE_OK) return;
    fprintf(stderr, "%s\n", rivven_error_message(error));
    exit(1);
}

/* Creates a topic, unless it is there. */
static void create_topic(rivven_client_t *client, const char *topic, uint32_t partitions) {
    rivven_code code = rivven_client_create_topic(client, topic, partitions, NULL, &error);
    if (code != RIVVEN_CODE_TOPIC_ALREADY_EXISTS) check(code);
}

/* How many records of the invoices are committed. */
static size_t invoices(rivven_client_t *client) {
    rivven_batch_t *batch;
    check(rivven_client_consume_read_committed(client, "invoices-c", 0, 0, 10000, &batch, &error));
    size_t count = rivven_batch_len(batch);
    rivven_batch_free(batch);
    return count;
}

static void send(rivven_transaction_t *transaction, const char *key, const char *value) {
    const rivven_bytes_t bytes = key ? rivven_bytes_from_string(key) : (rivven_bytes_t){NULL, 0};
    check(rivven_transaction_send(transaction, "invoices-c", RIVVEN_PARTITION_ANY, bytes, rivven_bytes_from_string(value),
                                  NULL, &error));
}

static void together(const rivven_config_t *config) {
    rivven_producer_t *producer;
    rivven_transaction_t *transaction;
    check(rivven_producer_new(config, NULL, &producer, &error));
    /* [transaction */
    check(rivven_transaction_begin(producer, &transaction, &error));
    send(transaction, NULL, "invoice 1");
    send(transaction, "vip", "invoice 2");
    check(rivven_transaction_commit(transaction, &error));
    rivven_transaction_free(transaction);

    check(rivven_transaction_begin(producer, &transaction, &error));
    send(transaction, NULL, "a mistake");
    check(rivven_transaction_abort(transaction, &error));
    rivven_transaction_free(transaction);
    /* transaction] */
    check(rivven_producer_close(producer, -1, &error));
    rivven_producer_free(producer);
}

/* [transform */
/* Bills the orders of a batch. */
static void bill(rivven_transaction_t *transaction, const rivven_batch_t *orders) {
    for (size_t i = 0; i < rivven_batch_len(orders); i++) {
        check(rivven_transaction_enqueue(transaction, "invoices-c", RIVVEN_PARTITION_ANY, rivven_batch_key(orders, i),
                                         rivven_batch_value(orders, i), &error));
    }
}

/* Bills all orders, a transaction for each batch. */
static void bill_all(rivven_consumer_t *consumer, rivven_producer_t *producer) {
    rivven_transformer_t *transformer;
    rivven_batch_t *orders;
    rivven_transaction_t *transaction;
    check(rivven_transformer_new(consumer, producer, &transformer, &error));
    for (size_t billed = 0; billed < ORDERS;) {
        bool counts;
        check(rivven_transformer_next(transformer, &orders, &transaction, &error));
        if (!orders) break; /* The consumer was woken up or closed: there is no transaction either. */
        bill(transaction, orders);
        check(rivven_transformer_commit(transformer, &counts, &error));
        if (counts) billed += rivven_batch_len(orders);
        rivven_batch_free(orders);
        rivven_transaction_free(transaction);
    }
    rivven_transformer_free(transformer);
}
/* transform] */

static void each_once(rivven_config_t *config) {
    const char *const topics[] = {"orders-billed-c"};
    rivven_consumer_t *consumer;
    rivven_producer_t *producer;
    check(rivven_config_set(config, "group.id", "billing-c", &error));
    check(rivven_config_set(config, "enable.auto.commit", "false", &error));
    check(rivven_consumer_new(config, NULL, &consumer, &error));
    check(rivven_consumer_subscribe(consumer, topics, 1, &error));
    check(rivven_producer_new(config, NULL, &producer, &error));
    bill_all(consumer, producer);
    check(rivven_consumer_close(consumer, -1, &error));
    check(rivven_producer_close(producer, -1, &error));
    rivven_consumer_free(consumer);
    rivven_producer_free(producer);
}

int main(int argc, char **argv) {
    rivven_config_t *config;
    rivven_client_t *client;
    check(rivven_config_new(&config, &error));
    check(rivven_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", &error));
    check(rivven_client_new(config, &client, &error));
    create_topic(client, "orders-billed-c", 3);
    create_topic(client, "invoices-c", 1);
    for (uint32_t i = 0; i < ORDERS; i++) {
        const rivven_bytes_t no_key = {NULL, 0};
        char text[32];
        snprintf(text, sizeof text, "order %" PRIu32, i);
        check(rivven_client_publish_to_partition(client, "orders-billed-c", i % 3, no_key, rivven_bytes_from_string(text),
                                                 NULL, &error));
    }
    check(rivven_config_set(config, "transactional.id", "bills-c", &error));
    together(config);
    size_t before = invoices(client);
    printf("%zu invoices are committed\n", before);
    each_once(config);
    printf("%zu orders are billed\n", invoices(client) - before);
    rivven_client_free(client);
    rivven_config_free(config);
}
