// Bills two orders together or not at all; then bills all orders of a topic, each once.
//
// Usage: transactions <broker address>

#include <algorithm>
#include <iostream>
#include <rivven.hpp>
#include <string>

static constexpr std::size_t orders = 300;

static void together(rivven::Config &config) {
    // [transaction
    config.set("transactional.id", "bills-cpp");
    rivven::Producer producer(config);

    auto bills = producer.begin_transaction();
    bills.send("invoices-cpp", "invoice 1");
    bills.send("invoices-cpp", "invoice 2", "vip");
    bills.commit();

    auto mistakes = producer.begin_transaction();
    mistakes.send("invoices-cpp", "a mistake");
    mistakes.abort();
    // transaction]
    producer.close();
}

static void each_once(rivven::Config &config) {
    // [transform
    config.set("group.id", "billing-cpp").set("enable.auto.commit", "false").set("transactional.id", "billing-cpp");
    rivven::Consumer consumer(config);
    consumer.subscribe({"orders-billed-cpp"});
    rivven::Producer producer(config);

    std::size_t billed = 0;
    rivven::transform(consumer, producer, [&](const rivven::Batch &batch, rivven::Transaction &transaction) {
        for (const rivven::Record order : batch) transaction.enqueue("invoices-cpp", order.value, order.key);
        billed += batch.size();
        if (billed >= orders) consumer.wakeup();
    });
    // transform]
    consumer.close();
    producer.close();
}

int main(int argc, char **argv) {
    rivven::Config config{{"bootstrap.servers", argc > 1 ? argv[1] : "127.0.0.1:9092"}};
    try {
        rivven::Client client(config);
        const auto topics = client.list_topics();
        const auto create = [&](const char *topic, std::uint32_t partitions) {
            if (std::find(topics.begin(), topics.end(), topic) == topics.end()) client.create_topic(topic, partitions);
        };
        create("orders-billed-cpp", 3);
        create("invoices-cpp", 1);
        for (std::size_t i = 0; i < orders; ++i) {
            const auto partition = static_cast<std::uint32_t>(i % 3);
            client.publish_to_partition("orders-billed-cpp", partition, std::nullopt, "order " + std::to_string(i));
        }
        together(config);
        const std::size_t before = client.consume_read_committed("invoices-cpp", 0, 0, 10000).size();
        std::cout << before << " invoices are committed\n";
        each_once(config);
        const std::size_t all = client.consume_read_committed("invoices-cpp", 0, 0, 10000).size();
        std::cout << all - before << " orders are billed\n";
    } catch (const rivven::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
