/*
 * Transactions that look after their steps by themselves, and work that is done
 * by them: what is committed counts once, and what is given up counts for nothing.
 */

#include <inttypes.h>
#include <string.h>

#include "client.h"
#include "every_transaction.h"
#include "launch.h"

enum { RECORDS = 300, PARTITIONS = 3 };

static const rivven_bytes_t no_key = {NULL, 0};

static struct server broker;

static void refused(const char *what, rivven_code code) { fails(what, RIVVEN_CODE_INVALID_ARGUMENT, code); }

static rivven_bytes_t bytes(const char *text) { return rivven_bytes_from_string(text); }

static void create(rivven_client_t *client, const char *topic, uint32_t partitions) {
    succeeds("create a topic", rivven_client_create_topic(client, topic, partitions, NULL, &error));
}

/* A producer with a transactional id, or without one for NULL. */
static rivven_producer_t *producer_of(const char *id) {
    const char *const settings[] = {"transactional.id", id, "transaction.timeout.ms", "10000", NULL};
    rivven_config_t *config = config_of(broker.address, id ? settings : NULL);
    rivven_producer_t *producer = NULL;
    if (rivven_producer_new(config, NULL, &producer, NULL)) give_up("rivven_producer_new");
    rivven_config_free(config);
    return producer;
}

/* A consumer of a group that does not commit by itself, and has no partitions yet. */
static rivven_consumer_t *consumer_of(const char *group, const char *automatic) {
    const char *const settings[] = {"group.id", group, "enable.auto.commit", automatic, "max.poll.records", "40",
                                    "process.retries", "2", "process.retry.backoff.ms", "1", NULL};
    rivven_config_t *config = config_of(broker.address, settings);
    rivven_consumer_t *consumer = NULL;
    if (rivven_consumer_new(config, NULL, &consumer, NULL)) give_up("rivven_consumer_new");
    rivven_config_free(config);
    return consumer;
}

/* The same with the partitions of a topic. */
static rivven_consumer_t *reader_of(const char *group, const char *topic, uint32_t partitions) {
    rivven_consumer_t *consumer = consumer_of(group, "false");
    rivven_partitions_t *list = NULL;
    if (rivven_partitions_new(&list, NULL)) give_up("rivven_partitions_new");
    for (uint32_t i = 0; i < partitions; i++) rivven_partitions_add(list, topic, i, NULL);
    succeeds("assign", rivven_consumer_assign(consumer, list, &error));
    rivven_partitions_free(list);
    return consumer;
}

static rivven_transaction_t *begin(rivven_producer_t *producer) {
    rivven_transaction_t *transaction = NULL;
    succeeds("begin", rivven_transaction_begin(producer, &transaction, &error));
    return transaction;
}

static rivven_code send_text(rivven_transaction_t *transaction, const char *topic, const char *value) {
    return rivven_transaction_send(transaction, topic, RIVVEN_PARTITION_ANY, no_key, bytes(value), NULL, &error);
}

static rivven_code send_offset(rivven_transaction_t *transaction, const char *group, uint64_t offset) {
    rivven_offsets_t *offsets = NULL;
    if (rivven_offsets_new(&offsets, NULL) || rivven_offsets_add(offsets, "read", 0, offset, NULL)) {
        give_up("rivven_offsets_add");
    }
    rivven_code code = rivven_transaction_send_offsets(transaction, group, offsets, &error);
    rivven_offsets_free(offsets);
    return code;
}

static bool is_open(rivven_transaction_t *transaction) {
    bool open = false;
    succeeds("ask", rivven_transaction_is_open(transaction, &open, &error));
    return open;
}

/* How many records of a topic are shown to those who read what is committed. */
static size_t committed(rivven_client_t *client, const char *topic, uint32_t partitions) {
    size_t count = 0;
    for (uint32_t partition = 0; partition < partitions; partition++) {
        rivven_batch_t *batch = NULL;
        succeeds("read what is committed",
                 rivven_client_consume_read_committed(client, topic, partition, 0, 1000, &batch, &error));
        count += rivven_batch_len(batch);
        rivven_batch_free(batch);
    }
    return count;
}

/* The offset of a group; UINT64_MAX if it has none. */
static uint64_t offset_of(rivven_client_t *client, const char *group, const char *topic, uint32_t partition) {
    bool found = false;
    uint64_t offset = 0;
    succeeds("the offset of the group",
             rivven_client_get_offset(client, group, topic, partition, &found, &offset, &error));
    return found ? offset : UINT64_MAX;
}

