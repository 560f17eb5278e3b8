/* A producer that says what became of its records: writer <server> <topic> <partitions> <records> */

#include <rivven.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH = 100 };

static rivven_error_t *error;

static void check(rivven_code code) {
    if (code == RIVVEN_CODE_OK) return;
    fprintf(stderr, "%s\n", rivven_error_message(error));
    exit(1);
}

/* The settings beside bootstrap.servers. */
static const char *const settings[][2] = {
    {"enable.idempotence", "true"},      {"linger.ms", "5"},
    {"request.timeout.ms", "2000"},      {"delivery.timeout.ms", "3600000"},
    {"retries", "2147483647"},           {"retry.backoff.ms", "20"},
    {"retry.backoff.max.ms", "500"},
};

/* Says what became of a record. */
static void told(const rivven_events_t *events, size_t i, size_t record) {
    unsigned long long number = rivven_events_opaques(events, i)[record];
    uint64_t offset = 0;
    rivven_code code = rivven_events_result(events, i, record, &offset, &error);
    if (code != RIVVEN_CODE_OK) {
        int unknown = rivven_error_outcome(error) == RIVVEN_OUTCOME_UNKNOWN;
        printf("failed %llu %s %s\n", number, rivven_code_name(code), unknown ? "UNKNOWN" : "NOT_THERE");
        return;
    }
    printf("delivered %llu ", number);
    if (rivven_events_is_offset_exact(events, i, record)) printf("%llu ", (unsigned long long)offset);
    else printf("? ");
    puts(rivven_events_is_maybe_duplicate(events, i, record) ? "maybe-twice" : "once");
}

/* Waits for events and says what they tell; gives the number of records that they are about. */
static size_t take(rivven_queue_t *queue) {
    rivven_events_t *events;
    size_t records = 0;
    check(rivven_queue_poll(queue, -1, &events, &error));
    for (size_t i = 0; i < rivven_events_len(events); i++) {
        for (size_t record = 0; record < rivven_events_count(events, i); record++, records++) told(events, i, record);
    }
    rivven_events_free(events);
    return records;
}

/* The value of the record with this number. */
static rivven_bytes_t value_of(unsigned long long number, char *buffer) {
    memset(buffer, '.', LENGTH);
    buffer[snprintf(buffer, LENGTH, "soak:%012llu:", number)] = '.';
    return rivven_bytes_from(buffer, LENGTH);
}

int main(int argc, char **argv) {
    rivven_config_t *config;
    rivven_queue_t *queue;
    rivven_producer_t *producer;
    rivven_topic_t *topic;
    char byte;
    if (argc != 5) return 2;
    unsigned long long partitions = strtoull(argv[3], NULL, 10), records = strtoull(argv[4], NULL, 10), reported = 0;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    check(rivven_config_new(&config, &error));
    check(rivven_config_set(config, "bootstrap.servers", argv[1], &error));
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        check(rivven_config_set(config, settings[i][0], settings[i][1], &error));
    }
    check(rivven_queue_new(&queue, &error));
    check(rivven_producer_new(config, queue, &producer, &error));
    check(rivven_producer_connect(producer, &error));
    check(rivven_producer_topic(producer, argv[2], &topic, &error));
    puts("ready");
    while (read(STDIN_FILENO, &byte, 1) > 0) {}
    for (unsigned long long number = 0; number < records;) {
        char buffer[LENGTH];
        rivven_bytes_t key = {NULL, 0}, value = value_of(number, buffer);
        rivven_code code = rivven_topic_enqueue(topic, (int64_t)(number % partitions), key, value, number, &error);
        if (code == RIVVEN_CODE_OK) number++;
        else if (code == RIVVEN_CODE_QUEUE_FULL) reported += take(queue);
        else check(code);
    }
    while (reported < records) reported += take(queue);
    check(rivven_producer_close(producer, -1, &error));
    rivven_topic_free(topic);
    rivven_producer_free(producer);
    rivven_queue_free(queue);
    rivven_config_free(config);
    rivven_error_free(error);
}
