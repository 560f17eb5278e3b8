/*
 * Records worked on by handlers: on the threads of the program, in the order of
 * their partition; again where they fail, then elsewhere, left out or not at all.
 */

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "client.h"
#include "launch.h"

enum { RECORDS = 20, PARTITIONS = 3, THREADS = 2 };

static struct server broker;

/* A topic whose records are called after their offsets: v0, v1, and so on. */
static void fill(const char *topic, uint32_t partitions, uint32_t records) {
    rivven_client_t *client = connected_client(broker.address);
    if (rivven_client_create_topic(client, topic, partitions, NULL, NULL)) give_up("rivven_client_create_topic");
    for (uint32_t partition = 0; partition < partitions; partition++) {
        for (uint32_t record = 0; record < records; record++) {
            char text[12];
            snprintf(text, sizeof text, "v%" PRIu32, record);
            if (rivven_client_publish_to_partition(client, topic, partition, rivven_bytes_from_string("key"),
                                                   rivven_bytes_from_string(text), NULL, NULL)) {
                give_up("rivven_client_publish_to_partition");
            }
        }
    }
    rivven_client_free(client);
}

/* A consumer of a topic, with one more setting. */
static rivven_consumer_t *consumer_of(const char *topic, uint32_t partitions, const char *key, const char *value) {
    const char *const settings[] = {"group.id", topic, "process.retries", "1", "process.retry.backoff.ms", "1",
                                    key, value, NULL};
    rivven_config_t *config = config_of(broker.address, settings);
    rivven_consumer_t *consumer = NULL;
    rivven_partitions_t *list = NULL;
    succeeds("make a consumer", rivven_consumer_new(config, NULL, &consumer, &error));
    if (rivven_partitions_new(&list, NULL)) give_up("rivven_partitions_new");
    for (uint32_t i = 0; i < partitions; i++) rivven_partitions_add(list, topic, i, NULL);
    succeeds("assign", rivven_consumer_assign(consumer, list, &error));
    rivven_partitions_free(list);
    rivven_config_free(config);
    return consumer;
}

static uint64_t committed(rivven_consumer_t *consumer, const char *topic, uint32_t partition) {
    bool found = false;
    uint64_t offset = 0;
    rivven_consumer_committed(consumer, topic, partition, &found, &offset, NULL);
    return found ? offset : 0;
}

/* What handlers see. */
struct witness {
    rivven_consumer_t *consumer;
    uint64_t failing;
    pthread_t threads[THREADS];
    pthread_barrier_t together;
    atomic_uint_fast64_t next[PARTITIONS];
    atomic_int calls, enough;
    atomic_bool disorder, elsewhere;
    rivven_code nested;
};

static struct witness witness_of(rivven_consumer_t *consumer, int enough, uint64_t failing) {
    return (struct witness){.consumer = consumer, .enough = enough, .failing = failing, .threads = {pthread_self()}};
}

static void note(struct witness *witness) {
    if (atomic_fetch_add(&witness->calls, 1) + 1 == witness->enough) rivven_consumer_wakeup(witness->consumer, NULL);
}

/* Checks the order and the threads; the first records of two partitions wait for each other. */
static const char *on_record(void *user_data, const rivven_batch_t *record) {
    struct witness *witness = user_data;
    uint64_t offset = rivven_batch_offset(record, 0);
    uint32_t partition = rivven_batch_partition(record, 0);
    bool here = false;
    for (int i = 0; i < THREADS; i++) here |= pthread_equal(witness->threads[i], pthread_self());
    if (!here) witness->elsewhere = true;
    if (offset == 0 && partition < 2) pthread_barrier_wait(&witness->together);
    if (atomic_exchange(&witness->next[partition], offset + 1) != offset) witness->disorder = true;
    note(witness);
    return NULL;
}

struct run {
    rivven_processing_t *processing;
    struct witness *witness;
    rivven_code code;
};

static void *run(void *argument) {
    struct run *this = argument;
    this->witness->threads[1] = pthread_self();
    this->code = rivven_processing_run(this->processing, on_record, this->witness, NULL);
    return NULL;
}

static void test_side_by_side(void) {
    fill("side-by-side", PARTITIONS, RECORDS);
    rivven_consumer_t *consumer = consumer_of("side-by-side", PARTITIONS, "process.concurrency", "2");
    struct witness witness = witness_of(consumer, PARTITIONS * RECORDS, UINT64_MAX);
    pthread_barrier_init(&witness.together, NULL, THREADS);
    rivven_processing_t *processing = NULL;
    succeeds("process", rivven_consumer_process(consumer, &processing, &error));
    struct run beside = {processing, &witness, RIVVEN_CODE_INTERNAL};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, &beside)) give_up("pthread_create");
    succeeds("run", rivven_processing_run(processing, on_record, &witness, &error));
    pthread_join(thread, NULL);
    check(beside.code == RIVVEN_CODE_OK, "the other thread ends with it");
    check(witness.calls == PARTITIONS * RECORDS && !witness.disorder && !witness.elsewhere,
          "each partition in its order, on the threads that run");
    check(rivven_processing_processed(processing) == PARTITIONS * RECORDS &&
              rivven_processing_retries(processing) == 0, "the report");
    for (uint32_t i = 0; i < PARTITIONS; i++) {
        check(committed(consumer, "side-by-side", i) == RECORDS, "everything is committed");
    }
    rivven_processing_free(processing);
    rivven_consumer_free(consumer);
    pthread_barrier_destroy(&witness.together);
}