static void send_in_every_way(rivven_transaction_t *transaction) {
    const rivven_bytes_t keys[] = {bytes("kafka"), no_key}, values[] = {bytes("one"), bytes("two")};
    rivven_record_metadata_t *metadata[2] = {NULL, NULL};
    for (int i = 0; i < 100; i++) {
        rivven_code code = rivven_transaction_enqueue(transaction, "out", RIVVEN_PARTITION_ANY, no_key, bytes("v"),
                                                      &error);
        if (code) fails("enqueue", RIVVEN_CODE_OK, code);
    }
    succeeds("send", rivven_transaction_send(transaction, "out", RIVVEN_PARTITION_ANY, bytes("kafka"), bytes("v"),
                                             metadata, &error));
    check(!strcmp(rivven_record_metadata_topic(metadata[0]), "out") &&
              rivven_record_metadata_partition(metadata[0]) == 1,
          "where the key leads");
    rivven_record_metadata_free(metadata[0]);
    succeeds("send to a partition",
             rivven_transaction_send(transaction, "out", 2, bytes("kafka"), bytes("v"), metadata, &error));
    check(rivven_record_metadata_partition(metadata[0]) == 2, "where the caller wants");
    rivven_record_metadata_free(metadata[0]);
    succeeds("send many",
             rivven_transaction_send_batch(transaction, "out", keys, values, 2, metadata, &error));
    check(rivven_record_metadata_partition(metadata[0]) == 1 && metadata[1], "each is somewhere");
    for (int i = 0; i < 2; i++) rivven_record_metadata_free(metadata[i]);
    succeeds("send many", rivven_transaction_send_batch(transaction, "out", NULL, values, 2, NULL, &error));
    succeeds("send none", rivven_transaction_send_batch(transaction, "out", NULL, NULL, 0, NULL, &error));
    succeeds("create a topic by the way",
             rivven_transaction_send(transaction, "new", 0, no_key, bytes("v"), NULL, &error));
    succeeds("flush", rivven_transaction_flush(transaction, &error));
}

static void test_commit(rivven_client_t *client) {
    rivven_producer_t *producer = producer_of("etl");
    create(client, "out", 3);
    create(client, "read", 1);
    rivven_transaction_t *transaction = begin(producer);
    check(!strcmp(rivven_transaction_id(transaction), "etl") && is_open(transaction), "it is open");
    send_in_every_way(transaction);
    succeeds("send an offset", send_offset(transaction, "readers", 0));
    check(offset_of(client, "readers", "read", 0) == UINT64_MAX, "it does not count yet");
    succeeds("commit", rivven_transaction_commit(transaction, &error));
    check(!is_open(transaction), "it is not open any more");
    check(offset_of(client, "readers", "read", 0) == 0, "the offset counts");
    check(committed(client, "out", 3) == 106 && committed(client, "new", 1) == 1, "so do the records");

    rivven_transaction_t *other = begin(producer);
    check(rivven_transaction_producer_id(other) != rivven_transaction_producer_id(transaction),
          "each has an identity of its own");
    succeeds("send", send_text(other, "out", "v"));
    succeeds("send an offset", send_offset(other, "given-up", 0));
    succeeds("abort", rivven_transaction_abort(other, &error));
    check(committed(client, "out", 3) == 106, "the records do not count");
    check(offset_of(client, "given-up", "read", 0) == UINT64_MAX, "nor does the offset");
    rivven_transaction_free(transaction);
    rivven_transaction_free(other);
    rivven_producer_free(producer);
}

/* The next one waits for the abort of the one before. */
static void test_dropped(rivven_client_t *client) {
    rivven_producer_t *producer = producer_of("dropped");
    create(client, "dropped", 1);
    for (int round = 0; round < 6; round++) {
        rivven_transaction_t *transaction = begin(producer);
        succeeds("send", send_text(transaction, "dropped", "v"));
        rivven_transaction_free(transaction);
    }
    rivven_transaction_t *kept = begin(producer);
    succeeds("send", send_text(kept, "dropped", "kept"));
    succeeds("commit", rivven_transaction_commit(kept, &error));
    check(committed(client, "dropped", 1) == 1, "the one that was committed counts");
    rivven_transaction_free(kept);
    rivven_transaction_t *open = begin(producer);
    succeeds("send", send_text(open, "dropped", "open"));
    succeeds("close the producer", rivven_producer_close(producer, -1, &error));
    fails("commit", RIVVEN_CODE_CLOSED, rivven_transaction_commit(open, &error));
    begin_fails(producer, RIVVEN_CODE_CLOSED);
    check(committed(client, "dropped", 1) == 1, "closing the producer aborts");
    rivven_producer_free(producer);
    rivven_transaction_free(open);
}

