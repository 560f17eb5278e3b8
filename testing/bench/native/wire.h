/* What programs without any client have in common: a socket, and numbers as they are on the wire. */
#ifndef WIRE_H
#define WIRE_H

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define HEADER_BYTES 9

static inline int open_socket(const char *address) {
    char host[256];
    const char *colon = strrchr(address, ':');
    if (!colon || (size_t)(colon - address) >= sizeof host) fail(address, "is not host:port");
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, colon + 1, &hints, &found);
    if (error) fail(address, gai_strerror(error));
    int fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol), on = 1;
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen)) fail(address, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    freeaddrinfo(found);
    return fd;
}

static inline void write_all(int fd, const unsigned char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = send(fd, bytes, count, MSG_NOSIGNAL);
        if (written < 0) fail("write", strerror(errno));
        bytes += written;
        count -= (size_t)written;
    }
}

static inline void read_all(int fd, unsigned char *bytes, size_t count) {
    while (count > 0) {
        ssize_t got = read(fd, bytes, count);
        if (got <= 0) fail("read", got ? strerror(errno) : "the server has closed the connection");
        bytes += got;
        count -= (size_t)got;
    }
}

static inline unsigned char *put_varint(unsigned char *to, uint64_t number) {
    for (; number >= 0x80; number >>= 7) *to++ = (unsigned char)(number | 0x80);
    *to++ = (unsigned char)number;
    return to;
}

static inline void put_big_endian(unsigned char *to, uint32_t number) {
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(number >> (24 - 8 * i));
}

static inline uint32_t get_big_endian(const unsigned char *from) {
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

#endif
