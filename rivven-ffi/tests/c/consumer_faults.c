/*
 * Consumers where something fails or changes: connections are made anew, a
 * broker that stays away is told and looked for again, new partitions are
 * found, and what is asked together is not waited for one by one.
 */

#include "consumer.h"

/* Where the scripted broker has a topic of one partition with a record. */
static const char *const one_record =
    "{\"topics\": {\"t\": 1}, \"records\": [{\"topic\": \"t\", \"values\": [\"first\"]}]}";

/* How late the bytes are in each direction where much is asked at once, and how much that is. */
enum { LATE_MS = 100, MANY = 50 };

/* A consumer of the scripted broker's record, which it has read. */
static rivven_consumer_t *reading(const char *address, const char *const *settings) {
    rivven_consumer_t *consumer = consumer_of(address, NULL, settings);
    assign(consumer, "t", 1);
    reads(consumer, 1, "first");
    return consumer;
}

static uint64_t errors_of(rivven_consumer_t *consumer) {
    rivven_consumer_stats_t *stats = NULL;
    if (rivven_consumer_stats(consumer, &stats, NULL)) give_up("rivven_consumer_stats");
    uint64_t errors = rivven_consumer_stats_errors(stats);
    check(!errors == !rivven_consumer_stats_last_error(stats), "the last error is known if there was one");
    rivven_consumer_stats_free(stats);
    return errors;
}

static uint64_t reconnects_of(rivven_consumer_t *consumer) {
    rivven_consumer_stats_t *stats = NULL;
    if (rivven_consumer_stats(consumer, &stats, NULL)) give_up("rivven_consumer_stats");
    uint64_t reconnects = rivven_consumer_stats_reconnects(stats);
    rivven_consumer_stats_free(stats);
    return reconnects;
}

/* A poll that ends by an error of the connection; how long it took. */
static double polls_in_vain(rivven_consumer_t *consumer, const char *address) {
    rivven_batch_t *batch = NULL;
    double start = seconds();
    rivven_code code = rivven_consumer_poll(consumer, 10000, &batch, &error);
    double taken = seconds() - start;
    check(code && !batch && rivven_error_is_retriable(error) && strstr(rivven_error_message(error), address),
          "the poll says that the broker is away after %.2f s: %s", taken, rivven_error_message(error));
    rivven_error_free(error);
    error = NULL;
    return taken;
}

/* Polls until a record comes, whatever goes wrong before, at most a minute. */
static bool reads_on(rivven_consumer_t *consumer, const char *value) {
    for (double start = seconds(); seconds() - start < 60;) {
        rivven_batch_t *batch = NULL;
        bool came = !rivven_consumer_poll(consumer, 1000, &batch, NULL) && rivven_batch_len(batch) == 1;
        came = came && holds(rivven_batch_value(batch, 0), value, strlen(value));
        rivven_batch_free(batch);
        if (came) return true;
    }
    return false;
}

/* The broker is away for as many attempts as are made; then it comes back. */
static void test_attempts(const char *attempts, uint64_t expected) {
    const char *const settings[] = {"enable.auto.commit", "false", "reconnect.backoff.ms", "1",
                                    "reconnect.backoff.max.ms", "2", attempts ? "max.reconnect.attempts" : NULL,
                                    attempts, NULL};
    struct server broker = start_scripted(one_record);
    rivven_consumer_t *consumer = reading(broker.address, settings);
    uint64_t before = errors_of(consumer);
    command(&broker, "kill 0");
    for (uint64_t poll = 1; poll <= 3; poll++) {
        polls_in_vain(consumer, broker.address);
        uint64_t errors = errors_of(consumer) - before;
        check(errors == poll * expected, "%d attempts after %d polls", (int)errors, (int)poll);
    }
    command(&broker, "revive 0");
    command(&broker, "append t 0 second");
    check(reads_on(consumer, "second"), "reading goes on when the broker is back");
    rivven_consumer_free(consumer);
    stop_server(&broker);
}

/* The time of a poll that makes some attempts in vain. */
static double pauses(const char *backoff, const char *most, const char *attempts) {
    const char *settings[] = {"enable.auto.commit", "false", "max.reconnect.attempts", attempts, NULL, NULL, NULL, NULL,
                              NULL};
    size_t count = 4;
    if (backoff) settings[count++] = "reconnect.backoff.ms", settings[count++] = backoff;
    if (most) settings[count++] = "reconnect.backoff.max.ms", settings[count++] = most;
    struct server broker = start_scripted(one_record);
    rivven_consumer_t *consumer = reading(broker.address, settings);
    command(&broker, "kill 0");
    polls_in_vain(consumer, broker.address);
    double taken = polls_in_vain(consumer, broker.address);
    rivven_consumer_free(consumer);
    stop_server(&broker);
    return taken;
}

