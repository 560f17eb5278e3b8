// Reads what a topic has, from its beginning to its end, and commits how far it has come.
//
// Usage: consumer <broker address>

#include <iostream>
#include <rivven.hpp>
#include <string>

int main(int argc, char **argv) {
    constexpr std::size_t orders = 100;
    rivven::Config config{{"bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092"}};
    try {
        rivven::Producer producer(config);
        rivven::Topic topic = producer.topic("orders-read-cpp");
        for (std::size_t i = 0; i < orders; ++i) topic.enqueue("order " + std::to_string(i));
        producer.close();

        // [consumer
        config.set("group.id", "printers-cpp");
        rivven::Consumer consumer(config);
        consumer.subscribe({"orders-read-cpp"});
        for (std::size_t count = 0; count < orders;) {
            const rivven::Batch batch = consumer.poll();
            for (const rivven::Record record : batch) {
                std::cout << record.partition << " at " << record.offset << ": " << record.value << '\n';
            }
            count += batch.size();
            consumer.commit();
        }
        consumer.close();
        // consumer]
    } catch (const rivven::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
