/*
 * Every function against the real broker.
 */

#include <string.h>

#include "client.h"
#include "launch.h"

static const char *const unknown_topic = "no-such-topic";

static rivven_bytes_t text(const char *string) { return rivven_bytes_from_string(string); }

static rivven_bytes_t none(void) { return rivven_bytes_from(NULL, 0); }

static void test_static_functions(void) {
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", RIVVEN_VERSION_MAJOR, RIVVEN_VERSION_MINOR, RIVVEN_VERSION_PATCH);
    check(strcmp(version, rivven_version()) == 0, "the version is that of the header");
    check(strcmp(rivven_code_name(RIVVEN_CODE_OK), "OK") == 0, "success has a name");
    check(strcmp(rivven_code_name(RIVVEN_CODE_TIMED_OUT), "TIMED_OUT") == 0, "a code has a name");
    check(strcmp(rivven_code_name(-5), "UNKNOWN_CODE") == 0, "a number without code has a name");
    check(*rivven_code_text(RIVVEN_CODE_TIMED_OUT) && *rivven_code_text(12345), "every number has a text");
    check(holds(text("abc"), "abc", 3), "a view of a string");
    check(holds(rivven_bytes_from("a\0b", 3), "a\0b", 3), "a view of bytes");
    check(none().data == NULL && text(NULL).data == NULL, "a view of nothing");
}

static void test_config(void) {
    rivven_config_t *config = NULL;
    succeeds("make a configuration", rivven_config_new(&config, &error));
    succeeds("set a key", rivven_config_set(config, "request.timeout.ms", "5000", &error));
    succeeds("set a key in another spelling", rivven_config_set(config, "requestTimeoutMs", "6000", &error));
    fails("an unknown key", RIVVEN_CODE_INVALID_CONFIG, rivven_config_set(config, "request.timeout", "1", &error));
    fails("an unfit value", RIVVEN_CODE_INVALID_CONFIG, rivven_config_set(config, "request.timeout.ms", "-1", &error));
    rivven_config_free(config);
}

static void test_topics(rivven_client_t *client) {
    uint32_t partitions = 77;
    succeeds("create a topic", rivven_client_create_topic(client, "topics", 5, &partitions, &error));
    check(partitions == 5, "the number of partitions comes back");
    succeeds("create a topic with the default",
             rivven_client_create_topic(client, "topics-default", RIVVEN_PARTITIONS_DEFAULT, &partitions, &error));
    check(partitions == 3, "the broker's default is used");
    partitions = 77;
    fails("create it again", RIVVEN_CODE_TOPIC_ALREADY_EXISTS,
          rivven_client_create_topic(client, "topics", 5, &partitions, &error));
    fails("a name that no topic has", RIVVEN_CODE_INVALID_TOPIC,
          rivven_client_create_topic(client, "no spaces", 1, &partitions, &error));
    fails("no partitions at all", RIVVEN_CODE_INVALID_PARTITIONS,
          rivven_client_create_topic(client, "topics-0", 0, &partitions, &error));
    fails("metadata of an unknown topic", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION,
          rivven_client_get_metadata(client, unknown_topic, &partitions, &error));
    check(partitions == 77, "outputs are untouched on failure");
    succeeds("metadata", rivven_client_get_metadata(client, "topics", &partitions, &error));
    check(partitions == 5, "the metadata is right");
    succeeds("metadata without wanting any", rivven_client_get_metadata(client, "topics", NULL, &error));
}

static bool is_listed(const rivven_strings_t *names, const char *name) {
    for (size_t i = 0; i < rivven_strings_len(names); i++) {
        if (strcmp(rivven_strings_get(names, i), name) == 0) return true;
    }
    return false;
}

static void test_list_and_delete(rivven_client_t *client) {
    rivven_strings_t *names = NULL;
    succeeds("list the topics", rivven_client_list_topics(client, &names, &error));
    check(is_listed(names, "topics") && is_listed(names, "topics-default"), "the topics are listed");
    check(rivven_strings_get(names, rivven_strings_len(names)) == NULL, "there is nothing behind the end");
    rivven_strings_free(names);
    succeeds("delete a topic", rivven_client_delete_topic(client, "topics", &error));
    fails("delete it again", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION,
          rivven_client_delete_topic(client, "topics", &error));
    succeeds("list the topics again", rivven_client_list_topics(client, &names, &error));
    check(!is_listed(names, "topics"), "the deleted topic is gone");
    rivven_strings_free(names);
}

