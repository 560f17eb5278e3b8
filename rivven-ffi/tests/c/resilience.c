/*
 * The options of the client, each with what can be seen of it from outside:
 * connections, repetitions, breakers, pings in the background, and servers
 * that are not there, that go away, and that come back.
 */

#include <pthread.h>
#include <string.h>

#include "client.h"
#include "launch.h"

/* What a loaded machine may take to come to something. */
static const double patience = 30;

/* An option, a value that it takes, and one that it does not. */
struct option {
    const char *key, *good, *bad;
};

static const struct option options[] = {
    {"pool.size.per.server", "4", "0"},
    {"connection.timeout.ms", "5000", "soon"},
    {"request.timeout.ms", "20000", "0"},
    {"max.retries", "2", "-1"},
    {"retry.initial.delay.ms", "50", "0"},
    {"retry.max.delay.ms", "500", "3600001"},
    {"retry.multiplier", "1.5", "0.5"},
    {"retry.unknown.outcome", "false", "maybe"},
    {"circuit.breaker.failure.threshold", "3", "0"},
    {"circuit.breaker.recovery.timeout.ms", "1000", "0"},
    {"max.connection.lifetime.ms", "60000", "0"},
    {"idle.timeout.ms", "30000", "1e3"},
    {"health.check.enabled", "true", "yes?"},
    {"health.check.interval.ms", "1000", "0"},
    {"decompression", "auto", "sometimes"},
};

static void test_every_option(const char *address) {
    rivven_config_t *config = config_of(address, NULL);
    rivven_client_t *client = NULL;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const struct option *option = &options[i];
        succeeds(option->key, rivven_config_set(config, option->key, option->good, &error));
        fails(option->bad, RIVVEN_CODE_INVALID_CONFIG, rivven_config_set(config, option->key, option->bad, &error));
    }
    succeeds("a client with every option", rivven_client_new(config, &client, &error));
    succeeds("works", rivven_client_ping(client, &error));
    rivven_client_free(client);
    rivven_config_free(config);
}

static void test_options_together(const char *address) {
    const char *const settings[] = {"retry.initial.delay.ms", "500", "retry.max.delay.ms", "100", NULL};
    rivven_client_t *client = client_of(address, settings);
    fails("delays that do not go together", RIVVEN_CODE_INVALID_CONFIG, rivven_client_ping(client, &error));
    rivven_client_free(client);
}

static rivven_stats_t *stats_of(rivven_client_t *client) {
    rivven_stats_t *stats = NULL;
    if (rivven_client_stats(client, &stats, NULL)) give_up("rivven_client_stats");
    return stats;
}

static rivven_circuit_state circuit(rivven_client_t *client) {
    rivven_stats_t *stats = stats_of(client);
    rivven_circuit_state state = rivven_stats_server_circuit_state(stats, 0);
    rivven_stats_free(stats);
    return state;
}

static size_t healthy(rivven_client_t *client) {
    rivven_stats_t *stats = stats_of(client);
    size_t count = rivven_stats_healthy_servers(stats);
    rivven_stats_free(stats);
    return count;
}

static size_t connections(rivven_client_t *client) {
    rivven_stats_t *stats = stats_of(client);
    size_t count = rivven_stats_active_connections(stats) + rivven_stats_available_connections(stats);
    check(rivven_stats_server_active_connections(stats, 0) + rivven_stats_server_available_connections(stats, 0) == count,
          "the server has the connections of the client");
    rivven_stats_free(stats);
    return count;
}

static bool has_one_healthy(void *client) { return healthy((rivven_client_t *)client) == 1; }

static bool has_none_healthy(void *client) { return healthy((rivven_client_t *)client) == 0; }

static bool has_one_connection(void *client) {
    rivven_stats_t *stats = stats_of((rivven_client_t *)client);
    bool one = rivven_stats_active_connections(stats) + rivven_stats_available_connections(stats) == 1;
    rivven_stats_free(stats);
    return one;
}

static bool pings(void *client) { return rivven_client_ping((rivven_client_t *)client, NULL) == RIVVEN_CODE_OK; }