static void test_outside(rivven_producer_t *producer) {
    rivven_topic_t *topic = NULL;
    fails("send outside", RIVVEN_CODE_INVALID_STATE,
          rivven_producer_send(producer, "misused", 0, no_key, bytes("v"), NULL, &error));
    succeeds("a topic", rivven_producer_topic(producer, "misused", &topic, &error));
    fails("enqueue outside", RIVVEN_CODE_INVALID_STATE,
          rivven_topic_enqueue(topic, 0, no_key, bytes("v"), 0, &error));
    rivven_topic_free(topic);
}

static void test_ended(rivven_transaction_t *transaction) {
    rivven_code code = rivven_transaction_commit(transaction, &error);
    check(rivven_error_outcome(error) == RIVVEN_OUTCOME_NOT_SENT && !rivven_error_is_abortable(error),
          "there is nothing to abort");
    fails("commit", RIVVEN_CODE_INVALID_STATE, code);
    fails("abort", RIVVEN_CODE_INVALID_STATE, rivven_transaction_abort(transaction, &error));
    fails("flush", RIVVEN_CODE_INVALID_STATE, rivven_transaction_flush(transaction, &error));
    fails("send", RIVVEN_CODE_INVALID_STATE, send_text(transaction, "misused", "v"));
    fails("enqueue", RIVVEN_CODE_INVALID_STATE,
          rivven_transaction_enqueue(transaction, "misused", 0, no_key, bytes("v"), &error));
    fails("send an offset", RIVVEN_CODE_INVALID_STATE, send_offset(transaction, "readers", 0));
    rivven_transaction_free(transaction);
}

/* What fails for good leaves nothing but an abort. */
static void test_doomed(rivven_producer_t *producer) {
    rivven_transaction_t *transaction = begin(producer);
    succeeds("hand over what cannot be written",
             rivven_transaction_enqueue(transaction, "misused", 99, no_key, bytes("v"), &error));
    rivven_code code = rivven_transaction_commit(transaction, &error);
    check(rivven_error_is_abortable(error), "it can only be aborted");
    fails("commit", RIVVEN_CODE_INVALID_TXN_STATE, code);
    succeeds("abort", rivven_transaction_abort(transaction, &error));
    rivven_transaction_free(transaction);
    transaction = begin(producer);
    fails("send to no partition", RIVVEN_CODE_INVALID_PARTITION,
          rivven_transaction_send(transaction, "misused", 99, no_key, bytes("v"), NULL, &error));
    check(!is_open(transaction), "no record is taken any more");
    fails("send", RIVVEN_CODE_INVALID_TXN_STATE, send_text(transaction, "misused", "v"));
    rivven_transaction_free(transaction);
}

static void test_misuse(rivven_client_t *client) {
    rivven_producer_t *plain = producer_of(NULL), *producer = producer_of("misused");
    create(client, "misused", 1);
    begin_fails(plain, RIVVEN_CODE_INVALID_STATE);
    test_outside(producer);
    rivven_transaction_t *transaction = begin(producer);
    begin_fails(producer, RIVVEN_CODE_INVALID_STATE);
    fails("send to a topic that cannot be", RIVVEN_CODE_INVALID_TOPIC, send_text(transaction, "..", "v"));
    refused("an offset that is none", send_offset(transaction, "g", RIVVEN_OFFSET_UNKNOWN));
    fails("a group that cannot be", RIVVEN_CODE_INVALID_GROUP_ID, send_offset(transaction, "?", 0));
    succeeds("send", send_text(transaction, "misused", "v"));
    succeeds("commit", rivven_transaction_commit(transaction, &error));
    test_ended(transaction);
    transaction = begin(producer);
    succeeds("abort", rivven_transaction_abort(transaction, &error));
    test_ended(transaction);
    test_doomed(producer);
    check(committed(client, "misused", 1) == 1, "what was committed counts");
    rivven_producer_free(plain);
    rivven_producer_free(producer);
}

