// Writes a year of hourly temperatures to a topic, reads them back, and works
// out the mean of each month from what was read.
//
// Usage: temperatures <broker address> <topic> <csv file>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <rivven.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t pings = 200;
constexpr std::uint32_t partitions = 12;

/// The values of each key, a month such as `2010-01`, in their order.
using Months = std::map<std::string, std::vector<std::string>>;

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The median time of a ping, in milliseconds.
double median_ping(rivven::Client &client) {
    std::vector<double> times(pings);
    for (double &time : times) {
        const auto start = Clock::now();
        client.ping();
        time = seconds_since(start) * 1000;
    }
    std::sort(times.begin(), times.end());
    return times[pings / 2];
}

/// Makes the records from the rows of the file: `47.8,2010/01/01 00:00:00`.
Months load(const std::string &file) {
    std::ifstream csv(file);
    std::string line, temperature, time;
    if (!std::getline(csv, line)) throw std::runtime_error("cannot read " + file);
    Months months;
    while (std::getline(csv, temperature, ',') && std::getline(csv, time)) {
        const std::string month = time.substr(0, 4) + '-' + time.substr(5, 2);
        months[month].push_back(R"({"time":")" + time + R"(","fahrenheit":)" + temperature + '}');
    }
    return months;
}

std::size_t count(const Months &months) {
    std::size_t count = 0;
    for (const auto &[month, values] : months) count += values.size();
    return count;
}

/// Writes the records by a producer, which chooses the partitions by the key.
void publish(const rivven::Config &config, const std::string &topic_name, const Months &months) {
    std::size_t written = 0;
    rivven::Queue queue;
    rivven::Producer producer(config, queue);
    rivven::Topic topic = producer.topic(topic_name);
    const auto take_reports = [&] {
        const rivven::Events events = queue.poll();
        for (const rivven::Event event : events) {
            event.offset(0); // throws why, if the records of the batch were not delivered
            written += event.size();
        }
        std::cout << "written " << written << std::endl;
    };
    for (const auto &[month, values] : months) {
        for (const auto &value : values) {
            while (!topic.try_enqueue(value, month)) take_reports();
        }
    }
    for (const std::size_t all = count(months); written < all;) take_reports();
    producer.close();
}

/// Reads all partitions from their beginning to their end, as the only member of a group.
Months consume(const std::string &address, const std::string &topic) {
    rivven::Consumer consumer(rivven::Config{
        {"bootstrap.servers", address}, {"group.id", topic}, {"report.partition.end", "true"}});
    consumer.subscribe({topic});
    Months months;
    std::set<std::uint32_t> ended;
    for (std::size_t read = 0; ended.size() < partitions;) {
        const rivven::Batch batch = consumer.poll();
        for (const rivven::Record &record : batch) {
            months[std::string(record.key.value_or(""))].emplace_back(record.value);
        }
        for (const auto &[of, partition] : batch.ended()) ended.insert(partition);
        std::cout << "read " << (read += batch.size()) << std::endl;
    }
    consumer.close();
    return months;
}

std::vector<std::string> sorted_values(const Months &months) {
    std::vector<std::string> sorted;
    for (const auto &[month, values] : months) sorted.insert(sorted.end(), values.begin(), values.end());
    std::sort(sorted.begin(), sorted.end());
    return sorted;
}

/// The number behind `"fahrenheit":` in a value.
double fahrenheit(const std::string &value) {
    static const std::string name = R"("fahrenheit":)";
    const auto found = value.find(name);
    if (found == std::string::npos) throw std::runtime_error("a value is not as it was written: " + value);
    return std::stod(value.substr(found + name.size()));
}

/// The mean of each month, as the members of a JSON object.
void print_means(const Months &months) {
    const char *separator = "";
    for (const auto &[month, values] : months) {
        double sum = 0;
        for (const auto &value : values) sum += fahrenheit(value);
        const double mean = sum / static_cast<double>(values.size());
        std::cout << separator << '"' << month << "\":" << std::setprecision(2) << mean;
        separator = ",";
    }
}

int run(const std::string &address, const std::string &topic, const std::string &file) {
    const rivven::Config config{{"bootstrap.servers", address}};
    rivven::Client client(config);
    client.connect();
    const double ping_ms = median_ping(client);
    client.create_topic(topic, partitions);

    const auto start = Clock::now();
    const Months written = load(file);
    publish(config, topic, written);
    const Months read = consume(address, topic);
    const bool complete = count(read) == count(written);
    const bool order = read == written;
    const bool content = sorted_values(read) == sorted_values(written);
    const double seconds = seconds_since(start);
    client.close();

    std::cout << std::boolalpha << std::fixed << std::setprecision(3);
    std::cout << R"(result {"language":"cpp","records":)" << count(read) << R"(,"seconds":)" << seconds;
    std::cout << R"(,"ping_ms":)" << ping_ms << R"(,"checks":{"count":)" << complete << R"(,"order":)" << order;
    std::cout << R"(,"content":)" << content << R"(},"means":{)";
    print_means(read);
    std::cout << "}}" << std::endl;
    return complete && order && content ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 4) {
        std::cerr << "usage: temperatures <broker address> <topic> <csv file>\n";
        return 2;
    }
    try {
        return run(argv[1], argv[2], argv[3]);
    } catch (const std::exception &error) {
        std::cerr << "temperatures: " << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
