/*
 * What is told of servers: what a producer has sent to each, and which of them
 * stops working and works again, as events of a queue.
 */

#include <string.h>

#include "client.h"
#include "launch.h"

static const rivven_bytes_t no_key = {NULL, 0};

static const char *const quick[] = {"retry.backoff.ms", "5", "retry.backoff.max.ms", "50", NULL};

static rivven_queue_t *new_queue(void) {
    rivven_queue_t *queue = NULL;
    if (rivven_queue_new(&queue, NULL)) give_up("rivven_queue_new");
    return queue;
}

static rivven_producer_t *producer_of(const char *address, rivven_queue_t *queue) {
    rivven_config_t *config = config_of(address, quick);
    rivven_producer_t *producer = NULL;
    if (rivven_producer_new(config, queue, &producer, NULL)) give_up("rivven_producer_new");
    rivven_config_free(config);
    return producer;
}

static rivven_producer_stats_t *stats_of(rivven_producer_t *producer) {
    rivven_producer_stats_t *stats = NULL;
    if (rivven_producer_stats(producer, &stats, NULL)) give_up("rivven_producer_stats");
    return stats;
}

/* Two servers, of which each leads one partition; the second one refuses a batch. */
static void test_stats_by_server(void) {
    struct server cluster = start_scripted("{\"nodes\": 2, \"topics\": {\"t\": 2}, \"rules\": [{\"on\": \"PublishBatch\", "
                                           "\"node\": 1, \"times\": 1, \"do\": {\"answer\": {\"error\": \"BUFFER_FULL: later\"}}}]}");
    rivven_producer_t *producer = producer_of(cluster.address, NULL);
    const rivven_bytes_t values[] = {rivven_bytes_from("a", 1), rivven_bytes_from("b", 1), rivven_bytes_from("c", 1)};
    const rivven_bytes_t keys[] = {no_key, rivven_bytes_from("k", 1), no_key};
    rivven_record_metadata_t *sent[3] = {NULL};
    rivven_producer_stats_t *stats = stats_of(producer);
    check(rivven_producer_stats_servers_len(stats) == 0 && !rivven_producer_stats_server_address(stats, 0),
          "nothing was sent to anybody");
    rivven_producer_stats_free(stats);
    /* That learns who leads what; else the first server would be asked first. */
    succeeds("connect", rivven_producer_connect(producer, &error));
    succeeds("send a batch", rivven_producer_send_batch(producer, "t", 0, keys, values, 3, sent, &error));
    for (size_t i = 0; i < 3; i++) {
        check(rivven_record_metadata_offset(sent[i]) == i && rivven_record_metadata_partition(sent[i]) == 0,
              "record %zu is in its place", i);
        rivven_record_metadata_free(sent[i]);
    }
    succeeds("send one to the other", rivven_producer_send(producer, "t", 1, no_key, values[0], NULL, &error));
    stats = stats_of(producer);
    check(rivven_producer_stats_servers_len(stats) == 2, "there are two servers");
    const char *names[] = {rivven_producer_stats_server_address(stats, 0), rivven_producer_stats_server_address(stats, 1)};
    check(strcmp(names[0], names[1]) < 0, "in the order of their addresses: %s, %s", names[0], names[1]);
    size_t first = strcmp(names[0], cluster.address) != 0, second = 1 - first;
    check(strcmp(names[first], cluster.address) == 0, "one of them is the first node");
    check(rivven_producer_stats_server_records_delivered(stats, first) == 3 &&
              rivven_producer_stats_server_errors(stats, first) == 0 &&
              rivven_producer_stats_server_retries(stats, first) == 0,
          "it has three records");
    check(rivven_producer_stats_server_records_delivered(stats, second) == 1 &&
              rivven_producer_stats_server_errors(stats, second) == 1 &&
              rivven_producer_stats_server_retries(stats, second) == 1 &&
              rivven_producer_stats_server_batches_sent(stats, second) == 2 &&
              rivven_producer_stats_server_records_per_batch(stats, second) == 1.0,
          "the other has one, by two requests");
    for (size_t i = 0; i < 2; i++) {
        check(rivven_producer_stats_server_records_unanswered(stats, i) == 0 &&
                  rivven_producer_stats_server_records_queued(stats, i) == 0 &&
                  rivven_producer_stats_server_bytes_sent(stats, i) > 0,
              "nothing is left for server %zu", i);
        check(rivven_producer_stats_server_latency_p50_us(stats, i) > 0 &&
                  rivven_producer_stats_server_latency_p50_us(stats, i) <=
                      rivven_producer_stats_server_latency_p95_us(stats, i) &&
                  rivven_producer_stats_server_latency_p95_us(stats, i) <=
                      rivven_producer_stats_server_latency_p99_us(stats, i),
              "latencies in their order");
    }
    check(!rivven_producer_stats_server_address(stats, 2) && !rivven_producer_stats_server_batches_sent(stats, 2) &&
              rivven_producer_stats_server_records_per_batch(NULL, 0) == 0.0 &&
              rivven_producer_stats_servers_len(NULL) == 0,
          "a server that is none says nothing");
    rivven_producer_stats_free(stats);
    rivven_producer_free(producer);
    stop_server(&cluster);
}

