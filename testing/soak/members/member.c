/* A member of a group that says what happens to it: member <server> <group> <topic> <session ms> <heartbeat ms> */

#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <rivven.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static rivven_error_t *error;

static void check(rivven_code code) {
    if (code == RIVVEN_CODE_OK) return;
    fprintf(stderr, "%s\n", rivven_error_message(error));
    exit(1);
}

static void told(void *user_data, rivven_rebalance_kind kind, const rivven_partitions_t *partitions) {
    struct timespec now;
    (void)user_data;
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%s %lld", kind == RIVVEN_REBALANCE_KIND_ASSIGNED ? "assigned" : "revoked",
           (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
    for (size_t i = 0; i < rivven_partitions_len(partitions); i++) {
        printf(" %u", rivven_partitions_partition(partitions, i));
    }
    puts("");
}

/* Ends the poll that waits when the standard input ends. */
static void *wake(void *consumer) {
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {}
    rivven_consumer_wakeup(consumer, NULL);
    return NULL;
}

static void say(const rivven_batch_t *batch) {
    const uint64_t *offsets = rivven_batch_offsets(batch);
    for (size_t i = 0; i < rivven_batch_len(batch); i++) {
        printf("read %u %llu\n", rivven_batch_partition(batch, i), (unsigned long long)offsets[i]);
    }
}

int main(int argc, char **argv) {
    static const char *const keys[] = {"bootstrap.servers", "group.id", NULL, "session.timeout.ms",
                                       "heartbeat.interval.ms"};
    rivven_config_t *config;
    rivven_consumer_t *consumer;
    rivven_code code;
    pthread_t thread;
    if (argc != 6) return 2;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    check(rivven_config_new(&config, &error));
    for (int i = 0; i < 5; i++) {
        if (keys[i]) check(rivven_config_set(config, keys[i], argv[i + 1], &error));
    }
    check(rivven_consumer_new(config, NULL, &consumer, &error));
    check(rivven_consumer_set_rebalance_callback(consumer, told, NULL, NULL, &error));
    check(rivven_consumer_subscribe(consumer, (const char *const *)&argv[3], 1, &error));
    puts("polls");
    if (pthread_create(&thread, NULL, wake, consumer) != 0) return 1;
    do {
        rivven_batch_t *batch = NULL;
        code = rivven_consumer_poll(consumer, -1, &batch, &error);
        if (code == RIVVEN_CODE_OK) {
            say(batch);
            rivven_batch_free(batch);
        } else if (code != RIVVEN_CODE_WOKEN_UP) {
            printf("error %s\n", rivven_error_message(error));
        }
    } while (code != RIVVEN_CODE_WOKEN_UP);
    pthread_join(thread, NULL);
    if (rivven_consumer_close(consumer, 60000, &error) == RIVVEN_CODE_OK) puts("closed");
    else printf("error %s\n", rivven_error_message(error));
    rivven_error_free(error);
    rivven_consumer_free(consumer);
    rivven_config_free(config);
}
