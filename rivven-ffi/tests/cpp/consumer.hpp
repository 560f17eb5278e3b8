// What the tests of the options and the faults of consumers have in common.

#ifndef CONSUMER_HPP
#define CONSUMER_HPP

#include <algorithm>
#include <chrono>
#include <optional>
#include <rivven.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

extern "C" {
#include "check.h"
#include "launch.h"
}

#include "throws.hpp"

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using rivven::Code;
using Settings = std::vector<std::pair<std::string, std::string>>;

/// A server that ends with this object.
class Server {
public:
    explicit Server(server started) : server_(started) {}
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;
    ~Server() { stop_server(&server_); }
    std::string address() const { return server_.address; }
    void command(const std::string &what) { ::command(&server_, what.c_str()); }

private:
    server server_;
};

inline rivven::Config config_of(const std::string &servers, const Settings &settings = {}) {
    rivven::Config config{{"bootstrap.servers", servers}};
    for (const auto &[key, value] : settings) config.set(key, value);
    return config;
}

inline rivven::Consumer consumer_of(const std::string &servers, const Settings &settings = {}) {
    return rivven::Consumer(config_of(servers, settings));
}

/// Makes a topic of one partition with records `v0`, `v1` and so on.
inline void fill(const std::string &address, const std::string &topic, int records) {
    rivven::Client client(config_of(address));
    client.create_topic(topic, 1);
    for (int i = 0; i < records; ++i) client.publish_to_partition(topic, 0, std::nullopt, "v" + std::to_string(i));
}

/// Polls until there are records.
inline rivven::Batch next_records(rivven::Consumer &consumer) {
    for (int i = 0; i < 30; ++i) {
        rivven::Batch batch = consumer.poll(1s);
        if (!batch.empty()) return batch;
    }
    give_up("no records came");
}

/// Polls until so many records have come; gives their values.
inline std::vector<std::string> values(rivven::Consumer &consumer, std::size_t count) {
    std::vector<std::string> values;
    while (values.size() < count) {
        const rivven::Batch batch = next_records(consumer);
        for (const rivven::Record record : batch) values.emplace_back(record.value);
    }
    return values;
}

} // namespace

#endif
