/*
 * TLS with the real broker: which certificates are accepted, and what is said
 * of the others.
 *
 * Nobody logs in by SCRAM here: the key derivation is too slow for valgrind.
 */

#include "secure_client.h"

static void test_records(const struct secure_broker *broker) {
    rivven_client_t *client = trusting(broker->server.address, broker->ca, NULL);
    rivven_session_t *session = NULL;
    rivven_batch_t *batch = NULL;
    const rivven_bytes_t key = rivven_bytes_from_string("k"), value = rivven_bytes_from_string("v");
    succeeds("log in", rivven_client_authenticate(client, USER, PASSWORD, &session, &error));
    check(*rivven_session_id(session) != '\0', "the session has a name");
    rivven_session_free(session);
    succeeds("create a topic", rivven_client_create_topic(client, "t", 1, NULL, &error));
    succeeds("publish", rivven_client_publish_to_partition(client, "t", 0, key, value, NULL, &error));
    succeeds("consume", rivven_client_consume(client, "t", 0, 0, 10, &batch, &error));
    check(holds(rivven_batch_value(batch, 0), "v", 1), "the record comes back");
    rivven_batch_free(batch);
    rivven_client_free(client);
}

static void test_client_certificates(void) {
    struct secure_broker broker;
    start_secure(&broker, (const char *const[]){"--mtls", "required", NULL});
    rivven_client_t *client = trusting(broker.server.address, broker.ca, NULL);
    refused("no certificate where one is required", broker.server.address, RIVVEN_CODE_TLS_FAILED,
            "tls.client.cert.path", rivven_client_connect(client, &error));
    rivven_client_free(client);
    const char *const settings[] = {"tls.client.cert.path", broker.cert, "tls.client.key.path", broker.key, NULL};
    client = trusting(broker.server.address, broker.ca, settings);
    succeeds("with a certificate", rivven_client_ping(client, &error));
    rivven_client_free(client);
    stop_secure(&broker);
    start_secure(&broker, (const char *const[]){"--mtls", "optional", NULL});
    client = trusting(broker.server.address, broker.ca, NULL);
    succeeds("no certificate where it is optional", rivven_client_ping(client, &error));
    rivven_client_free(client);
    stop_secure(&broker);
}

static void test_other_authority(const struct secure_broker *broker) {
    rivven_client_t *client = trusting(broker->server.address, broker->other_ca, NULL);
    refused("an unknown authority", broker->server.address, RIVVEN_CODE_TLS_FAILED, "unknown CA",
            rivven_client_connect(client, &error));
    rivven_client_free(client);
}

static void test_server_name(void) {
    struct secure_broker broker;
    start_secure(&broker, (const char *const[]){"--san", "broker.example", NULL});
    rivven_client_t *client = trusting(broker.server.address, broker.ca, NULL);
    refused("a certificate for another name", broker.server.address, RIVVEN_CODE_TLS_FAILED, "tls.server.name",
            rivven_client_connect(client, &error));
    rivven_client_free(client);
    client = trusting(broker.server.address, broker.ca, (const char *const[]){"tls.server.name", "broker.example", NULL});
    succeeds("if that name is expected", rivven_client_ping(client, &error));
    rivven_client_free(client);
    stop_secure(&broker);
}

static void test_expired_certificate(void) {
    struct secure_broker broker;
    start_secure(&broker, (const char *const[]){"--expired-cert", NULL});
    rivven_client_t *client = trusting(broker.server.address, broker.ca, NULL);
    refused("an expired certificate", broker.server.address, RIVVEN_CODE_TLS_FAILED, "expired",
            rivven_client_connect(client, &error));
    rivven_client_free(client);
    stop_secure(&broker);
}