/* Polls until there are so many records. */
static void read_records(rivven_consumer_t *consumer, size_t wanted) {
    size_t count = 0;
    for (double start = seconds(); count < wanted && seconds() - start < 60;) {
        rivven_batch_t *batch = NULL;
        if (!succeeds("poll", rivven_consumer_poll(consumer, 1000, &batch, &error))) break;
        count += rivven_batch_len(batch);
        rivven_batch_free(batch);
    }
    check(count == wanted, "the records are read");
}

static void test_consumer_offsets(rivven_client_t *client) {
    const rivven_bytes_t values[] = {bytes("a"), bytes("b"), bytes("c")};
    succeeds("fill it", rivven_client_publish_batch(client, "read", 0, NULL, values, 3, NULL, NULL, &error));
    rivven_producer_t *producer = producer_of("positions");
    rivven_consumer_t *consumer = reader_of("positions", "read", 1);
    read_records(consumer, 3);
    rivven_transaction_t *transaction = begin(producer);
    succeeds("send", send_text(transaction, "out", "v"));
    succeeds("send positions", rivven_transaction_send_consumer_offsets(transaction, consumer, &error));
    check(offset_of(client, "positions", "read", 0) == UINT64_MAX, "they do not count yet");
    succeeds("commit", rivven_transaction_commit(transaction, &error));
    check(offset_of(client, "positions", "read", 0) == 3, "they count");
    rivven_transaction_free(transaction);
    transaction = begin(producer);
    succeeds("close the consumer", rivven_consumer_close(consumer, -1, &error));
    fails("send positions of none", RIVVEN_CODE_CLOSED,
          rivven_transaction_send_consumer_offsets(transaction, consumer, &error));
    rivven_transaction_free(transaction);
    rivven_consumer_free(consumer);
    rivven_producer_free(producer);
}

/* Numbered records to be worked on. */
static void fill(rivven_client_t *client, const char *topic) {
    create(client, topic, PARTITIONS);
    for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
        char texts[RECORDS / PARTITIONS][8];
        rivven_bytes_t values[RECORDS / PARTITIONS];
        for (uint32_t i = 0; i < RECORDS / PARTITIONS; i++) {
            snprintf(texts[i], sizeof texts[i], "%06" PRIu32, i * PARTITIONS + partition);
            values[i] = bytes(texts[i]);
        }
        succeeds("fill it", rivven_client_publish_batch(client, topic, partition, NULL, values, RECORDS / PARTITIONS,
                                                        NULL, NULL, &error));
    }
}

/* Whether each record counts once, and the group is behind all of them. */
static void check_each_once(rivven_client_t *client, const char *group, const char *from, const char *to) {
    int times[RECORDS] = {0};
    bool once = true, behind = true;
    for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
        rivven_batch_t *batch = NULL;
        succeeds("read what is committed",
                 rivven_client_consume_read_committed(client, to, partition, 0, 1000, &batch, &error));
        for (size_t i = 0; i < rivven_batch_len(batch); i++) {
            char text[8] = {0};
            memcpy(text, rivven_batch_value(batch, i).data, 6);
            int number = atoi(text);
            if (number >= 0 && number < RECORDS) times[number]++;
        }
        rivven_batch_free(batch);
        behind &= offset_of(client, group, from, partition) == RECORDS / PARTITIONS;
    }
    for (int i = 0; i < RECORDS; i++) once &= times[i] == 1;
    check(once, "each record counts once");
    check(behind, "the group is behind all of them");
}

/* What works on records. */
struct work {
    rivven_consumer_t *consumer;
    rivven_producer_t *producer;
    rivven_transformer_t *transformer;
    rivven_batch_t *batch;
    rivven_transaction_t *transaction;
};

static struct work work_of(const char *name, const char *from) {
    struct work work = {reader_of(name, from, PARTITIONS), producer_of(name), NULL, NULL, NULL};
    succeeds("a transformer", rivven_transformer_new(work.consumer, work.producer, &work.transformer, &error));
    return work;
}

static void drop_round(struct work *work) {
    rivven_batch_free(work->batch);
    rivven_transaction_free(work->transaction);
    work->batch = NULL;
    work->transaction = NULL;
}

