/*
 * Every function with NULL for every pointer, strings that are not UTF-8,
 * handles of another type and impossible numbers: nothing crashes, and
 * whatever can fail says INVALID_ARGUMENT before it does anything.
 */

#include <string.h>

#include "client.h"
#include "every.h"

static const char *const not_utf8 = "\xff\xfe";

static void refused(const char *what, rivven_code code) { fails(what, RIVVEN_CODE_INVALID_ARGUMENT, code); }

static void test_null_accessors(void) {
    check(rivven_error_code(NULL) == RIVVEN_CODE_OK, "no error has the code of success");
    check(strcmp(rivven_error_name(NULL), "OK") == 0, "and its name");
    check(*rivven_error_message(NULL) == '\0', "and no message");
    check(rivven_error_address(NULL) == NULL, "and no address");
    check(rivven_error_outcome(NULL) == RIVVEN_OUTCOME_NOT_SENT, "and nothing was sent");
    check(rivven_error_registry_code(NULL) == -1, "nor asked of a registry");
    check(!rivven_error_is_retriable(NULL), "it is not retriable");
    check(!rivven_error_is_fatal(NULL), "nor fatal");
    check(!rivven_error_is_abortable(NULL), "nor abortable");
    check(rivven_strings_len(NULL) == 0, "no list is empty");
    check(rivven_strings_get(NULL, 0) == NULL, "and has no string");
    check(rivven_batch_len(NULL) == 0, "no batch is empty");
    check(rivven_batch_offset(NULL, 0) == 0, "and has no offset");
    check(rivven_batch_partition(NULL, 0) == 0, "no partition");
    check(rivven_batch_timestamp(NULL, 0) == 0, "no timestamp");
    check(rivven_batch_key(NULL, 0).data == NULL, "no key");
    check(rivven_batch_value(NULL, 0).data == NULL, "no value");
    check(rivven_session_id(NULL) == NULL, "no session has no name");
    check(rivven_session_expires_in(NULL) == 0, "and no time");
    check(rivven_bytes_from_string(NULL).data == NULL, "no string is no bytes");
}

static void test_null_frees(void) {
    rivven_error_free(NULL);
    rivven_strings_free(NULL);
    rivven_batch_free(NULL);
    rivven_session_free(NULL);
    rivven_config_free(NULL);
    rivven_client_free(NULL);
    check(true, "NULL is freed");
}

static void test_config(rivven_config_t *config) {
    rivven_client_t *client = NULL;
    refused("no place for a configuration", rivven_config_new(NULL, &error));
    refused("no configuration", rivven_config_set(NULL, "client.id", "x", &error));
    refused("no key", rivven_config_set(config, NULL, "x", &error));
    refused("no value", rivven_config_set(config, "client.id", NULL, &error));
    refused("a key that is not UTF-8", rivven_config_set(config, not_utf8, "x", &error));
    refused("a value that is not UTF-8", rivven_config_set(config, "client.id", not_utf8, &error));
    refused("a client without configuration", rivven_client_new(NULL, &client, &error));
    refused("no place for a client", rivven_client_new(config, NULL, &error));
    check(client == NULL, "outputs are untouched");
}

/* Every function that takes the name of a topic, with one that is none. */
static void test_topic_argument(rivven_client_t *client, const char *topic) {
    const rivven_bytes_t value = rivven_bytes_from("v", 1);
    rivven_record_metadata_t *metadata = NULL;
    rivven_batch_t *batch = NULL;
    refused("create_topic", rivven_client_create_topic(client, topic, 1, NULL, &error));
    refused("delete_topic", rivven_client_delete_topic(client, topic, &error));
    refused("get_metadata", rivven_client_get_metadata(client, topic, NULL, &error));
    refused("publish", rivven_client_publish(client, topic, value, NULL, NULL, &error));
    refused("publish_with_key", rivven_client_publish_with_key(client, topic, value, value, NULL, NULL, &error));
    refused("publish_to_partition", rivven_client_publish_to_partition(client, topic, 0, value, value, NULL, &error));
    refused("publish_with_metadata",
            rivven_client_publish_with_metadata(client, topic, 0, value, value, &metadata, &error));
    refused("publish_batch", rivven_client_publish_batch(client, topic, 0, NULL, &value, 1, NULL, NULL, &error));
    refused("consume", rivven_client_consume(client, topic, 0, 0, 1, &batch, &error));
    refused("get_offset_bounds", rivven_client_get_offset_bounds(client, topic, 0, NULL, NULL, &error));
    check(!metadata && !batch, "outputs are untouched");
}

/* Both logins, with user or password missing or no text. */
static void test_credentials(rivven_client_t *client) {
    const char *const wrong[][2] = {{NULL, "p"}, {"u", NULL}, {not_utf8, "p"}, {"u", not_utf8}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *user = wrong[i][0], *password = wrong[i][1];
        refused("authenticate", rivven_client_authenticate(client, user, password, NULL, &error));
        refused("authenticate_scram", rivven_client_authenticate_scram(client, user, password, NULL, &error));
    }
}