/* At least half of each pause is waited for. */
static void test_pauses(void) {
    check(pauses("400", NULL, "3") >= 0.6, "pauses of 400 and 800 ms");
    check(pauses("400", "400", "3") >= 0.4, "two pauses of 400 ms");
    /* By the default bound of 10 s the poll would be over before the attempts are. */
    check(pauses("20", "20", "12") >= 0.11, "eleven pauses of 20 ms");
    check(pauses("60000", "60000", "1") < 10, "none after the only attempt");
    check(pauses(NULL, NULL, "4") >= 0.35, "by default pauses of 100, 200 and 400 ms");
}

/* Whether a consumer is made with such pauses. */
static rivven_code make(const char *key, const char *value) {
    rivven_config_t *config = config_of("127.0.0.1:1", (const char *const[]){key, value, NULL});
    rivven_consumer_t *consumer = NULL;
    rivven_code code = rivven_consumer_new(config, NULL, &consumer, &error);
    rivven_consumer_free(consumer);
    rivven_config_free(config);
    return code;
}

/* The longest pause is not shorter than the first one: by this each shows the default of the other. */
static void test_default_pauses(void) {
    succeeds("a first pause as long as the longest", make("reconnect.backoff.ms", "10000"));
    fails("a longer one", RIVVEN_CODE_INVALID_CONFIG, make("reconnect.backoff.ms", "10001"));
    succeeds("a longest pause as short as the first one", make("reconnect.backoff.max.ms", "100"));
    fails("a shorter one", RIVVEN_CODE_INVALID_CONFIG, make("reconnect.backoff.max.ms", "99"));
}

/* A member of a group of its own that looks for new partitions from time to time. */
static rivven_consumer_t *looking(const char *address, const char *group, const char *interval) {
    const char *const settings[] = {"group.id", group, interval ? "metadata.refresh.interval.ms" : NULL, interval,
                                    NULL};
    rivven_consumer_t *consumer = consumer_of(address, NULL, settings);
    subscribe(consumer, "growing");
    reads(consumer, 1, "v0");
    return consumer;
}

/* One that does not look for another five minutes sees only what there was. */
static void test_new_partitions(const char *address) {
    const rivven_bytes_t none = rivven_bytes_from(NULL, 0), value = rivven_bytes_from_string("v1");
    rivven_client_t *client = connected_client(address);
    rivven_batch_t *batch = NULL;
    uint32_t count = 0;
    fill(address, "growing", 1, 1);
    rivven_consumer_t *usual = looking(address, "usual", NULL), *often = looking(address, "often", "50");
    succeeds("add a partition", rivven_client_create_partitions(client, "growing", 2, &count, &error));
    succeeds("publish", rivven_client_publish_to_partition(client, "growing", 1, none, value, NULL, &error));
    reads(often, 1, "v1");
    check(assigned(often) == 2, "the new partition is read");
    succeeds("poll", rivven_consumer_poll(usual, 2000, &batch, &error));
    check(rivven_batch_len(batch) == 0 && assigned(usual) == 1, "by default it is not found so soon");
    rivven_batch_free(batch);
    rivven_consumer_free(usual);
    rivven_consumer_free(often);
    rivven_client_free(client);
}

static void writes(rivven_client_t *client, const char *value) {
    succeeds("publish", rivven_client_publish(client, "lost", rivven_bytes_from_string(value), NULL, NULL, &error));
}

/* Nothing is lost, and nothing read twice. */
static void test_lost_connections(const char *address) {
    static const char *const accidents[] = {"cut", "reset", "cut", "reset", "cut"};
    const char *const settings[] = {"group.id", "lost", "reconnect.backoff.ms", "5", "reconnect.backoff.max.ms", "20",
                                    NULL};
    struct server proxy = start_proxy(address);
    rivven_client_t *client = connected_client(address);
    rivven_consumer_t *consumer = consumer_of(proxy.address, NULL, settings);
    fill(address, "lost", 1, 0);
    assign(consumer, "lost", 1);
    for (size_t round = 0; round < sizeof accidents / sizeof *accidents; round++) {
        char first[12], second[12];
        snprintf(first, sizeof first, "a%zu", round);
        snprintf(second, sizeof second, "b%zu", round);
        writes(client, first);
        reads(consumer, 1, first);
        writes(client, second);
        reads(consumer, 1, second);
        command(&proxy, accidents[round]);
    }
    writes(client, "last");
    reads(consumer, 1, "last");
    check(reconnects_of(consumer) > 0, "connections were made anew");
    succeeds("close", rivven_consumer_close(consumer, -1, &error));
    rivven_consumer_free(consumer);
    rivven_client_free(client);
    stop_server(&proxy);
}

/* What becomes of the first answer with records. */
static const char *const poisons[] = {
    "\"wrong_id\"", "\"twice\"", "{\"truncate\": 20}", "{\"raw\": \"ffffffffffffffffff\"}", "\"close_connection\"",
    "\"reset_connection\""};

