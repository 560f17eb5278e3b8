/*
 * Starts servers: the real broker and those that misbehave.
 *
 * A server prints a line of JSON with its address and ends when its standard
 * input does, so none outlives the test, however that ends.
 */

#ifndef LAUNCH_H
#define LAUNCH_H

#include <fcntl.h>
#include <string.h>
#include <sys/types.h>

#include "check.h"

struct server {
    pid_t pid;
    int input;
    char address[64];
};

/* Reads the value of "address" from the line that the server prints. */
static inline void read_address(struct server *server, int output) {
    char line[1024];
    size_t length = 0;
    while (length + 1 < sizeof line && read(output, line + length, 1) == 1 && line[length] != '\n') length++;
    line[length] = '\0';
    const char *value = strstr(line, "\"address\":\"");
    if (!value || sscanf(value, "\"address\":\"%63[^\"]", server->address) != 1) give_up("no address from the server");
}

/* Starts the program that the environment variable names. */
static inline struct server start_server(const char *variable, const char *argument) {
    const char *program = getenv(variable);
    int input[2], output[2];
    struct server server;
    if (!program) give_up(variable);
    if (pipe2(input, O_CLOEXEC) || pipe2(output, O_CLOEXEC)) give_up("pipe");
    server.pid = fork();
    if (server.pid < 0) give_up("fork");
    if (server.pid == 0) {
        dup2(input[0], STDIN_FILENO);
        dup2(output[1], STDOUT_FILENO);
        execl(program, program, argument, (char *)NULL);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    server.input = input[1];
    read_address(&server, output[0]);
    close(output[0]);
    return server;
}

/* Starts the real broker. */
static inline struct server start_broker(void) { return start_server("RIVVEN_TEST_BROKER", NULL); }

/* Starts a server that misbehaves in the way named. */
static inline struct server start_misbehaving(const char *mode) { return start_server("RIVVEN_MISBEHAVE", mode); }

/* Ends a server and waits until it is gone. */
static inline void stop_server(struct server *server) {
    close(server->input);
    waitpid(server->pid, NULL, 0);
}

#endif