/* Fails for one record, whatever it does within a handler. */
static const char *on_failing_record(void *user_data, const rivven_batch_t *record) {
    struct witness *witness = user_data;
    witness->nested = rivven_consumer_close(witness->consumer, 0, NULL);
    note(witness);
    return rivven_batch_offset(record, 0) == witness->failing ? "no such customer" : NULL;
}

static rivven_processing_t *process(rivven_consumer_t *consumer, struct witness *witness, rivven_code wanted) {
    rivven_processing_t *processing = NULL;
    succeeds("process", rivven_consumer_process(consumer, &processing, &error));
    if (wanted == RIVVEN_CODE_OK) {
        succeeds("run", rivven_processing_run(processing, on_failing_record, witness, &error));
    } else {
        fails("run", wanted, rivven_processing_run(processing, on_failing_record, witness, &error));
    }
    return processing;
}

static void test_skip(void) {
    fill("skip", 1, 3);
    rivven_consumer_t *consumer = consumer_of("skip", 1, "process.on.failure", "skip");
    struct witness witness = witness_of(consumer, 4, 1);
    rivven_processing_t *processing = process(consumer, &witness, RIVVEN_CODE_OK);
    check(rivven_processing_processed(processing) == 2 && rivven_processing_retries(processing) == 1 &&
              rivven_processing_skipped(processing) == 1, "one record is left out");
    check(committed(consumer, "skip", 0) == 3, "and committed");
    check(witness.nested == RIVVEN_CODE_INVALID_STATE, "a close within a handler is refused");
    rivven_processing_free(processing);
    rivven_consumer_free(consumer);
}

static void test_stop(void) {
    fill("stop", 1, 3);
    rivven_consumer_t *consumer = consumer_of("stop", 1, "process.on.failure", "stop");
    struct witness witness = witness_of(consumer, 100, 1);
    rivven_processing_free(process(consumer, &witness, RIVVEN_CODE_PROCESSING_FAILED));
    check(witness.calls == 3 && committed(consumer, "stop", 0) == 1, "the record is the next one");
    struct witness second = witness_of(consumer, 2, UINT64_MAX);
    rivven_processing_free(process(consumer, &second, RIVVEN_CODE_OK));
    check(second.calls == 2 && committed(consumer, "stop", 0) == 3, "of another processing");
    rivven_consumer_free(consumer);
}

static void test_dead_letters(void) {
    fill("dead", 1, 0);
    fill("living", 1, 3);
    rivven_consumer_t *consumer = consumer_of("living", 1, "process.dead.letter.topic", "dead");
    struct witness witness = witness_of(consumer, 4, 1);
    rivven_processing_t *processing = process(consumer, &witness, RIVVEN_CODE_OK);
    check(rivven_processing_dead_lettered(processing) == 1 && committed(consumer, "living", 0) == 3, "one dead letter");
    rivven_processing_free(processing);
    rivven_consumer_free(consumer);
    rivven_client_t *client = connected_client(broker.address);
    rivven_batch_t *letters = NULL;
    succeeds("read it", rivven_client_consume(client, "dead", 0, 0, 10, &letters, &error));
    char text[500] = "";
    rivven_bytes_t value = rivven_batch_value(letters, 0);
    snprintf(text, sizeof text, "%.*s", (int)value.len, (const char *)value.data);
    check(holds(rivven_batch_key(letters, 0), "key", 3), "it has the key");
    check(strstr(text, "\noffset: 1\n") && strstr(text, "\nerror: no such customer\n\nv1"), "and says where it is from");
    rivven_batch_free(letters);
    rivven_client_free(client);
}

/* What is given up ends in other threads, and is read again. */
static void test_given_up(void) {
    fill("given-up", 1, 3);
    rivven_consumer_t *consumer = consumer_of("given-up", 1, "process.on.failure", "stop");
    rivven_processing_t *processing = NULL, *other = NULL;
    succeeds("process", rivven_consumer_process(consumer, &processing, &error));
    fails("without a handler", RIVVEN_CODE_INVALID_ARGUMENT, rivven_processing_run(processing, NULL, NULL, &error));
    check(rivven_processing_processed(processing) == 0 && rivven_processing_processed(NULL) == 0, "nothing yet");
    rivven_processing_free(processing);
    fails("of no consumer", RIVVEN_CODE_INVALID_ARGUMENT, rivven_consumer_process(NULL, &other, &error));
    struct witness witness = witness_of(consumer, 3, UINT64_MAX);
    bool ended = false;
    for (double start = seconds(); !ended && seconds() - start < 30;) {
        succeeds("process", rivven_consumer_process(consumer, &other, &error));
        ended = rivven_processing_run(other, on_failing_record, &witness, NULL) != RIVVEN_CODE_INVALID_STATE;
        rivven_processing_free(other);
    }
    check(ended && witness.calls == 3, "all records come by the next one");
    rivven_consumer_free(consumer);
    rivven_processing_free(NULL);
}

int main(void) {
    broker = start_broker();
    test_side_by_side();
    test_skip();
    test_stop();
    test_dead_letters();
    test_given_up();
    stop_server(&broker);
    return summary();
}
