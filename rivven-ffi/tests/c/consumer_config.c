/*
 * The options of consumers, each with what can be seen of it from outside, and
 * what holds where a configuration says nothing.
 */

#include "consumer.h"
#include "secure.h"

/* So many that a poll gives them only in turns. */
enum { MANY = 1800 };

/* What a loaded machine may take to come to something. */
static const double patience = 30;

/* An option, a value that it takes, and one that it does not. */
struct option {
    const char *key, *good, *bad;
};

static const struct option options[] = {
    {"group.id", "every-option", ""},
    {"max.poll.records", "100", "0"},
    {"max.poll.interval.ms", "1000", "0"},
    {"max.processing.interval.ms", "60000", "0"},
    {"enable.auto.commit", "true", "perhaps"},
    {"auto.commit.interval.ms", "1000", "0"},
    {"auto.offset.reset", "earliest", "somewhere"},
    {"isolation.level", "read_committed", "serializable"},
    {"metadata.refresh.interval.ms", "60000", "0"},
    {"reconnect.backoff.ms", "50", "0"},
    {"reconnect.backoff.max.ms", "5000", "3600001"},
    {"max.reconnect.attempts", "5", "0"},
    {"session.timeout.ms", "30000", "0"},
    {"rebalance.timeout.ms", "60000", "-1"},
    {"heartbeat.interval.ms", "5000", "soon"},
    {"partition.assignment.strategy", "sticky", "fair"},
    {"fetch.buffer.memory", "1048576", "0"},
    {"fetch.max.wait.ms", "1000", "30001"},
    {"connections.per.broker", "4", "0"},
    {"report.partition.end", "true", "1"},
    {"decompression", "never", "sometimes"},
    {"process.concurrency", "4", "0"},
    {"process.retries", "5", "-1"},
    {"process.retry.backoff.ms", "50", "0"},
    {"process.retry.backoff.max.ms", "5000", "0"},
    {"process.dead.letter.topic", "failed", ""},
    {"process.on.failure", "skip", "wait"},
    {"request.timeout.ms", "20000", "0"},
    {"connection.timeout.ms", "5000", "0"},
    {"close.timeout.ms", "3000", "0"},
};

/* What is read is chosen when the consumer is there. */
static void test_every_option(const char *address) {
    rivven_config_t *config = config_of(address, NULL);
    rivven_consumer_t *consumer = NULL;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const struct option *option = &options[i];
        succeeds(option->key, rivven_config_set(config, option->key, option->good, &error));
        fails(option->bad, RIVVEN_CODE_INVALID_CONFIG, rivven_config_set(config, option->key, option->bad, &error));
    }
    fails("no option", RIVVEN_CODE_INVALID_CONFIG, rivven_config_set(config, "no.such.option", "1", &error));
    succeeds("a consumer with every option", rivven_consumer_new(config, NULL, &consumer, &error));
    rivven_config_free(config);
    fill(address, "every-option", 1, 5);
    subscribe(consumer, "every-option");
    reads(consumer, 5, "v4");
    succeeds("close", rivven_consumer_close(consumer, -1, &error));
    rivven_consumer_free(consumer);
}

