/*
 * Checks that are counted, one line of output each.
 *
 * A program ends with `return summary();`.
 */

#ifndef CHECK_H
#define CHECK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Changed by the main thread only. */
static int checks_passed, checks_failed;

/* Counts a check and says what it was about. */
__attribute__((format(printf, 2, 3))) static inline bool check(bool holds, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("%s ", holds ? "ok  " : "FAIL");
    vprintf(format, arguments);
    printf("\n");
    fflush(stdout);
    va_end(arguments);
    *(holds ? &checks_passed : &checks_failed) += 1;
    return holds;
}

/* Ends the program where going on makes no sense. */
__attribute__((noreturn)) static inline void give_up(const char *what) {
    perror(what);
    exit(2);
}

/* Gives the exit status. */
static inline int summary(void) {
    printf("%d passed, %d failed\n", checks_passed, checks_failed);
    return checks_failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Seconds of a clock that does not jump. */
static inline double seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Asks every 5 ms until the condition holds, at most so many seconds; whether it does. */
static inline bool holds_within(double limit, bool (*condition)(void *), void *argument) {
    const struct timespec pause = {0, 5000000};
    for (double start = seconds(); !condition(argument);) {
        if (seconds() - start > limit) return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

struct child_state {
    pid_t pid;
    int status;
};

static inline bool child_has_ended(void *argument) {
    struct child_state *child = (struct child_state *)argument;
    return waitpid(child->pid, &child->status, WNOHANG) == child->pid;
}

/* Waits for a child; whether it ended within the limit with status 0. */
static inline bool child_succeeds(pid_t pid, double limit) {
    struct child_state child = {pid, 0};
    if (!holds_within(limit, child_has_ended, &child)) return false;
    return WIFEXITED(child.status) && WEXITSTATUS(child.status) == 0;
}

#endif
