/* Looks at the records that programs in C read: whether they are those of supply.rs, each once and in order. */
#ifndef ARRIVALS_H
#define ARRIVALS_H

#include "bench.h"

struct arrivals {
    uint64_t *next, read, each;
    uint32_t partitions;
    unsigned char *value;
    size_t size;
};

static inline struct arrivals make_arrivals(const struct options *options) {
    struct arrivals arrivals = {
        .next = allocate(options->partitions * sizeof(uint64_t)),
        .each = options->records / options->partitions,
        .partitions = options->partitions,
        .value = allocate(options->record_bytes),
        .size = options->record_bytes,
    };
    for (size_t i = 8; i < arrivals.size; i++) arrivals.value[i] = (unsigned char)('a' + (i - 8) % 26);
    return arrivals;
}

/* Looks at a record: its offset, its length and the number that its value begins with; at some as a whole. */
static inline void take_record(struct arrivals *arrivals, uint32_t partition, uint64_t offset, const void *value,
                               size_t size) {
    unsigned char number[8];
    put_number(number, offset << 8 | 0x80);
    if (partition >= arrivals->partitions || arrivals->next[partition] != offset) fail("read", "a record is out of order");
    if (size != arrivals->size || memcmp(value, number, 8)) fail("read", "a record is another one");
    if (offset % SAMPLED == 0 && memcmp((const char *)value + 8, arrivals->value + 8, size - 8))
        fail("read", "a record is another one");
    arrivals->next[partition]++;
    arrivals->read++;
}

/* Fails unless all have arrived. */
static inline void verify_arrivals(const struct arrivals *arrivals) {
    for (uint32_t i = 0; i < arrivals->partitions; i++)
        if (arrivals->next[i] != arrivals->each) fail("read", "records are missing");
}

#endif
