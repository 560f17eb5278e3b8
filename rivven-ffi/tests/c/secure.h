/*
 * The real broker with TLS and a user.
 */

#ifndef SECURE_H
#define SECURE_H

#include "launch.h"

/* The user of a secure broker; the password's word is what no message may show. */
#define USER "alice"
#define PASSWORD "Correct-Horse-7"
#define SECRET "Horse"

/* A broker and its certificates, which are empty if it has no TLS. */
struct secure_broker {
    struct server server;
    char ca[256], cert[256], key[256], other_ca[256];
};

/* Starts a secure broker; more options, ended by NULL, may be given. */
static inline void start_secure(struct secure_broker *broker, const char *const *more) {
    const char *arguments[16] = {"--secure", "--log-level", "error", "--user", USER ":" PASSWORD ":admin"};
    for (size_t i = 5; more && *more && i + 1 < sizeof arguments / sizeof *arguments; i++) arguments[i] = *more++;
    memset(broker, 0, sizeof *broker);
    broker->server = start_server("RIVVEN_TEST_BROKER", arguments);
    if (!strstr(broker->server.line, "\"tls\":true")) return;
    read_value(&broker->server, "ca_cert", broker->ca, sizeof broker->ca);
    read_value(&broker->server, "client_cert", broker->cert, sizeof broker->cert);
    read_value(&broker->server, "client_key", broker->key, sizeof broker->key);
    read_value(&broker->server, "other_ca_cert", broker->other_ca, sizeof broker->other_ca);
}

static inline void stop_secure(struct secure_broker *broker) { stop_server(&broker->server); }

#endif
