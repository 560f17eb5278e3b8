/**
 * The Rivven event streaming client for C++17 and later.
 *
 * Header only, over rivven.h: link with librivven (`pkg-config --cflags --libs
 * rivven`).
 *
 * - Every failure is a rivven::Error, which is thrown.
 * - Objects own what they stand for and can be moved but not copied. An object
 *   that was moved from can be destroyed and assigned to; every other use
 *   throws an Error of Code::InvalidArgument.
 * - Destructors never block and never throw.
 * - A Client may be used by many threads at once; so may everything that is
 *   const. Moving, assigning and destroying an object takes one thread alone.
 * - Bytes are std::string_view. What goes in is copied before the call returns;
 *   what comes out of a Batch is valid as long as the batch.
 */

#ifndef RIVVEN_HPP
#define RIVVEN_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rivven.h>

namespace rivven {

/// The kinds of errors; later releases add some.
enum class Code : std::int32_t {
    /// Success.
    Ok = RIVVEN_CODE_OK,
    /// An error that no other code describes.
    Other = RIVVEN_CODE_OTHER,
    /// No connection to the server could be made.
    ConnectionFailed = RIVVEN_CODE_CONNECTION_FAILED,
    /// An established connection ended before the answer came.
    ConnectionLost = RIVVEN_CODE_CONNECTION_LOST,
    /// No answer came in time.
    TimedOut = RIVVEN_CODE_TIMED_OUT,
    /// The host name of a server could not be resolved.
    ResolveFailed = RIVVEN_CODE_RESOLVE_FAILED,
    /// The handle was closed by its owner.
    Closed = RIVVEN_CODE_CLOSED,
    /// The handle was made before a fork and is used in the child process.
    Forked = RIVVEN_CODE_FORKED,
    /// An argument is not acceptable.
    InvalidArgument = RIVVEN_CODE_INVALID_ARGUMENT,
    /// The call is not allowed in the present state.
    InvalidState = RIVVEN_CODE_INVALID_STATE,
    /// A configuration key or value is not acceptable.
    InvalidConfig = RIVVEN_CODE_INVALID_CONFIG,
    /// The request is over a limit of the protocol.
    RequestTooLarge = RIVVEN_CODE_REQUEST_TOO_LARGE,
    /// The peer announced an answer over the limit.
    ResponseTooLarge = RIVVEN_CODE_RESPONSE_TOO_LARGE,
    /// The peer sent bytes that are no valid answer.
    MalformedResponse = RIVVEN_CODE_MALFORMED_RESPONSE,
    /// The answer is valid but does not belong to the request.
    UnexpectedResponse = RIVVEN_CODE_UNEXPECTED_RESPONSE,
    /// The broker speaks another version of the protocol.
    IncompatibleVersion = RIVVEN_CODE_INCOMPATIBLE_VERSION,
    /// The server did not accept the credentials, or did not prove its own.
    AuthenticationFailed = RIVVEN_CODE_AUTHENTICATION_FAILED,
    /// A login that shows the password was asked for on a connection without TLS.
    AuthenticationRequiresTls = RIVVEN_CODE_AUTHENTICATION_REQUIRES_TLS,
    /// The TLS handshake failed.
    TlsFailed = RIVVEN_CODE_TLS_FAILED,
    /// No server of the list can be used at present.
    AllServersUnavailable = RIVVEN_CODE_ALL_SERVERS_UNAVAILABLE,
    /// The circuit breaker of the only eligible server is open.
    CircuitBreakerOpen = RIVVEN_CODE_CIRCUIT_BREAKER_OPEN,
    /// No pooled connection became free in time.
    PoolExhausted = RIVVEN_CODE_POOL_EXHAUSTED,
    /// The protocol or this build has no such feature.
    Unsupported = RIVVEN_CODE_UNSUPPORTED,
    /// A value could not be encoded or decoded.
    Serialization = RIVVEN_CODE_SERIALIZATION,
    /// An operation of the operating system failed.
    Io = RIVVEN_CODE_IO,
    /// The client met a defect of its own and contained it.
    Internal = RIVVEN_CODE_INTERNAL,
    /// A bounded queue or buffer has no room at present.
    QueueFull = RIVVEN_CODE_QUEUE_FULL,
    /// The runtime that drives the connection has ended.
    RuntimeGone = RIVVEN_CODE_RUNTIME_GONE,
    /// The broker answered with a text that this client does not know.
    ServerOther = RIVVEN_CODE_SERVER_OTHER,
    /// The broker has too many publishes under way.
    BufferFull = RIVVEN_CODE_BUFFER_FULL,
    /// The broker could not write its log.
    WalError = RIVVEN_CODE_WAL_ERROR,
    /// The topic name breaks the broker's rules.
    InvalidTopic = RIVVEN_CODE_INVALID_TOPIC,
    /// The topic has no such partition.
    InvalidPartition = RIVVEN_CODE_INVALID_PARTITION,
    /// The number of partitions is not acceptable.
    InvalidPartitions = RIVVEN_CODE_INVALID_PARTITIONS,
    /// The broker could not create a partition.
    PartitionCreateFailed = RIVVEN_CODE_PARTITION_CREATE_FAILED,
    /// The group name breaks the broker's rules.
    InvalidGroupId = RIVVEN_CODE_INVALID_GROUP_ID,
    /// There is no group of that name with committed offsets.
    GroupNotFound = RIVVEN_CODE_GROUP_NOT_FOUND,
    /// There is no such topic or partition.
    UnknownTopicOrPartition = RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION,
    /// A topic of that name exists already.
    TopicAlreadyExists = RIVVEN_CODE_TOPIC_ALREADY_EXISTS,
    /// The offset lies outside of the log.
    OffsetOutOfRange = RIVVEN_CODE_OFFSET_OUT_OF_RANGE,
    /// A topic setting is not acceptable to the broker.
    InvalidTopicConfig = RIVVEN_CODE_INVALID_TOPIC_CONFIG,
    /// Another broker leads the partition.
    NotLeaderForPartition = RIVVEN_CODE_NOT_LEADER_FOR_PARTITION,
    /// The leader epoch of the request is out of date.
    FencedLeaderEpoch = RIVVEN_CODE_FENCED_LEADER_EPOCH,
    /// The broker does not know the producer id, for instance after its restart.
    UnknownProducerId = RIVVEN_CODE_UNKNOWN_PRODUCER_ID,
    /// The sequence number does not follow the last one.
    OutOfOrderSequence = RIVVEN_CODE_OUT_OF_ORDER_SEQUENCE,
    /// Another producer has taken over the identity.
    ProducerFenced = RIVVEN_CODE_PRODUCER_FENCED,
    /// The producer has another transaction open.
    ConcurrentTransactions = RIVVEN_CODE_CONCURRENT_TRANSACTIONS,
    /// There is no such open transaction.
    InvalidTxnId = RIVVEN_CODE_INVALID_TXN_ID,
    /// The state of the transaction does not allow the call.
    InvalidTxnState = RIVVEN_CODE_INVALID_TXN_STATE,
    /// The transaction ran into its timeout.
    TransactionTimedOut = RIVVEN_CODE_TRANSACTION_TIMED_OUT,
    /// The partition was not added to the transaction.
    PartitionNotInTxn = RIVVEN_CODE_PARTITION_NOT_IN_TXN,
    /// The broker has its maximum of open transactions.
    TooManyTransactions = RIVVEN_CODE_TOO_MANY_TRANSACTIONS,
    /// The broker refused a step of the transaction.
    TransactionError = RIVVEN_CODE_TRANSACTION_ERROR,
    /// It is not known whether the transaction was committed.
    CommitFailed = RIVVEN_CODE_COMMIT_FAILED,
    /// It is not known whether the transaction was aborted.
    AbortFailed = RIVVEN_CODE_ABORT_FAILED,
    /// The broker could not admit the member to the group.
    JoinGroupFailed = RIVVEN_CODE_JOIN_GROUP_FAILED,
    /// The group does not exist any more: join again.
    UnknownGroup = RIVVEN_CODE_UNKNOWN_GROUP,
    /// The group does not know the member: join again.
    UnknownMemberId = RIVVEN_CODE_UNKNOWN_MEMBER_ID,
    /// The group has moved to another generation: join again.
    IllegalGeneration = RIVVEN_CODE_ILLEGAL_GENERATION,
    /// The assignment names members that the group does not have.
    InconsistentGroupProtocol = RIVVEN_CODE_INCONSISTENT_GROUP_PROTOCOL,
    /// The leader of the group sent no assignment in time: join again.
    RebalanceTimeout = RIVVEN_CODE_REBALANCE_TIMEOUT,
    /// The group is being rebalanced: join again.
    RebalanceInProgress = RIVVEN_CODE_REBALANCE_IN_PROGRESS,
    /// The connection is not logged in.
    AuthenticationRequired = RIVVEN_CODE_AUTHENTICATION_REQUIRED,
    /// The login has expired.
    SessionExpired = RIVVEN_CODE_SESSION_EXPIRED,
    /// The user has no right to do this.
    AuthorizationFailed = RIVVEN_CODE_AUTHORIZATION_FAILED,
    /// The address sends more requests than the broker allows.
    RateLimitExceeded = RIVVEN_CODE_RATE_LIMIT_EXCEEDED,
    /// The broker refuses a message of this size.
    MessageTooLarge = RIVVEN_CODE_MESSAGE_TOO_LARGE,
    /// The broker could not read the request.
    InvalidRequest = RIVVEN_CODE_INVALID_REQUEST,
    /// The answer would be over the broker's frame limit.
    AnswerTooLarge = RIVVEN_CODE_ANSWER_TOO_LARGE,
    /// The broker met a defect of its own.
    ServerInternal = RIVVEN_CODE_SERVER_INTERNAL,
    /// The broker's storage failed.
    StorageError = RIVVEN_CODE_STORAGE_ERROR,
    /// A quota is used up for the moment.
    Throttled = RIVVEN_CODE_THROTTLED,
    /// The broker, as it was started, cannot do this.
    ServerUnsupported = RIVVEN_CODE_SERVER_UNSUPPORTED,
    /// The schema registry failed, or cannot serve the request at present.
    SchemaRegistryError = RIVVEN_CODE_SCHEMA_REGISTRY_ERROR,
    /// The schema registry refused the request, or what answered is no schema registry.
    SchemaRegistryRefused = RIVVEN_CODE_SCHEMA_REGISTRY_REFUSED,
    /// The schema registry has no such schema, subject or version.
    SchemaNotFound = RIVVEN_CODE_SCHEMA_NOT_FOUND,
    /// The schema is not valid in its language.
    SchemaInvalid = RIVVEN_CODE_SCHEMA_INVALID,
    /// The schema is not compatible with those that the subject has.
    SchemaIncompatible = RIVVEN_CODE_SCHEMA_INCOMPATIBLE,
};

/// Gives the name of a code: `TIMED_OUT`.
inline std::string_view name(Code code) noexcept {
    return rivven_code_name(static_cast<std::int32_t>(code));
}

/// What is known of a request whose call failed.
enum class Outcome : std::int32_t {
    /// The broker never had the whole request: it was not executed.
    NotSent = RIVVEN_OUTCOME_NOT_SENT,
    /// The broker may have executed the request or not.
    Unknown = RIVVEN_OUTCOME_UNKNOWN,
    /// The broker answered and refused.
    Rejected = RIVVEN_OUTCOME_REJECTED,
};

/// What went wrong; thrown by everything in this namespace.
class Error : public std::exception {
public:
    /// Takes over an error of the C interface.
    explicit Error(rivven_error_t *error) : error_(error, rivven_error_free) {}

