/*
 * What docs/getting-started.md shows.
 *
 * Usage: guide <server> <another> <server with TLS> <CA file> <password of alice>
 * The first server may be down: the second one is tried then.
 */

#include <inttypes.h>
#include <rivven.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const topic = "guide-c";

static rivven_error_t *error;

static void check(rivven_code code) {
    if (code == RIVVEN_CODE_OK) return;
    fprintf(stderr, "%s\n", rivven_error_message(error));
    exit(1);
}

static void records(const char *first, const char *second) {
    /* [connect */
    char servers[256];
    snprintf(servers, sizeof servers, "%s,%s", first, second);
    rivven_config_t *config;
    rivven_client_t *client;
    check(rivven_config_new(&config, &error));
    check(rivven_config_set(config, "bootstrap.servers", servers, &error));
    check(rivven_config_set(config, "request.timeout.ms", "10000", &error));
    check(rivven_client_new(config, &client, &error));
    rivven_config_free(config);
    check(rivven_client_connect(client, &error)); /* or leave it out: the first call connects */
    /* connect] */

    /* [topic */
    uint32_t partitions;
    check(rivven_client_create_topic(client, topic, 3, &partitions, &error));
    if (partitions != 3) exit(1);
    /* topic] */

    /* [publish */
    rivven_bytes_t keys[] = {rivven_bytes_from("rome", 4), rivven_bytes_from("cairo", 5)};
    rivven_bytes_t values[] = {rivven_bytes_from("14", 2), rivven_bytes_from("22", 2)};
    /* To a partition, many, and where the key leads; who wants no offset passes NULL. */
    check(rivven_client_publish_to_partition(client, topic, 0, rivven_bytes_from("oslo", 4),
                                             rivven_bytes_from("-3", 2), NULL, &error));
    check(rivven_client_publish_batch(client, topic, 0, keys, values, 2, NULL, NULL, &error));
    check(rivven_client_publish_with_key(client, topic, rivven_bytes_from("lima", 4),
                                         rivven_bytes_from("19", 2), NULL, NULL, &error));
    /* publish] */

    /* [consume */
    uint64_t earliest;
    rivven_batch_t *batch;
    check(rivven_client_get_offset_bounds(client, topic, 0, &earliest, NULL, &error));
    check(rivven_client_consume(client, topic, 0, earliest, 2, &batch, &error));
    for (size_t i = 0; i < rivven_batch_len(batch); i++) {
        rivven_bytes_t key = rivven_batch_key(batch, i), value = rivven_batch_value(batch, i);
        printf("%" PRIu64 " %.*s %.*s\n", rivven_batch_offset(batch, i),
               (int)key.len, (const char *)key.data, (int)value.len, (const char *)value.data);
    }
    rivven_batch_free(batch);
    /* consume] */

    /* [errors */
    rivven_code code = rivven_client_create_topic(client, topic, 3, NULL, &error);
    if (code == RIVVEN_CODE_TOPIC_ALREADY_EXISTS) {
        printf("%s\n", rivven_code_name(code));
    } else if (rivven_error_is_retriable(error)) {
        printf("try again: %s\n", rivven_error_message(error));
    }
    rivven_error_free(error);
    error = NULL;
    /* errors] */

    check(rivven_client_close(client, -1, &error));
    rivven_client_free(client);
}

static void login(const char *address, const char *ca_file, const char *password) {
    /* [login */
    rivven_config_t *config;
    rivven_client_t *client;
    check(rivven_config_new(&config, &error));
    check(rivven_config_set(config, "bootstrap.servers", address, &error));
    check(rivven_config_set(config, "tls.ca.cert.path", ca_file, &error));
    check(rivven_config_set(config, "auth.username", "alice", &error));
    check(rivven_config_set(config, "auth.password", password, &error)); /* never sent: SCRAM-SHA-256 */
    check(rivven_client_new(config, &client, &error));
    rivven_config_free(config);

    rivven_strings_t *topics;
    check(rivven_client_list_topics(client, &topics, &error));
    printf("%zu topics\n", rivven_strings_len(topics));
    rivven_strings_free(topics);
    /* login] */

    check(rivven_client_close(client, -1, &error));
    rivven_client_free(client);
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: guide <server> <another> <server with TLS> <CA file> <password of alice>\n");
        return 2;
    }
    records(argv[1], argv[2]);
    login(argv[3], argv[4], argv[5]);
}