static void drop_work(struct work *work) {
    drop_round(work);
    rivven_transformer_free(work->transformer);
    rivven_consumer_free(work->consumer);
    rivven_producer_free(work->producer);
}

static bool next(struct work *work) {
    drop_round(work);
    succeeds("the next records",
             rivven_transformer_next(work->transformer, &work->batch, &work->transaction, &error));
    check(!work->batch == !work->transaction, "both or none");
    return work->batch != NULL;
}

static void write_all(struct work *work, const char *to) {
    for (size_t i = 0; i < rivven_batch_len(work->batch); i++) {
        rivven_code code = rivven_transaction_enqueue(work->transaction, to, rivven_batch_partition(work->batch, i),
                                                      no_key, rivven_batch_value(work->batch, i), &error);
        if (code) fails("enqueue", RIVVEN_CODE_OK, code);
    }
}

/* The number of records that count. */
static uint64_t records_done(struct work *work) {
    rivven_transform_report_t *report = NULL;
    succeeds("report", rivven_transformer_report(work->transformer, &report, &error));
    uint64_t records = rivven_transform_report_records(report);
    rivven_transform_report_free(report);
    return records;
}

/* Works until all records count; the round of the number `failing` fails. */
static void work_on_all(struct work *work, const char *to, int failing) {
    for (int round = 0; records_done(work) < RECORDS && next(work); round++) {
        bool counts = false;
        write_all(work, to);
        if (round == failing) {
            succeeds("fail", rivven_transformer_fail(work->transformer, "not today \xff", &error));
        } else if (round % 2) {
            /* The transformer has what it needs. */
            drop_round(work);
            succeeds("commit", rivven_transformer_commit(work->transformer, NULL, &error));
        } else {
            succeeds("commit", rivven_transformer_commit(work->transformer, &counts, &error));
            check(counts, "it counts");
        }
    }
}

static void test_transform(rivven_client_t *client) {
    rivven_transform_report_t *report = NULL;
    fill(client, "orders");
    create(client, "bills", PARTITIONS);
    struct work work = work_of("billing", "orders");
    fails("nothing to commit", RIVVEN_CODE_INVALID_STATE, rivven_transformer_commit(work.transformer, NULL, &error));
    fails("nothing to fail", RIVVEN_CODE_INVALID_STATE, rivven_transformer_fail(work.transformer, "x", &error));
    work_on_all(&work, "bills", 1);
    succeeds("wake it up", rivven_consumer_wakeup(work.consumer, &error));
    check(!next(&work), "waking it up ends it");
    succeeds("report", rivven_transformer_report(work.transformer, &report, &error));
    check(rivven_transform_report_records(report) == RECORDS && rivven_transform_report_aborted(report) == 1 &&
              rivven_transform_report_transactions(report) >= RECORDS / 40 &&
              rivven_transform_report_uncertain(report) == 0,
          "the report says what was done");
    rivven_transform_report_free(report);
    check_each_once(client, "billing", "orders", "bills");
    succeeds("close the consumer", rivven_consumer_close(work.consumer, -1, &error));
    check(!next(&work), "so does closing it");
    drop_work(&work);
}

/* One is dropped in the middle of a round, and another one goes on. */
static void test_goes_on(rivven_client_t *client) {
    fill(client, "left");
    create(client, "taken", PARTITIONS);
    struct work dropped = work_of("going-on", "left");
    check(next(&dropped), "there are records");
    write_all(&dropped, "taken");
    succeeds("commit", rivven_transformer_commit(dropped.transformer, NULL, &error));
    check(next(&dropped), "there are more");
    write_all(&dropped, "taken");
    succeeds("flush", rivven_transaction_flush(dropped.transaction, &error));
    succeeds("send positions",
             rivven_transaction_send_consumer_offsets(dropped.transaction, dropped.consumer, &error));
    uint64_t done = records_done(&dropped);
    drop_work(&dropped);

    struct work work = work_of("going-on", "left");
    while (done + records_done(&work) < RECORDS && next(&work)) {
        write_all(&work, "taken");
        succeeds("commit", rivven_transformer_commit(work.transformer, NULL, &error));
    }
    check_each_once(client, "going-on", "left", "taken");
    drop_work(&work);
}

