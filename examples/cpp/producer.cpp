// Sends records by a producer, and takes what became of them in a callback.
//
// Usage: producer <broker address>

#include <iostream>
#include <rivven.hpp>
#include <string>

int main(int argc, char **argv) {
    constexpr int orders = 1000;
    const rivven::Config config{{"bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092"}, {"linger.ms", "5"}};
    try {
        // [producer
        std::size_t delivered = 0, failed = 0;
        rivven::Queue queue;
        rivven::Producer producer(config, queue, [&](const rivven::Events &events) {
            for (const rivven::Event event : events) {
                for (std::size_t i = 0; i < event.size(); ++i) {
                    ++(event.code(i) == rivven::Code::Ok ? delivered : failed);
                }
            }
        });

        rivven::Topic topic = producer.topic("orders-cpp");
        for (int i = 0; i < orders; ++i) {
            const std::string value = "order " + std::to_string(i);
            while (!topic.try_enqueue(value)) queue.poll();
        }
        while (delivered + failed < orders) queue.poll();
        // producer]
        std::cout << delivered << " orders are delivered, " << failed << " are not\n";
        producer.close();
        return failed == 0 ? 0 : 1;
    } catch (const rivven::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
