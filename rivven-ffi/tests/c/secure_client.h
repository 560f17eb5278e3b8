/*
 * What the tests of TLS and login have in common.
 */

#ifndef SECURE_CLIENT_H
#define SECURE_CLIENT_H

#include <string.h>

#include "client.h"
#include "secure.h"

/* A call that fails with this code and a message that has these words, the address and no secret. */
static inline void refused(const char *what, const char *address, rivven_code wanted, const char *words, rivven_code code) {
    const char *message = rivven_error_message(error);
    check(strstr(message, words) && strstr(message, address), "%s: the message has \"%s\" and the address", what, words);
    check(!strstr(message, SECRET), "%s: and not the secret", what);
    fails(what, wanted, code);
}

/* A client that trusts the authority in a file; more settings, ended by NULL, may be given. */
static inline rivven_client_t *trusting(const char *address, const char *ca, const char *const *more) {
    const char *settings[16] = {"tls.ca.cert.path", ca};
    for (size_t i = 2; more && *more && i + 1 < sizeof settings / sizeof *settings; i++) settings[i] = *more++;
    return client_of(address, settings);
}

#endif
