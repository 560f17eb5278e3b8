// Groups of consumers of the C++ layer.

#include <rivven.hpp>
#include <string>

extern "C" {
#include "check.h"
#include "launch.h"
}

namespace {

using namespace std::chrono_literals;

rivven::Consumer member_of(const std::string &address) {
    rivven::Consumer consumer(rivven::Config{{"bootstrap.servers", address},
                                             {"group.id", "divided"},
                                             {"session.timeout.ms", "1500"},
                                             {"rebalance.timeout.ms", "500"},
                                             {"heartbeat.interval.ms", "100"}});
    consumer.subscribe({"divided"});
    return consumer;
}

/// Polls two members until each has two partitions, at most a minute.
bool divide(rivven::Consumer &one, rivven::Consumer &other) {
    for (double start = seconds(); seconds() - start < 60;) {
        if (one.assignments().size() == 2 && other.assignments().size() == 2) return true;
        one.poll(20ms);
        other.poll(20ms);
    }
    return false;
}

void test_group(const std::string &address) {
    rivven::Client client(rivven::Config{{"bootstrap.servers", address}});
    client.create_topic("divided", 4);
    rivven::Consumer one = member_of(address), other = member_of(address), third = member_of(address);
    check(divide(one, other), "two members have two partitions each");
    check(divide(other, third), "one that does not poll is not waited for");
    check(one.assignments().empty(), "and has lost its partitions");
    third.close();
    check(divide(one, other), "until it polls again, and another one has left");
}

} // namespace

// covers: F094 cpp, F095 cpp, F097 cpp
int main() {
    struct server broker = start_broker();
    test_group(broker.address);
    stop_server(&broker);
    return summary();
}
