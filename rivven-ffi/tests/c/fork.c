/*
 * What a forked child may do with the clients, producers and consumers of its
 * parent: nothing but free them. Those that it makes itself work, and the
 * parent's go on.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "client.h"
#include "every.h"
#include "every_consumer.h"
#include "every_transaction.h"
#include "launch.h"

static struct server broker;
static rivven_client_t *client;
static rivven_batch_t *batch;
static rivven_producer_state_t *state;

static rivven_bytes_t value(void) { return rivven_bytes_from("v", 1); }

static rivven_code publish_once(rivven_client_t *client, rivven_producer_state_t *state) {
    return rivven_client_publish_idempotent(client, "t", 0, value(), value(), state, NULL, NULL, NULL, &error);
}

/* Parent and child would give the same numbers to different records. */
static int use_old_state(void) {
    rivven_client_t *own = connected_client(broker.address);
    rivven_producer_state_t *made = NULL;
    fails("publish", RIVVEN_CODE_FORKED, publish_once(own, state));
    fails("begin", RIVVEN_CODE_FORKED, rivven_client_begin_transaction(own, "x", state, -1, &error));
    fails("commit", RIVVEN_CODE_FORKED, rivven_client_commit_transaction(own, "x", state, &error));
    fails("abandon", RIVVEN_CODE_FORKED, rivven_producer_state_abandon(state, &error));
    check(rivven_producer_state_producer_id(state), "a state of the parent can be read");
    rivven_producer_state_free(state);
    check(true, "and freed");
    succeeds("a producer of the child's own", rivven_client_init_producer_id(own, NULL, &made, &error));
    succeeds("publish", publish_once(own, made));
    rivven_producer_state_free(made);
    rivven_client_free(own);
    return checks_failed;
}

/* Every call on the parent's client. */
static int use_old_client(void) {
    fails("connect", RIVVEN_CODE_FORKED, rivven_client_connect(client, &error));
    every_operation_fails(client, state, RIVVEN_CODE_FORKED);
    fails("close", RIVVEN_CODE_FORKED, rivven_client_close(client, -1, &error));
    check(holds(rivven_batch_value(batch, 0), "v", 1), "a batch of the parent can be read");
    rivven_batch_free(batch);
    rivven_client_free(client);
    check(true, "and both can be freed");
    return checks_failed;
}

static int use_new_client(void) {
    rivven_client_t *own = connected_client(broker.address);
    succeeds("ping with a client of the child's own", rivven_client_ping(own, &error));
    succeeds("publish", rivven_client_publish(own, "t", value(), NULL, NULL, &error));
    succeeds("close", rivven_client_close(own, -1, &error));
    rivven_client_free(own);
    return checks_failed;
}

static void in_child(const char *what, int (*body)(void));

/* The parent's queue and producer, the latter with a callback and records whose reports nobody took. */
static rivven_queue_t *queue;
static rivven_producer_t *producer;
static rivven_topic_t *topic;
static int calls, frees;

static void on_deliveries(void *user_data, const rivven_events_t *deliveries) {
    (void)user_data;
    for (size_t i = 0; i < rivven_events_len(deliveries); i++) calls += (int)rivven_events_count(deliveries, i);
}

static void on_free(void *user_data) {
    (void)user_data;
    frees++;
}

static rivven_producer_t *new_producer(rivven_queue_t *queue) {
    rivven_config_t *config = config_of(broker.address, NULL);
    rivven_producer_t *made = NULL;
    succeeds("make a producer", rivven_producer_new_with_callback(config, queue, on_deliveries, NULL, on_free, &made,
                                                                  &error));
    rivven_config_free(config);
    return made;
}

