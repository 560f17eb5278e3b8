/* What the programs that measure clients in C have in common: options, values, clocks and the result.
 *
 * `rivven-bench program` gives the options, knows the same values, and reads the result. */
#ifndef BENCH_H
#define BENCH_H

#include <endian.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* Different values, as in values.rs. */
#define POOL 1024

/* One record in so many has its latency measured. */
#define SAMPLED 1000

struct options {
    const char *address, *topic;
    uint64_t records, seed;
    uint32_t record_bytes, partitions;
};

struct values {
    unsigned char *pool;
    size_t size;
    uint64_t count;
};

struct stopwatch {
    uint64_t start_ns, cpu_ns;
};

struct latencies {
    uint64_t *ns;
    size_t count;
};

static inline void fail(const char *what, const char *why) {
    fprintf(stderr, "error: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static inline void *allocate(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) fail("allocate", "out of memory");
    return memory;
}

/* The value of `--name VALUE` or `--name=VALUE`, or NULL. */
static inline const char *option(int argc, char **argv, const char *name) {
    size_t length = strlen(name);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, length)) continue;
        if (argv[i][length] == '=') return argv[i] + length + 1;
        if (argv[i][length] == '\0' && i + 1 < argc) return argv[i + 1];
    }
    return NULL;
}

static inline const char *required(int argc, char **argv, const char *name) {
    const char *value = option(argc, argv, name);
    if (!value) fail(name, "is missing; this program is run by rivven-bench program");
    return value;
}

static inline uint64_t number(int argc, char **argv, const char *name) {
    return strtoull(required(argc, argv, name), NULL, 10);
}

static inline struct options parse(int argc, char **argv) {
    return (struct options){
        .address = required(argc, argv, "--address"),
        .topic = required(argc, argv, "--topic"),
        .records = number(argc, argv, "--records"),
        .seed = number(argc, argv, "--seed"),
        .record_bytes = (uint32_t)number(argc, argv, "--record-bytes"),
        .partitions = (uint32_t)number(argc, argv, "--partitions"),
    };
}

/* Little-endian, as are the values on the wire. In one go: single bytes that are read as a number right away cost more
 * than all else that is done with a record. */
static inline void put_number(unsigned char *to, uint64_t number) {
    number = htole64(number);
    memcpy(to, &number, sizeof number);
}

static inline uint64_t split_mix(uint64_t *state) {
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline struct values make_values(const struct options *options) {
    size_t size = options->record_bytes, bytes = POOL * size;
    struct values values = {.pool = allocate(bytes + 8), .size = size};
    uint64_t state = options->seed;
    for (size_t i = 0; i < bytes; i += 8) put_number(values.pool + i, split_mix(&state));
    return values;
}

/* The value of the next record; it begins with the number of the record, as in values.rs. */
static inline unsigned char *next_value(struct values *values) {
    unsigned char *value = values->pool + values->count % POOL * values->size;
    put_number(value, values->count++ << 8 | 0x80);
    return value;
}

static inline uint64_t now_ns(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* The time of this process on all processors, in user and kernel mode. */
static inline uint64_t cpu_ns(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    uint64_t seconds = (uint64_t)usage.ru_utime.tv_sec + (uint64_t)usage.ru_stime.tv_sec;
    uint64_t microseconds = (uint64_t)usage.ru_utime.tv_usec + (uint64_t)usage.ru_stime.tv_usec;
    return seconds * 1000000000 + microseconds * 1000;
}

static inline struct stopwatch start_stopwatch(void) {
    return (struct stopwatch){.cpu_ns = cpu_ns(), .start_ns = now_ns()};
}

static inline struct latencies make_latencies(const struct options *options, uint64_t one_in) {
    return (struct latencies){.ns = allocate((options->records / one_in + 1) * sizeof(uint64_t))};
}

/* Prints the result, which ends what is measured. */
static inline void finish(struct stopwatch watch, const char *client, uint64_t records, struct latencies latencies) {
    uint64_t ns = now_ns() - watch.start_ns, cpu = cpu_ns() - watch.cpu_ns;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"client\": \"%s\", \"records\": %" PRIu64 ", \"seconds\": %.9f, \"cpu_ns\": %" PRIu64
           ", \"peak_rss_bytes\": %" PRIu64 ", \"allocations\": null, \"latencies_ns\": [",
           client, records, (double)ns / 1e9, cpu, (uint64_t)usage.ru_maxrss * 1024);
    for (size_t i = 0; i < latencies.count; i++) printf("%s%" PRIu64, i ? ", " : "", latencies.ns[i]);
    puts("]}");
}

#endif