/* Two frames of the value "hello": with a checksum and without. */
static void test_decompression(const char *address) {
    static const char summed[] = "\x20\x86\xa6\x10\x36hello", plain[] = "\0hello";
    static const struct {
        const char *decompression;
        const char *values[2];
        size_t lengths[2];
    } cases[] = {
        {NULL, {"hello", plain}, {5, 6}},
        {"auto", {"hello", plain}, {5, 6}},
        {"always", {"hello", "hello"}, {5, 5}},
        {"never", {summed, plain}, {10, 6}},
    };
    rivven_client_t *client = connected_client(address);
    const rivven_bytes_t values[] = {rivven_bytes_from(summed, 10), rivven_bytes_from(plain, 6)};
    succeeds("create a topic", rivven_client_create_topic(client, "framed", 1, NULL, &error));
    succeeds("fill it", rivven_client_publish_batch(client, "framed", 0, NULL, values, 2, NULL, NULL, &error));
    rivven_client_free(client);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const settings[] = {"enable.auto.commit", "false", cases[i].decompression ? "decompression" : NULL,
                                        cases[i].decompression, NULL};
        rivven_consumer_t *consumer = consumer_of(address, NULL, settings);
        assign(consumer, "framed", 1);
        rivven_batch_t *batch = next_records(consumer);
        for (size_t record = 0; record < 2; record++) {
            check(holds(rivven_batch_value(batch, record), cases[i].values[record], cases[i].lengths[record]),
                  "decompression %s, value %zu", settings[3] ? settings[3] : "by default", record);
        }
        rivven_batch_free(batch);
        rivven_consumer_free(consumer);
    }
}

/* Whether this process has a connection to the port. */
static bool is_connected_to(int port) {
    for (int descriptor = 3; descriptor < 1024; descriptor++) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        if (getpeername(descriptor, (struct sockaddr *)&peer, &size) || peer.sin_family != AF_INET) continue;
        if (ntohs(peer.sin_port) == port) return true;
    }
    return false;
}

/* Whoever runs the tests may have a broker of his own at the default address. */
static void test_default_server(void) {
    rivven_config_t *config = NULL;
    rivven_consumer_t *consumer = NULL;
    if (rivven_config_new(&config, NULL)) give_up("rivven_config_new");
    if (rivven_config_set(config, "connection.timeout.ms", "5000", NULL)) give_up("connection.timeout.ms");
    succeeds("a consumer without servers", rivven_consumer_new(config, NULL, &consumer, &error));
    rivven_config_free(config);
    if (rivven_consumer_connect(consumer, &error)) {
        const char *address = rivven_error_address(error);
        check(address && strcmp(address, "127.0.0.1:9092") == 0, "the default server is tried: %s",
              rivven_error_message(error));
        rivven_error_free(error);
        error = NULL;
    } else {
        check(is_connected_to(9092), "the default server is connected");
    }
    rivven_consumer_free(consumer);
}

static void test_servers(const char *address) {
    char absent[64], servers[200];
    int holder = hold_address(absent, sizeof absent);
    snprintf(servers, sizeof servers, "%s,%s", absent, address);
    fill(address, "servers", 1, 3);
    rivven_consumer_t *consumer = consumer_of(servers, NULL, (const char *const[]){"group.id", "servers", NULL});
    assign(consumer, "servers", 1);
    reads(consumer, 3, "v2");
    rivven_consumer_free(consumer);
    consumer = consumer_of(absent, NULL, NULL);
    rivven_code code = rivven_consumer_connect(consumer, &error);
    check(rivven_error_address(error) && !strcmp(rivven_error_address(error), absent), "the error names the server");
    fails("one that is not there", RIVVEN_CODE_CONNECTION_FAILED, code);
    rivven_consumer_free(consumer);
    close(holder);
}

/* What a group has committed of partition 0 of a topic; UINT64_MAX for nothing. */
static uint64_t committed(rivven_client_t *client, const char *group, const char *topic) {
    bool found = false;
    uint64_t offset = UINT64_MAX;
    succeeds("ask for an offset", rivven_client_get_offset(client, group, topic, 0, &found, &offset, &error));
    return found ? offset : UINT64_MAX;
}