static void test_bytes(rivven_client_t *client) {
    const rivven_bytes_t value = rivven_bytes_from("v", 1), no_data = rivven_bytes_from(NULL, 1);
    const rivven_bytes_t too_long = rivven_bytes_from("v", SIZE_MAX);
    const rivven_bytes_t views[] = {value, no_data};
    rivven_record_metadata_t *metadata = NULL;
    refused("a value without data", rivven_client_publish(client, "t", no_data, NULL, NULL, &error));
    refused("an impossible length", rivven_client_publish(client, "t", too_long, NULL, NULL, &error));
    refused("a key without data", rivven_client_publish_with_key(client, "t", no_data, value, NULL, NULL, &error));
    refused("a key without data", rivven_client_publish_to_partition(client, "t", 0, no_data, value, NULL, &error));
    refused("a key without data",
            rivven_client_publish_with_metadata(client, "t", 0, no_data, value, &metadata, &error));
    refused("a value without data",
            rivven_client_publish_with_metadata(client, "t", 0, value, no_data, &metadata, &error));
    refused("a key in a batch", rivven_client_publish_batch(client, "t", 0, views, views, 2, NULL, NULL, &error));
    refused("a value in a batch", rivven_client_publish_batch(client, "t", 0, NULL, views, 2, NULL, NULL, &error));
    refused("no values", rivven_client_publish_batch(client, "t", 0, NULL, NULL, 1, NULL, NULL, &error));
    refused("an impossible count",
            rivven_client_publish_batch(client, "t", 0, NULL, views, SIZE_MAX, NULL, NULL, &error));
    refused("an impossible count of keys",
            rivven_client_publish_batch(client, "t", 0, views, views, SIZE_MAX / 16, NULL, NULL, &error));
}

static void test_numbers_and_outputs(rivven_client_t *client) {
    const rivven_bytes_t value = rivven_bytes_from("v", 1);
    rivven_record_metadata_t *metadata = NULL;
    refused("-2 partitions", rivven_client_create_topic(client, "t", -2, NULL, &error));
    refused("2^32 partitions", rivven_client_create_topic(client, "t", INT64_C(1) << 32, NULL, &error));
    refused("partition -2", rivven_client_publish_batch(client, "t", -2, NULL, &value, 1, NULL, NULL, &error));
    refused("partition INT64_MIN",
            rivven_client_publish_batch(client, "t", INT64_MIN, NULL, &value, 1, NULL, NULL, &error));
    refused("partition -2", rivven_client_publish_with_metadata(client, "t", -2, value, value, &metadata, &error));
    refused("partition 2^32",
            rivven_client_publish_with_metadata(client, "t", INT64_C(1) << 32, value, value, &metadata, &error));
    refused("no place for metadata", rivven_client_publish_with_metadata(client, "t", 0, value, value, NULL, &error));
    check(!metadata, "outputs are untouched");
    refused("no place for a list", rivven_client_list_topics(client, NULL, &error));
    refused("no place for a batch", rivven_client_consume(client, "t", 0, 0, 1, NULL, &error));
}

static void test_other_handles(rivven_client_t *client, rivven_config_t *config) {
    uint64_t zeros[8] = {0};
    rivven_client_t *made = NULL;
    refused("a configuration for a client", rivven_client_ping((rivven_client_t *)config, &error));
    refused("a client for a configuration", rivven_config_set((rivven_config_t *)client, "client.id", "x", &error));
    refused("a client from a client", rivven_client_new((rivven_config_t *)client, &made, &error));
    refused("zeros for a client", rivven_client_ping((rivven_client_t *)zeros, &error));
    refused("a crooked pointer for a client", rivven_client_ping((rivven_client_t *)((char *)client + 1), &error));
    check(rivven_error_code((rivven_error_t *)client) == RIVVEN_CODE_OK, "a client is no error");
    check(rivven_batch_len((rivven_batch_t *)client) == 0, "a client is no batch");
    check(rivven_strings_get((rivven_strings_t *)client, 0) == NULL, "a client is no list");
    check(rivven_session_id((rivven_session_t *)client) == NULL, "a client is no session");
    rivven_batch_free((rivven_batch_t *)client);
    rivven_client_free((rivven_client_t *)config);
    rivven_error_free((rivven_error_t *)zeros);
    succeeds("what was freed as something else lives on", rivven_config_set(config, "client.id", "x", &error));
}

/* Without a place for the error there is the code alone. */
static void test_no_error(rivven_client_t *client, rivven_config_t *config) {
    check(rivven_config_new(NULL, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_config_new without error");
    check(rivven_config_set(config, "x", "y", NULL) == RIVVEN_CODE_INVALID_CONFIG, "rivven_config_set without error");
    check(rivven_client_new(NULL, NULL, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_client_new without error");
    check(rivven_client_ping(NULL, NULL) == RIVVEN_CODE_INVALID_ARGUMENT, "rivven_client_ping without error");
    check(rivven_client_connect(client, NULL) == RIVVEN_CODE_CONNECTION_FAILED,
          "rivven_client_connect without error");
    check(rivven_client_close(client, 0, NULL) == RIVVEN_CODE_OK, "rivven_client_close without error");
}

int main(void) {
    /* Nothing listens on port 1; nothing below but the last group gets so far. */
    rivven_config_t *config = config_of("127.0.0.1:1", NULL);
    rivven_client_t *client = client_of("127.0.0.1:1", NULL);
    test_null_accessors();
    test_null_frees();
    test_config(config);
    refused("connect", rivven_client_connect(NULL, &error));
    refused("close", rivven_client_close(NULL, -1, &error));
    every_operation_fails(NULL, NULL, RIVVEN_CODE_INVALID_ARGUMENT);
    every_operation_fails((rivven_client_t *)config, NULL, RIVVEN_CODE_INVALID_ARGUMENT);
    test_topic_argument(client, NULL);
    test_topic_argument(client, not_utf8);
    test_credentials(client);
    test_bytes(client);
    test_numbers_and_outputs(client);
    test_other_handles(client, config);
    test_no_error(client, config);
    rivven_client_free(client);
    rivven_config_free(config);
    return summary();
}
