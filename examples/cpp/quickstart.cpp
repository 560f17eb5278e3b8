// Publishes three records and reads them back.
//
// Usage: quickstart <broker address>

// [readme
#include <algorithm>
#include <iostream>
#include <rivven.hpp>

int main(int argc, char **argv) {
    const std::string topic = "quickstart-cpp";
    try {
        rivven::Client client(rivven::Config{{"bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092"}});
        client.connect();

        const auto topics = client.list_topics();
        if (std::find(topics.begin(), topics.end(), topic) == topics.end()) client.create_topic(topic, 3);
        const auto written = client.publish_batch(topic, {{"oslo", "-3"}, {"rome", "14"}, {"cairo", "22"}}, 0);

        for (const rivven::Record &record : client.consume(topic, 0, written.base_offset, 3)) {
            std::cout << record.offset << ' ' << record.key.value_or("") << ' ' << record.value << '\n';
        }
        client.close();
    } catch (const rivven::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
// readme]
