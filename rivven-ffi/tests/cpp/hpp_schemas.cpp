// Schemas at the real registry through the C++ layer, as schemas.c has them.

#include <optional>
#include <rivven.hpp>
#include <string>

extern "C" {
#include "check.h"
#include "launch.h"
}

namespace {

using rivven::Code;

const std::string avro = R"({"type":"record","name":"User","fields":[{"name":"id","type":"long"}]})";
const std::string avro_2 =
    R"({"type":"record","name":"User","fields":[{"name":"id","type":"long"},{"name":"age","type":"int","default":0}]})";
const std::string protobuf = "syntax = \"proto3\";\nmessage User {\n  int64 id = 1;\n}\n";
const std::string json = R"({"type":"object","properties":{"id":{"type":"integer"}}})";

/// Checks that a call throws an error of this code, with the registry's own number for it.
template <typename Call>
void throws(const char *what, Code wanted, std::optional<std::uint32_t> number, Call call) {
    try {
        call();
        check(false, "%s: no error", what);
    } catch (const rivven::Error &error) {
        check(error.code() == wanted && *error.what(), "%s: %s", what, error.what());
        check(error.registry_code() == number, "%s: the registry's number is %d", what, int(number.value_or(0)));
    }
}

/// Registers a schema and reads it back; `part` is a part of its text that the registry keeps as it is.
void test_language(rivven::Client &client, const std::string &url, const std::string &type, const std::string &text,
                   const std::string &part) {
    const auto id = client.register_schema(url, type + "-value", type, text);
    check(client.register_schema(url, type + "-value", type, text) == id, "%s: it keeps its id", type.c_str());
    const auto by_id = client.get_schema(url, id);
    check(by_id.id == id && by_id.schema_type == type, "%s: read by its id", type.c_str());
    check(by_id.schema.find(part) != std::string::npos, "%s: it has its text", type.c_str());
    const auto first = client.get_schema_version(url, type + "-value", 1);
    check(first.id == id && first.subject == type + "-value" && first.version == 1u, "%s: by version", type.c_str());
    check(first.schema == by_id.schema && first.schema_type == type, "%s: it is the same", type.c_str());
}

void test_versions(rivven::Client &client, const std::string &url) {
    const auto id = client.register_schema(url, "AVRO-value", "AVRO", avro_2);
    const auto latest = client.get_schema_version(url, "AVRO-value");
    check(latest.id == id && latest.version == 2u && latest.schema.find("age") != std::string::npos, "the latest");
    check(client.get_schema_version(url, "AVRO-value", 1).id != id, "the first is another");
}

void test_refusals(rivven::Client &client, const std::string &url) {
    throws("a schema that is none", Code::SchemaInvalid, 42201,
           [&] { client.register_schema(url, "broken", "AVRO", R"({"type":"no such"})"); });
    throws("one that is not compatible", Code::SchemaIncompatible, 409, [&] {
        client.register_schema(url, "AVRO-value", "AVRO",
                               R"({"type":"record","name":"User","fields":[{"name":"name","type":"string"}]})");
    });
    throws("a language that is none", Code::InvalidArgument, std::nullopt,
           [&] { client.register_schema(url, "s", "XML", "<s/>"); });
    throws("an unknown id", Code::SchemaNotFound, 40403, [&] { client.get_schema(url, 4000000000u); });
    throws("an unknown subject", Code::SchemaNotFound, 40401, [&] { client.get_schema_version(url, "none"); });
    throws("an unknown version", Code::SchemaNotFound, 40402, [&] { client.get_schema_version(url, "AVRO-value", 9); });
}

} // namespace

// covers: F112 cpp
int main() {
    server registry = start_registry();
    char url[512];
    read_value(&registry, "url", url, sizeof url);
    try {
        rivven::Client client(rivven::Config{{"bootstrap.servers", "127.0.0.1:1"}});
        test_language(client, url, "AVRO", avro, "\"long\"");
        test_language(client, url, "PROTOBUF", protobuf, "int64 id = 1");
        test_language(client, url, "JSON", json, "\"integer\"");
        test_versions(client, url);
        test_refusals(client, url);
    } catch (const std::exception &error) {
        check(false, "unexpected: %s", error.what());
    }
    stop_server(&registry);
    return summary();
}
