/*
 * The library is loaded by hand and unloaded with a client still open, whose
 * threads go on; the process does too, and ends cleanly.
 *
 * This program is not linked with the library.
 */

#include <dlfcn.h>
#include <rivven.h>

#include "check.h"
#include "launch.h"

/* Finds a function of the library; the variable has its name without prefix. */
#define FIND(library, name) __typeof__(&rivven_##name) name = (__typeof__(&rivven_##name))dlsym(library, "rivven_" #name)

/* Uses the library and unloads it. */
static void load_and_unload(const char *address, bool free_client) {
    rivven_config_t *config = NULL;
    rivven_client_t *client = NULL;
    void *library = dlopen("librivven.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!check(library != NULL, "the library is loaded")) return;
    FIND(library, config_new);
    FIND(library, config_set);
    FIND(library, config_free);
    FIND(library, client_new);
    FIND(library, client_connect);
    FIND(library, client_ping);
    FIND(library, client_free);
    check(config_new(&config, NULL) == RIVVEN_CODE_OK, "rivven_config_new");
    check(config_set(config, "bootstrap.servers", address, NULL) == RIVVEN_CODE_OK, "rivven_config_set");
    check(client_new(config, &client, NULL) == RIVVEN_CODE_OK, "rivven_client_new");
    check(client_connect(client, NULL) == RIVVEN_CODE_OK, "rivven_client_connect");
    check(client_ping(client, NULL) == RIVVEN_CODE_OK, "rivven_client_ping");
    config_free(config);
    if (free_client) client_free(client);
    check(dlclose(library) == 0, "the library is unloaded");
}

static bool has_ended(void *server) { return waitpid(((struct server *)server)->pid, NULL, WNOHANG) != 0; }

int main(void) {
    struct server broker = start_broker();
    load_and_unload(broker.address, false);
    load_and_unload(broker.address, true);
    /* The threads meet the end of the connection in code that must still be there. */
    close(broker.input);
    check(holds_within(10, has_ended, &broker), "the process goes on when the broker ends");
    broker = start_broker();
    load_and_unload(broker.address, false);
    stop_server(&broker);
    return summary();
}