static void test_group(const char *address) {
    rivven_client_t *client = connected_client(address);
    fill(address, "groups", 1, 3);
    rivven_consumer_t *consumer = consumer_of(address, NULL, (const char *const[]){"group.id", "own", NULL});
    assign(consumer, "groups", 1);
    reads(consumer, 3, "v2");
    succeeds("commit", rivven_consumer_commit(consumer, &error));
    check(committed(client, "own", "groups") == 3, "the offset is the group's");
    check(committed(client, "default-group", "groups") == UINT64_MAX, "and no other's");
    rivven_consumer_free(consumer);
    consumer = consumer_of(address, NULL, NULL);
    assign(consumer, "groups", 1);
    reads(consumer, 3, "v2");
    succeeds("commit", rivven_consumer_commit(consumer, &error));
    check(committed(client, "default-group", "groups") == 3, "without a group it is the default's");
    rivven_consumer_free(consumer);
    rivven_client_free(client);
}

/* A consumer, and how many records it is to have for a poll. */
struct supply {
    rivven_consumer_t *consumer;
    uint64_t wanted;
};

static bool has_enough(void *argument) {
    const struct supply *supply = (struct supply *)argument;
    rivven_consumer_stats_t *stats = NULL;
    if (rivven_consumer_stats(supply->consumer, &stats, NULL)) give_up("rivven_consumer_stats");
    uint64_t waiting = rivven_consumer_stats_records_waiting(stats);
    rivven_consumer_stats_free(stats);
    return waiting >= supply->wanted;
}

/* Where more records wait than a poll may give, it gives as many as it may. */
static void test_poll_size(const char *address, const char *size, uint64_t most) {
    const char *const settings[] = {"enable.auto.commit", "false", size ? "max.poll.records" : NULL, size, NULL};
    rivven_consumer_t *consumer = consumer_of(address, NULL, settings);
    rivven_batch_t *batch = NULL;
    assign(consumer, "many", 1);
    succeeds("poll", rivven_consumer_poll(consumer, 0, &batch, &error));
    uint64_t left = MANY - rivven_batch_len(batch);
    rivven_batch_free(batch);
    while (left) {
        struct supply supply = {consumer, left > most ? most + 1 : left};
        uint64_t expected = left > most ? most : left;
        if (!check(holds_within(patience, has_enough, &supply), "%d records wait", (int)supply.wanted)) break;
        succeeds("poll", rivven_consumer_poll(consumer, 0, &batch, &error));
        check(rivven_batch_len(batch) == expected, "a poll gives %zu of them", rivven_batch_len(batch));
        left -= rivven_batch_len(batch);
        rivven_batch_free(batch);
    }
    rivven_consumer_free(consumer);
}

static void test_poll_sizes(void) {
    char records[12];
    snprintf(records, sizeof records, "%d", MANY);
    const char *const arguments[] = {"--partitions", "1", "--records", records, NULL};
    struct server sink = start_server("RIVVEN_SINK", arguments);
    test_poll_size(sink.address, "700", 700);
    test_poll_size(sink.address, NULL, 500);
    stop_server(&sink);
}

/* How long a poll without a time of its own waits for nothing. */
static double empty_poll(const char *address, const char *const *settings) {
    rivven_consumer_t *consumer = consumer_of(address, NULL, settings);
    rivven_batch_t *batch = NULL;
    assign(consumer, "empty", 1);
    succeeds("connect", rivven_consumer_connect(consumer, &error));
    double start = seconds();
    succeeds("poll", rivven_consumer_poll(consumer, -1, &batch, &error));
    double taken = seconds() - start;
    check(batch && rivven_batch_len(batch) == 0, "the poll gives nothing after %.2f s", taken);
    rivven_batch_free(batch);
    rivven_consumer_free(consumer);
    return taken;
}

static void test_poll_interval(const char *address) {
    fill(address, "empty", 1, 0);
    double taken = empty_poll(address, (const char *const[]){"max.poll.interval.ms", "200", NULL});
    check(taken >= 0.2 && taken < 4.5, "as configured");
    taken = empty_poll(address, NULL);
    check(taken >= 4.9 && taken < 9.5, "five seconds by default");
}

