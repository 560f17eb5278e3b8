/*
 * Groups: members divide partitions, one that is killed is missed, one that
 * does not poll is not waited for.
 */

#include <signal.h>
#include <string.h>

#include "consumer.h"

enum { PARTITIONS = 4 };

static const char *const topics[] = {"divided"};

static rivven_consumer_t *member_of(const char *address) {
    const char *const settings[] = {
        "group.id", "divided", "session.timeout.ms", "1500", "rebalance.timeout.ms", "500", "heartbeat.interval.ms",
        "100", NULL};
    rivven_config_t *config = config_of(address, settings);
    rivven_consumer_t *consumer = NULL;
    if (rivven_consumer_new(config, NULL, &consumer, NULL)) give_up("rivven_consumer_new");
    if (rivven_consumer_subscribe(consumer, topics, 1, NULL)) give_up("rivven_consumer_subscribe");
    rivven_config_free(config);
    return consumer;
}

static void poll_once(rivven_consumer_t *consumer) {
    rivven_batch_t *batch = NULL;
    if (rivven_consumer_poll(consumer, 20, &batch, NULL)) give_up("rivven_consumer_poll");
    rivven_batch_free(batch);
}

/* Polls two members until both have partitions, and so many together, at most a minute. */
static bool come_to_have(rivven_consumer_t *one, rivven_consumer_t *other, size_t fewest, size_t most) {
    for (double start = seconds(); seconds() - start < 60;) {
        size_t ones = assigned(one), others = assigned(other);
        if (ones && others && ones + others >= fewest && ones + others <= most) return true;
        poll_once(one);
        poll_once(other);
    }
    return false;
}

/* A process of its own that polls until it is killed. */
static pid_t start_member(const char *program, const char *address) {
    pid_t pid = fork();
    if (pid < 0) give_up("fork");
    if (pid == 0) {
        execl(program, program, address, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void test_group(const char *program, const char *address) {
    rivven_client_t *client = connected_client(address);
    if (rivven_client_create_topic(client, "divided", PARTITIONS, NULL, NULL)) give_up("rivven_client_create_topic");
    rivven_client_free(client);
    rivven_consumer_t *one = member_of(address), *other = member_of(address);
    check(come_to_have(one, other, PARTITIONS, PARTITIONS), "two members divide the partitions");
    pid_t killed = start_member(program, address);
    check(come_to_have(one, other, 2, 3), "a third one gets some of them");
    kill(killed, SIGKILL);
    waitpid(killed, NULL, 0);
    double start = seconds();
    check(come_to_have(one, other, PARTITIONS, PARTITIONS), "when it is killed the others get it back");
    /* By the default its session would end after ten seconds. */
    double taken = seconds() - start;
    check(taken > 1 && taken < 9, "after the timeout of its session: %.2f s", taken);
    rivven_consumer_t *third = member_of(address);
    check(come_to_have(other, third, PARTITIONS, PARTITIONS), "one that does not poll is not waited for");
    check(assigned(one) == 0, "and has lost its partitions");
    succeeds("close", rivven_consumer_close(third, -1, &error));
    check(come_to_have(one, other, PARTITIONS, PARTITIONS), "until it polls again");
    rivven_consumer_free(third);
    rivven_consumer_free(other);
    rivven_consumer_free(one);
}

/* covers: F093 c, F094 c, F095 c, F097 c */
int main(int argc, char **argv) {
    if (argc > 1) {
        rivven_consumer_t *member = member_of(argv[1]);
        for (;;) poll_once(member);
    }
    struct server broker = start_broker();
    test_group(argv[0], broker.address);
    stop_server(&broker);
    return summary();
}