static int use_old_producer(void) {
    const rivven_bytes_t none = {NULL, 0};
    rivven_events_t *events = NULL;
    rivven_producer_stats_t *stats = NULL;
    rivven_producer_t *made = NULL;
    rivven_topic_t *other = NULL;
    rivven_config_t *config = config_of(broker.address, NULL);
    fails("poll", RIVVEN_CODE_FORKED, rivven_queue_poll(queue, -1, &events, &error));
    fails("subscribe", RIVVEN_CODE_FORKED, rivven_queue_subscribe_log(queue, RIVVEN_LOG_LEVEL_WARN, &error));
    check(rivven_queue_fd(queue) == -1, "the queue has no descriptor");
    fails("a producer for it", RIVVEN_CODE_FORKED, rivven_producer_new(config, queue, &made, &error));
    fails("connect", RIVVEN_CODE_FORKED, rivven_producer_connect(producer, &error));
    fails("topic", RIVVEN_CODE_FORKED, rivven_producer_topic(producer, "p", &other, &error));
    fails("send", RIVVEN_CODE_FORKED, rivven_producer_send(producer, "p", 0, none, value(), NULL, &error));
    fails("enqueue", RIVVEN_CODE_FORKED, rivven_topic_enqueue(topic, 0, none, value(), 1, &error));
    fails("wait for room", RIVVEN_CODE_FORKED, rivven_topic_wait_for_room(topic, 1, &error));
    fails("flush", RIVVEN_CODE_FORKED, rivven_producer_flush(producer, -1, &error));
    fails("purge", RIVVEN_CODE_FORKED, rivven_producer_purge(producer, NULL, &error));
    fails("stats", RIVVEN_CODE_FORKED, rivven_producer_stats(producer, &stats, &error));
    fails("is_idempotent", RIVVEN_CODE_FORKED, rivven_producer_is_idempotent(producer, NULL, &error));
    fails("partition count", RIVVEN_CODE_FORKED,
          rivven_producer_get_partition_count(producer, "p", NULL, &error));
    fails("refresh", RIVVEN_CODE_FORKED, rivven_producer_refresh_metadata(producer, "p", &error));
    fails("close", RIVVEN_CODE_FORKED, rivven_producer_close(producer, -1, &error));
    rivven_config_free(config);
    rivven_topic_free(topic);
    rivven_producer_free(producer);
    rivven_queue_free(queue);
    check(calls == 0 && frees == 0, "freeing them calls nothing of the program's");
    return checks_failed;
}

static int use_new_producer(void) {
    rivven_queue_t *own = NULL;
    rivven_events_t *events = NULL;
    succeeds("make a queue", rivven_queue_new(&own, &error));
    rivven_producer_t *made = new_producer(own);
    succeeds("send", rivven_producer_send(made, "p", 0, value(), value(), NULL, &error));
    succeeds("poll", rivven_queue_poll(own, -1, &events, &error));
    check(calls == 1, "the child's own callback is called");
    rivven_events_free(events);
    rivven_producer_free(made);
    rivven_queue_free(own);
    check(frees == 1, "and its data freed");
    return checks_failed;
}

static int use_both_producers(void) { return use_old_producer() + use_new_producer(); }

/* A child that uses the parent's producer takes nothing away from the parent. */
static void test_producer(void) {
    rivven_events_t *events = NULL;
    succeeds("make a queue", rivven_queue_new(&queue, &error));
    producer = new_producer(queue);
    succeeds("make a topic", rivven_producer_topic(producer, "p", &topic, &error));
    for (int i = 0; i < 10; i++) succeeds("enqueue", rivven_topic_enqueue(topic, 0, value(), value(), 1, &error));
    succeeds("flush", rivven_producer_flush(producer, -1, &error));
    in_child("uses the parent's producer", use_old_producer);
    in_child("uses the parent's producer and makes one", use_both_producers);
    check(calls == 0 && frees == 0, "a child calls nothing here");
    while (calls < 10) {
        if (!succeeds("the parent polls", rivven_queue_poll(queue, -1, &events, &error))) break;
        rivven_events_free(events);
    }
    check(calls == 10, "every report is still there");
    rivven_topic_free(topic);
    rivven_producer_free(producer);
    rivven_queue_free(queue);
    check(frees == 1, "and the data is freed");
}

/* The parent's consumer, with records that it has read and that nobody was given, and its processing. */
static rivven_consumer_t *consumer;
static rivven_processing_t *processing;

static const char *on_record(void *user_data, const rivven_batch_t *record) {
    (void)record;
    rivven_consumer_wakeup(user_data, NULL);
    calls++;
    return NULL;
}

static void on_rebalance(void *user_data, rivven_rebalance_kind kind, const rivven_partitions_t *partitions) {
    (void)user_data, (void)kind, (void)partitions;
    calls++;
}