/* A round about which nothing is said is aborted by the next one; work that always fails ends. */
static void test_fails(rivven_client_t *client) {
    create(client, "nothing", PARTITIONS);
    struct work work = work_of("failing", "orders");
    check(next(&work), "there are records");
    write_all(&work, "nothing");
    uint64_t first = rivven_batch_offset(work.batch, 0);
    check(next(&work) && rivven_batch_offset(work.batch, 0) == first, "they are read again");
    for (int i = 0; i < 2; i++) {
        write_all(&work, "nothing");
        succeeds("fail", rivven_transformer_fail(work.transformer, "never", &error));
        check(next(&work), "they are read again");
    }
    fails("fail once more", RIVVEN_CODE_PROCESSING_FAILED,
          rivven_transformer_fail(work.transformer, "never", &error));
    check(committed(client, "nothing", PARTITIONS) == 0, "nothing counts");
    check(offset_of(client, "failing", "orders", 0) == UINT64_MAX, "and no offset is committed");
    drop_work(&work);
}

/* What the callback of rebalances sees. */
struct witness {
    rivven_transformer_t *transformer;
    int assigned;
    rivven_code codes[4];
};

static void on_rebalance(void *user_data, rivven_rebalance_kind kind, const rivven_partitions_t *partitions) {
    struct witness *witness = user_data;
    rivven_batch_t *batch = NULL;
    rivven_transaction_t *transaction = NULL;
    rivven_transform_report_t *report = NULL;
    if (kind != RIVVEN_REBALANCE_KIND_ASSIGNED) return;
    witness->assigned += (int)rivven_partitions_len(partitions);
    witness->codes[0] = rivven_transformer_next(witness->transformer, &batch, &transaction, NULL);
    witness->codes[1] = rivven_transformer_commit(witness->transformer, NULL, NULL);
    witness->codes[2] = rivven_transformer_fail(witness->transformer, "x", NULL);
    witness->codes[3] = rivven_transformer_report(witness->transformer, &report, NULL);
}

/* Partitions come while records are waited for; a call that would wait for the callback's return is refused. */
static void test_rebalance(void) {
    const char *const topics[] = {"orders"};
    struct witness witness = {NULL, 0, {RIVVEN_CODE_OK, RIVVEN_CODE_OK, RIVVEN_CODE_OK, RIVVEN_CODE_OK}};
    struct work work = {consumer_of("rebalanced", "false"), producer_of("rebalanced"), NULL, NULL, NULL};
    succeeds("a transformer", rivven_transformer_new(work.consumer, work.producer, &work.transformer, &error));
    witness.transformer = work.transformer;
    succeeds("a callback",
             rivven_consumer_set_rebalance_callback(work.consumer, on_rebalance, &witness, NULL, &error));
    succeeds("subscribe", rivven_consumer_subscribe(work.consumer, topics, 1, &error));
    check(next(&work), "there are records");
    check(witness.assigned == PARTITIONS, "the callback was told of the partitions");
    for (int i = 0; i < 4; i++) check(witness.codes[i] == RIVVEN_CODE_INVALID_STATE, "refused in the callback");
    succeeds("no callback", rivven_consumer_set_rebalance_callback(work.consumer, NULL, NULL, NULL, &error));
    drop_work(&work);
}

static void test_unfit(void) {
    rivven_producer_t *plain = producer_of(NULL), *producer = producer_of("unfit");
    rivven_consumer_t *consumer = consumer_of("unfit", "false"), *committing = consumer_of("unfit", "true");
    rivven_transformer_t *transformer = NULL;
    fails("a consumer that commits", RIVVEN_CODE_INVALID_CONFIG,
          rivven_transformer_new(committing, producer, &transformer, &error));
    fails("a producer without id", RIVVEN_CODE_INVALID_CONFIG,
          rivven_transformer_new(consumer, plain, &transformer, &error));
    refused("no consumer", rivven_transformer_new(NULL, producer, &transformer, &error));
    refused("no producer", rivven_transformer_new(consumer, NULL, &transformer, &error));
    check(!transformer, "outputs are untouched");
    refused("no place", rivven_transformer_new(consumer, producer, NULL, &error));
    rivven_consumer_free(consumer);
    rivven_consumer_free(committing);
    rivven_producer_free(plain);
    rivven_producer_free(producer);
}