    /// An argument that is refused before the C interface sees it.
    explicit Error(std::string refusal)
        : refusal_(std::make_shared<std::string>(std::move(refusal))) {}

    /// The message for people: what was attempted, on what, what happened, what to try.
    const char *what() const noexcept override {
        return refusal_ ? refusal_->c_str() : rivven_error_message(error_.get());
    }

    /// The kind of error; programs decide by it.
    Code code() const noexcept {
        if (refusal_) return Code::InvalidArgument;
        return static_cast<Code>(rivven_error_code(error_.get()));
    }

    /// The name of the code: `TIMED_OUT`.
    std::string_view name() const noexcept { return rivven::name(code()); }

    /// What is known of the request.
    Outcome outcome() const noexcept {
        return static_cast<Outcome>(rivven_error_outcome(error_.get()));
    }

    /// The server concerned, `host:port` as it was dialled, if one is; valid as long as the error.
    std::optional<std::string_view> address() const noexcept {
        const char *address = rivven_error_address(error_.get());
        return address ? std::optional<std::string_view>(address) : std::nullopt;
    }

    /// Whether the same call may succeed when it is repeated.
    bool is_retriable() const noexcept { return rivven_error_is_retriable(error_.get()); }

    /// Whether the object that gave the error is of no use any more.
    bool is_fatal() const noexcept { return rivven_error_is_fatal(error_.get()); }