static void test_mixed_up_protocols(const struct secure_broker *broker) {
    static const char *const in_time[] = {"connection.timeout.ms", "2000", NULL};
    struct server plain = start_broker(), http = start_misbehaving("http");
    rivven_client_t *client = client_of(broker->server.address, in_time);
    rivven_code code = rivven_client_connect(client, &error);
    check(code == RIVVEN_CODE_CONNECTION_LOST || code == RIVVEN_CODE_RESPONSE_TOO_LARGE || code == RIVVEN_CODE_TIMED_OUT,
          "no TLS at a TLS port: %s", rivven_code_name(code));
    refused("no TLS at a TLS port", broker->server.address, code, ": ", code);
    rivven_client_free(client);
    client = trusting(plain.address, broker->ca, in_time);
    code = rivven_client_connect(client, &error);
    check(code == RIVVEN_CODE_TLS_FAILED || code == RIVVEN_CODE_TIMED_OUT, "TLS at a port without");
    refused("TLS at a port without", plain.address, code, ": ", code);
    rivven_client_free(client);
    client = trusting(http.address, broker->ca, in_time);
    refused("TLS at an HTTP port", http.address, RIVVEN_CODE_TLS_FAILED, "does not speak TLS",
            rivven_client_connect(client, &error));
    rivven_client_free(client);
    stop_server(&http);
    stop_server(&plain);
}

/* Makes a client of settings that cannot be used. */
static void expect_invalid(const char *what, const char *const *settings) {
    rivven_config_t *config = config_of("127.0.0.1:1", settings);
    rivven_client_t *client = NULL;
    rivven_code code = rivven_client_new(config, &client, &error);
    check(!client && !strstr(rivven_error_message(error), SECRET), "%s: no client, and no secret in the message", what);
    fails(what, RIVVEN_CODE_INVALID_CONFIG, code);
    rivven_config_free(config);
}

static void test_unusable_files(const struct secure_broker *broker, const struct secure_broker *other) {
    const char *ca = "tls.ca.cert.path", *cert = "tls.client.cert.path", *key = "tls.client.key.path";
    /* A text that is no certificate: this program. */
    const char *rubbish = "/proc/self/cmdline";
    expect_invalid("an authority that is not there", (const char *const[]){ca, "/no/such/file.pem", NULL});
    expect_invalid("an authority that is a folder", (const char *const[]){ca, "/", NULL});
    expect_invalid("an authority that is none", (const char *const[]){ca, rubbish, NULL});
    expect_invalid("a certificate without key", (const char *const[]){ca, broker->ca, cert, broker->cert, NULL});
    expect_invalid("a key without certificate", (const char *const[]){ca, broker->ca, key, broker->key, NULL});
    expect_invalid("a key that is none",
                   (const char *const[]){ca, broker->ca, cert, broker->cert, key, rubbish, NULL});
    expect_invalid("a key that is not there",
                   (const char *const[]){ca, broker->ca, cert, broker->cert, key, "/no/such/file.pem", NULL});
    expect_invalid("a key of another certificate",
                   (const char *const[]){ca, broker->ca, cert, broker->cert, key, other->key, NULL});
    expect_invalid("a user without password", (const char *const[]){"auth.username", USER, NULL});
    expect_invalid("a password without user", (const char *const[]){"auth.password", PASSWORD, NULL});
}

static void copy_file(const char *from, const char *to) {
    char bytes[16384];
    int source = open(from, O_RDONLY | O_CLOEXEC), target = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t count = read(source, bytes, sizeof bytes);
    if (count <= 0 || write(target, bytes, (size_t)count) != count) give_up(to);
    close(source);
    close(target);
}

static void test_replaced_certificates(const struct secure_broker *broker, const struct secure_broker *other) {
    char folder[] = "/tmp/rivven-secure-XXXXXX", ca[64];
    if (!mkdtemp(folder)) give_up("mkdtemp");
    snprintf(ca, sizeof ca, "%s/ca.pem", folder);
    copy_file(other->ca, ca);
    rivven_client_t *client = trusting(broker->server.address, ca, NULL);
    refused("the authority of another broker", broker->server.address, RIVVEN_CODE_TLS_FAILED, "unknown CA",
            rivven_client_ping(client, &error));
    copy_file(broker->ca, ca);
    succeeds("the next connection, after the file was replaced", rivven_client_ping(client, &error));
    rivven_client_free(client);
    unlink(ca);
    rmdir(folder);
}

/* covers: F005 c, F016 c, F017 c, F019 c */
int main(void) {
    struct secure_broker broker, other;
    start_secure(&broker, NULL);
    start_secure(&other, NULL);
    test_records(&broker);
    test_client_certificates();
    test_other_authority(&broker);
    test_server_name();
    test_expired_certificate();
    test_mixed_up_protocols(&broker);
    test_unusable_files(&broker, &other);
    test_replaced_certificates(&broker, &other);
    stop_secure(&other);
    stop_secure(&broker);
    return summary();
}
