/*
 * What a forked child may do with the clients of its parent: nothing but free
 * them. Clients that it makes itself work, and the parent's go on.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "client.h"
#include "every.h"
#include "launch.h"

static struct server broker;
static rivven_client_t *client;
static rivven_batch_t *batch;

static rivven_bytes_t value(void) { return rivven_bytes_from("v", 1); }

/* Every call on the parent's client. */
static int use_old_client(void) {
    fails("connect", RIVVEN_CODE_FORKED, rivven_client_connect(client, &error));
    every_operation_fails(client, RIVVEN_CODE_FORKED);
    fails("close", RIVVEN_CODE_FORKED, rivven_client_close(client, -1, &error));
    check(holds(rivven_batch_value(batch, 0), "v", 1), "a batch of the parent can be read");
    rivven_batch_free(batch);
    rivven_client_free(client);
    check(true, "and both can be freed");
    return checks_failed;
}

static int use_new_client(void) {
    rivven_client_t *own = connected_client(broker.address);
    succeeds("ping with a client of the child's own", rivven_client_ping(own, &error));
    succeeds("publish", rivven_client_publish(own, "t", value(), NULL, NULL, &error));
    succeeds("close", rivven_client_close(own, -1, &error));
    rivven_client_free(own);
    return checks_failed;
}

static int use_none(void) { return 0; }

static int use_both(void) { return use_old_client() + use_new_client(); }

static int fork_again(void);

/* Runs a body in a child, which ends as any process does, by exit. */
static void in_child(const char *what, int (*body)(void)) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) give_up("fork");
    if (pid == 0) exit(body() ? EXIT_FAILURE : EXIT_SUCCESS);
    check(child_succeeds(pid, 20), "child: %s", what);
}

static int fork_again(void) {
    client = connected_client(broker.address);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) exit(rivven_client_ping(client, NULL) == RIVVEN_CODE_FORKED ? use_new_client() : 1);
    bool grandchild = child_succeeds(pid, 20);
    return rivven_client_ping(client, NULL) != RIVVEN_CODE_OK || !grandchild;
}

static atomic_bool stopping;
static atomic_int pings_failed;

static void *ping_on_and_on(void *unused) {
    (void)unused;
    while (!atomic_load(&stopping)) atomic_fetch_add(&pings_failed, rivven_client_ping(client, NULL) != 0);
    return NULL;
}

/* Forks while other threads are in calls, and their locks may be held. */
static void test_fork_under_calls(void) {
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        if (pthread_create(&threads[i], NULL, ping_on_and_on, NULL)) give_up("pthread_create");
    }
    for (int i = 0; i < 10; i++) in_child("forked while calls are under way", use_new_client);
    atomic_store(&stopping, true);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    check(atomic_load(&pings_failed) == 0, "the parent's calls go on meanwhile");
}

int main(void) {
    broker = start_broker();
    client = connected_client(broker.address);
    succeeds("create a topic", rivven_client_create_topic(client, "t", 1, NULL, &error));
    succeeds("publish", rivven_client_publish_to_partition(client, "t", 0, value(), value(), NULL, &error));
    succeeds("consume", rivven_client_consume(client, "t", 0, 0, 1, &batch, &error));
    in_child("does not use the client", use_none);
    in_child("uses the parent's client", use_old_client);
    in_child("uses the parent's client and makes one", use_both);
    in_child("forks again", fork_again);
    succeeds("the parent's client goes on", rivven_client_ping(client, &error));
    test_fork_under_calls();
    succeeds("close", rivven_client_close(client, -1, &error));
    rivven_batch_free(batch);
    rivven_client_free(client);
    stop_server(&broker);
    return summary();
}