static void test_batches(const char *address) {
    rivven_producer_t *producer = producer_of(address, NULL);
    const rivven_bytes_t values[] = {rivven_bytes_from("a", 1), {NULL, 3}};
    rivven_record_metadata_t *sent[2] = {NULL};
    succeeds("send nothing", rivven_producer_send_batch(producer, "t", 0, NULL, NULL, 0, sent, &error));
    succeeds("send without asking where", rivven_producer_send_batch(producer, "t", 0, NULL, values, 1, NULL, &error));
    fails("a value without data", RIVVEN_CODE_INVALID_ARGUMENT,
          rivven_producer_send_batch(producer, "t", 0, NULL, values, 2, sent, &error));
    fails("no values", RIVVEN_CODE_INVALID_ARGUMENT,
          rivven_producer_send_batch(producer, "t", 0, NULL, NULL, 1, sent, &error));
    fails("a partition beyond", RIVVEN_CODE_INVALID_PARTITION,
          rivven_producer_send_batch(producer, "t", 7, NULL, values, 1, sent, &error));
    fails("no producer", RIVVEN_CODE_INVALID_ARGUMENT,
          rivven_producer_send_batch(NULL, "t", 0, NULL, values, 1, sent, &error));
    check(!sent[0] && !sent[1], "outputs are untouched");
    rivven_producer_free(producer);
}

/* The batch is written, its answer is lost, and it is written again. */
static void test_batch_that_may_be_there_twice(void) {
    struct server broker = start_scripted("{\"topics\": {\"t\": 1}, \"rules\": [{\"on\": \"PublishBatch\", \"times\": 1, "
                                          "\"execute\": true, \"do\": \"close_connection\"}]}");
    rivven_client_t *client = connected_client(broker.address);
    const rivven_bytes_t values[] = {rivven_bytes_from("a", 1), rivven_bytes_from("b", 1)};
    rivven_record_metadata_t *metadata = NULL;
    succeeds("publish a batch", rivven_client_publish_batch_with_metadata(client, "t", 0, NULL, values, 2, &metadata, &error));
    check(rivven_record_metadata_is_maybe_duplicate(metadata), "it may be there twice");
    check(rivven_record_metadata_offset(metadata) == 2 && rivven_record_metadata_partition(metadata) == 0 &&
              strcmp(rivven_record_metadata_topic(metadata), "t") == 0,
          "and is behind the first attempt");
    rivven_record_metadata_free(metadata);
    metadata = NULL;
    succeeds("publish another", rivven_client_publish_batch_with_metadata(client, "t", 0, NULL, values, 2, &metadata, &error));
    check(!rivven_record_metadata_is_maybe_duplicate(metadata), "that is there once");
    rivven_record_metadata_free(metadata);
    fails("no place for what is known", RIVVEN_CODE_INVALID_ARGUMENT,
          rivven_client_publish_batch_with_metadata(client, "t", 0, NULL, values, 2, NULL, &error));
    rivven_client_free(client);
    stop_server(&broker);
}

/* Polls until an event of this kind comes, which is given with its index; gives up after 60 s. */
static rivven_events_t *event_of(rivven_queue_t *queue, rivven_event_kind kind, size_t *index) {
    for (double start = seconds(); seconds() - start < 60;) {
        rivven_events_t *events = NULL;
        if (rivven_queue_poll(queue, 1000, &events, NULL)) give_up("rivven_queue_poll");
        for (*index = 0; *index < rivven_events_len(events); *index += 1) {
            if (rivven_events_kind(events, *index) == kind) return events;
        }
        rivven_events_free(events);
    }
    give_up("no such event");
}

