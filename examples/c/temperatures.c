/*
 * Writes a year of hourly temperatures to a topic, reads them back, and works
 * out the mean of each month from what was read.
 *
 * Usage: temperatures <broker address> <topic> <csv file>
 */

#define _POSIX_C_SOURCE 200809L

#include <rivven.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PINGS = 200, PARTITIONS = 12, MONTHS = 120, ROWS = 800, VALUE = 64 };

/* The records of one month, in their order. */
struct month {
    char name[8];
    size_t count;
    char values[ROWS][VALUE];
};

struct months {
    size_t count;
    struct month months[MONTHS];
};

static rivven_error_t *error;

static void fail(const char *what) {
    fprintf(stderr, "temperatures: %s\n", what);
    exit(EXIT_FAILURE);
}

static void check(rivven_code code) {
    if (code != RIVVEN_CODE_OK) fail(rivven_error_message(error));
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static rivven_config_t *config_of(const char *address) {
    rivven_config_t *config;
    check(rivven_config_new(&config, &error));
    check(rivven_config_set(config, "bootstrap.servers", address, &error));
    return config;
}

static rivven_client_t *connect_to(const char *address) {
    rivven_config_t *config = config_of(address);
    rivven_client_t *client;
    check(rivven_client_new(config, &client, &error));
    rivven_config_free(config);
    check(rivven_client_connect(client, &error));
    return client;
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The median time of a ping, in milliseconds. */
static double median_ping(rivven_client_t *client) {
    double times[PINGS];
    for (int i = 0; i < PINGS; i++) {
        double start = now();
        check(rivven_client_ping(client, &error));
        times[i] = (now() - start) * 1000;
    }
    qsort(times, PINGS, sizeof times[0], by_value);
    return times[PINGS / 2];
}

static struct month *month_of(struct months *months, const char *name) {
    for (size_t i = 0; i < months->count; i++) {
        if (strcmp(months->months[i].name, name) == 0) return &months->months[i];
    }
    if (months->count == MONTHS) fail("too many months");
    struct month *month = &months->months[months->count++];
    snprintf(month->name, sizeof month->name, "%s", name);
    return month;
}

static void append(struct months *months, const char *name, const char *value) {
    struct month *month = month_of(months, name);
    if (month->count == ROWS) fail("too many records in a month");
    snprintf(month->values[month->count++], VALUE, "%s", value);
}

/* Makes the records from the rows of the file: 47.8,2010/01/01 00:00:00 */
static struct months *load(const char *file) {
    struct months *months = calloc(1, sizeof *months);
    FILE *csv = fopen(file, "r");
    if (!months || !csv) fail("the file cannot be opened");
    char line[100], temperature[20], time[20], name[8], value[VALUE];
    while (fgets(line, sizeof line, csv)) {
        if (sscanf(line, "%19[0-9.-],%19[0-9/: ]", temperature, time) != 2) continue;
        snprintf(name, sizeof name, "%.4s-%.2s", time, time + 5);
        snprintf(value, sizeof value, "{\"time\":\"%s\",\"fahrenheit\":%s}", time, temperature);
        append(months, name, value);
    }
    fclose(csv);
    return months;
}

/* Waits for reports, and gives the number of records that they say were delivered. */
static size_t take_reports(rivven_queue_t *queue) {
    rivven_events_t *events;
    size_t delivered = 0;
    check(rivven_queue_poll(queue, -1, &events, &error));
    for (size_t i = 0; i < rivven_events_len(events); i++) {
        check(rivven_events_result(events, i, 0, NULL, &error));
        delivered += rivven_events_count(events, i);
    }
    rivven_events_free(events);
    return delivered;
}

static size_t count(const struct months *months) {
    size_t count = 0;
    for (size_t m = 0; m < months->count; m++) count += months->months[m].count;
    return count;
}

/* Writes the records by a producer, which chooses the partitions by the key. */
static void publish(const char *address, const char *topic_name, const struct months *months) {
    rivven_config_t *config = config_of(address);
    rivven_queue_t *queue;
    rivven_producer_t *producer;
    rivven_topic_t *topic;
    check(rivven_queue_new(&queue, &error));
    check(rivven_producer_new(config, queue, &producer, &error));
    check(rivven_producer_topic(producer, topic_name, &topic, &error));
    size_t written = 0;
    for (size_t m = 0; m < months->count; m++) {
        const struct month *month = &months->months[m];
        rivven_bytes_t key = rivven_bytes_from_string(month->name);
        for (size_t i = 0; i < month->count;) {
            rivven_bytes_t value = rivven_bytes_from_string(month->values[i]);
            rivven_code code = rivven_topic_enqueue(topic, RIVVEN_PARTITION_ANY, key, value, 0, NULL);
            if (code == RIVVEN_CODE_QUEUE_FULL) written += take_reports(queue);
            else if (code == RIVVEN_CODE_OK) i++;
            else fail(rivven_code_name(code));
        }
    }
    for (size_t all = count(months); written < all;) {
        printf("written %zu\n", written += take_reports(queue));
        fflush(stdout);
    }
    check(rivven_producer_close(producer, -1, &error));
    rivven_topic_free(topic);
    rivven_producer_free(producer);
    rivven_queue_free(queue);
    rivven_config_free(config);
}

/* Takes over the records of a batch. */
static void take(struct months *months, const rivven_batch_t *batch) {
    for (size_t i = 0; i < rivven_batch_len(batch); i++) {
        char name[8], value[VALUE];
        rivven_bytes_t key = rivven_batch_key(batch, i), bytes = rivven_batch_value(batch, i);
        snprintf(name, sizeof name, "%.*s", (int)key.len, (const char *)key.data);
        snprintf(value, sizeof value, "%.*s", (int)bytes.len, (const char *)bytes.data);
        append(months, name, value);
    }
}

/* A consumer that is the only member of a group. */
static rivven_consumer_t *member_of(const char *address, const char *group) {
    rivven_config_t *config = config_of(address);
    rivven_consumer_t *consumer;
    check(rivven_config_set(config, "group.id", group, &error));
    check(rivven_config_set(config, "report.partition.end", "true", &error));
    check(rivven_consumer_new(config, NULL, &consumer, &error));
    rivven_config_free(config);
    return consumer;
}

/* Reads all partitions from their beginning to their end. */
static struct months *consume(const char *address, const char *topic) {
    struct months *months = calloc(1, sizeof *months);
    rivven_consumer_t *consumer = member_of(address, topic);
    bool ended[PARTITIONS] = {false};
    if (!months) fail("out of memory");
    check(rivven_consumer_subscribe(consumer, &topic, 1, &error));
    for (size_t partitions = 0, read = 0; partitions < PARTITIONS;) {
        rivven_batch_t *batch;
        check(rivven_consumer_poll(consumer, -1, &batch, &error));
        take(months, batch);
        for (size_t i = 0; i < rivven_batch_ended_len(batch); i++) {
            bool *end = &ended[rivven_batch_ended_partition(batch, i)];
            partitions += !*end;
            *end = true;
        }
        printf("read %zu\n", read += rivven_batch_len(batch));
        fflush(stdout);
        rivven_batch_free(batch);
    }
    check(rivven_consumer_close(consumer, -1, &error));
    rivven_consumer_free(consumer);
    return months;
}

static int by_name(const void *left, const void *right) {
    return strcmp(((const struct month *)left)->name, ((const struct month *)right)->name);
}

/* Whether the months are the same, value by value. */
static bool equal(const struct months *a, const struct months *b) {
    bool same = a->count == b->count;
    for (size_t m = 0; same && m < a->count; m++) {
        const struct month *left = &a->months[m], *right = &b->months[m];
        same = strcmp(left->name, right->name) == 0 && left->count == right->count;
        for (size_t i = 0; same && i < left->count; i++) same = strcmp(left->values[i], right->values[i]) == 0;
    }
    return same;
}

static int by_text(const void *left, const void *right) { return strcmp(left, right); }

static void sort_values(struct months *months) {
    for (size_t m = 0; m < months->count; m++) {
        qsort(months->months[m].values, months->months[m].count, VALUE, by_text);
    }
}

/* The mean of the temperatures in the values of a month. */
static double mean(const struct month *month) {
    double sum = 0, fahrenheit = 0;
    for (size_t i = 0; i < month->count; i++) {
        if (sscanf(month->values[i], "{\"time\":\"%*[^\"]\",\"fahrenheit\":%lf}", &fahrenheit) != 1) {
            fail("a value is not as it was written");
        }
        sum += fahrenheit;
    }
    return sum / (double)month->count;
}

static void print_means(const struct months *months) {
    printf("\"means\":{");
    for (size_t m = 0; m < months->count; m++) {
        printf("%s\"%s\":%.2f", m ? "," : "", months->months[m].name, mean(&months->months[m]));
    }
    printf("}");
}

static const char *yes(bool holds) { return holds ? "true" : "false"; }

int main(int argc, char **argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: temperatures <broker address> <topic> <csv file>\n");
        return 2;
    }
    const char *address = argv[1], *topic = argv[2], *file = argv[3];

    rivven_client_t *client = connect_to(address);
    double ping_ms = median_ping(client);
    check(rivven_client_create_topic(client, topic, PARTITIONS, NULL, &error));

    double start = now();
    struct months *written = load(file);
    publish(address, topic, written);
    struct months *read = consume(address, topic);
    qsort(read->months, read->count, sizeof read->months[0], by_name);
    bool complete = count(read) == count(written), order = equal(read, written);
    sort_values(read);
    sort_values(written);
    bool content = equal(read, written);
    double seconds = now() - start;

    printf("result {\"language\":\"c\",\"records\":%zu,", count(read));
    printf("\"seconds\":%.3f,\"ping_ms\":%.3f,", seconds, ping_ms);
    printf("\"checks\":{\"count\":%s,\"order\":%s,\"content\":%s},", yes(complete), yes(order), yes(content));
    print_means(read);
    printf("}\n");

    check(rivven_client_close(client, -1, &error));
    rivven_client_free(client);
    free(written);
    free(read);
    return complete && order && content ? EXIT_SUCCESS : EXIT_FAILURE;
}