    /// Whether an open transaction has to be aborted.
    bool is_abortable() const noexcept { return rivven_error_is_abortable(error_.get()); }

private:
    // Shared, as the copy of an exception must not throw. Without an error of
    // the C interface its functions say "not sent" and "no", which is right.
    std::shared_ptr<rivven_error_t> error_;
    std::shared_ptr<const std::string> refusal_;
};

namespace detail {

/// Frees a handle with the function of its type.
template <auto free> struct Free {
    template <typename T> void operator()(T *handle) const noexcept { free(handle); }
};

/// A handle of the C interface with its owner.
template <typename T, auto free> using Handle = std::unique_ptr<T, Free<free>>;

/// Calls a function of the C interface, whose last argument is the error, and throws that.
template <typename Function, typename... Arguments>
void call(Function function, Arguments... arguments) {
    rivven_error_t *error = nullptr;
    if (function(arguments..., &error) != RIVVEN_CODE_OK) throw Error(error);
}

/// Bytes for the C interface; empty ones are still bytes.
inline rivven_bytes_t bytes(std::string_view view) noexcept {
    return rivven_bytes_from(view.data() ? view.data() : "", view.size());
}

/// An optional key for the C interface.
inline rivven_bytes_t key(std::optional<std::string_view> key) noexcept {
    return key ? bytes(*key) : rivven_bytes_from(nullptr, 0);
}

/// Bytes of the C interface.
inline std::string_view view(rivven_bytes_t bytes) noexcept {
    return {reinterpret_cast<const char *>(bytes.data), bytes.len};
}

/// A string for the C interface, which would take a zero in it for its end.
inline const char *text(const std::string &string) {
    if (string.find('\0') != std::string::npos) throw Error("a string contains a zero character");
    return string.c_str();
}

} // namespace detail

/// Gives the version of the library that runs: `0.2.0`.
inline std::string_view version() noexcept { return rivven_version(); }

/// How a client is to work: keys and values, as docs/CONFIGURATION.md of the project lists them.
class Config {
public:
    /// Every key has its default.
    Config() {
        rivven_config_t *config = nullptr;
        detail::call(rivven_config_new, &config);
        config_.reset(config);
    }