static void test_publish(rivven_client_t *client) {
    uint64_t offset = 77;
    uint32_t partition = 77, other = 78;
    succeeds("publish, creating the topic",
             rivven_client_publish(client, "publish", text("v"), &offset, &partition, &error));
    check(offset == 0 && partition < 3, "the record is the first of a partition");
    succeeds("publish with a key",
             rivven_client_publish_with_key(client, "publish", text("k"), text("v"), NULL, &partition, &error));
    succeeds("publish with the same key",
             rivven_client_publish_with_key(client, "publish", text("k"), text("w"), NULL, &other, &error));
    check(partition == other, "the same key goes to the same partition");
    succeeds("publish without key where there may be one",
             rivven_client_publish_with_key(client, "publish", none(), text("v"), NULL, NULL, &error));
    fails("publish to a partition that is none", RIVVEN_CODE_INVALID_PARTITION,
          rivven_client_publish_to_partition(client, "publish", 99, none(), text("v"), &offset, &error));
    fails("publish to a name that no topic has", RIVVEN_CODE_INVALID_TOPIC,
          rivven_client_publish(client, "..", text("v"), &offset, &partition, &error));
    check(offset == 0, "outputs are untouched on failure");
}

static void test_publish_with_metadata(rivven_client_t *client) {
    rivven_record_metadata_t *metadata = NULL;
    uint32_t partition = 77;
    uint64_t offset = 77;
    succeeds("publish with a key",
             rivven_client_publish_with_key(client, "metadata", text("k"), text("v"), &offset, &partition, &error));
    succeeds("publish with metadata",
             rivven_client_publish_with_metadata(client, "metadata", RIVVEN_PARTITION_ANY, text("k"), text("w"),
                                                 &metadata, &error));
    check(strcmp(rivven_record_metadata_topic(metadata), "metadata") == 0, "the topic");
    check(rivven_record_metadata_partition(metadata) == partition, "the same key goes to the same partition");
    check(rivven_record_metadata_offset(metadata) == offset + 1, "behind the record before");
    check(rivven_record_metadata_timestamp_ms(metadata) > INT64_C(1600000000000), "the answer came after 2020");
    check(!rivven_record_metadata_is_duplicate(metadata) && !rivven_record_metadata_is_maybe_duplicate(metadata) &&
              rivven_record_metadata_is_offset_exact(metadata),
          "it was written once, there");
    rivven_record_metadata_free(metadata);
    metadata = NULL;
    succeeds("publish to a partition with metadata",
             rivven_client_publish_with_metadata(client, "metadata", (partition + 1) % 3, none(), text("v"), &metadata,
                                                 &error));
    check(rivven_record_metadata_partition(metadata) == (partition + 1) % 3, "it is in that partition");
    check(rivven_record_metadata_offset(metadata) == 0, "as its first record");
    rivven_record_metadata_free(metadata);
    metadata = NULL;
    fails("publish to a partition that is none", RIVVEN_CODE_INVALID_PARTITION,
          rivven_client_publish_with_metadata(client, "metadata", 99, none(), text("v"), &metadata, &error));
    check(!metadata, "outputs are untouched on failure");
}

/* What is written to and read from partition 0 of the topic `records`. */
static const struct {
    const char *key;
    size_t key_len;
    const char *value;
    size_t value_len;
} records[] = {
    {"key", 3, "value", 5}, {NULL, 0, "no key", 6}, {"", 0, "empty key", 9}, {"no value", 8, "", 0},
    {"\0k\0", 3, "\0\xff\n\0", 4}, {"nothing", 7, NULL, 0},
};

enum { RECORDS = sizeof records / sizeof *records };

static void test_write_records(rivven_client_t *client) {
    rivven_bytes_t keys[RECORDS], values[RECORDS];
    uint64_t offset = 77;
    uint32_t partition = 77;
    succeeds("create a topic", rivven_client_create_topic(client, "records", 2, NULL, &error));
    for (size_t i = 0; i < RECORDS; i++) {
        keys[i] = rivven_bytes_from(records[i].key, records[i].key_len);
        values[i] = rivven_bytes_from(records[i].value, records[i].value_len);
        rivven_code code =
            rivven_client_publish_to_partition(client, "records", 0, keys[i], values[i], &offset, &error);
        succeeds("publish to a partition", code);
        check(offset == i, "it has the next offset");
    }
    succeeds("publish a batch",
             rivven_client_publish_batch(client, "records", 0, keys, values, RECORDS, &offset, &partition, &error));
    check(offset == RECORDS && partition == 0, "the batch follows the records");
    succeeds("publish a batch without keys", rivven_client_publish_batch(client, "records", RIVVEN_PARTITION_ANY, NULL,
                                                                         values, RECORDS, NULL, &partition, &error));
    check(partition < 2, "the broker chose a partition");
    rivven_code code = rivven_client_publish_batch(client, "records", 0, NULL, NULL, 0, &offset, NULL, &error);
    fails("publish an empty batch", RIVVEN_CODE_INVALID_ARGUMENT, code);
}