/* A consumer of the topic's only partition, from its beginning, whose callback's data is freed with it. */
static rivven_consumer_t *new_consumer(const char *group) {
    const char *const settings[] = {"group.id", group, "enable.auto.commit", "false", NULL};
    rivven_config_t *config = config_of(broker.address, settings);
    rivven_consumer_t *made = NULL;
    rivven_partitions_t *partitions = NULL;
    succeeds("make a consumer", rivven_consumer_new(config, NULL, &made, &error));
    succeeds("set a callback", rivven_consumer_set_rebalance_callback(made, on_rebalance, NULL, on_free, &error));
    succeeds("make a list", rivven_partitions_new(&partitions, &error));
    succeeds("a partition", rivven_partitions_add(partitions, "c", 0, &error));
    succeeds("assign", rivven_consumer_assign(made, partitions, &error));
    rivven_partitions_free(partitions);
    rivven_config_free(config);
    return made;
}

/* Polls until there is a record; gives the offset of the first. */
static uint64_t next_offset(rivven_consumer_t *consumer) {
    uint64_t offset = UINT64_MAX;
    for (double start = seconds(); offset == UINT64_MAX && seconds() - start < 30;) {
        rivven_batch_t *records = NULL;
        if (!succeeds("poll", rivven_consumer_poll(consumer, 1000, &records, &error))) break;
        if (rivven_batch_len(records)) offset = rivven_batch_offset(records, 0);
        rivven_batch_free(records);
    }
    return offset;
}

static int use_old_consumer(void) {
    every_consumer_call_fails(consumer, RIVVEN_CODE_FORKED);
    check(rivven_consumer_group_id(consumer), "the group can be read");
    fails("run", RIVVEN_CODE_FORKED, rivven_processing_run(processing, on_record, consumer, &error));
    check(rivven_processing_processed(processing) == 0, "the processing can be read");
    rivven_processing_free(processing);
    rivven_consumer_free(consumer);
    check(calls == 0 && frees == 0, "freeing them calls nothing of the program's");
    return checks_failed;
}

static int use_new_consumer(void) {
    rivven_consumer_t *made = new_consumer("children");
    check(next_offset(made) == 0, "a consumer of the child's own reads");
    succeeds("close", rivven_consumer_close(made, -1, &error));
    rivven_consumer_free(made);
    check(frees == 1, "and its callback's data is freed");
    return checks_failed;
}

static int use_both_consumers(void) { return use_old_consumer() + use_new_consumer(); }

/* A child that uses the parent's consumer takes nothing away from the parent. */
static void test_consumer(void) {
    calls = frees = 0;
    succeeds("create a topic", rivven_client_create_topic(client, "c", 1, NULL, &error));
    succeeds("publish", rivven_client_publish_to_partition(client, "c", 0, value(), value(), NULL, &error));
    consumer = new_consumer("parents");
    check(next_offset(consumer) == 0, "the parent reads");
    succeeds("publish", rivven_client_publish_to_partition(client, "c", 0, value(), value(), NULL, &error));
    succeeds("process", rivven_consumer_process(consumer, &processing, &error));
    in_child("uses the parent's consumer", use_old_consumer);
    in_child("uses the parent's consumer and makes one", use_both_consumers);
    check(calls == 0 && frees == 0, "a child calls nothing here");
    succeeds("the parent's handlers run", rivven_processing_run(processing, on_record, consumer, &error));
    check(calls == 1 && rivven_processing_processed(processing) == 1, "and are given the next record");
    rivven_processing_free(processing);
    succeeds("close", rivven_consumer_close(consumer, -1, &error));
    rivven_consumer_free(consumer);
    check(frees == 1, "and the data is freed");
}

/* The parent's transaction with a record in it, and its transformer. */
static rivven_transaction_t *transaction;
static rivven_transformer_t *transformer;

static int use_old_transaction(void) {
    rivven_transformer_t *made = NULL;
    begin_fails(producer, RIVVEN_CODE_FORKED);
    every_transaction_call_fails(transaction, consumer, RIVVEN_CODE_FORKED);
    every_transformer_call_fails(transformer, RIVVEN_CODE_FORKED);
    fails("another transformer", RIVVEN_CODE_FORKED,
          rivven_transformer_new(consumer, producer, &made, &error));
    check(!strcmp(rivven_transaction_id(transaction), "forked") && rivven_transaction_producer_id(transaction),
          "what is known of the transaction can be read");
    rivven_transaction_free(transaction);
    rivven_transformer_free(transformer);
    rivven_consumer_free(consumer);
    rivven_producer_free(producer);
    check(!made, "and all can be freed");
    return checks_failed;
}

