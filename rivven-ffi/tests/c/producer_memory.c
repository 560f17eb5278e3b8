/*
 * The memory of a producer whose broker has stalled, and a program that never
 * stops handing records over: it grows by what buffer.memory allows, and when
 * the stall is over everything is delivered in order.
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "client.h"
#include "launch.h"

enum { PARTITIONS = 12, VALUE = 100 };

static const uint64_t mib = 1 << 20, buffer = 32 << 20;
static const rivven_bytes_t no_key = {NULL, 0};

static const char *const settings[] = {
    "batch.size", "65536", "linger.ms", "5", "buffer.memory", "33554432", "request.timeout.ms", "60000",
    /* On a busy machine the first records take long, and what waits is bounded by this time, too. */
    "delivery.timeout.ms", "3600000", NULL};

/* What the process has in memory: the second number of statm, in pages of 4 KiB. */
static uint64_t resident(void) {
    uint64_t pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    if (!statm || fscanf(statm, "%*u %" SCNu64, &pages) != 1) give_up("/proc/self/statm");
    fclose(statm);
    return pages * 4096;
}

/* The thread that hands records over until it is told to stop. */
struct caller {
    rivven_topic_t *topic;
    atomic_bool stop;
    atomic_uint_fast64_t taken, refused;
    /* What was neither. */
    rivven_code failure;
};

static void *hand_over(void *argument) {
    struct caller *caller = argument;
    uint64_t numbers[PARTITIONS];
    uint8_t value[VALUE];
    memset(value, 0xff, sizeof value);
    for (int i = 0; i < PARTITIONS; i++) numbers[i] = 1;
    for (uint64_t record = 0; !atomic_load(&caller->stop); record++) {
        uint64_t *number = &numbers[record % PARTITIONS];
        /* Little-endian, as the sink reads it. */
        for (int byte = 0; byte < 8; byte++) value[byte] = (uint8_t)(*number >> 8 * byte);
        rivven_code code = rivven_topic_enqueue(caller->topic, (int64_t)(record % PARTITIONS), no_key,
                                                (rivven_bytes_t){value, sizeof value}, *number, NULL);
        if (code == RIVVEN_CODE_OK) {
            *number += 1;
            atomic_fetch_add(&caller->taken, 1);
        } else if (code == RIVVEN_CODE_QUEUE_FULL) {
            atomic_fetch_add(&caller->refused, 1);
        } else {
            caller->failure = code;
            break;
        }
    }
    return NULL;
}

/* Takes what the queue has within a time; gives the number of records that were delivered, and of those that were not. */
static void take(rivven_queue_t *queue, int64_t timeout_ms, uint64_t *delivered, uint64_t *failed) {
    rivven_events_t *events = NULL;
    if (rivven_queue_poll(queue, timeout_ms, &events, NULL)) give_up("rivven_queue_poll");
    for (size_t i = 0; i < rivven_events_len(events); i++) {
        bool fine = rivven_events_result(events, i, 0, NULL, NULL) == RIVVEN_CODE_OK;
        *(fine ? delivered : failed) += rivven_events_count(events, i);
    }
    rivven_events_free(events);
}

/* By then it is known how fast the broker is, so that memory is the bound and not its time. */
static void send_the_first(rivven_producer_t *producer) {
    static const uint8_t first[VALUE];
    for (int64_t partition = 0; partition < PARTITIONS; partition++) {
        const rivven_bytes_t value = {first, sizeof first};
        succeeds("send", rivven_producer_send(producer, "t", partition, no_key, value, NULL, &error));
    }
}

static bool is_full(void *argument) {
    /* Long after the first that was refused: every call would cost memory if any did. */
    return atomic_load(&((struct caller *)argument)->refused) > 100000;
}

struct watched {
    struct caller *caller;
    uint64_t refused;
};

static bool is_refused_again(void *argument) {
    struct watched *watched = argument;
    return atomic_load(&watched->caller->refused) > watched->refused + 100000;
}

/* covers: F073 c */
int main(void) {
    struct server sink = start_sink(), proxy = start_proxy(sink.address);
    rivven_config_t *config = config_of(proxy.address, settings);
    rivven_queue_t *queue = NULL;
    rivven_producer_t *producer = NULL;
    struct caller caller = {0};
    pthread_t thread;
    uint64_t delivered = 0, failed = 0;
    succeeds("make a queue", rivven_queue_new(&queue, &error));
    succeeds("make a producer", rivven_producer_new(config, queue, &producer, &error));
    succeeds("learn of the topic", rivven_producer_refresh_metadata(producer, "t", &error));
    succeeds("make a topic", rivven_producer_topic(producer, "t", &caller.topic, &error));
    send_the_first(producer);
    take(queue, 1000, &delivered, &failed);
    command(&proxy, "stall");
    uint64_t before = resident();
    if (pthread_create(&thread, NULL, hand_over, &caller)) give_up("pthread_create");
    check(holds_within(60, is_full, &caller), "there is no room at last");
    uint64_t stalled = resident(), taken = atomic_load(&caller.taken);
    struct watched watched = {&caller, atomic_load(&caller.refused)};
    check(holds_within(60, is_refused_again, &watched), "and nothing but refusals follow");
    uint64_t later = resident();
    check(taken > 200000 && atomic_load(&caller.taken) == taken, "%" PRIu64 " records have room", taken);
    check((later - before) * 10 <= buffer * 13 + 200 * mib, "that takes %" PRIu64 " MiB", (later - before) / mib);
    check(later <= stalled + mib, "which does not grow: %" PRIu64 " KiB", (later - before) / 1024);
    command(&proxy, "resume");
    while (delivered < PARTITIONS + taken && failed == 0) take(queue, 1000, &delivered, &failed);
    check(failed == 0, "records that waited are delivered: %" PRIu64, delivered);
    atomic_store(&caller.stop, true);
    pthread_join(thread, NULL);
    check(caller.failure == RIVVEN_CODE_OK, "the caller goes on until it is stopped: %s",
          rivven_code_name(caller.failure));
    succeeds("flush", rivven_producer_flush(producer, 60000, &error));
    take(queue, 0, &delivered, &failed);
    taken = PARTITIONS + atomic_load(&caller.taken);
    check(delivered == taken && failed == 0, "all of %" PRIu64 " records are delivered", taken);
    const char *report = command(&sink, "report"), *partitions = strstr(report, "\"partitions\"");
    /* The keys are in their order: these of the whole stand before those of the partitions, and the last one behind. */
    check(number_in(report, "missing") == 0 && number_in(report, "order_violations") == 0, "in order, without gaps");
    const char *rest = partitions ? strrchr(partitions, ']') : NULL;
    check(rest && number_in(rest, "records") == taken, "each once");
    rivven_topic_free(caller.topic);
    succeeds("close", rivven_producer_close(producer, -1, &error));
    rivven_producer_free(producer);
    rivven_queue_free(queue);
    rivven_config_free(config);
    stop_server(&proxy);
    stop_server(&sink);
    return summary();
}