    /// Sets keys: `Config{{"bootstrap.servers", "localhost:9092"}}`.
    Config(std::initializer_list<std::pair<std::string, std::string>> values) : Config() {
        for (const auto &[key, value] : values) set(key, value);
    }

    /// Sets a key to a value; Code::InvalidConfig for an unknown key or a value it does not take.
    Config &set(const std::string &key, const std::string &value) {
        detail::call(rivven_config_set, config_.get(), detail::text(key), detail::text(value));
        return *this;
    }

    /// The handle of the C interface, which stays the property of this object.
    const rivven_config_t *get() const noexcept { return config_.get(); }

private:
    detail::Handle<rivven_config_t, rivven_config_free> config_;
};

/// A record that was read; its views are valid as long as the batch.
struct Record {
    /// Its position in the partition.
    std::uint64_t offset;
    /// The number of its partition.
    std::uint32_t partition;
    /// When the broker received it, since 1970-01-01 00:00 UTC.
    std::chrono::milliseconds timestamp;
    /// The key, if it has one; it may be empty.
    std::optional<std::string_view> key;
    /// The value.
    std::string_view value;
};

/// Records of one partition, in the order of the log.
class Batch {
public:
    /// Walks over the records; valid as long as the records, wherever the batch is moved.
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Record;
        using difference_type = std::ptrdiff_t;
        using pointer = const Record *;
        using reference = Record;

        iterator() noexcept = default;
        iterator(const rivven_batch_t *batch, std::size_t index) noexcept
            : batch_(batch), index_(index) {}
        Record operator*() const noexcept { return read(batch_, index_); }
        iterator &operator++() noexcept {
            ++index_;
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator before = *this;
            ++index_;
            return before;
        }
        bool operator==(const iterator &other) const noexcept { return index_ == other.index_; }
        bool operator!=(const iterator &other) const noexcept { return index_ != other.index_; }

    private:
        const rivven_batch_t *batch_ = nullptr;
        std::size_t index_ = 0;
    };

    /// Takes over a batch of the C interface.
    explicit Batch(rivven_batch_t *batch) noexcept : batch_(batch) {}

    /// The number of records.
    std::size_t size() const noexcept { return rivven_batch_len(batch_.get()); }

    /// Whether there is no record.
    bool empty() const noexcept { return size() == 0; }

