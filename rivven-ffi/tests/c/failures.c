/*
 * Servers that are not there, are something else, or break off: each is an
 * error with its code that names the server and says what to do.
 */

#include <string.h>

#include "client.h"
#include "launch.h"

/* What clients get; that a call ends by another code than TIMED_OUT shows that it did not use it up. */
static const char *const short_times[] = {"connection.timeout.ms", "1000", "request.timeout.ms", "1500", NULL};

enum call { CONNECT, PING, PUBLISH };

struct expectation {
    const char *mode;
    enum call call;
    rivven_code code;
    /* At least so many seconds: where the time limit is what ends it. */
    double least;
};

static const struct expectation expectations[] = {
    {"http", CONNECT, RIVVEN_CODE_RESPONSE_TOO_LARGE, 0},
    {"tls-alert", CONNECT, RIVVEN_CODE_RESPONSE_TOO_LARGE, 0},
    {"promise-4gb", CONNECT, RIVVEN_CODE_RESPONSE_TOO_LARGE, 0},
    {"close-at-once", CONNECT, RIVVEN_CODE_CONNECTION_LOST, 0},
    {"incompatible", CONNECT, RIVVEN_CODE_INCOMPATIBLE_VERSION, 0},
    {"silent", CONNECT, RIVVEN_CODE_TIMED_OUT, 1},
    {"unreachable", CONNECT, RIVVEN_CODE_TIMED_OUT, 1},
    {"close-mid-frame", PING, RIVVEN_CODE_CONNECTION_LOST, 0},
    {"wrong-id", PING, RIVVEN_CODE_MALFORMED_RESPONSE, 0},
    {"garbage", PING, RIVVEN_CODE_MALFORMED_RESPONSE, 0},
    {"reset", PUBLISH, RIVVEN_CODE_CONNECTION_LOST, 0},
    {"stall", PUBLISH, RIVVEN_CODE_TIMED_OUT, 1.5},
};

static rivven_code make_call(rivven_client_t *client, enum call call) {
    switch (call) {
    case CONNECT: return rivven_client_connect(client, &error);
    case PING: return rivven_client_ping(client, &error);
    default: return rivven_client_publish(client, "t", rivven_bytes_from("v", 1), NULL, NULL, &error);
    }
}

/* Whether the part behind the last colon says what to do. */
static bool advises(const char *message) {
    static const char *const verbs[] = {"check", "configure", "correct", "name", "raise", "start", "use", "write"};
    const char *advice = message;
    for (const char *next = message; (next = strstr(next, ": ")) != NULL;) advice = next += 2;
    for (size_t i = 0; advice != message && i < sizeof verbs / sizeof *verbs; i++) {
        const char *verb = strstr(advice, verbs[i]);
        if (verb && (verb == advice || verb[-1] == ' ') && verb[strlen(verbs[i])] == ' ') return true;
    }
    return false;
}

/* Checks that a call failed in the way expected, and that the message says what to do. */
static void fails_with_advice(const char *what, rivven_code wanted, rivven_code code) {
    check(advises(rivven_error_message(error)), "%s: the message says what to do", what);
    fails(what, wanted, code);
}

/* Checks one call to the server at an address. */
static void expect(const char *address, const struct expectation *wanted) {
    rivven_client_t *client = client_of(address, short_times);
    double start = seconds();
    rivven_code code = make_call(client, wanted->call);
    double taken = seconds() - start;
    const char *message = rivven_error_message(error), *named = rivven_error_address(error);
    check(strstr(message, address) != NULL, "%s: the message names the server", wanted->mode);
    check(named && strcmp(named, address) == 0, "%s: so does the error", wanted->mode);
    check(taken >= wanted->least - 0.05, "%s: after %.2f s", wanted->mode, taken);
    if (wanted->least > 0) {
        char limit[16];
        snprintf(limit, sizeof limit, " %gs", wanted->least);
        check(strstr(message, limit) != NULL, "%s: the message shows the limit of%s", wanted->mode, limit);
    }
    fails_with_advice(wanted->mode, wanted->code, code);
    rivven_client_free(client);
}

static void test_misbehaving_servers(void) {
    for (size_t i = 0; i < sizeof expectations / sizeof *expectations; i++) {
        struct server server = start_misbehaving(expectations[i].mode);
        expect(server.address, &expectations[i]);
        stop_server(&server);
    }
}

static void test_absent_servers(void) {
    char address[64];
    int holder = hold_address(address, sizeof address);
    expect(address, &(struct expectation){"refused", CONNECT, RIVVEN_CODE_CONNECTION_FAILED, 0});
    close(holder);
    expect("255.255.255.255:9092", &(struct expectation){"no route", CONNECT, RIVVEN_CODE_CONNECTION_FAILED, 0});
}

static void test_wrong_addresses(void) {
    static const char *const wrong[] = {"localhost:port", ":9092", "localhost:99999", "[::1:9092"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        rivven_client_t *client = client_of(wrong[i], NULL);
        fails_with_advice(wrong[i], RIVVEN_CODE_INVALID_CONFIG, rivven_client_connect(client, &error));
        rivven_client_free(client);
    }
    rivven_config_t *config = NULL;
    rivven_client_t *client = NULL;
    succeeds("make an empty configuration", rivven_config_new(&config, &error));
    succeeds("make a client of it", rivven_client_new(config, &client, &error));
    fails_with_advice("no server at all", RIVVEN_CODE_INVALID_CONFIG, rivven_client_connect(client, &error));
    rivven_client_free(client);
    rivven_config_free(config);
}

static void test_many_servers(void) {
    struct server broker = start_broker();
    char absent[64], servers[200];
    int holder = hold_address(absent, sizeof absent);
    snprintf(servers, sizeof servers, "%s,255.255.255.255:9092", absent);
    rivven_client_t *client = client_of(servers, short_times);
    rivven_code code = rivven_client_connect(client, &error);
    const char *message = rivven_error_message(error);
    check(strstr(message, absent) && strstr(message, "255.255.255.255:9092"), "the message names every server");
    fails_with_advice("all servers are absent", RIVVEN_CODE_ALL_SERVERS_UNAVAILABLE, code);
    rivven_client_free(client);
    snprintf(servers, sizeof servers, "%s,%s", absent, broker.address);
    client = client_of(servers, short_times);
    succeeds("the second server is there", rivven_client_connect(client, &error));
    rivven_client_free(client);
    close(holder);
    stop_server(&broker);
}

/* covers: F004 c, F006 c, F011 c, F022 c, F023 c, F038 c, F121 c, F123 c */
int main(void) {
    test_absent_servers();
    test_misbehaving_servers();
    test_wrong_addresses();
    test_many_servers();
    return summary();
}