static bool is_record(const rivven_batch_t *batch, size_t index, size_t record) {
    rivven_bytes_t key = rivven_batch_key(batch, index), value = rivven_batch_value(batch, index);
    bool same_key = records[record].key ? holds(key, records[record].key, records[record].key_len) : !key.data;
    return same_key && holds(value, records[record].value, records[record].value_len);
}

static void test_read_records(rivven_client_t *client, const char *address) {
    rivven_batch_t *batch = NULL;
    rivven_client_t *other = connected_client(address);
    succeeds("consume", rivven_client_consume(other, "records", 0, 0, 2 * RECORDS, &batch, &error));
    rivven_client_free(other);
    if (!check(rivven_batch_len(batch) == 2 * RECORDS, "all records are read")) return;
    for (size_t i = 0; i < 2 * RECORDS; i++) {
        check(is_record(batch, i, i % RECORDS), "record %zu is what was written, though the client is gone", i);
        check(rivven_batch_offset(batch, i) == i && rivven_batch_partition(batch, i) == 0, "it is where it was written");
    }
    int64_t age = (int64_t)time(NULL) - rivven_batch_timestamp(batch, 0) / 1000;
    check(age >= -5 && age < 600, "the broker received it just now");
    check(rivven_batch_key(batch, 2 * RECORDS).data == NULL && rivven_batch_value(batch, SIZE_MAX).data == NULL,
          "there is nothing behind the end");
    rivven_batch_free(batch);
    succeeds("consume a few", rivven_client_consume(client, "records", 0, 3, 2, &batch, &error));
    check(rivven_batch_len(batch) == 2 && rivven_batch_offset(batch, 0) == 3, "those asked for are read");
    rivven_batch_free(batch);
    succeeds("consume at the end", rivven_client_consume(client, "records", 0, 1000, 2, &batch, &error));
    check(batch != NULL && rivven_batch_len(batch) == 0, "there is nothing");
    rivven_batch_free(batch);
    batch = NULL;
    fails("consume from an unknown topic", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION,
          rivven_client_consume(client, unknown_topic, 0, 0, 1, &batch, &error));
    check(batch == NULL, "outputs are untouched on failure");
}

static void test_offsets(rivven_client_t *client) {
    uint64_t earliest = 77, latest = 77;
    succeeds("offset bounds", rivven_client_get_offset_bounds(client, "topics-default", 0, &earliest, &latest, &error));
    check(earliest == 0 && latest == 0, "of an empty partition");
    succeeds("offset bounds", rivven_client_get_offset_bounds(client, "records", 0, &earliest, &latest, &error));
    check(earliest == 0 && latest >= 2 * RECORDS, "of a partition with records");
    fails("offset bounds of an unknown topic", RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION,
          rivven_client_get_offset_bounds(client, unknown_topic, 0, &earliest, &latest, &error));
}

static void test_sizes(rivven_client_t *client) {
    enum { LARGE = 4 << 20, TOO_LARGE = 11 << 20 };
    char *bytes = malloc(TOO_LARGE);
    uint64_t offset = 0;
    rivven_batch_t *batch = NULL;
    if (!bytes) give_up("malloc");
    for (size_t i = 0; i < TOO_LARGE; i++) bytes[i] = (char)(i * 31);
    rivven_code code = rivven_client_publish_to_partition(client, "topics-default", 1, none(),
                                                          rivven_bytes_from(bytes, LARGE), &offset, &error);
    succeeds("publish 4 MiB", code);
    succeeds("consume them", rivven_client_consume(client, "topics-default", 1, offset, 1, &batch, &error));
    check(holds(rivven_batch_value(batch, 0), bytes, LARGE), "they are as they were written");
    rivven_batch_free(batch);
    fails("publish 11 MiB", RIVVEN_CODE_REQUEST_TOO_LARGE,
          rivven_client_publish(client, "topics-default", rivven_bytes_from(bytes, TOO_LARGE), NULL, NULL, &error));
    succeeds("the client goes on", rivven_client_ping(client, &error));
    free(bytes);
}

/* covers: F004 c, F007 c, F008 c, F009 c, F011 c, F020 c, F103 c */
int main(void) {
    struct server broker = start_broker();
    test_static_functions();
    test_config();

    rivven_client_t *client = client_of(broker.address, NULL);
    succeeds("connect", rivven_client_connect(client, &error));
    succeeds("connect again", rivven_client_connect(client, &error));
    succeeds("ping", rivven_client_ping(client, &error));
    test_topics(client);
    test_list_and_delete(client);
    test_publish(client);
    test_publish_with_metadata(client);
    test_write_records(client);
    test_read_records(client, broker.address);
    test_offsets(client);
    test_sizes(client);
    succeeds("close", rivven_client_close(client, -1, &error));
    fails("ping after close", RIVVEN_CODE_CLOSED, rivven_client_ping(client, &error));
    rivven_client_free(client);
    stop_server(&broker);
    return summary();
}