    /// A record; `index` must be below size(), otherwise everything in it is 0 or empty.
    /// The record points into the batch: a batch that is about to be destroyed gives none.
    Record operator[](std::size_t index) const & noexcept { return read(batch_.get(), index); }
    Record operator[](std::size_t index) const && = delete;

    /// The first record; the batch must not be empty.
    Record front() const & noexcept { return (*this)[0]; }
    Record front() const && = delete;

    /// The last record; the batch must not be empty.
    Record back() const & noexcept { return (*this)[size() - 1]; }
    Record back() const && = delete;

    /// The beginning of the records.
    iterator begin() const noexcept { return {batch_.get(), 0}; }

    /// The end of the records.
    iterator end() const noexcept { return {batch_.get(), size()}; }

private:
    static Record read(const rivven_batch_t *batch, std::size_t index) noexcept {
        const rivven_bytes_t key = rivven_batch_key(batch, index);
        return {rivven_batch_offset(batch, index), rivven_batch_partition(batch, index),
                std::chrono::milliseconds(rivven_batch_timestamp(batch, index)),
                key.data ? std::optional(detail::view(key)) : std::nullopt,
                detail::view(rivven_batch_value(batch, index))};
    }

    detail::Handle<rivven_batch_t, rivven_batch_free> batch_;
};

/// Where a record went.
struct Published {
    /// The offset of the record.
    std::uint64_t offset;
    /// The partition.
    std::uint32_t partition;
};

/// Where a batch went.
struct PublishedBatch {
    /// The offset of the first record.
    std::uint64_t base_offset;
    /// The partition.
    std::uint32_t partition;
    /// The number of records.
    std::uint32_t record_count;
};

/// What a partition holds.
struct OffsetBounds {
    /// The first offset.
    std::uint64_t earliest;
    /// The next offset to be written.
    std::uint64_t latest;
};

/// What the broker knows of a topic.
struct TopicMetadata {
    /// The name.
    std::string name;
    /// The number of partitions.
    std::uint32_t partitions;
};

/// A login that succeeded.
struct Session {
    /// The broker's name for it, which is informative only.
    std::string id;
    /// How long it holds, from when it was made; the client renews it before.
    std::chrono::seconds expires_in;
};

/// A record to be written: a key, if it is to have one, and a value.
using KeyValue = std::pair<std::optional<std::string_view>, std::string_view>;

/// A connection to a cluster, made at need and replaced when it fails.
///
/// Calls block until the answer is there or the time that the configuration
/// gives has passed. What rivven.h says on each function, its error codes
/// above all, holds here.
class Client {
public:
    /// Makes a client without connecting it; the configuration is copied.
    explicit Client(const Config &config) {
        rivven_client_t *client = nullptr;
        detail::call(rivven_client_new, config.get(), &client);
        client_.reset(client);
    }

    /// Waits for a first ready connection; without it the first request connects.
    void connect() { detail::call(rivven_client_connect, client_.get()); }

    /// Asks the broker for a sign of life.
    void ping() { detail::call(rivven_client_ping, client_.get()); }

    /// Logs in with the password itself, now and on later connections; without TLS nothing is sent.
    Session authenticate(const std::string &username, const std::string &password) {
        return log_in(rivven_client_authenticate, username, password);
    }

    /// Logs in by SCRAM-SHA-256, now and on later connections; the password is never sent.
    Session authenticate_scram(const std::string &username, const std::string &password) {
        return log_in(rivven_client_authenticate_scram, username, password);
    }

    /// Appends a record; the broker chooses the partition, and creates an unknown topic.
    Published publish(const std::string &topic, std::string_view value) {
        Published published{};
        detail::call(rivven_client_publish, client_.get(), detail::text(topic),
                     detail::bytes(value), &published.offset, &published.partition);
        return published;
    }

    /// Appends a record with a key, by which the broker chooses the partition.
    Published publish_with_key(const std::string &topic, std::optional<std::string_view> key,
                               std::string_view value) {
        Published published{};
        detail::call(rivven_client_publish_with_key, client_.get(), detail::text(topic),
                     detail::key(key), detail::bytes(value), &published.offset,
                     &published.partition);
        return published;
    }

    /// Appends a record to a partition; gives its offset.
    std::uint64_t publish_to_partition(const std::string &topic, std::uint32_t partition,
                                       std::optional<std::string_view> key,
                                       std::string_view value) {
        std::uint64_t offset = 0;
        detail::call(rivven_client_publish_to_partition, client_.get(), detail::text(topic),
                     partition, detail::key(key), detail::bytes(value), &offset);
        return offset;
    }

