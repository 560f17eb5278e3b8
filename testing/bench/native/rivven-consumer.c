/* Reads with librivven: everything there is of a topic, as supply.rs describes it.
 *
 * --call batch: the records of a poll by the arrays of the batch; views: by a call for each field of a record. */
#include <rivven.h>

#include "arrivals.h"

static rivven_error_t *error;

static void check(const char *what, rivven_code code) {
    if (code != RIVVEN_CODE_OK) fail(what, error ? rivven_error_message(error) : rivven_code_name(code));
}

static rivven_consumer_t *make_consumer(const char *address) {
    const char *keys[][2] = {{"bootstrap.servers", address}, {"max.poll.records", "10000"}};
    rivven_config_t *config;
    rivven_consumer_t *consumer;
    check("configure", rivven_config_new(&config, &error));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        check(keys[i][0], rivven_config_set(config, keys[i][0], keys[i][1], &error));
    check("consumer", rivven_consumer_new(config, NULL, &consumer, &error));
    check("connect", rivven_consumer_connect(consumer, &error));
    rivven_config_free(config);
    return consumer;
}

static void assign(rivven_consumer_t *consumer, const struct options *options) {
    rivven_partitions_t *partitions;
    check("partitions", rivven_partitions_new(&partitions, &error));
    for (uint32_t i = 0; i < options->partitions; i++)
        check("partitions", rivven_partitions_add(partitions, options->topic, i, &error));
    check("assign", rivven_consumer_assign(consumer, partitions, &error));
    rivven_partitions_free(partitions);
}

static void take_arrays(const rivven_batch_t *batch, struct arrivals *arrivals) {
    const uint64_t *offsets = rivven_batch_offsets(batch);
    const rivven_bytes_t *values = rivven_batch_values(batch);
    for (size_t part = 0; part < rivven_batch_parts_len(batch); part++) {
        size_t first = rivven_batch_part_first(batch, part), end = rivven_batch_part_first(batch, part + 1);
        uint32_t partition = rivven_batch_partition(batch, first);
        for (size_t i = first; i < end; i++) take_record(arrivals, partition, offsets[i], values[i].data, values[i].len);
    }
}

static void take_views(const rivven_batch_t *batch, struct arrivals *arrivals) {
    for (size_t i = 0; i < rivven_batch_len(batch); i++) {
        rivven_bytes_t value = rivven_batch_value(batch, i);
        take_record(arrivals, rivven_batch_partition(batch, i), rivven_batch_offset(batch, i), value.data, value.len);
    }
}

int main(int argc, char **argv) {
    struct options options = parse(argc, argv);
    struct arrivals arrivals = make_arrivals(&options);
    const char *call = required(argc, argv, "--call");
    if (strcmp(call, "batch") && strcmp(call, "views")) fail("--call", "is neither batch nor views");
    void (*take)(const rivven_batch_t *, struct arrivals *) = strcmp(call, "batch") ? take_views : take_arrays;
    rivven_consumer_t *consumer = make_consumer(options.address);

    struct stopwatch watch = start_stopwatch();
    assign(consumer, &options);
    while (arrivals.read < options.records) {
        rivven_batch_t *batch;
        check("poll", rivven_consumer_poll(consumer, -1, &batch, &error));
        take(batch, &arrivals);
        rivven_batch_free(batch);
    }
    char name[64];
    snprintf(name, sizeof name, "librivven %s", rivven_version());
    finish(watch, name, arrivals.read, (struct latencies){0});

    verify_arrivals(&arrivals);
    check("close", rivven_consumer_close(consumer, -1, &error));
    rivven_consumer_free(consumer);
    return 0;
}