/* A child that uses the parent's transaction does not end it. */
static void test_transaction(void) {
    const char *const settings[] = {"transactional.id", "forked", NULL};
    rivven_config_t *config = config_of(broker.address, settings);
    rivven_batch_t *records = NULL;
    succeeds("create a topic", rivven_client_create_topic(client, "x", 1, NULL, &error));
    succeeds("make a producer", rivven_producer_new(config, NULL, &producer, &error));
    consumer = new_consumer("transformers");
    succeeds("a transformer", rivven_transformer_new(consumer, producer, &transformer, &error));
    succeeds("begin", rivven_transaction_begin(producer, &transaction, &error));
    succeeds("send", rivven_transaction_send(transaction, "x", 0, value(), value(), NULL, &error));
    in_child("uses the parent's transaction", use_old_transaction);
    succeeds("send", rivven_transaction_send(transaction, "x", 0, value(), value(), NULL, &error));
    succeeds("the parent commits", rivven_transaction_commit(transaction, &error));
    succeeds("read", rivven_client_consume_read_committed(client, "x", 0, 0, 10, &records, &error));
    check(rivven_batch_len(records) == 2, "both records count");
    rivven_batch_free(records);
    rivven_transaction_free(transaction);
    rivven_transformer_free(transformer);
    rivven_consumer_free(consumer);
    rivven_producer_free(producer);
    rivven_config_free(config);
}

static int use_none(void) { return 0; }

static int use_both(void) { return use_old_client() + use_new_client(); }

static int fork_again(void);

/* Runs a body in a child, which ends as any process does, by exit. */
static void in_child(const char *what, int (*body)(void)) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) give_up("fork");
    if (pid == 0) exit(body() ? EXIT_FAILURE : EXIT_SUCCESS);
    check(child_succeeds(pid, 20), "child: %s", what);
}

static int fork_again(void) {
    client = connected_client(broker.address);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) exit(rivven_client_ping(client, NULL) == RIVVEN_CODE_FORKED ? use_new_client() : 1);
    bool grandchild = child_succeeds(pid, 20);
    return rivven_client_ping(client, NULL) != RIVVEN_CODE_OK || !grandchild;
}

static atomic_bool stopping;
static atomic_int pings_failed, publishes_failed;

static void *ping_on_and_on(void *unused) {
    (void)unused;
    while (!atomic_load(&stopping)) atomic_fetch_add(&pings_failed, rivven_client_ping(client, NULL) != 0);
    return NULL;
}

static void *publish_on_and_on(void *unused) {
    (void)unused;
    while (!atomic_load(&stopping)) {
        rivven_code code =
            rivven_client_publish_idempotent(client, "t", 0, value(), value(), state, NULL, NULL, NULL, NULL);
        atomic_fetch_add(&publishes_failed, code != RIVVEN_CODE_OK);
    }
    return NULL;
}

/* Forks while other threads are in calls, and their locks may be held. */
static void test_fork_under_calls(void) {
    pthread_t threads[6];
    for (int i = 0; i < 6; i++) {
        if (pthread_create(&threads[i], NULL, i < 4 ? ping_on_and_on : publish_on_and_on, NULL)) {
            give_up("pthread_create");
        }
    }
    for (int i = 0; i < 10; i++) in_child("forked while calls are under way", i % 2 ? use_old_state : use_new_client);
    atomic_store(&stopping, true);
    for (int i = 0; i < 6; i++) pthread_join(threads[i], NULL);
    check(atomic_load(&pings_failed) == 0 && atomic_load(&publishes_failed) == 0,
          "the parent's calls go on meanwhile");
}

int main(void) {
    broker = start_broker();
    client = connected_client(broker.address);
    succeeds("create a topic", rivven_client_create_topic(client, "t", 1, NULL, &error));
    succeeds("publish", rivven_client_publish_to_partition(client, "t", 0, value(), value(), NULL, &error));
    succeeds("consume", rivven_client_consume(client, "t", 0, 0, 1, &batch, &error));
    succeeds("a producer", rivven_client_init_producer_id(client, NULL, &state, &error));
    succeeds("publish once", publish_once(client, state));
    in_child("does not use the client", use_none);
    in_child("uses the parent's client", use_old_client);
    in_child("uses the parent's client and makes one", use_both);
    in_child("uses the parent's state of a producer", use_old_state);
    in_child("forks again", fork_again);
    succeeds("the parent's client goes on", rivven_client_ping(client, &error));
    test_fork_under_calls();
    test_producer();
    test_consumer();
    test_transaction();
    succeeds("close", rivven_client_close(client, -1, &error));
    rivven_batch_free(batch);
    rivven_producer_state_free(state);
    rivven_client_free(client);
    stop_server(&broker);
    return summary();
}
