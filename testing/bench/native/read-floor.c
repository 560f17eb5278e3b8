/* The floor under every consumer: answers read into one buffer, and nothing looked at but how many records they have.
 *
 * One thread, one connection, the partitions in turn, two requests in flight, as many records in each as the broker
 * gives. */
#include "wire.h"

#define IN_FLIGHT 2
#define CONSUME 5
#define MESSAGES 4
#define MOST_RECORDS 10000
#define MOST_BYTES (16 * 1024 * 1024)

struct place {
    uint64_t asked, read;
};

static void ask(int fd, const struct options *options, uint32_t partition, uint64_t offset) {
    unsigned char frame[512], *at = frame + HEADER_BYTES;
    size_t topic_bytes = strlen(options->topic);
    if (topic_bytes > 256) fail(options->topic, "is too long");
    *at++ = CONSUME;
    at = put_varint(at, topic_bytes);
    memcpy(at, options->topic, topic_bytes);
    at = put_varint(at + topic_bytes, partition);
    at = put_varint(at, offset);
    at = put_varint(at, MOST_RECORDS);
    *at++ = 0; /* no isolation level */
    *at++ = 0; /* no wait */
    put_big_endian(frame, (uint32_t)(at - frame) - 4);
    frame[4] = 0; /* postcard */
    put_big_endian(frame + 5, partition);
    write_all(fd, frame, (size_t)(at - frame));
}

/* Reads an answer; gives the number of its records, and of which partition they are. */
static uint64_t take(int fd, unsigned char *buffer, uint32_t *partition) {
    read_all(fd, buffer, HEADER_BYTES);
    uint32_t length = get_big_endian(buffer);
    *partition = get_big_endian(buffer + 5);
    if (length < 7 || length > MOST_BYTES) fail("read", "the server has answered something else");
    read_all(fd, buffer, length - 5);
    if (buffer[0] != MESSAGES) fail("read", "the server has answered something else");
    uint64_t count = 0;
    for (unsigned shift = 0, at = 1; shift < 64; shift += 7, at++) {
        count |= (uint64_t)(buffer[at] & 0x7f) << shift;
        if (buffer[at] < 0x80) break;
    }
    return count;
}

int main(int argc, char **argv) {
    struct options options = parse(argc, argv);
    uint64_t each = options.records / options.partitions, read = 0;
    struct place *places = allocate(options.partitions * sizeof *places);
    unsigned char *buffer = allocate(MOST_BYTES);
    int fd = open_socket(options.address);
    uint32_t next = 0, under_way = 0;

    struct stopwatch watch = start_stopwatch();
    while (read < options.records) {
        for (uint32_t looked = 0; under_way < IN_FLIGHT && looked < options.partitions; looked++) {
            struct place *place = &places[next];
            if (place->asked == place->read && place->read < each) {
                ask(fd, &options, next, place->read);
                place->asked = each, under_way++;
            }
            next = (next + 1) % options.partitions;
        }
        uint32_t partition;
        uint64_t count = take(fd, buffer, &partition);
        if (count == 0 || partition >= options.partitions) fail("read", "records are missing");
        places[partition].asked = places[partition].read += count;
        read += count, under_way--;
    }
    finish(watch, "recv alone", read, (struct latencies){0});
    return 0;
}