/* Makes requests of every purpose: each has connections of its own where there may be so many. */
static void use_for_every_purpose(rivven_client_t *client) {
    rivven_batch_t *batch = NULL;
    bool found;
    succeeds("ping", rivven_client_ping(client, &error));
    succeeds("publish", rivven_client_publish_to_partition(client, "pooled", 0, rivven_bytes_from(NULL, 0),
                                                           rivven_bytes_from("v", 1), NULL, &error));
    succeeds("consume", rivven_client_consume(client, "pooled", 0, 0, 1, &batch, &error));
    succeeds("ask for an offset", rivven_client_get_offset(client, "g", "pooled", 0, &found, NULL, &error));
    rivven_batch_free(batch);
}

static void test_pool_size(const char *address) {
    static const char *const sizes[] = {"1", "2", "4"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *const settings[] = {"pool.size.per.server", sizes[i], NULL};
        rivven_client_t *client = client_of(address, settings);
        check(connections(client) == 0, "there is no connection before the first request");
        use_for_every_purpose(client);
        check(connections(client) == (size_t)atoi(sizes[i]), "there are as many as allowed: %s", sizes[i]);
        rivven_client_free(client);
    }
}

static void test_idle_timeout(const char *address) {
    const char *const settings[] = {"idle.timeout.ms", "50", "health.check.interval.ms", "20", NULL};
    rivven_client_t *client = client_of(address, settings);
    use_for_every_purpose(client);
    check(holds_within(patience, has_one_connection, client), "connections without use are closed but for one");
    rivven_client_free(client);
}

/* The local port of a connection of this process to an address; 0 if there is none. */
static int local_port(const char *address) {
    int port = atoi(strrchr(address, ':') + 1);
    for (int descriptor = 3; descriptor < 1024; descriptor++) {
        struct sockaddr_in peer, own;
        socklen_t peer_size = sizeof peer, own_size = sizeof own;
        if (getpeername(descriptor, (struct sockaddr *)&peer, &peer_size) || peer.sin_family != AF_INET) continue;
        if (ntohs(peer.sin_port) != port) continue;
        if (getsockname(descriptor, (struct sockaddr *)&own, &own_size) == 0) return ntohs(own.sin_port);
    }
    return 0;
}

struct replacement {
    const char *address;
    int first;
};

static bool is_replaced(void *argument) {
    const struct replacement *replacement = (struct replacement *)argument;
    int now = local_port(replacement->address);
    return now != 0 && now != replacement->first;
}

/* With a broker of its own, so that no other client has connections to it. */
static void test_lifetime(void) {
    const char *const settings[] = {"max.connection.lifetime.ms", "2000", "health.check.interval.ms", "20", NULL};
    struct server broker = start_broker();
    rivven_client_t *client = client_of(broker.address, settings);
    succeeds("connect", rivven_client_ping(client, &error));
    struct replacement replacement = {broker.address, local_port(broker.address)};
    check(replacement.first != 0, "there is a connection");
    check(holds_within(patience, is_replaced, &replacement), "another takes its place when its time is over");
    succeeds("which works", rivven_client_ping(client, &error));
    rivven_client_free(client);
    stop_server(&broker);
}

/*
 * Whether one call to a server that is not there fails so many times that a
 * breaker of that threshold opens: by this attempts are counted from outside.
 */
static bool fails_often(const char *threshold, const char *retries, const char *initial, const char *most,
                        const char *multiplier) {
    const char *const settings[] = {
        "circuit.breaker.failure.threshold", threshold, "max.retries", retries,
        "retry.initial.delay.ms", initial, "retry.max.delay.ms", most, "retry.multiplier", multiplier,
        "health.check.enabled", "false", "request.timeout.ms", "20000",
        "circuit.breaker.recovery.timeout.ms", "3600000", NULL};
    char absent[64];
    int holder = hold_address(absent, sizeof absent);
    rivven_client_t *client = client_of(absent, settings);
    fails("a server that is not there", RIVVEN_CODE_CONNECTION_FAILED, rivven_client_ping(client, &error));
    bool open = circuit(client) == RIVVEN_CIRCUIT_STATE_OPEN;
    rivven_client_free(client);
    close(holder);
    return open;
}

