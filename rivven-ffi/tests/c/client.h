/*
 * What the tests of the library have in common: clients and expected results.
 */

#ifndef CLIENT_H
#define CLIENT_H

#include <rivven.h>

#include "check.h"

/* Where the calls of the main thread leave their error. */
static rivven_error_t *error;

/* Checks that a call succeeded. */
static inline bool succeeds(const char *what, rivven_code code) {
    bool fine = code == RIVVEN_CODE_OK && error == NULL;
    check(fine, "%s%s%s", what, fine ? "" : ": ", fine ? "" : rivven_error_message(error));
    rivven_error_free(error);
    error = NULL;
    return fine;
}

/* Checks that a call failed in the way expected. */
static inline bool fails(const char *what, rivven_code wanted, rivven_code code) {
    bool as_wanted = code == wanted && rivven_error_code(error) == wanted && *rivven_error_message(error);
    check(as_wanted, "%s: %s: %s", what, rivven_code_name(code), rivven_error_message(error));
    rivven_error_free(error);
    error = NULL;
    return as_wanted;
}

/* A configuration with one server; the settings are keys and values in turn, ended by NULL. */
static inline rivven_config_t *config_of(const char *address, const char *const *settings) {
    rivven_config_t *config = NULL;
    if (rivven_config_new(&config, NULL) || rivven_config_set(config, "bootstrap.servers", address, NULL)) {
        give_up("rivven_config_new");
    }
    for (; settings && *settings; settings += 2) {
        if (rivven_config_set(config, settings[0], settings[1], NULL)) give_up(settings[0]);
    }
    return config;
}

/* A client that is not connected yet. */
static inline rivven_client_t *client_of(const char *address, const char *const *settings) {
    rivven_config_t *config = config_of(address, settings);
    rivven_client_t *client = NULL;
    if (rivven_client_new(config, &client, NULL)) give_up("rivven_client_new");
    rivven_config_free(config);
    return client;
}

/* A client that is connected. */
static inline rivven_client_t *connected_client(const char *address) {
    rivven_client_t *client = client_of(address, NULL);
    if (rivven_client_connect(client, &error)) {
        fprintf(stderr, "%s\n", rivven_error_message(error));
        exit(2);
    }
    return client;
}

/* Whether a view holds exactly these bytes. */
static inline bool holds(rivven_bytes_t view, const char *bytes, size_t len) {
    if (view.data == NULL || view.len != len) return false;
    for (size_t i = 0; i < len; i++) {
        if (view.data[i] != (uint8_t)bytes[i]) return false;
    }
    return true;
}

#endif
