/*
 * A connection that breaks under a write must not end the process: C programs
 * have SIGPIPE at its default, where a Rust program ignores it.
 *
 * Whether a write meets a broken connection depends on the moment, so besides
 * peers that reset there are writes that are broken here on purpose: the
 * functions of the C library that write to sockets are defined in this
 * program, which the library then calls, and shut the socket down first.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "client.h"
#include "launch.h"

/* Whether writes to sockets are to fail, and how many did. */
static atomic_bool breaking;
static atomic_int broken;

static void break_socket(int fd) {
    struct stat status;
    if (atomic_load(&breaking) && fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode)) {
        shutdown(fd, SHUT_WR);
        atomic_fetch_add(&broken, 1);
    }
}

/* Finds the function of the C library that this program hides. */
#define HIDDEN(name) __typeof__(&name) hidden = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    HIDDEN(sendmsg);
    break_socket(fd);
    return hidden(fd, message, flags);
}

ssize_t send(int fd, const void *bytes, size_t count, int flags) {
    HIDDEN(send);
    break_socket(fd);
    return hidden(fd, bytes, count, flags);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    HIDDEN(writev);
    break_socket(fd);
    return hidden(fd, parts, count);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    HIDDEN(write);
    break_socket(fd);
    return hidden(fd, bytes, count);
}

static bool is_of_the_connection(rivven_code code) {
    return code == RIVVEN_CODE_CONNECTION_LOST || code == RIVVEN_CODE_IO;
}

static void test_broken_writes(void) {
    struct server server = start_misbehaving("stall");
    rivven_client_t *client = connected_client(server.address);
    succeeds("ping", rivven_client_ping(client, &error));
    atomic_store(&breaking, true);
    rivven_code code = rivven_client_ping(client, NULL);
    atomic_store(&breaking, false);
    check(atomic_load(&broken) > 0, "a write met a broken connection");
    check(is_of_the_connection(code), "the call says so: %s", rivven_code_name(code));
    succeeds("the client connects anew", rivven_client_ping(client, &error));
    rivven_client_free(client);
    stop_server(&server);
}

enum { WRITERS = 4, WRITES = 5, LARGE = 4 << 20 };

struct writer {
    pthread_t thread;
    const char *address;
    bool all_typed;
};

/* Publishes large records, each into a connection that is reset meanwhile. */
static void *write_into_resets(void *argument) {
    /* With its breaker open a client would not write any more. */
    static const char *const settings[] = {"circuit.breaker.failure.threshold", "1000", NULL};
    struct writer *writer = argument;
    char *bytes = calloc(1, LARGE);
    rivven_client_t *client = client_of(writer->address, settings);
    writer->all_typed = bytes != NULL;
    for (int i = 0; i < WRITES; i++) {
        rivven_code code = rivven_client_publish(client, "t", rivven_bytes_from(bytes, LARGE), NULL, NULL, NULL);
        writer->all_typed = writer->all_typed && is_of_the_connection(code);
    }
    rivven_client_free(client);
    free(bytes);
    return NULL;
}

static void test_resets(void) {
    struct server server = start_misbehaving("reset");
    struct writer writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        writers[i].address = server.address;
        if (pthread_create(&writers[i].thread, NULL, write_into_resets, &writers[i])) give_up("pthread_create");
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        check(writers[i].all_typed, "writer %d met resets and got errors for them", i);
    }
    stop_server(&server);
}

int main(void) {
    signal(SIGPIPE, SIG_DFL);
    test_broken_writes();
    test_resets();
    check(true, "the process is still here");
    return summary();
}
