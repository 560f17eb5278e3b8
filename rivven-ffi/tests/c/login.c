/*
 * Logging in at the real broker: who gets in, and what the others are told.
 * No message shows the secret.
 */

#include "secure_client.h"

static const char *const wrong_password = "Wrong-Horse-8";

/* The ways to log in. */
static const struct {
    const char *name, *mechanism;
    rivven_code (*call)(rivven_client_t *, const char *, const char *, rivven_session_t **, rivven_error_t **);
} logins[] = {
    {"authenticate", "plain", rivven_client_authenticate},
    {"authenticate_scram", "scram-sha-256", rivven_client_authenticate_scram},
};

enum { LOGINS = sizeof logins / sizeof *logins };

static rivven_code list_topics(rivven_client_t *client) {
    rivven_strings_t *names = NULL;
    rivven_code code = rivven_client_list_topics(client, &names, &error);
    rivven_strings_free(names);
    return code;
}

static void test_login(const struct secure_broker *broker) {
    for (int i = 0; i < LOGINS; i++) {
        rivven_client_t *client = trusting(broker->server.address, broker->ca, NULL);
        rivven_session_t *session = NULL;
        succeeds("connect by TLS", rivven_client_connect(client, &error));
        fails("without login", RIVVEN_CODE_AUTHENTICATION_REQUIRED, list_topics(client));
        if (!succeeds(logins[i].name, logins[i].call(client, USER, PASSWORD, &session, &error))) return;
        check(*rivven_session_id(session) != '\0', "the session has a name");
        check(rivven_session_expires_in(session) == 3600, "and the time that the broker gives");
        rivven_session_free(session);
        succeeds("a request", list_topics(client));
        succeeds("log in again, without a place for the session",
                 logins[i].call(client, USER, PASSWORD, NULL, &error));
        succeeds("close", rivven_client_close(client, -1, &error));
        session = NULL;
        fails("log in after close", RIVVEN_CODE_CLOSED, logins[i].call(client, USER, PASSWORD, &session, &error));
        check(!session, "outputs are untouched");
        rivven_client_free(client);
    }
}

/* A wrong password and an unknown user look alike, and leave what was in use. */
static void test_wrong_credentials(const struct secure_broker *broker) {
    const char *address = broker->server.address;
    rivven_client_t *client = trusting(address, broker->ca, NULL);
    for (int i = 0; i < LOGINS; i++) {
        refused("a wrong password", address, RIVVEN_CODE_AUTHENTICATION_FAILED, USER,
                logins[i].call(client, USER, wrong_password, NULL, &error));
        refused("an unknown user", address, RIVVEN_CODE_AUTHENTICATION_FAILED, "mallory",
                logins[i].call(client, "mallory", PASSWORD, NULL, &error));
    }
    fails("still without login", RIVVEN_CODE_AUTHENTICATION_REQUIRED, list_topics(client));
    succeeds("the right ones", rivven_client_authenticate_scram(client, USER, PASSWORD, NULL, &error));
    fails("wrong ones again", RIVVEN_CODE_AUTHENTICATION_FAILED,
          rivven_client_authenticate_scram(client, USER, wrong_password, NULL, &error));
    succeeds("the login before holds", list_topics(client));
    rivven_client_free(client);
}

static void test_wrong_credentials_of_the_configuration(const struct secure_broker *broker) {
    for (int i = 0; i < LOGINS; i++) {
        const char *const wrong[] = {"auth.username", USER, "auth.password", wrong_password,
                                     "auth.mechanism", logins[i].mechanism, NULL};
        rivven_client_t *client = trusting(broker->server.address, broker->ca, wrong);
        refused("a wrong password in the configuration", broker->server.address, RIVVEN_CODE_AUTHENTICATION_FAILED,
                USER, rivven_client_connect(client, &error));
        rivven_client_free(client);
    }
}

static void test_configuration(const struct secure_broker *broker) {
    for (int i = 0; i < LOGINS; i++) {
        const char *const settings[] = {"auth.username", USER, "auth.password", PASSWORD,
                                        "auth.mechanism", logins[i].mechanism, NULL};
        rivven_client_t *client = trusting(broker->server.address, broker->ca, settings);
        succeeds(logins[i].mechanism, list_topics(client));
        rivven_client_free(client);
    }
}

/* covers: F012 c, F013 c, F014 c */
int main(void) {
    struct secure_broker broker;
    start_secure(&broker, NULL);
    test_login(&broker);
    test_wrong_credentials(&broker);
    test_configuration(&broker);
    test_wrong_credentials_of_the_configuration(&broker);
    stop_secure(&broker);
    return summary();
}
