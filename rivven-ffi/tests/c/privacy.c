/*
 * What goes over the wire without TLS: never the password. A relay stands
 * between client and broker and keeps what the client sends.
 */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "client.h"
#include "secure.h"

/* Passes one connection on; `sent` is read when the thread has ended. */
struct relay {
    pthread_t thread;
    int listener;
    char address[64];
    struct sockaddr_in target;
    char sent[65536];
    size_t length;
};

/* Passes on what can be read, and keeps it if there is room for it; whether there was any. */
static bool pass(int from, int to, char *keep, size_t room, size_t *kept) {
    char bytes[4096];
    ssize_t count = read(from, bytes, sizeof bytes);
    if (count <= 0) return false;
    if ((size_t)count <= room - *kept) {
        memcpy(keep + *kept, bytes, (size_t)count);
        *kept += (size_t)count;
    }
    return write(to, bytes, (size_t)count) == count;
}

static void *run(void *argument) {
    struct relay *relay = argument;
    size_t nothing = 0;
    int client = accept(relay->listener, NULL, NULL), broker = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(broker, (struct sockaddr *)&relay->target, sizeof relay->target)) give_up("connect");
    struct pollfd ends[2] = {{client, POLLIN, 0}, {broker, POLLIN, 0}};
    for (bool open = true; open && poll(ends, 2, -1) > 0;) {
        if (ends[0].revents) open = pass(client, broker, relay->sent, sizeof relay->sent, &relay->length);
        if (open && ends[1].revents) open = pass(broker, client, NULL, 0, &nothing);
    }
    close(client);
    close(broker);
    return NULL;
}

/* Begins to wait for a connection, to be passed on to the broker at an address. */
static void start_relay(struct relay *relay, const char *address) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    memset(relay, 0, sizeof *relay);
    relay->target = name;
    relay->target.sin_port = htons((uint16_t)atoi(strchr(address, ':') + 1));
    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(relay->listener, (struct sockaddr *)&name, length) || listen(relay->listener, 1)) give_up("listen");
    if (getsockname(relay->listener, (struct sockaddr *)&name, &length)) give_up("getsockname");
    snprintf(relay->address, sizeof relay->address, "127.0.0.1:%d", ntohs(name.sin_port));
    if (pthread_create(&relay->thread, NULL, run, relay)) give_up("pthread_create");
}

/* Waits for the end of the connection; whether the client sent these characters. */
static bool was_sent(const struct relay *relay, const char *text) {
    return memmem(relay->sent, relay->length, text, strlen(text)) != NULL;
}

static void end_relay(struct relay *relay) {
    pthread_join(relay->thread, NULL);
    close(relay->listener);
}

/* What the client sends of its own accord when it connects. */
static size_t test_connect(const char *broker) {
    struct relay relay;
    start_relay(&relay, broker);
    rivven_client_t *client = connected_client(relay.address);
    rivven_client_free(client);
    end_relay(&relay);
    check(relay.length > 0, "connecting alone sends %zu bytes", relay.length);
    return relay.length;
}

static void test_plain(const char *broker, size_t handshake) {
    struct relay relay;
    start_relay(&relay, broker);
    rivven_client_t *client = client_of(relay.address, NULL);
    rivven_code code = rivven_client_authenticate(client, USER, PASSWORD, NULL, &error);
    check(rivven_error_outcome(error) == RIVVEN_OUTCOME_NOT_SENT, "nothing was sent");
    check(!strstr(rivven_error_message(error), SECRET), "the message does not show the secret");
    fails("the password itself without TLS", RIVVEN_CODE_AUTHENTICATION_REQUIRES_TLS, code);
    rivven_client_free(client);
    end_relay(&relay);
    check(relay.length == handshake && !was_sent(&relay, USER), "no byte of the login was sent");
}

static void test_plain_by_configuration(const char *broker) {
    static const char *const settings[] = {"auth.username", USER, "auth.password", PASSWORD,
                                           "auth.mechanism", "plain", NULL};
    struct relay relay;
    start_relay(&relay, broker);
    rivven_client_t *client = client_of(relay.address, settings);
    fails("the same by configuration", RIVVEN_CODE_AUTHENTICATION_REQUIRES_TLS, rivven_client_connect(client, &error));
    rivven_client_free(client);
    end_relay(&relay);
    check(relay.length > 0 && !was_sent(&relay, USER), "no byte of the login was sent");
}

static void test_scram(const char *broker) {
    struct relay relay;
    rivven_session_t *session = NULL;
    start_relay(&relay, broker);
    rivven_client_t *client = client_of(relay.address, NULL);
    succeeds("SCRAM without TLS", rivven_client_authenticate_scram(client, USER, PASSWORD, &session, &error));
    rivven_session_free(session);
    rivven_client_free(client);
    end_relay(&relay);
    check(was_sent(&relay, USER) && !was_sent(&relay, SECRET), "the user was sent, the password was not");
}

/* covers: F012 c, F015 c */
int main(void) {
    struct secure_broker broker;
    start_secure(&broker, (const char *const[]){"--tls", "off", NULL});
    size_t handshake = test_connect(broker.server.address);
    test_plain(broker.server.address, handshake);
    test_plain_by_configuration(broker.server.address);
    test_scram(broker.server.address);
    stop_secure(&broker);
    return summary();
}
