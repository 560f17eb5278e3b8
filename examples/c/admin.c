/* Settings of a topic, committed offsets and groups. Usage: admin <broker address> */

#include <inttypes.h>
#include <rivven.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const topic = "admin-c";
static const char *const group = "admin-c-readers";

static rivven_error_t *error;

static void check(rivven_code code) {
    if (code == RIVVEN_CODE_OK) return;
    fprintf(stderr, "%s\n", rivven_error_message(error));
    exit(1);
}

static rivven_client_t *connect_to(const char *address) {
    rivven_config_t *config;
    rivven_client_t *client;
    check(rivven_config_new(&config, &error));
    check(rivven_config_set(config, "bootstrap.servers", address, &error));
    check(rivven_client_new(config, &client, &error));
    rivven_config_free(config);
    return client;
}

static void settings(rivven_client_t *client) {
    /* [settings */
    const char *keys[] = {"retention.ms", "cleanup.policy"};
    const char *values[] = {"86400000", NULL}; /* NULL takes the default back */
    rivven_topic_configs_t *configs;
    check(rivven_client_alter_topic_config(client, topic, keys, values, 2, NULL, &error));
    check(rivven_client_describe_topic_configs(client, &topic, 1, &configs, &error));
    for (size_t i = 0; i < rivven_topic_configs_settings_len(configs, 0); i++) {
        const char *key = rivven_topic_configs_key(configs, 0, i);
        if (strcmp(key, "retention.ms") == 0) {
            printf("%s %s\n", key, rivven_topic_configs_value(configs, 0, i));
        }
    }
    rivven_topic_configs_free(configs);

    uint32_t partitions;
    check(rivven_client_create_partitions(client, topic, 4, &partitions, &error));
    printf("partitions %" PRIu32 "\n", partitions);
    /* settings] */
}

static void offsets(rivven_client_t *client) {
    /* [offsets */
    rivven_bytes_t none = {0};
    rivven_bytes_t values[] = {rivven_bytes_from("one", 3), rivven_bytes_from("two", 3),
                               rivven_bytes_from("three", 5)};
    for (size_t i = 0; i < 3; i++) {
        check(rivven_client_publish_to_partition(client, topic, 0, none, values[i], NULL, &error));
    }
    check(rivven_client_commit_offset(client, group, topic, 0, 2, &error)); /* the next record to read */

    bool found;
    uint64_t next = 0;
    rivven_batch_t *batch;
    check(rivven_client_get_offset(client, group, topic, 0, &found, &next, &error));
    check(rivven_client_consume(client, topic, 0, next, 10, &batch, &error));
    for (size_t i = 0; i < rivven_batch_len(batch); i++) {
        rivven_bytes_t value = rivven_batch_value(batch, i);
        printf("%" PRIu64 " %.*s\n", rivven_batch_offset(batch, i), (int)value.len, (const char *)value.data);
    }
    rivven_batch_free(batch);
    /* offsets] */
}

static void groups(rivven_client_t *client) {
    /* [groups */
    rivven_strings_t *names;
    check(rivven_client_list_groups(client, &names, &error));
    for (size_t i = 0; i < rivven_strings_len(names); i++) {
        const char *name = rivven_strings_get(names, i);
        rivven_offsets_t *committed;
        check(rivven_client_describe_group(client, name, &committed, &error));
        for (size_t j = 0; j < rivven_offsets_len(committed); j++) {
            printf("%s %s/%" PRIu32 " %" PRIu64 "\n", name, rivven_offsets_topic(committed, j),
                   rivven_offsets_partition(committed, j), rivven_offsets_offset(committed, j));
        }
        rivven_offsets_free(committed);
    }
    rivven_strings_free(names);
    check(rivven_client_delete_group(client, group, &error));
    /* groups] */
}

static void deletion(rivven_client_t *client) {
    /* [delete */
    uint32_t partition = 0;
    uint64_t before = 2;
    rivven_deletions_t *deletions;
    check(rivven_client_delete_records(client, topic, &partition, &before, 1, &deletions, &error));
    for (size_t i = 0; i < rivven_deletions_len(deletions); i++) {
        printf("partition %" PRIu32 " begins at %" PRIu64 "\n", rivven_deletions_partition(deletions, i),
               rivven_deletions_low_watermark(deletions, i));
    }
    rivven_deletions_free(deletions);
    check(rivven_client_delete_topic(client, topic, &error));
    /* delete] */
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: admin <broker address>\n");
        return 2;
    }
    rivven_client_t *client = connect_to(argv[1]);
    check(rivven_client_create_topic(client, topic, 2, NULL, &error));
    settings(client);
    offsets(client);
    groups(client);
    deletion(client);
    check(rivven_client_close(client, -1, &error));
    rivven_client_free(client);
}