/* A pause that is longer than what is left of the time of the call ends it at once. */
static void test_repetitions(void) {
    check(fails_often("1", "0", "10", "10", "1") && !fails_often("2", "0", "10", "10", "1"), "no repetition");
    check(fails_often("3", "2", "10", "10", "1") && !fails_often("4", "2", "10", "10", "1"), "two repetitions");
    check(!fails_often("2", "2", "60000", "60000", "1"), "the first pause is too long");
    check(fails_often("3", "2", "600", "3600000", "1"), "one that does not grow is not");
    check(!fails_often("3", "2", "600", "3600000", "100"), "one that grows is in the end");
    check(fails_often("3", "2", "600", "700", "100"), "unless it grows to a limit only");
}

/* Whether a call that loses its connection leaves a breaker open that opens at the second loss. */
static bool publishes_again(const char *address, const char *unknown_outcome) {
    const char *const settings[] = {
        "retry.unknown.outcome", unknown_outcome, "circuit.breaker.failure.threshold", "2", "max.retries", "1",
        "retry.initial.delay.ms", "10", "health.check.enabled", "false", NULL};
    rivven_client_t *client = client_of(address, settings);
    rivven_code code = rivven_client_publish(client, "t", rivven_bytes_from("v", 1), NULL, NULL, &error);
    check(rivven_error_outcome(error) == RIVVEN_OUTCOME_UNKNOWN, "nobody knows whether the record was written");
    fails("publish to a server that resets", RIVVEN_CODE_CONNECTION_LOST, code);
    bool open = circuit(client) == RIVVEN_CIRCUIT_STATE_OPEN;
    rivven_client_free(client);
    return open;
}

static void test_unknown_outcome(void) {
    struct server server = start_misbehaving("reset");
    check(publishes_again(server.address, "true"), "the record is sent again");
    check(!publishes_again(server.address, "false"), "unless that is not wanted");
    stop_server(&server);
}

/* Appends a record to the topic "t"; checks its offset and whether it may be there twice. */
static void publishes(rivven_client_t *client, uint64_t offset, bool maybe_duplicate) {
    const rivven_bytes_t none = rivven_bytes_from(NULL, 0), value = rivven_bytes_from("v", 1);
    rivven_record_metadata_t *metadata = NULL;
    succeeds("publish", rivven_client_publish_with_metadata(client, "t", 0, none, value, &metadata, &error));
    check(rivven_record_metadata_offset(metadata) == offset, "it is at offset %d", (int)offset);
    check(rivven_record_metadata_is_maybe_duplicate(metadata) == maybe_duplicate, "it may be there twice: %s",
          maybe_duplicate ? "yes" : "no");
    check(rivven_record_metadata_is_offset_exact(metadata), "there it is for certain");
    rivven_record_metadata_free(metadata);
}

/* The broker writes the second record, and hangs up instead of answering. */
static void test_lost_answer(void) {
    const char *const settings[] = {"retry.initial.delay.ms", "1", "health.check.enabled", "false", NULL};
    struct server broker = start_scripted("{\"topics\": {\"t\": 1}, \"rules\": [{\"on\": \"Publish\", \"after\": 1, "
                                          "\"times\": 1, \"do\": \"close_connection\"}]}");
    rivven_client_t *client = client_of(broker.address, settings);
    publishes(client, 0, false);
    publishes(client, 2, true);
    publishes(client, 3, false);
    rivven_client_free(client);
    stop_server(&broker);
}

static const char *const breaker_settings[] = {"circuit.breaker.failure.threshold", "2",
                                               "max.retries", "0",
                                               "health.check.enabled", "false",
                                               "circuit.breaker.recovery.timeout.ms", "3600000", NULL};

static void test_breaker(void) {
    char absent[64];
    int holder = hold_address(absent, sizeof absent);
    rivven_client_t *client = client_of(absent, breaker_settings);
    fails("the first failure", RIVVEN_CODE_CONNECTION_FAILED, rivven_client_ping(client, &error));
    check(circuit(client) == RIVVEN_CIRCUIT_STATE_CLOSED, "is below the threshold");
    fails("the second failure", RIVVEN_CODE_CONNECTION_FAILED, rivven_client_ping(client, &error));
    check(circuit(client) == RIVVEN_CIRCUIT_STATE_OPEN, "is not");
    rivven_code code = rivven_client_ping(client, &error);
    check(rivven_error_outcome(error) == RIVVEN_OUTCOME_NOT_SENT, "nothing is sent then");
    fails("the breaker is open", RIVVEN_CODE_CIRCUIT_BREAKER_OPEN, code);
    check(healthy(client) == 0, "the server counts as one that does not work");
    rivven_client_free(client);
    close(holder);
}

