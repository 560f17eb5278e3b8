// Reads the records of a topic, and commits how far it has come; then has each of them shipped.
//
// Usage: consumer <broker address>

#include <atomic>
#include <iostream>
#include <rivven.hpp>
#include <stdexcept>
#include <string>

int main(int argc, char **argv) {
    constexpr std::size_t orders = 1000;
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
        std::size_t read = 0;
        while (read < orders) {
            const rivven::Batch batch = consumer.poll();
            for (const rivven::Record record : batch) read += record.value.substr(0, 5) == "order";
            consumer.commit();
        }
        consumer.close();
        // consumer]
        std::cout << read << " orders are read\n";

        // [process
        config.set("group.id", "shipping-cpp").set("process.dead.letter.topic", "orders-failed-cpp");
        rivven::Consumer shipping(config);
        shipping.subscribe({"orders-read-cpp"});
        std::atomic<std::size_t> shipped{0};
        const rivven::ProcessReport report = shipping.process([&](const rivven::Record &record) {
            if (record.value.substr(0, 5) != "order") throw std::runtime_error("this is no order");
            if (++shipped == orders) shipping.wakeup();
        });
        shipping.close();
        // process]
        std::cout << report.processed << " orders are shipped\n";
    } catch (const rivven::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
