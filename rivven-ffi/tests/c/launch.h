/*
 * Starts servers: the real broker, the real schema registry, a broker that does what
 * a script says, and servers that misbehave.
 *
 * A server prints a line of JSON with its address and ends when its standard
 * input does, so none outlives the test, however that ends.
 */

#ifndef LAUNCH_H
#define LAUNCH_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "check.h"

struct server {
    pid_t pid;
    int input;
    char address[64];
    /* Where it answers commands; -1 if nobody listens. */
    int output;
    /* The last line that it printed. */
    char line[8192];
};

/* Reads a line that the server prints. */
static inline void read_line(struct server *server) {
    size_t length = 0;
    char *line = server->line;
    while (length + 1 < sizeof server->line && read(server->output, line + length, 1) == 1 && line[length] != '\n') {
        length++;
    }
    line[length] = '\0';
}

/* Has the server do something; gives the line that it answers when it has. */
static inline const char *command(struct server *server, const char *what) {
    if (dprintf(server->input, "%s\n", what) < 0) give_up(what);
    read_line(server);
    if (strstr(server->line, "\"error\"")) give_up(server->line);
    return server->line;
}

/* Gives the number that the line has under a key. */
static inline unsigned long long number_in(const char *line, const char *key) {
    char opening[64];
    snprintf(opening, sizeof opening, "\"%s\":", key);
    const char *start = strstr(line, opening);
    if (!start) give_up(key);
    return strtoull(start + strlen(opening), NULL, 10);
}

/* Copies the text that the line has under a key; there are no escapes in it. */
static inline void read_value(const struct server *server, const char *key, char *value, size_t size) {
    char opening[64];
    snprintf(opening, sizeof opening, "\"%s\":\"", key);
    const char *start = strstr(server->line, opening);
    if (!start) give_up(key);
    start += strlen(opening);
    size_t length = strcspn(start, "\"");
    if (length >= size) give_up(key);
    memcpy(value, start, length);
    value[length] = '\0';
}

/* Starts the program that the environment variable names, to be commanded; the arguments end with NULL. */
static inline struct server start_obedient(const char *variable, const char *const *arguments) {
    const char *program = getenv(variable);
    const char *command[32] = {program};
    int input[2], output[2];
    struct server server;
    if (!program) give_up(variable);
    for (size_t i = 1; i + 1 < sizeof command / sizeof *command && *arguments; i++) command[i] = *arguments++;
    if (*arguments) give_up("too many arguments");
    if (pipe2(input, O_CLOEXEC) || pipe2(output, O_CLOEXEC)) give_up("pipe");
    server.pid = fork();
    if (server.pid < 0) give_up("fork");
    if (server.pid == 0) {
        dup2(input[0], STDIN_FILENO);
        dup2(output[1], STDOUT_FILENO);
        execv(program, (char *const *)command);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    server.input = input[1];
    server.output = output[0];
    read_line(&server);
    read_value(&server, "address", server.address, sizeof server.address);
    return server;
}

/* Starts the program that the environment variable names, which may print what it likes; the arguments end with NULL. */
static inline struct server start_server(const char *variable, const char *const *arguments) {
    struct server server = start_obedient(variable, arguments);
    close(server.output);
    server.output = -1;
    return server;
}

/* Starts the real broker. */
static inline struct server start_broker(void) {
    const char *const none[] = {NULL};
    return start_server("RIVVEN_TEST_BROKER", none);
}

/* Starts the real broker at the port of an address, as one that was there before. */
static inline struct server restart_broker(const char *address) {
    const char *const arguments[] = {"--port", strrchr(address, ':') + 1, NULL};
    return start_server("RIVVEN_TEST_BROKER", arguments);
}

/* Starts the real schema registry. */
static inline struct server start_registry(void) {
    const char *const none[] = {NULL};
    return start_server("RIVVEN_TEST_REGISTRY", none);
}

/* Starts a server that misbehaves in the way named. */
static inline struct server start_misbehaving(const char *mode) {
    const char *const arguments[] = {mode, NULL};
    return start_server("RIVVEN_MISBEHAVE", arguments);
}

/* Starts a broker that does what a script says, which is JSON; it obeys. */
static inline struct server start_scripted(const char *script) {
    const char *const arguments[] = {"--json", script, NULL};
    return start_obedient("RIVVEN_SCRIPTED_BROKER", arguments);
}

/* Starts a proxy to an address, which obeys. */
static inline struct server start_proxy(const char *upstream) {
    const char *const arguments[] = {"--upstream", upstream, NULL};
    return start_obedient("RIVVEN_FAULT_PROXY", arguments);
}

/* Starts a broker that keeps nothing and checks the numbers that values begin with; it obeys. */
static inline struct server start_sink(void) {
    const char *const arguments[] = {"--sequenced", NULL};
    return start_obedient("RIVVEN_SINK", arguments);
}

/* Ends a server and waits until it is gone. */
static inline void stop_server(struct server *server) {
    close(server->input);
    if (server->output >= 0) close(server->output);
    waitpid(server->pid, NULL, 0);
}

/* Takes an address without listening there, so that nobody else can; gives the socket. */
static inline int hold_address(char *address, size_t size) {
    struct sockaddr_in name;
    socklen_t length = sizeof name;
    memset(&name, 0, sizeof name);
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int holder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(holder, (struct sockaddr *)&name, length) || getsockname(holder, (struct sockaddr *)&name, &length)) {
        give_up("bind");
    }
    snprintf(address, size, "127.0.0.1:%d", ntohs(name.sin_port));
    return holder;
}

#endif