/* Nothing but calls tries the server again, as there are no pings in the background. */
static void test_recovery(void) {
    const char *const settings[] = {
        "circuit.breaker.failure.threshold", "1", "max.retries", "0", "health.check.enabled", "false",
        "circuit.breaker.recovery.timeout.ms", "100", NULL};
    struct server broker = start_broker();
    rivven_client_t *client = client_of(broker.address, settings);
    rivven_client_t *patient = client_of(broker.address, breaker_settings);
    stop_server(&broker);
    fails("the broker is gone", RIVVEN_CODE_CONNECTION_FAILED, rivven_client_ping(client, &error));
    check(circuit(client) == RIVVEN_CIRCUIT_STATE_OPEN, "the breaker is open");
    for (int i = 0; i < 2; i++) check(!pings(patient), "the breaker of another opens");
    broker = restart_broker(broker.address);
    check(holds_within(patience, pings, client), "a call is let through after the recovery time");
    check(circuit(client) == RIVVEN_CIRCUIT_STATE_CLOSED, "and closes the breaker");
    fails("where that is long", RIVVEN_CODE_CIRCUIT_BREAKER_OPEN, rivven_client_ping(patient, &error));
    rivven_client_free(client);
    rivven_client_free(patient);
    stop_server(&broker);
}

static void test_failover(const char *address) {
    char absent[64], servers[200];
    int holder = hold_address(absent, sizeof absent);
    snprintf(servers, sizeof servers, "%s,%s", absent, address);
    rivven_client_t *client = client_of(servers, NULL);
    succeeds("the second server answers", rivven_client_ping(client, &error));
    rivven_stats_t *stats = stats_of(client);
    check(rivven_stats_total_servers(stats) == 2 && rivven_stats_servers_len(stats) == 2, "there are two servers");
    check(rivven_stats_healthy_servers(stats) == 1, "one of them works");
    check(strcmp(rivven_stats_server_address(stats, 0), absent) == 0 && rivven_stats_server_last_error(stats, 0),
          "the first does not: %s", rivven_stats_server_last_error(stats, 0));
    check(strcmp(rivven_stats_server_address(stats, 1), address) == 0 && !rivven_stats_server_last_error(stats, 1),
          "the second does");
    check(rivven_stats_server_active_connections(stats, 0) + rivven_stats_server_available_connections(stats, 0) == 0,
          "the first has no connection");
    check(rivven_stats_server_active_connections(stats, 1) + rivven_stats_server_available_connections(stats, 1) == 1,
          "the second has one");
    rivven_stats_free(stats);
    rivven_client_free(client);
    close(holder);
}

/* Neither client is called while the broker is away. */
static void test_health_checks(void) {
    const char *const checked[] = {"health.check.interval.ms", "20", "retry.initial.delay.ms", "10",
                                   "retry.max.delay.ms", "50", "circuit.breaker.recovery.timeout.ms", "50", NULL};
    const char *const unchecked[] = {"health.check.enabled", "false", NULL};
    struct server broker = start_broker();
    rivven_client_t *watcher = client_of(broker.address, checked), *other = client_of(broker.address, unchecked);
    check(pings(watcher) && pings(other) && has_one_healthy(watcher), "the broker works");
    stop_server(&broker);
    check(holds_within(patience, has_none_healthy, watcher), "that it is gone shows without a call");
    check(healthy(other) == 1, "but not where there are no checks");
    broker = restart_broker(broker.address);
    check(holds_within(patience, has_one_healthy, watcher), "and so does that it is back");
    check(pings(watcher) && pings(other), "both go on");
    rivven_client_free(watcher);
    rivven_client_free(other);
    stop_server(&broker);
}

/* A publish in a thread of its own. */
struct publish {
    rivven_client_t *client;
    rivven_code code;
    uint64_t offset;
    uint32_t partition;
};