/* An answer that makes no sense ends its connection, and no record is lost or given twice. */
static void test_poisoned_connection(const char *poison) {
    const char *const settings[] = {"enable.auto.commit", "false", "reconnect.backoff.ms", "5",
                                    "reconnect.backoff.max.ms", "20", NULL};
    char rule[128];
    struct server broker = start_scripted(one_record);
    snprintf(rule, sizeof rule, "rule {\"on\": \"Consume\", \"times\": 1, \"do\": %s}", poison);
    command(&broker, rule);
    rivven_consumer_t *consumer = reading(broker.address, settings);
    command(&broker, "append t 0 next");
    reads(consumer, 1, "next");
    check(reconnects_of(consumer) > 0, "by another connection after %s", poison);
    rivven_consumer_free(consumer);
    stop_server(&broker);
}

/* Offsets of all partitions; those of every third one lie beyond its log. */
static rivven_offsets_t *many_offsets(void) {
    rivven_offsets_t *offsets = NULL;
    if (rivven_offsets_new(&offsets, NULL)) give_up("rivven_offsets_new");
    for (uint32_t i = 0; i < MANY; i++) {
        if (rivven_offsets_add(offsets, "t", i, i % 3 ? 1 : 1000, NULL)) give_up("rivven_offsets_add");
    }
    return offsets;
}

static void check_results(const rivven_results_t *results) {
    size_t wrong = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        wrong += rivven_results_get(results, i, NULL) != (i % 3 ? RIVVEN_CODE_OK : RIVVEN_CODE_OFFSET_OUT_OF_RANGE);
    }
    check(rivven_results_len(results) == MANY && wrong == 0, "each offset has its own result");
}

/* Commits through a slow line take about as long as one. */
static void commits_together(rivven_consumer_t *consumer) {
    rivven_offsets_t *offsets = many_offsets();
    rivven_results_t *results = NULL;
    double start = seconds();
    succeeds("commit", rivven_consumer_commit_offsets_each(consumer, offsets, &results, &error));
    double taken = seconds() - start;
    check(taken < MANY * 2 * LATE_MS / 1000.0, "%d commits in %.2f s", MANY, taken);
    check_results(results);
    rivven_results_free(results);
    fails("one error for all", RIVVEN_CODE_OFFSET_OUT_OF_RANGE,
          rivven_consumer_commit_offsets(consumer, offsets, &error));
    rivven_offsets_free(offsets);
}

/* Lets all bytes be late, and makes a record in each partition. */
static void prepare_late_records(struct server *proxy, struct server *broker) {
    char words[128];
    snprintf(words, sizeof words, "plan {\"to_broker\": {\"delay_ms\": %d}, \"to_client\": {\"delay_ms\": %d}}",
             LATE_MS, LATE_MS);
    command(proxy, words);
    command(proxy, "cut");
    for (int i = 0; i < MANY; i++) {
        snprintf(words, sizeof words, "append t %d v", i);
        command(broker, words);
    }
}

/* So does reading all partitions by a single connection. */
static void reads_together(rivven_consumer_t *consumer) {
    bool seen[MANY] = {false};
    size_t count = 0;
    double start = seconds();
    while (count < MANY) {
        rivven_batch_t *batch = next_records(consumer);
        if (!batch) break;
        for (size_t i = 0; i < rivven_batch_len(batch); i++, count++) seen[rivven_batch_partition(batch, i)] = true;
        rivven_batch_free(batch);
    }
    double taken = seconds() - start;
    size_t missing = 0;
    for (int i = 0; i < MANY; i++) missing += !seen[i];
    check(count == MANY && missing == 0, "a record of each partition");
    check(taken < MANY * 2 * LATE_MS / 1000.0, "%d partitions in %.2f s", MANY, taken);
}

static void test_pipelining(void) {
    const char *const settings[] = {"connections.per.broker", "1", "enable.auto.commit", "false",
                                    "fetch.max.wait.ms", "20", NULL};
    struct server broker = start_scripted("{\"topics\": {\"t\": 50}}"), proxy = start_proxy(broker.address);
    rivven_consumer_t *consumer = consumer_of(proxy.address, NULL, settings);
    rivven_batch_t *batch = NULL;
    assign(consumer, "t", MANY);
    succeeds("poll", rivven_consumer_poll(consumer, 500, &batch, &error));
    check(rivven_batch_len(batch) == 0, "there is nothing yet");
    rivven_batch_free(batch);
    prepare_late_records(&proxy, &broker);
    reads_together(consumer);
    commits_together(consumer);
    rivven_consumer_free(consumer);
    stop_server(&proxy);
    stop_server(&broker);
}

/* covers: F089 c, F090 c, F091 c, F092 c, F098 c, F101 c */
int main(void) {
    struct server broker = start_broker();
    test_attempts(NULL, 10);
    test_attempts("3", 3);
    test_pauses();
    test_default_pauses();
    test_new_partitions(broker.address);
    test_lost_connections(broker.address);
    for (size_t i = 0; i < sizeof poisons / sizeof *poisons; i++) test_poisoned_connection(poisons[i]);
    test_pipelining();
    stop_server(&broker);
    return summary();
}