static void check_degraded(rivven_queue_t *queue, const char *address, uint64_t opaque) {
    size_t i;
    rivven_events_t *events = event_of(queue, RIVVEN_EVENT_KIND_SERVER_DEGRADED, &i);
    check(strcmp(rivven_events_server(events, i), address) == 0, "the server does not work");
    check(rivven_events_opaque(events, i) == opaque, "as the one tells who was asked");
    check(rivven_events_timestamp_ms(events, i) > 1600000000000, "since then");
    rivven_code code = rivven_events_reason(events, i, &error);
    check(code == RIVVEN_CODE_CONNECTION_LOST || code == RIVVEN_CODE_CONNECTION_FAILED, "for a reason: %s",
          rivven_error_message(error));
    rivven_error_free(error);
    error = NULL;
    check(rivven_events_count(events, i) == 0 && !rivven_events_opaques(events, i) && !rivven_events_topic(events, i) &&
              !rivven_events_log_message(events, i) && rivven_events_outage_ms(events, i) == 0 &&
              rivven_events_missed(events, i) == 0,
          "it says nothing else");
    rivven_events_free(events);
}

static void check_recovered(rivven_queue_t *queue, const char *address, uint64_t opaque) {
    size_t i;
    rivven_events_t *events = event_of(queue, RIVVEN_EVENT_KIND_SERVER_RECOVERED, &i);
    check(strcmp(rivven_events_server(events, i), address) == 0 && rivven_events_opaque(events, i) == opaque,
          "the server works again");
    check(rivven_events_outage_ms(events, i) > 0, "after %d ms", (int)rivven_events_outage_ms(events, i));
    fails("that has no reason", RIVVEN_CODE_INVALID_ARGUMENT, rivven_events_reason(events, i, &error));
    rivven_events_free(events);
}

static bool pings(void *client) { return rivven_client_ping(client, NULL) == RIVVEN_CODE_OK; }

static void test_changes(void) {
    struct server broker = start_broker();
    rivven_client_t *client = connected_client(broker.address);
    rivven_queue_t *of_client = new_queue(), *of_producer = new_queue();
    rivven_producer_t *producer = producer_of(broker.address, NULL);
    const rivven_bytes_t value = rivven_bytes_from("v", 1);
    rivven_topic_t *topic = NULL;
    succeeds("make a topic", rivven_producer_topic(producer, "t", &topic, &error));
    succeeds("send", rivven_producer_send(producer, "t", 0, no_key, value, NULL, &error));
    succeeds("subscribe to a client", rivven_client_subscribe_state_changes(client, of_client, 7, &error));
    succeeds("subscribe to a producer", rivven_producer_subscribe_state_changes(producer, of_producer, UINT64_MAX, &error));
    stop_server(&broker);
    succeeds("hand a record over", rivven_topic_enqueue(topic, 0, no_key, value, 0, &error));
    rivven_client_ping(client, NULL);
    check_degraded(of_client, broker.address, 7);
    check_degraded(of_producer, broker.address, UINT64_MAX);
    struct server again = restart_broker(broker.address);
    check(holds_within(60, pings, client), "it is there again");
    check_recovered(of_client, broker.address, 7);
    check_recovered(of_producer, broker.address, UINT64_MAX);
    succeeds("close the client", rivven_client_close(client, -1, &error));
    fails("subscribe to a closed client", RIVVEN_CODE_CLOSED,
          rivven_client_subscribe_state_changes(client, of_client, 7, &error));
    fails("without a client", RIVVEN_CODE_INVALID_ARGUMENT,
          rivven_client_subscribe_state_changes(NULL, of_client, 7, &error));
    fails("without a queue", RIVVEN_CODE_INVALID_ARGUMENT,
          rivven_producer_subscribe_state_changes(producer, NULL, 7, &error));
    rivven_queue_free(of_producer);
    succeeds("a producer outlives the queue", rivven_producer_send(producer, "t", 0, no_key, value, NULL, &error));
    rivven_topic_free(topic);
    rivven_client_free(client);
    rivven_producer_free(producer);
    rivven_queue_free(of_client);
    stop_server(&again);
}

/* covers: F033 c, F040 c, F054 c, F080 c */
int main(void) {
    struct server broker = start_broker();
    test_stats_by_server();
    test_batches(broker.address);
    test_batch_that_may_be_there_twice();
    test_changes();
    stop_server(&broker);
    return summary();
}