/* A consumer that commits by itself, or not, and reads all records of a topic. */
static rivven_consumer_t *committing(const char *address, const char *group, const char *key, const char *value) {
    const char *const settings[] = {"group.id", group, key, value, NULL};
    rivven_consumer_t *consumer = consumer_of(address, NULL, settings);
    assign(consumer, "committed", 1);
    reads(consumer, 3, "v2");
    return consumer;
}

static void poll_once(rivven_consumer_t *consumer) {
    rivven_batch_t *batch = NULL;
    if (rivven_consumer_poll(consumer, 5, &batch, NULL)) give_up("rivven_consumer_poll");
    check(rivven_batch_len(batch) == 0, "there are no more records");
    rivven_batch_free(batch);
}

/* Polls until a group has committed all records; when that was. */
static double comes_to_commit(rivven_consumer_t *consumer, rivven_client_t *client, const char *group) {
    double start = seconds();
    while (committed(client, group, "committed") != 3 && seconds() - start < patience) poll_once(consumer);
    check(committed(client, group, "committed") == 3, "%s commits", group);
    return seconds();
}

static void test_auto_commit(const char *address) {
    rivven_client_t *client = connected_client(address);
    fill(address, "committed", 1, 3);
    double start = seconds();
    rivven_consumer_t *usual = committing(address, "usual", NULL, NULL);
    rivven_consumer_t *often = committing(address, "often", "auto.commit.interval.ms", "20");
    rivven_consumer_t *rarely = committing(address, "rarely", "auto.commit.interval.ms", "86400000");
    rivven_consumer_t *never = committing(address, "never", "enable.auto.commit", "false");
    rivven_consumer_t *all[] = {usual, often, rarely, never};
    for (size_t i = 0; i < 4; i++) poll_once(all[i]);
    comes_to_commit(often, client, "often");
    bool not_yet = committed(client, "usual", "committed") == UINT64_MAX;
    check(not_yet || seconds() - start >= 5, "others do not yet");
    double taken = comes_to_commit(usual, client, "usual") - start;
    check(taken >= 5 && taken < 15, "the default is five seconds: %.2f s", taken);
    poll_once(rarely);
    poll_once(never);
    check(committed(client, "rarely", "committed") == UINT64_MAX, "where the time is long it is not over");
    for (size_t i = 0; i < 4; i++) {
        succeeds("close", rivven_consumer_close(all[i], -1, &error));
        rivven_consumer_free(all[i]);
    }
    check(committed(client, "rarely", "committed") == 3, "the end commits, too");
    check(committed(client, "never", "committed") == UINT64_MAX, "but for a consumer that never does");
    rivven_client_free(client);
}

/* Writes a record that does not count between two that do. */
static void write_aborted(const char *address) {
    const rivven_bytes_t none = rivven_bytes_from(NULL, 0), aborted = rivven_bytes_from_string("aborted");
    const rivven_bytes_t before = rivven_bytes_from_string("before"), after = rivven_bytes_from_string("after");
    rivven_client_t *client = connected_client(address);
    rivven_config_t *config = config_of(address, (const char *const[]){"transactional.id", "aborting", NULL});
    rivven_producer_t *producer = NULL;
    rivven_transaction_t *transaction = NULL;
    succeeds("publish", rivven_client_publish(client, "isolated", before, NULL, NULL, &error));
    succeeds("make a producer", rivven_producer_new(config, NULL, &producer, &error));
    succeeds("begin", rivven_transaction_begin(producer, &transaction, &error));
    succeeds("send", rivven_transaction_send(transaction, "isolated", 0, none, aborted, NULL, &error));
    succeeds("abort", rivven_transaction_abort(transaction, &error));
    succeeds("publish", rivven_client_publish(client, "isolated", after, NULL, NULL, &error));
    rivven_transaction_free(transaction);
    rivven_producer_free(producer);
    rivven_config_free(config);
    rivven_client_free(client);
}

