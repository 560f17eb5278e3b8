/*
 * Clients come and go by the thousand, connected, and nothing of them stays:
 * no thread, no descriptor, and no memory that grows with their number.
 */

#include <dirent.h>
#include <string.h>

#include "client.h"
#include "launch.h"

enum { WARM_UP = 100, CLIENTS = 1000 };

/*
 * Memory is compared after a warm-up, in which the allocator takes what it
 * keeps for reuse: arenas of every thread, pages that stay half full. What is
 * left of growth then is noise of these, some hundred KiB however many clients
 * come. A connected client holds about 100 KiB, so a bound of 4 KiB for each is
 * ten times the noise, and a leak of one client in twenty exceeds it.
 */
enum { KIB_PER_CLIENT = 4 };

/* The entries of a folder. */
static int entries(const char *path) {
    int count = 0;
    DIR *folder = opendir(path);
    if (!folder) give_up(path);
    for (struct dirent *entry; (entry = readdir(folder));) count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

/* What the process has in memory, in KiB. */
static long resident(void) {
    char line[256];
    long size = -1;
    FILE *status = fopen("/proc/self/status", "r");
    if (!status) give_up("/proc/self/status");
    while (fgets(line, sizeof line, status)) {
        if (sscanf(line, "VmRSS: %ld kB", &size) == 1) break;
    }
    fclose(status);
    if (size < 0) give_up("VmRSS");
    return size;
}

struct usage {
    int threads, descriptors;
};

static struct usage usage(void) { return (struct usage){entries("/proc/self/task"), entries("/proc/self/fd")}; }

/* Whether the background has ended what it had to: it does so after close and free returned. */
static bool has_settled(void *argument) {
    const struct usage *wanted = (struct usage *)argument, now = usage();
    return now.threads <= wanted->threads && now.descriptors <= wanted->descriptors;
}

/* Opens so many clients one after another, uses each and closes every second; the number of failures. */
static int open_and_close(const char *address, int count) {
    int failures = 0;
    for (int i = 0; i < count; i++) {
        rivven_client_t *client = client_of(address, NULL);
        failures += rivven_client_connect(client, NULL) != RIVVEN_CODE_OK;
        failures += rivven_client_ping(client, NULL) != RIVVEN_CODE_OK;
        if (i % 2) failures += rivven_client_close(client, -1, NULL) != RIVVEN_CODE_OK;
        rivven_client_free(client);
    }
    return failures;
}

/* Tools that keep freed memory aside make the process grow by themselves. */
static bool memory_is_as_usual(void) { return !getenv("RIVVEN_TEST_UNDER"); }

/* Threads and descriptors are counted from before the first client; memory from after the warm-up. */
static void test_round(const char *address, const char *what) {
    struct usage before = usage();
    check(open_and_close(address, WARM_UP) == 0, "%s: %d clients to warm up", what, WARM_UP);
    long memory = resident();
    check(open_and_close(address, CLIENTS) == 0, "%s: %d clients connect, ping and go", what, CLIENTS);
    bool settled = holds_within(20, has_settled, &before);
    struct usage after = usage();
    check(settled, "%s: %d threads and %d descriptors before, %d and %d after", what, before.threads,
          before.descriptors, after.threads, after.descriptors);
    long grown = resident() - memory;
    if (memory_is_as_usual()) {
        check(grown < (long)KIB_PER_CLIENT * CLIENTS, "%s: memory grows by %ld KiB, of %ld", what, grown, memory);
    }
}

int main(void) {
    struct server broker = start_broker();
    struct usage before = usage();
    test_round(broker.address, "by themselves");
    rivven_client_t *other = connected_client(broker.address);
    test_round(broker.address, "beside another");
    succeeds("the other goes on", rivven_client_ping(other, &error));
    succeeds("and is closed", rivven_client_close(other, -1, &error));
    rivven_client_free(other);
    check(holds_within(20, has_settled, &before), "nothing is left in the end");
    stop_server(&broker);
    return summary();
}