/* Whatever is neither a transaction nor a transformer. */
static void test_none(void *none, rivven_consumer_t *consumer) {
    begin_fails(none, RIVVEN_CODE_INVALID_ARGUMENT);
    every_transaction_call_fails(none, consumer, RIVVEN_CODE_INVALID_ARGUMENT);
    every_transformer_call_fails(none, RIVVEN_CODE_INVALID_ARGUMENT);
    check(!rivven_transaction_id(none) && !rivven_transaction_producer_id(none), "nothing is known of none");
    check(!rivven_transform_report_transactions(none) && !rivven_transform_report_records(none) &&
              !rivven_transform_report_aborted(none) && !rivven_transform_report_uncertain(none),
          "and none has done nothing");
    check(rivven_transaction_flush(none, NULL) == RIVVEN_CODE_INVALID_ARGUMENT &&
              rivven_transformer_commit(none, NULL, NULL) == RIVVEN_CODE_INVALID_ARGUMENT,
          "without error");
    rivven_transaction_free(none);
    rivven_transformer_free(none);
    rivven_transform_report_free(none);
}

static void test_arguments_of(rivven_transaction_t *transaction, rivven_consumer_t *consumer, const char *bad) {
    const rivven_bytes_t value = bytes("v"), broken = {NULL, 1};
    rivven_offsets_t *offsets = NULL;
    if (rivven_offsets_new(&offsets, NULL)) give_up("rivven_offsets_new");
    refused("send", rivven_transaction_send(transaction, bad, 0, no_key, value, NULL, &error));
    refused("enqueue", rivven_transaction_enqueue(transaction, bad, 0, no_key, value, &error));
    refused("send many", rivven_transaction_send_batch(transaction, bad, NULL, &value, 1, NULL, &error));
    refused("a partition", rivven_transaction_send(transaction, "t", -2, no_key, value, NULL, &error));
    refused("a partition", rivven_transaction_enqueue(transaction, "t", -2, no_key, value, &error));
    refused("a key", rivven_transaction_send(transaction, "t", 0, broken, value, NULL, &error));
    refused("a value", rivven_transaction_enqueue(transaction, "t", 0, no_key, broken, &error));
    refused("values", rivven_transaction_send_batch(transaction, "t", NULL, NULL, 1, NULL, &error));
    refused("a value", rivven_transaction_send_batch(transaction, "t", NULL, &broken, 1, NULL, &error));
    refused("no offsets", rivven_transaction_send_offsets(transaction, "g", offsets, &error));
    refused("no list", rivven_transaction_send_offsets(transaction, "g", NULL, &error));
    refused("a group", rivven_transaction_send_offsets(transaction, bad, offsets, &error));
    refused("no consumer", rivven_transaction_send_consumer_offsets(transaction, NULL, &error));
    refused("another handle for a consumer",
            rivven_transaction_send_consumer_offsets(transaction, (rivven_consumer_t *)transaction, &error));
    succeeds("no positions yet", rivven_transaction_send_consumer_offsets(transaction, consumer, &error));
    succeeds("is_open without output", rivven_transaction_is_open(transaction, NULL, &error));
    rivven_offsets_free(offsets);
}

static void test_arguments(void) {
    struct work work = work_of("arguments", "orders");
    test_none(NULL, work.consumer);
    test_none(work.consumer, work.consumer);
    refused("no place for a transaction", rivven_transaction_begin(work.producer, NULL, &error));
    rivven_transaction_t *transaction = begin(work.producer);
    test_arguments_of(transaction, work.consumer, NULL);
    test_arguments_of(transaction, work.consumer, "\xff");
    rivven_transaction_free(transaction);
    refused("no place for a batch",
            rivven_transformer_next(work.transformer, NULL, &work.transaction, &error));
    refused("no place for a transaction",
            rivven_transformer_next(work.transformer, &work.batch, NULL, &error));
    check(!work.batch && !work.transaction, "outputs are untouched");
    refused("no place for a report", rivven_transformer_report(work.transformer, NULL, &error));
    refused("no reason", rivven_transformer_fail(work.transformer, NULL, &error));
    drop_work(&work);
}

/* covers: F120 c */
int main(void) {
    broker = start_broker();
    rivven_client_t *client = connected_client(broker.address);
    test_commit(client);
    test_dropped(client);
    test_misuse(client);
    test_consumer_offsets(client);
    test_transform(client);
    test_goes_on(client);
    test_fails(client);
    test_rebalance();
    test_unfit();
    test_arguments();
    rivven_client_free(client);
    stop_server(&broker);
    return summary();
}
