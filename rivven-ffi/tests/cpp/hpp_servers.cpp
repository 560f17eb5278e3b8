// What the C++ layer tells of servers: statistics of producers, changes, and batches of unknown outcome.

#include <rivven.hpp>
#include <string>
#include <vector>

extern "C" {
#include "check.h"
#include "launch.h"
}

namespace {

using namespace std::chrono_literals;
using rivven::Code;
using rivven::EventKind;

rivven::Config config_of(const std::string &address) {
    return rivven::Config{
        {"bootstrap.servers", address}, {"retry.backoff.ms", "5"}, {"retry.backoff.max.ms", "50"}};
}

/// Two servers, of which each leads one partition; the second one refuses a batch.
void test_stats_by_server() {
    server cluster = start_scripted(R"({"nodes": 2, "topics": {"t": 2}, "rules": [{"on": "PublishBatch", "node": 1,
        "times": 1, "do": {"answer": {"error": "BUFFER_FULL: later"}}}]})");
    rivven::Producer producer(config_of(cluster.address));
    check(producer.stats().servers.empty(), "nothing was sent to anybody");
    // That learns who leads what; else the first server would be asked first.
    producer.connect();
    const std::vector<rivven::RecordMetadata> sent =
        producer.send_batch("t", {{std::nullopt, "a"}, {"key", "b"}, {std::nullopt, "c"}}, 0);
    check(sent.size() == 3 && sent[2].offset == 2 && sent[2].topic == "t", "a batch is sent");
    check(producer.send_batch("t", {}).empty(), "so is an empty one");
    check(producer.send("t", "d", std::nullopt, 1).partition == 1, "and one to the other server");
    const rivven::ProducerStats stats = producer.stats();
    check(stats.servers.size() == 2 && stats.servers[0].address < stats.servers[1].address, "there are two servers");
    for (const rivven::ProducerServerStats &server : stats.servers) {
        const bool first = server.address == cluster.address;
        check(server.records_delivered == (first ? 3 : 1) && server.errors == (first ? 0 : 1) &&
                  server.retries == server.errors,
              "what %s has", server.address.c_str());
        check(server.records_unanswered == 0 && server.records_queued == 0 && server.bytes_sent > 0 &&
                  server.batches_sent > 0 && server.records_per_batch > 0.0,
              "nothing is left for it");
        check(server.latency_p50 > 0us && server.latency_p50 <= server.latency_p95 &&
                  server.latency_p95 <= server.latency_p99,
              "its latencies");
    }
    try {
        producer.send_batch("t", {{std::nullopt, "a"}}, 7);
        check(false, "a partition beyond is no error");
    } catch (const rivven::Error &error) {
        check(error.code() == Code::InvalidPartition, "a partition beyond: %s", error.what());
    }
    stop_server(&cluster);
}

/// The batch is written, its answer is lost, and it is written again.
void test_batch_that_may_be_there_twice() {
    server broker = start_scripted(R"({"topics": {"t": 1}, "rules": [{"on": "PublishBatch", "times": 1,
        "execute": true, "do": "close_connection"}]})");
    rivven::Client client(config_of(broker.address));
    const rivven::PublishedBatch twice = client.publish_batch("t", {{std::nullopt, "a"}, {std::nullopt, "b"}}, 0);
    check(twice.maybe_duplicate && twice.base_offset == 2 && twice.record_count == 2, "it may be there twice");
    check(!client.publish_batch("t", {{std::nullopt, "c"}}, 0).maybe_duplicate, "another is there once");
    stop_server(&broker);
}

/// Polls until an event of this kind satisfies `look`; gives up after 60 s.
template <typename Look> void expect(rivven::Queue &queue, EventKind kind, Look look) {
    for (const double start = seconds(); seconds() - start < 60;) {
        const rivven::Events events = queue.poll(1s);
        for (const rivven::Event event : events) {
            if (event.kind() == kind) return look(event);
        }
    }
    give_up("no such event");
}

void test_changes() {
    server broker = start_broker();
    rivven::Queue queue, other;
    rivven::Client client(config_of(broker.address));
    rivven::Producer producer(config_of(broker.address));
    producer.send("t", "v");
    client.ping();
    client.subscribe_state_changes(queue, 7);
    producer.subscribe_state_changes(other);
    stop_server(&broker);
    producer.topic("t").enqueue("v");
    try {
        client.ping();
    } catch (const rivven::Error &) {
        // That is what the event is about.
    }
    const auto degraded = [&](std::uint64_t opaque) {
        return [&, opaque](rivven::Event event) {
            const Code code = event.reason().code();
            check(event.server() == broker.address && event.opaque() == opaque && event.timestamp() > 1600000000s &&
                      (code == Code::ConnectionLost || code == Code::ConnectionFailed),
                  "a server does not work: %s", event.reason().what());
        };
    };
    expect(queue, EventKind::ServerDegraded, degraded(7));
    expect(other, EventKind::ServerDegraded, degraded(0));
    server again = restart_broker(broker.address);
    for (bool works = false; !works;) {
        try {
            client.ping();
            works = true;
        } catch (const rivven::Error &) {
            // Its breaker is open for some time.
        }
    }
    const auto recovered = [&](rivven::Event event) {
        check(event.server() == broker.address && event.outage() > 0ms && event.missed() == 0, "and works again");
    };
    expect(queue, EventKind::ServerRecovered, recovered);
    expect(other, EventKind::ServerRecovered, recovered);
    stop_server(&again);
}

} // namespace

/* covers: F008 cpp, F040 cpp, F055 cpp, F080 cpp */
int main() {
    test_stats_by_server();
    test_batch_that_may_be_there_twice();
    test_changes();
    return summary();
}
