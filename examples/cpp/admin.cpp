// Settings of a topic, committed offsets and groups. Usage: admin <broker address>

#include <iostream>
#include <rivven.hpp>

static const std::string topic = "admin-cpp";
static const std::string group = "admin-cpp-readers";

static void administer(rivven::Client &client) {
    client.create_topic(topic, 2);

    // [settings
    client.alter_topic_config(topic, {{"retention.ms", "86400000"}, {"cleanup.policy", std::nullopt}});
    const auto configs = client.describe_topic_configs({topic});
    std::cout << "retention.ms " << configs.at(topic).at("retention.ms").value << '\n';
    std::cout << "partitions " << client.create_partitions(topic, 4) << '\n';
    // settings]

    // [offsets
    for (const char *value : {"one", "two", "three"}) {
        client.publish_to_partition(topic, 0, std::nullopt, value);
    }
    client.commit_offset(group, topic, 0, 2); // the next record to read
    const std::uint64_t next = client.get_offset(group, topic, 0).value_or(0);
    for (const rivven::Record &record : client.consume(topic, 0, next, 10)) {
        std::cout << record.offset << ' ' << record.value << '\n';
    }
    // offsets]

    // [groups
    for (const std::string &name : client.list_groups()) {
        for (const auto &[of, offsets] : client.describe_group(name)) {
            for (const auto &[partition, offset] : offsets) {
                std::cout << name << ' ' << of << '/' << partition << ' ' << offset << '\n';
            }
        }
    }
    client.delete_group(group);
    // groups]

    // [delete
    for (const auto &deleted : client.delete_records(topic, {{0, 2}})) {
        std::cout << "partition " << deleted.partition << " begins at " << deleted.low_watermark << '\n';
    }
    client.delete_topic(topic);
    // delete]
}

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: admin <broker address>\n";
        return 2;
    }
    try {
        rivven::Client client(rivven::Config{{"bootstrap.servers", argv[1]}});
        administer(client);
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
