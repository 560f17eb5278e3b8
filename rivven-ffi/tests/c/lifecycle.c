/*
 * Clients that are left open, closed twice, closed and freed under calls of
 * other threads; nothing hangs, nothing crashes, no thread is left behind.
 */

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>

#include "client.h"
#include "launch.h"

static struct server broker, stalling;

/* Runs a body in a process of its own; whether it ends with status 0 within 10 s. */
static bool in_child(void (*body)(void)) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) give_up("fork");
    if (pid == 0) {
        body();
        exit(EXIT_SUCCESS);
    }
    return child_succeeds(pid, 10);
}

/* Where a leak detector finds what is left open on purpose. */
static rivven_client_t *left;

static void leave_open(void) {
    left = connected_client(broker.address);
    if (rivven_client_ping(left, NULL)) _exit(1);
}

static void *call_for_ever(void *client) {
    rivven_client_get_metadata(client, "t", NULL, NULL);
    return NULL;
}

static void leave_pending(void) {
    pthread_t thread;
    left = connected_client(stalling.address);
    if (pthread_create(&thread, NULL, call_for_ever, left)) _exit(1);
}

static void leave_freed(void) {
    rivven_client_t *client = connected_client(broker.address);
    rivven_client_free(client);
}

static void leave_in_atexit(void) { rivven_client_free(connected_client(broker.address)); }

static void register_atexit(void) {
    if (atexit(leave_in_atexit)) _exit(1);
}

static void test_exit(void) {
    check(in_child(leave_open), "a process ends with a client open");
    check(in_child(leave_pending), "a process ends with a call under way");
    check(in_child(leave_freed), "a process ends right after a client was freed");
    check(in_child(register_atexit), "a client is used in an exit handler");
}

/* The threads of this process. */
static int threads(void) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks) give_up("/proc/self/task");
    for (struct dirent *task; (task = readdir(tasks));) count += task->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static bool are_no_more_than(void *count) { return threads() <= *(int *)count; }

static void test_close(void) {
    rivven_client_t *client = connected_client(broker.address);
    rivven_batch_t *batch = NULL;
    succeeds("close", rivven_client_close(client, -1, &error));
    succeeds("close again", rivven_client_close(client, 0, &error));
    fails("connect after close", RIVVEN_CODE_CLOSED, rivven_client_connect(client, &error));
    fails("consume after close", RIVVEN_CODE_CLOSED, rivven_client_consume(client, "t", 0, 0, 1, &batch, &error));
    rivven_client_free(client);

    client = client_of(broker.address, NULL);
    succeeds("close without a connection", rivven_client_close(client, -1, &error));
    rivven_client_free(client);
    rivven_client_free(connected_client(broker.address));
    check(true, "freed without close");
}

/* A call in another thread. */
struct caller {
    pthread_t thread;
    rivven_client_t *client;
    atomic_int id;
    rivven_code code;
};

static void *call(void *argument) {
    struct caller *caller = argument;
    atomic_store(&caller->id, (int)syscall(SYS_gettid));
    caller->code = rivven_client_get_metadata(caller->client, "t", NULL, NULL);
    return NULL;
}

/* Whether the caller's thread sleeps, which it does in the call alone. */
static bool is_in_the_call(void *argument) {
    struct caller *caller = argument;
    char path[64], state = 0;
    int id = atomic_load(&caller->id);
    if (!id) return false;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
    FILE *status = fopen(path, "r");
    if (!status) return false;
    bool read = fscanf(status, "%*d (%*[^)]) %c", &state) == 1;
    fclose(status);
    return read && state == 'S';
}

static void start_call(struct caller *caller, rivven_client_t *client) {
    *caller = (struct caller){.client = client};
    if (pthread_create(&caller->thread, NULL, call, caller)) give_up("pthread_create");
    check(holds_within(5, is_in_the_call, caller), "a call is under way in another thread");
}

/* Time that no test has: what waits for it is stopped from outside. */
static const char *const for_ever[] = {"request.timeout.ms", "3600000", NULL};

