// What docs/getting-started.md shows.
//
// Usage: guide <server> <another> <server with TLS> <CA file> <password of alice>
// The first server may be down: the second one is tried then.

#include <iostream>
#include <rivven.hpp>

static const std::string topic = "guide-cpp";

static void records(const std::string &first, const std::string &second) {
    // [connect
    rivven::Client client(rivven::Config{
        {"bootstrap.servers", first + "," + second},
        {"request.timeout.ms", "10000"},
    });
    client.connect(); // or leave it out: the first call connects
    // connect]

    // [topic
    const std::uint32_t partitions = client.create_topic(topic, 3);
    if (partitions != 3) throw std::runtime_error("not 3 partitions");
    // topic]

    // [publish
    client.publish_to_partition(topic, 0, "oslo", "-3");                // to a partition
    client.publish_batch(topic, {{"rome", "14"}, {"cairo", "22"}}, 0); // many
    client.publish_with_key(topic, "lima", "19");                       // where the key leads
    // publish]

    // [consume
    const auto bounds = client.get_offset_bounds(topic, 0);
    for (const rivven::Record &record : client.consume(topic, 0, bounds.earliest, 2)) {
        std::cout << record.offset << ' ' << record.key.value_or("") << ' ' << record.value << '\n';
    }
    // consume]

    // [errors
    try {
        client.create_topic(topic, 3);
    } catch (const rivven::Error &error) {
        if (error.code() == rivven::Code::TopicAlreadyExists) {
            std::cout << error.name() << '\n';
        } else if (error.is_retriable()) {
            std::cout << "try again: " << error.what() << '\n';
        } else {
            throw;
        }
    }
    // errors]
}

static void login(const std::string &address, const std::string &ca_file, const std::string &password) {
    // [login
    rivven::Client client(rivven::Config{
        {"bootstrap.servers", address},
        {"tls.ca.cert.path", ca_file},
        {"auth.username", "alice"},
        {"auth.password", password}, // by SCRAM-SHA-256: the password is never sent
    });
    std::cout << client.list_topics().size() << " topics\n";
    // login]
}

int main(int argc, char **argv) {
    if (argc != 6) {
        std::cerr << "usage: guide <server> <another> <server with TLS> <CA file> <password of alice>\n";
        return 2;
    }
    try {
        records(argv[1], argv[2]);
        login(argv[3], argv[4], argv[5]);
    } catch (const std::exception &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
