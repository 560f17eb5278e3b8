/*
 * Sends records by a producer, and waits for what became of them by epoll.
 *
 * Usage: producer <broker address>
 */

#include <rivven.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { ORDERS = 1000 };

struct order {
    char text[32];
    rivven_code code;
};

static rivven_error_t *error;

static void check(rivven_code code) {
    if (code == RIVVEN_CODE_OK) return;
    fprintf(stderr, "%s\n", rivven_error_message(error));
    exit(1);
}

/* [producer */
/* Notes what became of the records of each batch; gives the number of records. */
static size_t settle(const rivven_events_t *events, struct order *orders) {
    size_t settled = 0;
    for (size_t i = 0; i < rivven_events_len(events); i++) {
        const uint64_t *opaques = rivven_events_opaques(events, i);
        for (size_t record = 0; record < rivven_events_count(events, i); record++, settled++) {
            orders[opaques[record]].code = rivven_events_result(events, i, record, NULL, NULL);
        }
    }
    return settled;
}

/* Takes the reports that are there, once the descriptor of the queue is readable. */
static size_t take_reports(int epoll, rivven_queue_t *queue, struct order *orders) {
    struct epoll_event ready;
    if (epoll_wait(epoll, &ready, 1, -1) != 1) return 0;
    rivven_events_t *events;
    check(rivven_queue_poll(queue, 0, &events, &error));
    size_t settled = settle(events, orders);
    rivven_events_free(events);
    return settled;
}

static void send_orders(rivven_topic_t *topic, int epoll, rivven_queue_t *queue, struct order *orders) {
    const rivven_bytes_t no_key = {NULL, 0};
    size_t settled = 0;
    for (uint64_t i = 0; i < ORDERS;) {
        rivven_bytes_t value = rivven_bytes_from_string(orders[i].text);
        rivven_code code = rivven_topic_enqueue(topic, RIVVEN_PARTITION_ANY, no_key, value, i, NULL);
        if (code == RIVVEN_CODE_OK) {
            i++;
        } else if (code == RIVVEN_CODE_QUEUE_FULL) {
            settled += take_reports(epoll, queue, orders);
        } else {
            fprintf(stderr, "an order was not taken: %s\n", rivven_code_name(code));
            exit(1);
        }
    }
    while (settled < ORDERS) settled += take_reports(epoll, queue, orders);
}
/* producer] */

int main(int argc, char **argv) {
    static struct order orders[ORDERS];
    for (int i = 0; i < ORDERS; i++) snprintf(orders[i].text, sizeof orders[i].text, "order %d", i);

    rivven_config_t *config;
    rivven_queue_t *queue;
    rivven_producer_t *producer;
    rivven_topic_t *topic;
    check(rivven_config_new(&config, &error));
    check(rivven_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", &error));
    check(rivven_config_set(config, "linger.ms", "5", &error));
    check(rivven_queue_new(&queue, &error));
    check(rivven_producer_new(config, queue, &producer, &error));
    check(rivven_producer_topic(producer, "orders-c", &topic, &error));
    rivven_config_free(config);

    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event wanted = {.events = EPOLLIN};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, rivven_queue_fd(queue), &wanted)) {
        perror("epoll");
        return 1;
    }
    send_orders(topic, epoll, queue, orders);
    int delivered = 0;
    for (int i = 0; i < ORDERS; i++) delivered += orders[i].code == RIVVEN_CODE_OK;
    printf("%d orders are delivered, %d are not\n", delivered, ORDERS - delivered);

    check(rivven_producer_close(producer, -1, &error));
    rivven_topic_free(topic);
    rivven_producer_free(producer);
    rivven_queue_free(queue);
    close(epoll);
}
