/*
 * Publishes three records and reads them back.
 *
 * Usage: quickstart <broker address>
 */

/* [readme */
#include <inttypes.h>
#include <rivven.h>
#include <stdio.h>
#include <stdlib.h>

static rivven_error_t *error;

static void check(rivven_code code) {
    if (code == RIVVEN_CODE_OK) return;
    fprintf(stderr, "%s\n", rivven_error_message(error));
    exit(1);
}

int main(int argc, char **argv) {
    const char *topic = "quickstart-c";
    rivven_bytes_t keys[] = {rivven_bytes_from("oslo", 4), rivven_bytes_from("rome", 4), rivven_bytes_from("cairo", 5)};
    rivven_bytes_t values[] = {rivven_bytes_from("-3", 2), rivven_bytes_from("14", 2), rivven_bytes_from("22", 2)};

    rivven_config_t *config;
    rivven_client_t *client;
    check(rivven_config_new(&config, &error));
    check(rivven_config_set(config, "bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092", &error));
    check(rivven_client_new(config, &client, &error));
    check(rivven_client_connect(client, &error));

    if (rivven_client_get_metadata(client, topic, NULL, NULL) == RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION) {
        check(rivven_client_create_topic(client, topic, 3, NULL, &error));
    }
    uint64_t first;
    check(rivven_client_publish_batch(client, topic, 0, keys, values, 3, &first, NULL, &error));

    rivven_batch_t *batch;
    check(rivven_client_consume(client, topic, 0, first, 3, &batch, &error));
    for (size_t i = 0; i < rivven_batch_len(batch); i++) {
        rivven_bytes_t key = rivven_batch_key(batch, i), value = rivven_batch_value(batch, i);
        printf("%" PRIu64 " %.*s %.*s\n", rivven_batch_offset(batch, i),
               (int)key.len, (const char *)key.data, (int)value.len, (const char *)value.data);
    }

    rivven_batch_free(batch);
    check(rivven_client_close(client, -1, &error));
    rivven_client_free(client);
    rivven_config_free(config);
}
/* readme] */