    /// Appends many records to one partition, by default of the broker's choice.
    ///
    /// It chooses by the key of the first record. A batch is not atomic: an
    /// error may leave its first records written.
    PublishedBatch publish_batch(const std::string &topic, const std::vector<KeyValue> &records,
                                 std::optional<std::uint32_t> partition = std::nullopt) {
        std::vector<rivven_bytes_t> keys, values;
        keys.reserve(records.size());
        values.reserve(records.size());
        for (const auto &[key, value] : records) {
            keys.push_back(detail::key(key));
            values.push_back(detail::bytes(value));
        }
        PublishedBatch published{0, 0, static_cast<std::uint32_t>(records.size())};
        const std::int64_t wanted = partition ? std::int64_t{*partition} : RIVVEN_PARTITION_ANY;
        detail::call(rivven_client_publish_batch, client_.get(), detail::text(topic), wanted,
                     keys.data(), values.data(), records.size(), &published.base_offset,
                     &published.partition);
        return published;
    }

    /// Reads records of a partition from `offset` on, at most `max_messages`; answers at once.
    Batch consume(const std::string &topic, std::uint32_t partition, std::uint64_t offset,
                  std::uint32_t max_messages) {
        rivven_batch_t *batch = nullptr;
        detail::call(rivven_client_consume, client_.get(), detail::text(topic), partition, offset,
                     max_messages, &batch);
        return Batch(batch);
    }

    /// Creates a topic, by default with the broker's number of partitions; gives their number.
    std::uint32_t create_topic(const std::string &name,
                               std::optional<std::uint32_t> partitions = std::nullopt) {
        std::uint32_t created = 0;
        const std::int64_t wanted =
            partitions ? std::int64_t{*partitions} : RIVVEN_PARTITIONS_DEFAULT;
        detail::call(rivven_client_create_topic, client_.get(), detail::text(name), wanted,
                     &created);
        return created;
    }

    /// Lists the names of all topics, in no order.
    std::vector<std::string> list_topics() {
        rivven_strings_t *list = nullptr;
        detail::call(rivven_client_list_topics, client_.get(), &list);
        const detail::Handle<rivven_strings_t, rivven_strings_free> owner(list);
        std::vector<std::string> names;
        names.reserve(rivven_strings_len(list));
        for (std::size_t i = 0; i < rivven_strings_len(list); ++i) {
            names.emplace_back(rivven_strings_get(list, i));
        }
        return names;
    }

    /// Deletes a topic.
    void delete_topic(const std::string &name) {
        detail::call(rivven_client_delete_topic, client_.get(), detail::text(name));
    }

    /// Gives the number of partitions of a topic; never creates it.
    TopicMetadata get_metadata(const std::string &topic) {
        TopicMetadata metadata{topic, 0};
        detail::call(rivven_client_get_metadata, client_.get(), detail::text(topic),
                     &metadata.partitions);
        return metadata;
    }

    /// Gives the first offset of a partition and the next one to be written.
    OffsetBounds get_offset_bounds(const std::string &topic, std::uint32_t partition) {
        OffsetBounds bounds{};
        detail::call(rivven_client_get_offset_bounds, client_.get(), detail::text(topic), partition,
                     &bounds.earliest, &bounds.latest);
        return bounds;
    }

    /// Waits for requests under way, at most for `close.timeout.ms`, and closes the connections.
    ///
    /// Closing twice is no error; calls afterwards throw Code::Closed.
    void close() { detail::call(rivven_client_close, client_.get(), std::int64_t{-1}); }

    /// Closes like close(), and waits at most for `timeout`.
    void close(std::chrono::milliseconds timeout) {
        const std::int64_t limit = timeout.count() < 0 ? 0 : timeout.count();
        detail::call(rivven_client_close, client_.get(), limit);
    }

    /// The handle of the C interface, which stays the property of this object.
    rivven_client_t *get() const noexcept { return client_.get(); }

private:
    template <typename Function>
    Session log_in(Function function, const std::string &username, const std::string &password) {
        rivven_session_t *session = nullptr;
        detail::call(function, client_.get(), detail::text(username), detail::text(password),
                     &session);
        const detail::Handle<rivven_session_t, rivven_session_free> owner(session);
        return {rivven_session_id(session),
                std::chrono::seconds(rivven_session_expires_in(session))};
    }

    detail::Handle<rivven_client_t, rivven_client_free> client_;
};

} // namespace rivven

#endif // RIVVEN_HPP