static void test_close_under_calls(void) {
    struct caller callers[3];
    rivven_client_t *client = client_of(stalling.address, for_ever);
    succeeds("connect", rivven_client_connect(client, &error));
    for (int i = 0; i < 3; i++) start_call(&callers[i], client);
    succeeds("close with 300 ms", rivven_client_close(client, 300, &error));
    for (int i = 0; i < 3; i++) {
        pthread_join(callers[i].thread, NULL);
        check(callers[i].code == RIVVEN_CODE_CLOSED, "the call ends: %s", rivven_code_name(callers[i].code));
    }
    rivven_client_free(client);
}

static void test_free_under_a_call(void) {
    struct server server = start_misbehaving("stall");
    struct caller caller;
    rivven_client_t *client = client_of(server.address, for_ever);
    succeeds("connect", rivven_client_connect(client, &error));
    start_call(&caller, client);
    rivven_client_free(client);
    check(is_in_the_call(&caller), "free does not wait for the call");
    /* The call keeps the memory, so that the marker of a freed client can be seen. */
    fails("another call", RIVVEN_CODE_INVALID_ARGUMENT, rivven_client_ping(client, &error));
    stop_server(&server);
    pthread_join(caller.thread, NULL);
    check(caller.code == RIVVEN_CODE_CONNECTION_FAILED || caller.code == RIVVEN_CODE_CONNECTION_LOST,
          "the call goes on to its end: %s", rivven_code_name(caller.code));
}

enum { WORKERS = 8, ROUNDS = 20 };

struct worker {
    pthread_t thread;
    rivven_client_t *client;
    uint32_t partition;
    int failures;
};

/* Writes to a partition of its own and reads back. */
static void *work(void *argument) {
    struct worker *worker = argument;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        rivven_batch_t *batch = NULL;
        uint64_t offset = 0;
        rivven_bytes_t value = rivven_bytes_from(&i, sizeof i);
        worker->failures += rivven_client_publish_to_partition(worker->client, "workers", worker->partition, value,
                                                               value, &offset, NULL) != RIVVEN_CODE_OK;
        worker->failures += rivven_client_consume(worker->client, "workers", worker->partition, offset, 1, &batch,
                                                  NULL) != RIVVEN_CODE_OK;
        worker->failures += offset != i || !holds(rivven_batch_value(batch, 0), (const char *)&i, sizeof i);
        worker->failures += rivven_client_ping(worker->client, NULL) != RIVVEN_CODE_OK;
        rivven_batch_free(batch);
    }
    return NULL;
}

static void test_many_threads(void) {
    struct worker workers[WORKERS];
    rivven_client_t *client = client_of(broker.address, NULL);
    succeeds("create a topic", rivven_client_create_topic(client, "workers", WORKERS, NULL, &error));
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.client = client, .partition = i};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) give_up("pthread_create");
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        check(workers[i].failures == 0, "thread %d got its own answers", i);
    }
    rivven_client_free(client);
}

static void test_threads_end(int before) {
    rivven_client_t *first = connected_client(broker.address), *second = connected_client(broker.address);
    check(threads() > before, "clients have threads in the background");
    rivven_client_close(first, -1, NULL);
    rivven_client_close(second, -1, NULL);
    rivven_client_free(first);
    rivven_client_free(second);
    check(holds_within(10, are_no_more_than, &before), "they end with the last client");
    for (int i = 0; i < 20; i++) rivven_client_free(connected_client(broker.address));
    check(holds_within(10, are_no_more_than, &before), "they end where clients come and go without close");
}

int main(void) {
    broker = start_broker();
    stalling = start_misbehaving("stall");
    int before = threads();
    test_exit();
    test_close();
    test_close_under_calls();
    test_free_under_a_call();
    test_many_threads();
    check(holds_within(10, are_no_more_than, &before), "no thread is left");
    test_threads_end(before);
    stop_server(&stalling);
    stop_server(&broker);
    return summary();
}