static void *run_publish(void *argument) {
    struct publish *publish = (struct publish *)argument;
    publish->code = rivven_client_publish(publish->client, "late", rivven_bytes_from("v", 1), &publish->offset,
                                          &publish->partition, NULL);
    return NULL;
}

/* The broker is started again only when an attempt is known to have failed. */
static void test_restart(void) {
    const char *const settings[] = {"max.retries", "1000000", "retry.initial.delay.ms", "10",
                                    "retry.max.delay.ms", "100", "circuit.breaker.failure.threshold", "1000000",
                                    "health.check.enabled", "false", "request.timeout.ms", "60000", NULL};
    struct server broker = start_broker();
    rivven_client_t *client = client_of(broker.address, settings);
    struct publish publish = {client, RIVVEN_CODE_INTERNAL, 77, 77};
    pthread_t thread;
    succeeds("the broker works", rivven_client_ping(client, &error));
    stop_server(&broker);
    if (pthread_create(&thread, NULL, run_publish, &publish)) give_up("pthread_create");
    check(holds_within(patience, has_none_healthy, client), "an attempt to publish fails");
    broker = restart_broker(broker.address);
    pthread_join(thread, NULL);
    check(publish.code == RIVVEN_CODE_OK, "a later one does not: %s", rivven_code_name(publish.code));
    check(publish.offset == 0 && publish.partition < 3, "and tells where the record is");
    check(healthy(client) == 1, "the server works again");
    stop_server(&broker);
    broker = restart_broker(broker.address);
    succeeds("a call after another restart", rivven_client_ping(client, &error));
    rivven_client_free(client);
    stop_server(&broker);
}

/* What a client reads of the record at an offset of the topic "framed". */
static void reads(const char *address, const char *decompression, uint64_t offset, const char *bytes, size_t len) {
    const char *const settings[] = {"decompression", decompression, NULL};
    rivven_client_t *client = client_of(address, settings);
    rivven_batch_t *batch = NULL;
    succeeds("consume", rivven_client_consume(client, "framed", 0, offset, 1, &batch, &error));
    check(rivven_batch_len(batch) == 1 && holds(rivven_batch_value(batch, 0), bytes, len), "decompression %s, value %d",
          decompression, (int)offset);
    rivven_batch_free(batch);
    rivven_client_free(client);
}

/* Two frames of the value "hello": with a checksum and without. */
static void test_decompression(const char *address) {
    static const char summed[] = "\x20\x86\xa6\x10\x36hello", plain[] = "\0hello";
    const rivven_bytes_t none = rivven_bytes_from(NULL, 0);
    const rivven_bytes_t first = rivven_bytes_from(summed, 10), second = rivven_bytes_from(plain, 6);
    rivven_client_t *client = connected_client(address);
    succeeds("create a topic", rivven_client_create_topic(client, "framed", 1, NULL, &error));
    succeeds("publish", rivven_client_publish_to_partition(client, "framed", 0, none, first, NULL, &error));
    succeeds("publish", rivven_client_publish_to_partition(client, "framed", 0, none, second, NULL, &error));
    rivven_client_free(client);
    reads(address, "auto", 0, "hello", 5);
    reads(address, "auto", 1, plain, 6);
    reads(address, "always", 0, "hello", 5);
    reads(address, "always", 1, "hello", 5);
    reads(address, "never", 0, summed, 10);
    reads(address, "never", 1, plain, 6);
}

/* covers: F021 c, F024 c, F025 c, F026 c, F027 c, F028 c, F029 c, F030 c, F031 c */
/* covers: F033 c, F035 c, F036 c, F037 c, F038 c, F039 c, F040 c */
int main(void) {
    struct server broker = start_broker();
    test_every_option(broker.address);
    test_options_together(broker.address);
    test_pool_size(broker.address);
    test_idle_timeout(broker.address);
    test_lifetime();
    test_repetitions();
    test_unknown_outcome();
    test_lost_answer();
    test_breaker();
    test_recovery();
    test_failover(broker.address);
    test_health_checks();
    test_restart();
    test_decompression(broker.address);
    stop_server(&broker);
    return summary();
}