static void test_isolation(const char *address) {
    static const struct {
        const char *level;
        size_t shown;
    } cases[] = {{NULL, 3}, {"read_uncommitted", 3}, {"0", 3}, {"read_committed", 2}, {"1", 2}};
    fill(address, "isolated", 1, 0);
    write_aborted(address);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *level = cases[i].level;
        const char *const settings[] = {"enable.auto.commit", "false", level ? "isolation.level" : NULL, level, NULL};
        rivven_consumer_t *consumer = consumer_of(address, NULL, settings);
        assign(consumer, "isolated", 1);
        check(reads(consumer, cases[i].shown, "after"), "level %s", level ? level : "by default");
        rivven_consumer_free(consumer);
    }
}

/* Reads the topic of a secure broker with these settings of encryption, ended by NULL; why not, if not. */
static rivven_code read_secure(const struct secure_broker *broker, const char *const *tls) {
    const char *settings[16] = {"auth.username", USER, "auth.password", PASSWORD, "auth.mechanism", "plain",
                                "max.reconnect.attempts", "1", "connection.timeout.ms", "2000"};
    for (size_t i = 10; *tls && i + 1 < sizeof settings / sizeof *settings; i++) settings[i] = *tls++;
    rivven_consumer_t *consumer = consumer_of(broker->server.address, NULL, settings);
    rivven_batch_t *batch = NULL;
    assign(consumer, "t", 1);
    rivven_code code = rivven_consumer_poll(consumer, 20000, &batch, &error);
    check(code || holds(rivven_batch_value(batch, 0), "v", 1), "the record is the one that was written");
    check(!strstr(rivven_error_message(error), SECRET), "the secret is not shown");
    rivven_error_free(error);
    error = NULL;
    rivven_batch_free(batch);
    rivven_consumer_free(consumer);
    return code;
}

static void test_tls(void) {
    struct secure_broker broker;
    start_secure(&broker, (const char *const[]){"--san", "broker.example", NULL});
    const char *const named[] = {"tls.ca.cert.path", broker.ca, "tls.server.name", "broker.example", NULL};
    rivven_client_t *client = client_of(broker.server.address, named);
    rivven_session_t *session = NULL;
    succeeds("log in", rivven_client_authenticate(client, USER, PASSWORD, &session, &error));
    rivven_session_free(session);
    succeeds("create a topic", rivven_client_create_topic(client, "t", 1, NULL, &error));
    succeeds("publish", rivven_client_publish(client, "t", rivven_bytes_from_string("v"), NULL, NULL, &error));
    rivven_client_free(client);
    check(read_secure(&broker, named) == RIVVEN_CODE_OK, "the name of the certificate is expected");
    check(read_secure(&broker, (const char *const[]){"tls.ca.cert.path", broker.ca, NULL}) == RIVVEN_CODE_TLS_FAILED,
          "by default it is that of the host");
    check(read_secure(&broker, (const char *const[]){"tls.ca.cert.path", broker.other_ca, "tls.server.name",
                                                     "broker.example", NULL}) == RIVVEN_CODE_TLS_FAILED,
          "another authority is not trusted");
    rivven_code code = read_secure(&broker, (const char *const[]){NULL});
    check(code == RIVVEN_CODE_CONNECTION_LOST || code == RIVVEN_CODE_RESPONSE_TOO_LARGE ||
              code == RIVVEN_CODE_TIMED_OUT,
          "by default nothing is encrypted: %s", rivven_code_name(code));
    stop_secure(&broker);
}

/* covers: F082 c, F083 c, F084 c, F085 c, F086 c, F087 c, F088 c, F096 c */
int main(void) {
    struct server broker = start_broker();
    test_every_option(broker.address);
    test_decompression(broker.address);
    test_default_server();
    test_servers(broker.address);
    test_group(broker.address);
    test_poll_sizes();
    test_poll_interval(broker.address);
    test_auto_commit(broker.address);
    test_isolation(broker.address);
    test_tls();
    stop_server(&broker);
    return summary();
}
