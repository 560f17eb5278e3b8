// The C++ layer over TLS and login, against the real broker: who gets in, and
// what the others are told. No message shows the secret.

#include <filesystem>
#include <rivven.hpp>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

extern "C" {
#include "check.h"
#include "secure.h"
}

namespace {

using rivven::Code;
using Settings = std::vector<std::pair<std::string, std::string>>;

static_assert(std::is_copy_constructible_v<rivven::Session> && std::is_nothrow_move_constructible_v<rivven::Session>);

const std::string wrong_password = "Wrong-Horse-8";

/// A secure broker, which ends with this object.
class Broker {
public:
    explicit Broker(std::vector<const char *> options = {}) {
        options.push_back(nullptr);
        start_secure(&broker_, options.data());
    }
    Broker(const Broker &) = delete;
    Broker &operator=(const Broker &) = delete;
    ~Broker() { stop_secure(&broker_); }
    const secure_broker *operator->() const { return &broker_; }
    std::string address() const { return broker_.server.address; }

private:
    secure_broker broker_;
};

rivven::Client client_of(const std::string &address, const Settings &settings) {
    rivven::Config config{{"bootstrap.servers", address}, {"connection.timeout.ms", "5000"}};
    for (const auto &[key, value] : settings) config.set(key, value);
    return rivven::Client(config);
}

/// A client that trusts the broker's authority.
rivven::Client trusting(const Broker &broker, Settings settings = {}) {
    settings.emplace_back("tls.ca.cert.path", broker->ca);
    return client_of(broker.address(), settings);
}

/// Checks that a call throws an error of this code, with these words and without the secret.
template <typename Call> void refused(const char *what, Code wanted, const std::string &words, Call call) {
    try {
        call();
        check(false, "%s: no error", what);
    } catch (const rivven::Error &error) {
        const std::string message = error.what();
        check(error.code() == wanted && message.find(words) != message.npos, "%s: %s", what, error.what());
        check(message.find(SECRET) == message.npos, "and the secret is not shown");
    }
}

void test_login(const Broker &broker) {
    rivven::Client client = trusting(broker);
    client.connect();
    refused("without login", Code::AuthenticationRequired, "", [&] { client.list_topics(); });
    const rivven::Session scram = client.authenticate_scram(USER, PASSWORD);
    check(!scram.id.empty() && scram.expires_in == std::chrono::hours(1), "log in by SCRAM");
    check(client.list_topics().empty(), "a request");
    const rivven::Session plain = client.authenticate(USER, PASSWORD);
    check(!plain.id.empty() && plain.expires_in == std::chrono::hours(1), "log in with the password itself");
    client.create_topic("t", 1);
    client.publish("t", "v");
    const rivven::Batch records = client.consume("t", 0, 0, 1);
    check(records.front().value == "v", "records");
    refused("a user with a zero", Code::InvalidArgument, "zero", [&] { client.authenticate({"a\0b", 3}, PASSWORD); });
    client.close();
    refused("after close", Code::Closed, "", [&] { client.authenticate_scram(USER, PASSWORD); });
}

void test_wrong_credentials(const Broker &broker) {
    rivven::Client client = trusting(broker);
    refused("a wrong password", Code::AuthenticationFailed, USER, [&] { client.authenticate(USER, wrong_password); });
    refused("an unknown user", Code::AuthenticationFailed, "mallory", [&] { client.authenticate("mallory", PASSWORD); });
    refused("a wrong password by SCRAM", Code::AuthenticationFailed, USER,
            [&] { client.authenticate_scram(USER, wrong_password); });
    refused("an unknown user by SCRAM", Code::AuthenticationFailed, "mallory",
            [&] { client.authenticate_scram("mallory", PASSWORD); });
    rivven::Client configured = trusting(broker, {{"auth.username", USER}, {"auth.password", wrong_password}});
    refused("a wrong password in the configuration", Code::AuthenticationFailed, USER, [&] { configured.connect(); });
}

void test_no_tls() {
    const Broker broker({"--tls", "off"});
    rivven::Client client = client_of(broker.address(), {});
    refused("the password itself without TLS", Code::AuthenticationRequiresTls, "TLS",
            [&] { client.authenticate(USER, PASSWORD); });
    check(client.authenticate_scram(USER, PASSWORD).expires_in.count() > 0, "SCRAM without TLS");
}

void test_client_certificates() {
    const Broker strict({"--mtls", "required"}), lenient({"--mtls", "optional"});
    refused("no certificate where one is required", Code::TlsFailed, "tls.client.cert.path",
            [&] { trusting(strict).connect(); });
    const Settings settings = {{"tls.client.cert.path", strict->cert},
                               {"tls.client.key.path", strict->key},
                               {"auth.username", USER},
                               {"auth.password", PASSWORD}};
    check(trusting(strict, settings).list_topics().empty(), "with a certificate, and the login of the configuration");
    trusting(lenient).ping();
    check(true, "no certificate where it is optional");
}

void test_server_certificates(const Broker &broker) {
    refused("an unknown authority", Code::TlsFailed, "unknown CA", [&] {
        client_of(broker.address(), {{"tls.ca.cert.path", broker->other_ca}}).connect();
    });
    const Broker expired({"--expired-cert"}), named({"--san", "broker.example"});
    refused("an expired certificate", Code::TlsFailed, "expired", [&] { trusting(expired).connect(); });
    refused("a certificate for another name", Code::TlsFailed, "tls.server.name", [&] { trusting(named).connect(); });
    trusting(named, {{"tls.server.name", "broker.example"}}).ping();
    check(true, "if that name is expected");
}

void test_mixed_up_protocols(const Broker &broker) {
    server http = start_misbehaving("http");
    refused("TLS at an HTTP port", Code::TlsFailed, "does not speak TLS",
            [&] { client_of(http.address, {{"tls.ca.cert.path", broker->ca}}).connect(); });
    stop_server(&http);
    try {
        client_of(broker.address(), {}).connect();
        check(false, "no TLS at a TLS port: no error");
    } catch (const rivven::Error &error) {
        check(error.address() == broker.address(), "no TLS at a TLS port: %s", error.what());
    }
}

void test_unusable_files(const Broker &broker, const Broker &other) {
    const std::string missing = "/no/such/file.pem";
    const std::pair<const char *, Settings> attempts[] = {
        {"an authority that is not there", {{"tls.ca.cert.path", missing}}},
        {"an authority that is none", {{"tls.ca.cert.path", "/proc/self/cmdline"}}},
        {"a certificate without key", {{"tls.client.cert.path", broker->cert}}},
        {"a key that is not there", {{"tls.client.cert.path", broker->cert}, {"tls.client.key.path", missing}}},
        {"a key of another certificate", {{"tls.client.cert.path", broker->cert}, {"tls.client.key.path", other->key}}},
        {"a password without user", {{"auth.password", PASSWORD}}},
    };
    for (const auto &[what, settings] : attempts) {
        Settings all = {{"tls.ca.cert.path", broker->ca}};
        all.insert(all.end(), settings.begin(), settings.end());
        refused(what, Code::InvalidConfig, "", [&] { client_of("127.0.0.1:1", all); });
    }
}

void test_replaced_certificates(const Broker &broker, const Broker &other) {
    namespace fs = std::filesystem;
    const fs::path ca = fs::temp_directory_path() / ("rivven-hpp-secure-" + std::to_string(getpid()) + ".pem");
    fs::copy_file(other->ca, ca, fs::copy_options::overwrite_existing);
    rivven::Client client = client_of(broker.address(), {{"tls.ca.cert.path", ca.string()}});
    refused("the authority of another broker", Code::TlsFailed, "unknown CA", [&] { client.ping(); });
    fs::copy_file(broker->ca, ca, fs::copy_options::overwrite_existing);
    client.ping();
    check(true, "the next connection uses the file that replaced it");
    fs::remove(ca);
}

} // namespace

// covers: F005 cpp, F012 cpp, F013 cpp, F014 cpp, F015 cpp, F016 cpp, F017 cpp, F019 cpp
int main() {
    try {
        const Broker broker, other;
        test_login(broker);
        test_wrong_credentials(broker);
        test_no_tls();
        test_client_certificates();
        test_server_certificates(broker);
        test_mixed_up_protocols(broker);
        test_unusable_files(broker, other);
        test_replaced_certificates(broker, other);
    } catch (const std::exception &error) {
        check(false, "unexpected: %s", error.what());
    }
    return summary();
}
