/*
 * Schemas at the real registry: each language there and back, and what the
 * registry refuses. No broker is needed for it.
 */

#include <string.h>

#include "client.h"
#include "launch.h"

static const char *const latest_text =
    "{\"type\":\"record\",\"name\":\"User\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"},"
    "{\"name\":\"age\",\"type\":\"int\",\"default\":0}]}";

/* A schema with a part of its text that the registry keeps as it is. */
struct sample {
    const char *type, *subject, *text, *part;
};

static const struct sample samples[] = {
    {"AVRO", "avro", "{\"type\":\"record\",\"name\":\"User\",\"fields\":[{\"name\":\"id\",\"type\":\"long\"}]}",
     "\"long\""},
    {"PROTOBUF", "protobuf", "syntax = \"proto3\";\nmessage User {\n  int64 id = 1;\n}\n", "int64 id = 1"},
    {"JSON", "json", "{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"integer\"}}}", "\"integer\""},
};

static bool is(const char *text, const char *wanted) { return text && strcmp(text, wanted) == 0; }

/* Checks what came back of a schema and frees it. */
static void check_schema(rivven_schema_t *schema, const struct sample *sample, uint32_t id) {
    check(rivven_schema_id(schema) == (int64_t)id, "%s: it has its id", sample->type);
    check(is(rivven_schema_type(schema), sample->type), "%s: and its language", sample->type);
    check(rivven_schema_text(schema) && strstr(rivven_schema_text(schema), sample->part), "%s: and its text",
          sample->type);
    rivven_schema_free(schema);
}

/* Checks that a schema knows under which subject and version it was asked for. */
static void check_place(const rivven_schema_t *schema, const char *subject, int64_t version) {
    check(is(rivven_schema_subject(schema), subject) && rivven_schema_version(schema) == version, "%s, version %d",
          subject, (int)version);
}

static void test_sample(rivven_client_t *client, const char *url, const struct sample *sample) {
    rivven_schema_t *schema = NULL;
    uint32_t id = 0, again = 0;
    succeeds("register", rivven_client_register_schema(client, url, sample->subject, sample->type, sample->text, &id,
                                                       &error));
    succeeds("register it again", rivven_client_register_schema(client, url, sample->subject, sample->type,
                                                                sample->text, &again, &error));
    check(id == again, "%s: it keeps its id", sample->type);
    succeeds("read it by its id", rivven_client_get_schema(client, url, id, &schema, &error));
    check_schema(schema, sample, id);
    schema = NULL;
    succeeds("read version 1", rivven_client_get_schema_version(client, url, sample->subject, 1, &schema, &error));
    check_place(schema, sample->subject, 1);
    check_schema(schema, sample, id);
}

static void test_versions(rivven_client_t *client, const char *url) {
    const struct sample *first = &samples[0], latest = {"AVRO", "avro", latest_text, "\"age\""};
    rivven_schema_t *schema = NULL;
    uint32_t id = 0;
    succeeds("register another version",
             rivven_client_register_schema(client, url, "avro", "AVRO", latest_text, &id, &error));
    succeeds("read the latest", rivven_client_get_schema_version(client, url, "avro", RIVVEN_SCHEMA_VERSION_LATEST,
                                                                 &schema, &error));
    check_place(schema, "avro", 2);
    check_schema(schema, &latest, id);
    schema = NULL;
    succeeds("read the first", rivven_client_get_schema_version(client, url, "avro", 1, &schema, &error));
    check_place(schema, "avro", 1);
    check(!strstr(rivven_schema_text(schema), "\"age\""), "it is another");
    check_schema(schema, first, (uint32_t)rivven_schema_id(schema));
}

/* Checks that a call failed in the way expected, and with the registry's own number for it; -1 for none. */
static void fails_with(const char *what, rivven_code wanted, int64_t number, rivven_code code) {
    check(rivven_error_registry_code(error) == number, "%s: the registry's number is %d", what, (int)number);
    fails(what, wanted, code);
}

static void test_refusals(rivven_client_t *client, const char *url) {
    static const char *const incompatible =
        "{\"type\":\"record\",\"name\":\"User\",\"fields\":[{\"name\":\"name\",\"type\":\"string\"}]}";
    rivven_schema_t *schema = NULL;
    uint32_t id = 77;
    fails_with("a schema that is none", RIVVEN_CODE_SCHEMA_INVALID, 42201,
               rivven_client_register_schema(client, url, "broken", "AVRO", "{\"type\":\"no such\"}", &id, &error));
    fails_with("one that is not compatible", RIVVEN_CODE_SCHEMA_INCOMPATIBLE, 409,
               rivven_client_register_schema(client, url, "avro", "AVRO", incompatible, &id, &error));
    fails_with("a language that is none", RIVVEN_CODE_INVALID_ARGUMENT, -1,
               rivven_client_register_schema(client, url, "s", "XML", "<s/>", &id, &error));
    fails_with("an unknown id", RIVVEN_CODE_SCHEMA_NOT_FOUND, 40403,
               rivven_client_get_schema(client, url, UINT32_C(4000000000), &schema, &error));
    fails_with("an unknown subject", RIVVEN_CODE_SCHEMA_NOT_FOUND, 40401,
               rivven_client_get_schema_version(client, url, "none", RIVVEN_SCHEMA_VERSION_LATEST, &schema, &error));
    fails_with("an unknown version", RIVVEN_CODE_SCHEMA_NOT_FOUND, 40402,
               rivven_client_get_schema_version(client, url, "avro", 9, &schema, &error));
    check(!schema && id == 77, "outputs are untouched on failure");
}

/* covers: F112 c */
int main(void) {
    char url[512];
    struct server registry = start_registry();
    read_value(&registry, "url", url, sizeof url);
    rivven_client_t *client = client_of("127.0.0.1:1", NULL);
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) test_sample(client, url, &samples[i]);
    test_versions(client, url);
    test_refusals(client, url);
    stop_server(&registry);
    rivven_schema_t *schema = NULL;
    fails_with("a registry that is gone", RIVVEN_CODE_CONNECTION_FAILED, -1,
               rivven_client_get_schema(client, url, 1, &schema, &error));
    rivven_client_free(client);
    return summary();
}
