/* The floor under every producer: values copied into frames of 64 KB, and the frames written.
 *
 * One thread, one connection, the partitions in turn, five requests in flight, and one where there is one partition:
 * more would let a request that has to be sent again fall behind the next one. Nothing is looked up, nothing waits to be
 * sent, and a record is settled with its request. */
#include "wire.h"

#define FRAME_BYTES 65536
#define IN_FLIGHT 5
#define PUBLISH_BATCH 38
#define PUBLISHED_BATCH 40
#define MOST_RECORDS 10000

/* A frame with the next `count` values; gives its size. */
static size_t fill(unsigned char *frame, const struct options *options, struct values *values, uint32_t id,
                   uint64_t count) {
    unsigned char *at = frame + HEADER_BYTES;
    size_t topic_bytes = strlen(options->topic);
    *at++ = PUBLISH_BATCH;
    at = put_varint(at, topic_bytes);
    memcpy(at, options->topic, topic_bytes);
    at += topic_bytes;
    *at++ = 1; /* a partition */
    at = put_varint(at, id % options->partitions);
    at = put_varint(at, count);
    for (uint64_t i = 0; i < count; i++) {
        *at++ = 0; /* no key */
        at = put_varint(at, values->size);
        memcpy(at, next_value(values), values->size);
        at += values->size;
    }
    *at++ = 0; /* no leader epoch */
    put_big_endian(frame, (uint32_t)(at - frame) - 4);
    frame[4] = 0; /* postcard */
    put_big_endian(frame + 5, id);
    return (size_t)(at - frame);
}

/* Waits for the answer to the oldest request. */
static void settle(int fd) {
    unsigned char head[4], body[256];
    read_all(fd, head, sizeof head);
    uint32_t length = get_big_endian(head);
    if (length < 6 || length > sizeof body) fail("read", "the server has answered something else");
    read_all(fd, body, length);
    if (body[5] != PUBLISHED_BATCH) fail("read", "the server has answered something else");
}

int main(int argc, char **argv) {
    struct options options = parse(argc, argv);
    struct values values = make_values(&options);
    int fd = open_socket(options.address);
    size_t overhead = HEADER_BYTES + 32 + strlen(options.topic);
    uint64_t batch = (FRAME_BYTES - overhead) / (options.record_bytes + 4);
    if (options.record_bytes < 128) batch = (FRAME_BYTES - overhead) / (options.record_bytes + 2);
    if (batch > MOST_RECORDS) batch = MOST_RECORDS;
    if (batch < 1) fail("--record-bytes", "no record fits into 64 KB");
    unsigned char *frame = allocate(FRAME_BYTES);
    uint32_t sent = 0, settled = 0, in_flight = options.partitions == 1 ? 1 : IN_FLIGHT;

    struct stopwatch watch = start_stopwatch();
    while (values.count < options.records) {
        uint64_t left = options.records - values.count;
        write_all(fd, frame, fill(frame, &options, &values, ++sent, left < batch ? left : batch));
        if (sent - settled == in_flight) settle(fd), settled++;
    }
    for (; settled < sent; settled++) settle(fd);
    finish(watch, "memcpy and send", values.count, (struct latencies){0});
    return 0;
}
