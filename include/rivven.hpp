/**
 * The Rivven event streaming client for C++17 and later.
 *
 * Header only, over rivven.h: link with librivven (`pkg-config --cflags --libs
 * rivven`).
 *
 * - Every failure is a rivven::Error, which is thrown.
 * - Config, Client, Batch, ProducerState, Queue, Producer, Topic, Consumer, Transaction and Transformer
 *   own what they stand for and can be moved but not copied; everything else is a value. An object
 *   that was moved from can be destroyed and assigned to; every other use throws an Error of
 *   Code::InvalidArgument, but for what never throws, which gives 0, false or nothing.
 * - Destructors never block and never throw.
 * - A Client, ProducerState, Queue, Producer, Topic, Consumer, Transaction or Transformer may be used by
 *   many threads at once; so may everything that is const. Moving, assigning and destroying an object
 *   takes one thread alone.
 * - Bytes are std::string_view. What goes in is copied before the call returns;
 *   what comes out of a Batch is valid as long as the batch.
 */

#ifndef RIVVEN_HPP
#define RIVVEN_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
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
    /// The record was given up by its owner before it was sent.
    Purged = RIVVEN_CODE_PURGED,
    /// A call that waited was ended by another one.
    WokenUp = RIVVEN_CODE_WOKEN_UP,
    /// The group has committed no offset, and none is to be chosen by itself.
    NoOffset = RIVVEN_CODE_NO_OFFSET,
    /// The program took too long between polls, so its partitions went to others.
    PollTooLate = RIVVEN_CODE_POLL_TOO_LATE,
    /// The partition is not assigned to the consumer.
    NotAssigned = RIVVEN_CODE_NOT_ASSIGNED,
    /// A record was given up, since the program's handler failed every time.
    ProcessingFailed = RIVVEN_CODE_PROCESSING_FAILED,
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

    /// The schema registry's own number for the error, such as 42201, where it gave one.
    std::optional<std::uint32_t> registry_code() const noexcept {
        const std::int64_t code = rivven_error_registry_code(error_.get());
        return code < 0 ? std::nullopt : std::optional(static_cast<std::uint32_t>(code));
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

/// Calls a function of the C interface whose output is a handle, and owns that.
template <typename T, auto free, typename Function, typename... Arguments>
Handle<T, free> give(Function function, Arguments... arguments) {
    T *handle = nullptr;
    call(function, arguments..., &handle);
    return Handle<T, free>(handle);
}

/// Threads beside the present one that run a function, and are joined.
class Threads {
public:
    template <typename Function> Threads(std::size_t count, Function function) {
        threads_.reserve(count);
        try {
            while (threads_.size() + 1 < count) threads_.emplace_back(function);
        } catch (...) {
            // The system has no more of them, or no memory, and one is enough.
        }
    }

    ~Threads() {
        for (std::thread &thread : threads_) thread.join();
    }

    Threads(const Threads &) = delete;
    Threads &operator=(const Threads &) = delete;

private:
    std::vector<std::thread> threads_;
};

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

/// A string for the C interface, or NULL for none.
inline const char *text(const std::optional<std::string> &string) {
    return string ? text(*string) : nullptr;
}

/// Strings for the C interface, valid as long as those given.
inline std::vector<const char *> texts(const std::vector<std::string> &strings) {
    std::vector<const char *> texts;
    texts.reserve(strings.size());
    for (const std::string &string : strings) texts.push_back(text(string));
    return texts;
}

/// A string of the C interface, where NULL stands for none.
inline std::optional<std::string> string(const char *text) {
    return text ? std::optional<std::string>(text) : std::nullopt;
}

/// A number of the C interface, where -1 stands for none.
inline std::optional<std::uint32_t> number(std::int64_t number) noexcept {
    if (number < 0) return std::nullopt;
    return static_cast<std::uint32_t>(number);
}

/// Calls a function of the program; gives what an exception that leaves it says.
template <typename Function> std::optional<std::string> failure(Function function) {
    try {
        function();
        return std::nullopt;
    } catch (const std::exception &exception) {
        return exception.what();
    } catch (...) {
        return "an exception that is no std::exception";
    }
}

/// Views for the C interface, valid as long as the records given.
struct Views {
    template <typename Records> explicit Views(const Records &records) {
        keys.reserve(records.size());
        values.reserve(records.size());
        for (const auto &[key, value] : records) {
            keys.push_back(detail::key(key));
            values.push_back(bytes(value));
        }
    }

    std::vector<rivven_bytes_t> keys, values;
};

/// What `read` gives for every index below `count`.
template <typename Read> auto list(std::size_t count, Read read) {
    std::vector<decltype(read(count))> list;
    list.reserve(count);
    for (std::size_t i = 0; i < count; ++i) list.push_back(read(i));
    return list;
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
    /// The topic.
    std::string_view topic;
};

/// A partition of a topic.
struct TopicPartition {
    /// The topic.
    std::string topic;
    /// The number of the partition.
    std::uint32_t partition;
};

/// Records, of each partition in the order of the log.
///
/// Those of a Consumer count as `fetch.buffer.memory` until the batch is destroyed: detach() what
/// is to be kept for long.
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

    /// Copies `count` records from index `first` on, which keep nothing of this batch in memory.
    Batch detach(std::size_t first, std::size_t count) const {
        rivven_batch_t *detached = nullptr;
        detail::call(rivven_batch_detach, batch_.get(), first, count, &detached);
        return Batch(detached);
    }

    /// The partitions whose end a consumer reached with these records, where report.partition.end is
    /// set; each end is told once.
    std::vector<TopicPartition> ended() const {
        return detail::list(rivven_batch_ended_len(batch_.get()), [&](std::size_t i) {
            return TopicPartition{rivven_batch_ended_topic(batch_.get(), i),
                                  rivven_batch_ended_partition(batch_.get(), i)};
        });
    }

    /// The handle of the C interface with its arrays, which stays the property of this object.
    const rivven_batch_t *get() const noexcept { return batch_.get(); }

private:
    friend class Consumer;

    static Record read(const rivven_batch_t *batch, std::size_t index) noexcept {
        const rivven_bytes_t key = rivven_batch_key(batch, index);
        return {rivven_batch_offset(batch, index), rivven_batch_partition(batch, index),
                std::chrono::milliseconds(rivven_batch_timestamp(batch, index)),
                key.data ? std::optional(detail::view(key)) : std::nullopt,
                detail::view(rivven_batch_value(batch, index)), topic(batch, index)};
    }

    static std::string_view topic(const rivven_batch_t *batch, std::size_t index) noexcept {
        const char *topic = rivven_batch_topic(batch, index);
        return topic ? topic : "";
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

/// Where a record went, and what is known of it.
struct RecordMetadata {
    /// The topic.
    std::string topic;
    /// The partition.
    std::uint32_t partition;
    /// The offset, or RIVVEN_OFFSET_UNKNOWN where no answer was waited for.
    std::uint64_t offset;
    /// When the answer came, since 1970 by the clock of this machine: no answer carries a time.
    std::chrono::milliseconds timestamp;
    /// Whether the broker recognised the record as one that it had already.
    bool duplicate;
    /// Whether an earlier attempt, whose outcome is unknown, may have written the record too.
    bool maybe_duplicate;
    /// Whether the offset is the record's own for certain.
    bool offset_exact;
};

namespace detail {

/// What the C interface knows of a record.
inline RecordMetadata metadata(const rivven_record_metadata_t *metadata) {
    return {rivven_record_metadata_topic(metadata),
            rivven_record_metadata_partition(metadata),
            rivven_record_metadata_offset(metadata),
            std::chrono::milliseconds(rivven_record_metadata_timestamp_ms(metadata)),
            rivven_record_metadata_is_duplicate(metadata),
            rivven_record_metadata_is_maybe_duplicate(metadata),
            rivven_record_metadata_is_offset_exact(metadata)};
}

/// What the C interface knows of many records, which is freed.
inline std::vector<RecordMetadata> metadata(const std::vector<rivven_record_metadata_t *> &sent) {
    const std::vector<Handle<rivven_record_metadata_t, rivven_record_metadata_free>> owners(
        sent.begin(), sent.end());
    return list(owners.size(), [&](std::size_t i) { return metadata(owners[i].get()); });
}

/// A partition for the C interface, where -1 stands for any.
inline std::int64_t partition(std::optional<std::uint32_t> partition) noexcept {
    return partition ? std::int64_t{*partition} : RIVVEN_PARTITION_ANY;
}

/// A time for the C interface, where -1 stands for none; one that is over already is no time at all.
inline std::int64_t milliseconds(std::optional<std::chrono::milliseconds> time) noexcept {
    if (!time) return -1;
    return time->count() < 0 ? 0 : std::int64_t{time->count()};
}

/// A handle that the C interface would take for one that is not wanted, were it NULL.
template <typename T> T *present(T *handle, const char *what) {
    if (!handle) throw Error(std::string(what) + " was moved from");
    return handle;
}

} // namespace detail

/// Where a batch went.
struct PublishedBatch {
    /// The offset of the first record.
    std::uint64_t base_offset;
    /// The partition.
    std::uint32_t partition;
    /// The number of records.
    std::uint32_t record_count;
    /// Whether an earlier attempt, whose outcome is unknown, may have written the records too.
    bool maybe_duplicate = false;
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

/// What a reader is shown.
enum class Isolation : std::int32_t {
    /// What the broker shows by default: everything.
    Default = RIVVEN_ISOLATION_DEFAULT,
    /// Everything.
    ReadUncommitted = RIVVEN_ISOLATION_READ_UNCOMMITTED,
    /// No records of aborted transactions.
    ReadCommitted = RIVVEN_ISOLATION_READ_COMMITTED,
};

/// A partition that is to be read with others.
struct Fetch {
    /// The topic.
    std::string topic;
    /// The partition.
    std::uint32_t partition;
    /// The first offset wanted.
    std::uint64_t offset;
    /// The most records wanted.
    std::uint32_t max_messages;
    /// What is shown.
    Isolation isolation = Isolation::Default;
};

/// What a fetch gave: its records or its error.
using Fetched = std::variant<Batch, Error>;

/// A setting of a topic.
struct TopicConfigValue {
    /// The value as text.
    std::string value;
    /// Whether it is the broker's default.
    bool is_default;
    /// Whether it cannot be changed.
    bool is_read_only;
    /// Whether it should not be shown.
    bool is_sensitive;
};

/// The settings of topics, by topic and key.
using TopicConfigs = std::map<std::string, std::map<std::string, TopicConfigValue>>;

/// A key of a topic's settings and its new value; none takes the default back.
using TopicConfigEntry = std::pair<std::string, std::optional<std::string>>;

/// What became of a partition whose records were to be deleted.
struct DeleteRecordsResult {
    /// The partition.
    std::uint32_t partition;
    /// The offset below which records are gone.
    std::uint64_t low_watermark;
    /// The broker's text, if it refused.
    std::optional<std::string> error;
};

/// The offset of a partition.
struct PartitionOffset {
    /// The topic.
    std::string topic;
    /// The partition.
    std::uint32_t partition;
    /// The offset.
    std::uint64_t offset;
};

namespace detail {

/// Partitions for the C interface.
inline Handle<rivven_partitions_t, rivven_partitions_free>
partitions_of(const std::vector<TopicPartition> &partitions) {
    auto list = give<rivven_partitions_t, rivven_partitions_free>(rivven_partitions_new);
    for (const auto &[topic, partition] : partitions) {
        call(rivven_partitions_add, list.get(), text(topic), partition);
    }
    return list;
}

/// Offsets for the C interface.
inline Handle<rivven_offsets_t, rivven_offsets_free>
offsets_of(const std::vector<PartitionOffset> &offsets) {
    auto list = give<rivven_offsets_t, rivven_offsets_free>(rivven_offsets_new);
    for (const auto &[topic, partition, offset] : offsets) {
        call(rivven_offsets_add, list.get(), text(topic), partition, offset);
    }
    return list;
}

} // namespace detail

/// The committed offsets of a group, by topic and partition.
using GroupOffsets = std::map<std::string, std::map<std::uint32_t, std::uint64_t>>;

/// A membership of a group.
struct GroupMembership {
    /// Rises with every rebalance of a stable group.
    std::uint32_t generation;
    /// The kind of group.
    std::string protocol_type;
    /// The id of the member that joined.
    std::string member;
    /// The id of the member that hands out the partitions.
    std::string leader;
    /// All members with the topics that they want to read.
    std::map<std::string, std::vector<std::string>> members;
};

/// The partitions of a member of a group, by topic.
using Assignment = std::map<std::string, std::vector<std::uint32_t>>;

/// The partitions of every member of a group, by its id.
using Assignments = std::map<std::string, Assignment>;

/// An entity that may have quotas: its type (`user`, `client-id`, `consumer-group`, `default`) and
/// its name; without one the default of the type is meant.
using QuotaEntity = std::pair<std::string, std::optional<std::string>>;

/// The quotas of an entity.
struct QuotaEntry {
    /// The type of the entity.
    std::string entity_type;
    /// Its name; none for the default of the type.
    std::optional<std::string> entity_name;
    /// The quotas by key.
    std::map<std::string, std::uint64_t> quotas;
};

/// A change of a quota.
struct QuotaAlteration {
    /// The type of the entity.
    std::string entity_type;
    /// Its name; none for the default of the type.
    std::optional<std::string> entity_name;
    /// `produce_bytes_rate`, `consume_bytes_rate` or `request_rate`.
    std::string quota_key;
    /// The new value; none removes the quota.
    std::optional<std::uint64_t> quota_value;
};

/// The brokers of a cluster, and its topics with the leaders of their partitions.
struct ClusterMetadata {
    /// A broker.
    struct Broker {
        /// The name of its node.
        std::string node_id;
        /// The host on which it listens, which need not be one that can be dialled.
        std::string host;
        /// The port on which it listens.
        std::uint16_t port;
        /// The rack, if one is configured.
        std::optional<std::string> rack;
    };

    /// Where a partition lives.
    struct Partition {
        /// Its number.
        std::uint32_t partition;
        /// The node that leads it, if any.
        std::optional<std::string> leader;
        /// The nodes that hold it.
        std::vector<std::string> replicas;
        /// The nodes that hold it and are in sync with the leader.
        std::vector<std::string> isr;
        /// Whether no node serves it.
        bool offline;
    };

    /// A topic.
    struct Topic {
        /// Its name.
        std::string name;
        /// Whether it belongs to the broker rather than to users.
        bool is_internal;
        /// Its partitions.
        std::vector<Partition> partitions;
    };

    /// The node that controls the cluster.
    std::optional<std::string> controller_id;
    /// The brokers.
    std::vector<Broker> brokers;
    /// The topics.
    std::vector<Topic> topics;
};

/// A schema as the registry gives it.
struct Schema {
    /// Its number in the registry, where the registry says it.
    std::optional<std::uint32_t> id;
    /// The subject, where it was asked for by one.
    std::optional<std::string> subject;
    /// The version within the subject, where it was asked for by one.
    std::optional<std::uint32_t> version;
    /// Its language: `AVRO`, `PROTOBUF` or `JSON`.
    std::string schema_type;
    /// Its text.
    std::string schema;
};

/// What a circuit breaker lets through to its server.
enum class CircuitState : std::int32_t {
    /// Everything: the server works.
    Closed = RIVVEN_CIRCUIT_STATE_CLOSED,
    /// Nothing: the server failed too often in a row.
    Open = RIVVEN_CIRCUIT_STATE_OPEN,
    /// One request, which decides.
    HalfOpen = RIVVEN_CIRCUIT_STATE_HALF_OPEN,
};

/// A server of a client and its connections, at one moment.
struct ServerStats {
    /// The address as it is dialled.
    std::string address;
    /// What its breaker lets through.
    CircuitState circuit_state;
    /// How many of its connections have calls under way.
    std::size_t active_connections;
    /// How many of its connections are open and idle.
    std::size_t available_connections;
    /// The message of its last failure, unless it has worked since.
    std::optional<std::string> last_error;
};

/// The servers of a client and their connections, at one moment.
struct Stats {
    /// How many servers there are: those configured and those that the cluster named.
    std::size_t total_servers;
    /// How many of them work.
    std::size_t healthy_servers;
    /// How many connections have calls under way.
    std::size_t active_connections;
    /// How many connections are open and idle.
    std::size_t available_connections;
    /// Each server by itself.
    std::vector<ServerStats> servers;
};

/// Where a record went that is written once.
struct IdempotentlyPublished {
    /// The offset of the record.
    std::uint64_t offset;
    /// The partition.
    std::uint32_t partition;
    /// Whether the broker had it already, by an earlier attempt.
    bool was_duplicate;
};

/// Where a record of a transaction went.
struct TransactionallyPublished {
    /// The offset of the record.
    std::uint64_t offset;
    /// The partition.
    std::uint32_t partition;
    /// The number of the record.
    std::int32_t sequence;
};

/// The identity by which the broker tells records that are sent again, and the numbers given so far.
///
/// Records are counted for each partition number, whatever the topic. Calls that use it follow one
/// another, in the order in which they were made.
class ProducerState {
public:
    /// Takes over a state of the C interface.
    explicit ProducerState(rivven_producer_state_t *state) noexcept : state_(state) {}

    /// The identity, which changes with the first publish after abandon().
    std::uint64_t producer_id() const noexcept {
        return rivven_producer_state_producer_id(state_.get());
    }

    /// The epoch of the identity, which rises whenever the identity is taken over.
    std::uint16_t producer_epoch() const noexcept {
        return rivven_producer_state_producer_epoch(state_.get());
    }

    /// The number of the next record for the partition number that was used last; from 0 on.
    std::int32_t next_sequence() const noexcept {
        return rivven_producer_state_next_sequence(state_.get());
    }

    /// Gives up a record of unknown outcome together with the identity.
    ///
    /// The next Client::publish_idempotent() takes a new identity and counts from 0; of an open
    /// transaction nothing remains but to abort it. Code::InvalidState while a call is under way.
    void abandon() { detail::call(rivven_producer_state_abandon, state_.get()); }

    /// The handle of the C interface, which stays the property of this object.
    rivven_producer_state_t *get() const noexcept { return state_.get(); }

private:
    detail::Handle<rivven_producer_state_t, rivven_producer_state_free> state_;
};

/// A record to be written: a key, if it is to have one, and a value.
using KeyValue = std::pair<std::optional<std::string_view>, std::string_view>;

class Queue;
class Transaction;

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

    /// Appends a record, by default to a partition of the broker's choice; gives all that is known of it.
    RecordMetadata publish_with_metadata(const std::string &topic,
                                         std::optional<std::string_view> key, std::string_view value,
                                         std::optional<std::uint32_t> partition = std::nullopt) {
        const std::int64_t wanted = partition ? std::int64_t{*partition} : RIVVEN_PARTITION_ANY;
        const auto owner = detail::give<rivven_record_metadata_t, rivven_record_metadata_free>(
            rivven_client_publish_with_metadata, client_.get(), detail::text(topic), wanted,
            detail::key(key), detail::bytes(value));
        return detail::metadata(owner.get());
    }

    /// Appends many records to one partition, by default of the broker's choice.
    ///
    /// It chooses by the key of the first record. A batch is not atomic: an
    /// error may leave its first records written.
    PublishedBatch publish_batch(const std::string &topic, const std::vector<KeyValue> &records,
                                 std::optional<std::uint32_t> partition = std::nullopt) {
        const detail::Views views(records);
        const std::int64_t wanted = partition ? std::int64_t{*partition} : RIVVEN_PARTITION_ANY;
        const auto owner = detail::give<rivven_record_metadata_t, rivven_record_metadata_free>(
            rivven_client_publish_batch_with_metadata, client_.get(), detail::text(topic), wanted,
            views.keys.data(), views.values.data(), records.size());
        const rivven_record_metadata_t *first = owner.get();
        return {rivven_record_metadata_offset(first), rivven_record_metadata_partition(first),
                static_cast<std::uint32_t>(records.size()),
                rivven_record_metadata_is_maybe_duplicate(first)};
    }

    /// Reads records of a partition from `offset` on, at most `max_messages`; answers at once.
    Batch consume(const std::string &topic, std::uint32_t partition, std::uint64_t offset,
                  std::uint32_t max_messages) {
        rivven_batch_t *batch = nullptr;
        detail::call(rivven_client_consume, client_.get(), detail::text(topic), partition, offset,
                     max_messages, &batch);
        return Batch(batch);
    }

    /// Reads like consume(), at an isolation level.
    Batch consume_with_isolation(const std::string &topic, std::uint32_t partition,
                                 std::uint64_t offset, std::uint32_t max_messages,
                                 Isolation isolation) {
        rivven_batch_t *batch = nullptr;
        detail::call(rivven_client_consume_with_isolation, client_.get(), detail::text(topic),
                     partition, offset, max_messages, static_cast<std::int32_t>(isolation),
                     &batch);
        return Batch(batch);
    }

    /// Reads like consume(), without records of aborted transactions.
    Batch consume_read_committed(const std::string &topic, std::uint32_t partition,
                                 std::uint64_t offset, std::uint32_t max_messages) {
        rivven_batch_t *batch = nullptr;
        detail::call(rivven_client_consume_read_committed, client_.get(), detail::text(topic),
                     partition, offset, max_messages, &batch);
        return Batch(batch);
    }

    /// Reads like consume_with_isolation(), and waits at most for `timeout` for a first record.
    ///
    /// The broker waits never longer than 30 s.
    Batch consume_long_poll(const std::string &topic, std::uint32_t partition, std::uint64_t offset,
                            std::uint32_t max_messages, Isolation isolation,
                            std::chrono::milliseconds timeout) {
        rivven_batch_t *batch = nullptr;
        detail::call(rivven_client_consume_long_poll, client_.get(), detail::text(topic), partition,
                     offset, max_messages, static_cast<std::int32_t>(isolation),
                     std::int64_t{timeout.count()}, &batch);
        return Batch(batch);
    }

    /// Reads many partitions with one wait; a fetch that fails fails alone.
    ///
    /// What is given is in the order of the fetches.
    std::vector<Fetched> consume_pipelined(const std::vector<Fetch> &fetches) {
        const auto list = detail::give<rivven_fetches_t, rivven_fetches_free>(rivven_fetches_new);
        for (const Fetch &fetch : fetches) {
            detail::call(rivven_fetches_add, list.get(), detail::text(fetch.topic), fetch.partition,
                         fetch.offset, fetch.max_messages,
                         static_cast<std::int32_t>(fetch.isolation));
        }
        const auto fetched = detail::give<rivven_fetched_t, rivven_fetched_free>(
            rivven_client_consume_pipelined, client_.get(), list.get());
        return detail::list(rivven_fetched_len(fetched.get()), [&](std::size_t i) -> Fetched {
            rivven_batch_t *batch = nullptr;
            rivven_error_t *error = nullptr;
            if (rivven_fetched_batch(fetched.get(), i, &batch, &error)) return Error(error);
            return Batch(batch);
        });
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
    std::vector<std::string> list_topics() { return names(rivven_client_list_topics); }

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

    /// Raises the number of partitions of a topic; gives the number that it has.
    ///
    /// Keys may belong to other partitions afterwards.
    std::uint32_t create_partitions(const std::string &topic, std::uint32_t count) {
        std::uint32_t created = 0;
        detail::call(rivven_client_create_partitions, client_.get(), detail::text(topic), count,
                     &created);
        return created;
    }

    /// Deletes the records of partitions below an offset each: partitions and the first to keep.
    ///
    /// A partition that the broker refuses does not fail the call.
    std::vector<DeleteRecordsResult>
    delete_records(const std::string &topic,
                   const std::vector<std::pair<std::uint32_t, std::uint64_t>> &before) {
        std::vector<std::uint32_t> partitions;
        std::vector<std::uint64_t> offsets;
        for (const auto &[partition, offset] : before) {
            partitions.push_back(partition);
            offsets.push_back(offset);
        }
        const auto owner = detail::give<rivven_deletions_t, rivven_deletions_free>(
            rivven_client_delete_records, client_.get(), detail::text(topic), partitions.data(),
            offsets.data(), before.size());
        const rivven_deletions_t *deletions = owner.get();
        return detail::list(rivven_deletions_len(deletions), [&](std::size_t i) {
            return DeleteRecordsResult{rivven_deletions_partition(deletions, i),
                                       rivven_deletions_low_watermark(deletions, i),
                                       detail::string(rivven_deletions_error(deletions, i))};
        });
    }

    /// Gives the settings of topics; of all with changed settings if none is named.
    TopicConfigs describe_topic_configs(const std::vector<std::string> &topics = {}) {
        const auto names = detail::texts(topics);
        const auto owner = detail::give<rivven_topic_configs_t, rivven_topic_configs_free>(
            rivven_client_describe_topic_configs, client_.get(), names.data(), names.size());
        const rivven_topic_configs_t *configs = owner.get();
        TopicConfigs described;
        for (std::size_t i = 0; i < rivven_topic_configs_len(configs); ++i) {
            auto &settings = described[rivven_topic_configs_topic(configs, i)];
            for (std::size_t j = 0; j < rivven_topic_configs_settings_len(configs, i); ++j) {
                settings.emplace(
                    rivven_topic_configs_key(configs, i, j),
                    TopicConfigValue{rivven_topic_configs_value(configs, i, j),
                                     rivven_topic_configs_is_default(configs, i, j),
                                     rivven_topic_configs_is_read_only(configs, i, j),
                                     rivven_topic_configs_is_sensitive(configs, i, j)});
            }
        }
        return described;
    }

    /// Changes settings of a topic, or takes them back to their defaults; gives how many.
    ///
    /// The changes are not made together: those before a bad one stay.
    std::size_t alter_topic_config(const std::string &topic,
                                   const std::vector<TopicConfigEntry> &configs) {
        std::vector<const char *> keys, values;
        for (const auto &[key, value] : configs) {
            keys.push_back(detail::text(key));
            values.push_back(detail::text(value));
        }
        std::size_t changed = 0;
        detail::call(rivven_client_alter_topic_config, client_.get(), detail::text(topic),
                     keys.data(), values.data(), configs.size(), &changed);
        return changed;
    }

    /// Stores the next offset that a group is to read in a partition.
    void commit_offset(const std::string &group, const std::string &topic, std::uint32_t partition,
                       std::uint64_t offset) {
        detail::call(rivven_client_commit_offset, client_.get(), detail::text(group),
                     detail::text(topic), partition, offset);
    }

    /// Stores many offsets of a group with one wait; one that fails fails alone.
    ///
    /// Gives the error of each that failed, in the order of the offsets.
    std::vector<std::optional<Error>>
    commit_offsets_pipelined(const std::string &group,
                             const std::vector<PartitionOffset> &offsets) {
        const auto list = detail::offsets_of(offsets);
        const auto results = detail::give<rivven_results_t, rivven_results_free>(
            rivven_client_commit_offsets_pipelined, client_.get(), detail::text(group), list.get());
        return detail::list(rivven_results_len(results.get()), [&](std::size_t i) {
            rivven_error_t *error = nullptr;
            const bool failed = rivven_results_get(results.get(), i, &error) != RIVVEN_CODE_OK;
            return failed ? std::optional<Error>(Error(error)) : std::nullopt;
        });
    }

    /// Gives the offset that a group has committed in a partition, if there is one.
    std::optional<std::uint64_t> get_offset(const std::string &group, const std::string &topic,
                                            std::uint32_t partition) {
        bool found = false;
        std::uint64_t offset = 0;
        detail::call(rivven_client_get_offset, client_.get(), detail::text(group),
                     detail::text(topic), partition, &found, &offset);
        return found ? std::optional<std::uint64_t>(offset) : std::nullopt;
    }

    /// Gives the first offset of a partition and the next one to be written.
    OffsetBounds get_offset_bounds(const std::string &topic, std::uint32_t partition) {
        OffsetBounds bounds{};
        detail::call(rivven_client_get_offset_bounds, client_.get(), detail::text(topic), partition,
                     &bounds.earliest, &bounds.latest);
        return bounds;
    }

    /// Gives the first offset whose record the broker received at or after a time, if there is one.
    ///
    /// The time is since 1970-01-01 00:00 UTC.
    std::optional<std::uint64_t> get_offset_for_timestamp(const std::string &topic,
                                                          std::uint32_t partition,
                                                          std::chrono::milliseconds timestamp) {
        bool found = false;
        std::uint64_t offset = 0;
        detail::call(rivven_client_get_offset_for_timestamp, client_.get(), detail::text(topic),
                     partition, std::int64_t{timestamp.count()}, &found, &offset);
        return found ? std::optional<std::uint64_t>(offset) : std::nullopt;
    }

    /// Gives a producer an identity, or takes over that of a previous one, whose epoch rises.
    ///
    /// Do not take over an identity after the broker may have restarted: it may have given it away.
    ProducerState init_producer_id(std::optional<std::uint64_t> previous = std::nullopt) {
        rivven_producer_state_t *state = nullptr;
        detail::call(rivven_client_init_producer_id, client_.get(), previous ? &*previous : nullptr,
                     &state);
        return ProducerState(state);
    }

    /// Appends a record once, however often it is sent; by default the key decides the partition.
    ///
    /// Without a key it is that with the fewest records of this producer. After an error of
    /// Outcome::Unknown the same record may be published again and is not written twice; another
    /// one is refused with Code::InvalidState until ProducerState::abandon() was called.
    IdempotentlyPublished
    publish_idempotent(const std::string &topic, std::optional<std::string_view> key,
                       std::string_view value, ProducerState &state,
                       std::optional<std::uint32_t> partition = std::nullopt) {
        IdempotentlyPublished published{};
        detail::call(rivven_client_publish_idempotent, client_.get(), detail::text(topic),
                     detail::partition(partition), detail::key(key), detail::bytes(value),
                     state.get(), &published.offset, &published.partition,
                     &published.was_duplicate);
        return published;
    }

    /// Begins a transaction, which the broker aborts once it is idle for the timeout, by default 60 s.
    void begin_transaction(const std::string &txn_id, const ProducerState &state,
                           std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        detail::call(rivven_client_begin_transaction, client_.get(), detail::text(txn_id),
                     state.get(), detail::milliseconds(timeout));
    }

    /// Adds partitions to a transaction, which may write to no others; gives how many were named.
    std::size_t add_partitions_to_txn(const std::string &txn_id, const ProducerState &state,
                                      const std::vector<TopicPartition> &partitions) {
        const auto list = detail::partitions_of(partitions);
        std::size_t count = 0;
        detail::call(rivven_client_add_partitions_to_txn, client_.get(), detail::text(txn_id),
                     state.get(), list.get(), &count);
        return count;
    }

    /// Appends a record within a transaction; by default the key decides the partition.
    ///
    /// It has to be one that was added. Without a key it is that of the added ones of the topic with
    /// the fewest records of this producer.
    TransactionallyPublished
    publish_transactional(const std::string &txn_id, const std::string &topic,
                          std::optional<std::string_view> key, std::string_view value,
                          ProducerState &state,
                          std::optional<std::uint32_t> partition = std::nullopt) {
        TransactionallyPublished published{};
        detail::call(rivven_client_publish_transactional, client_.get(), detail::text(txn_id),
                     detail::text(topic), detail::partition(partition), detail::key(key),
                     detail::bytes(value), state.get(), &published.offset, &published.partition,
                     &published.sequence);
        return published;
    }

    /// Stores the next offsets that a group is to read; they count once the transaction is committed.
    void add_offsets_to_txn(const std::string &txn_id, const ProducerState &state,
                            const std::string &group,
                            const std::vector<PartitionOffset> &offsets) {
        const auto list = detail::offsets_of(offsets);
        detail::call(rivven_client_add_offsets_to_txn, client_.get(), detail::text(txn_id),
                     state.get(), detail::text(group), list.get());
    }

    /// Commits a transaction: its records and offsets count.
    ///
    /// After an error of Outcome::Unknown it is open whether it was committed.
    void commit_transaction(const std::string &txn_id, const ProducerState &state) {
        detail::call(rivven_client_commit_transaction, client_.get(), detail::text(txn_id),
                     state.get());
    }

    /// Aborts a transaction: its records and offsets do not count.
    void abort_transaction(const std::string &txn_id, const ProducerState &state) {
        detail::call(rivven_client_abort_transaction, client_.get(), detail::text(txn_id),
                     state.get());
    }

    /// Lists the groups that have committed offsets, in no order.
    std::vector<std::string> list_groups() { return names(rivven_client_list_groups); }

    /// Gives the committed offsets of a group.
    GroupOffsets describe_group(const std::string &group) {
        const auto owner = detail::give<rivven_offsets_t, rivven_offsets_free>(
            rivven_client_describe_group, client_.get(), detail::text(group));
        const rivven_offsets_t *offsets = owner.get();
        GroupOffsets described;
        for (std::size_t i = 0; i < rivven_offsets_len(offsets); ++i) {
            described[rivven_offsets_topic(offsets, i)][rivven_offsets_partition(offsets, i)] =
                rivven_offsets_offset(offsets, i);
        }
        return described;
    }

    /// Deletes the committed offsets of a group.
    void delete_group(const std::string &group) {
        detail::call(rivven_client_delete_group, client_.get(), detail::text(group));
    }

    /// Joins a group; the broker does not wait for others.
    ///
    /// `member` is empty for a new member, which is given an id; `protocol_type`
    /// is the kind of group: `consumer`. The group's first member decides the
    /// timeouts for all.
    GroupMembership join_group(const std::string &group, const std::string &member,
                               std::chrono::milliseconds session_timeout,
                               std::chrono::milliseconds rebalance_timeout,
                               const std::string &protocol_type,
                               const std::vector<std::string> &subscriptions) {
        const auto topics = detail::texts(subscriptions);
        const auto owner = detail::give<rivven_membership_t, rivven_membership_free>(
            rivven_client_join_group, client_.get(), detail::text(group), detail::text(member),
            std::int64_t{session_timeout.count()}, std::int64_t{rebalance_timeout.count()},
            detail::text(protocol_type), topics.data(), topics.size());
        const rivven_membership_t *given = owner.get();
        GroupMembership membership{rivven_membership_generation(given),
                                   rivven_membership_protocol_type(given),
                                   rivven_membership_member_id(given),
                                   rivven_membership_leader_id(given),
                                   {}};
        for (std::size_t i = 0; i < rivven_membership_members_len(given); ++i) {
            membership.members[rivven_membership_member(given, i)] = detail::list(
                rivven_membership_subscriptions_len(given, i), [&](std::size_t j) {
                    return std::string(rivven_membership_subscription(given, i, j));
                });
        }
        return membership;
    }

    /// Fetches the partitions of a member; the leader hands in everybody's, others nothing.
    ///
    /// A follower's call waits until the leader has called, at most 30 s.
    Assignment sync_group(const std::string &group, std::uint32_t generation,
                          const std::string &member, const Assignments &assignments = {}) {
        const auto list =
            detail::give<rivven_assignments_t, rivven_assignments_free>(rivven_assignments_new);
        for (const auto &[id, topics] : assignments) {
            detail::call(rivven_assignments_add_member, list.get(), detail::text(id));
            for (const auto &[topic, partitions] : topics) {
                for (const std::uint32_t partition : partitions) {
                    detail::call(rivven_assignments_add, list.get(), detail::text(id),
                                 detail::text(topic), partition);
                }
            }
        }
        const auto owner = detail::give<rivven_assignment_t, rivven_assignment_free>(
            rivven_client_sync_group, client_.get(), detail::text(group), generation,
            detail::text(member), list.get());
        const rivven_assignment_t *given = owner.get();
        Assignment assignment;
        for (std::size_t i = 0; i < rivven_assignment_len(given); ++i) {
            auto &partitions = assignment[rivven_assignment_topic(given, i)];
            for (std::size_t j = 0; j < rivven_assignment_partitions_len(given, i); ++j) {
                partitions.push_back(rivven_assignment_partition(given, i, j));
            }
        }
        return assignment;
    }

    /// Keeps a membership alive; gives 0 in a stable group, 27 while the leader has not synced.
    std::int32_t heartbeat(const std::string &group, std::uint32_t generation,
                           const std::string &member) {
        std::int32_t status = 0;
        detail::call(rivven_client_heartbeat, client_.get(), detail::text(group), generation,
                     detail::text(member), &status);
        return status;
    }

    /// Leaves a group.
    void leave_group(const std::string &group, const std::string &member) {
        detail::call(rivven_client_leave_group, client_.get(), detail::text(group),
                     detail::text(member));
    }

    /// Takes another member out of a group.
    void remove_member(const std::string &group, const std::string &member) {
        detail::call(rivven_client_remove_member, client_.get(), detail::text(group),
                     detail::text(member));
    }

    /// Gives the quotas of entities; of all if none is named.
    std::vector<QuotaEntry> describe_quotas(const std::vector<QuotaEntity> &entities = {}) {
        std::vector<const char *> types, names;
        for (const auto &[type, name] : entities) {
            types.push_back(detail::text(type));
            names.push_back(detail::text(name));
        }
        const auto owner = detail::give<rivven_quotas_t, rivven_quotas_free>(
            rivven_client_describe_quotas, client_.get(), types.data(), names.data(),
            entities.size());
        const rivven_quotas_t *quotas = owner.get();
        return detail::list(rivven_quotas_len(quotas), [&](std::size_t i) {
            QuotaEntry entry{rivven_quotas_entity_type(quotas, i),
                             detail::string(rivven_quotas_entity_name(quotas, i)),
                             {}};
            for (std::size_t j = 0; j < rivven_quotas_quotas_len(quotas, i); ++j) {
                entry.quotas[rivven_quotas_key(quotas, i, j)] = rivven_quotas_value(quotas, i, j);
            }
            return entry;
        });
    }

    /// Sets and removes quotas; gives how many were changed.
    ///
    /// The broker passes over unknown types and keys without an error: compare the number.
    std::size_t alter_quotas(const std::vector<QuotaAlteration> &alterations) {
        const auto list = detail::give<rivven_quota_alterations_t, rivven_quota_alterations_free>(
            rivven_quota_alterations_new);
        for (const auto &[type, name, key, value] : alterations) {
            if (value) {
                detail::call(rivven_quota_alterations_set, list.get(), detail::text(type),
                             detail::text(name), detail::text(key), *value);
            } else {
                detail::call(rivven_quota_alterations_remove, list.get(), detail::text(type),
                             detail::text(name), detail::text(key));
            }
        }
        std::size_t altered = 0;
        detail::call(rivven_client_alter_quotas, client_.get(), list.get(), &altered);
        return altered;
    }

    /// Gives the brokers of the cluster and the leaders of topics; of all topics if none is named.
    ClusterMetadata get_cluster_metadata(const std::vector<std::string> &topics = {}) {
        const auto names = detail::texts(topics);
        const auto owner = detail::give<rivven_cluster_t, rivven_cluster_free>(
            rivven_client_get_cluster_metadata, client_.get(), names.data(), names.size());
        const rivven_cluster_t *cluster = owner.get();
        return {detail::string(rivven_cluster_controller_id(cluster)),
                detail::list(rivven_cluster_brokers_len(cluster),
                             [&](std::size_t i) { return broker(cluster, i); }),
                detail::list(rivven_cluster_topics_len(cluster),
                             [&](std::size_t i) { return topic(cluster, i); })};
    }

    /// Registers a schema (`AVRO`, `PROTOBUF` or `JSON`) at a registry and gives its id.
    std::uint32_t register_schema(const std::string &url, const std::string &subject,
                                  const std::string &schema_type, const std::string &schema) {
        std::uint32_t id = 0;
        detail::call(rivven_client_register_schema, client_.get(), detail::text(url),
                     detail::text(subject), detail::text(schema_type), detail::text(schema), &id);
        return id;
    }

    /// Reads a schema by its id.
    Schema get_schema(const std::string &url, std::uint32_t id) {
        const auto owner = detail::give<rivven_schema_t, rivven_schema_free>(
            rivven_client_get_schema, client_.get(), detail::text(url), id);
        return schema(owner.get());
    }

    /// Reads a version of the schema of a subject, by default the latest.
    Schema get_schema_version(const std::string &url, const std::string &subject,
                              std::optional<std::uint32_t> version = std::nullopt) {
        const std::int64_t wanted =
            version ? std::int64_t{*version} : RIVVEN_SCHEMA_VERSION_LATEST;
        const auto owner = detail::give<rivven_schema_t, rivven_schema_free>(
            rivven_client_get_schema_version, client_.get(), detail::text(url),
            detail::text(subject), wanted);
        return schema(owner.get());
    }

    /// Gives the servers that the client knows and how their connections are; asks none of them.
    Stats stats() {
        const auto owner =
            detail::give<rivven_stats_t, rivven_stats_free>(rivven_client_stats, client_.get());
        const rivven_stats_t *stats = owner.get();
        return {rivven_stats_total_servers(stats), rivven_stats_healthy_servers(stats),
                rivven_stats_active_connections(stats), rivven_stats_available_connections(stats),
                detail::list(rivven_stats_servers_len(stats),
                             [&](std::size_t i) { return server(stats, i); })};
    }

    /// Lets what changes about the servers go to a queue, until the client is closed.
    ///
    /// The events have `opaque`; they are of EventKind::ServerDegraded, ServerRecovered and
    /// StateChangesMissed.
    void subscribe_state_changes(Queue &queue, std::uint64_t opaque = 0);

    /// Waits for requests under way, at most for `close.timeout.ms`, and closes the connections.
    ///
    /// Closing twice is no error; calls afterwards throw Code::Closed.
    void close() { detail::call(rivven_client_close, client_.get(), std::int64_t{-1}); }

    /// Closes like close(), and waits at most for `timeout`.
    void close(std::chrono::milliseconds timeout) {
        detail::call(rivven_client_close, client_.get(), detail::milliseconds(timeout));
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

    template <typename Function> std::vector<std::string> names(Function function) {
        const auto owner =
            detail::give<rivven_strings_t, rivven_strings_free>(function, client_.get());
        const rivven_strings_t *list = owner.get();
        return detail::list(rivven_strings_len(list), [&](std::size_t i) {
            return std::string(rivven_strings_get(list, i));
        });
    }

    static ClusterMetadata::Broker broker(const rivven_cluster_t *cluster, std::size_t index) {
        return {rivven_cluster_broker_id(cluster, index),
                rivven_cluster_broker_host(cluster, index),
                rivven_cluster_broker_port(cluster, index),
                detail::string(rivven_cluster_broker_rack(cluster, index))};
    }

    static ClusterMetadata::Topic topic(const rivven_cluster_t *cluster, std::size_t index) {
        return {rivven_cluster_topic_name(cluster, index),
                rivven_cluster_topic_is_internal(cluster, index),
                detail::list(rivven_cluster_partitions_len(cluster, index),
                             [&](std::size_t i) { return partition(cluster, index, i); })};
    }

    static ClusterMetadata::Partition partition(const rivven_cluster_t *cluster, std::size_t topic,
                                                std::size_t index) {
        const auto replica = [&](std::size_t i) {
            return std::string(rivven_cluster_replica(cluster, topic, index, i));
        };
        const auto isr = [&](std::size_t i) {
            return std::string(rivven_cluster_isr(cluster, topic, index, i));
        };
        return {rivven_cluster_partition_number(cluster, topic, index),
                detail::string(rivven_cluster_partition_leader(cluster, topic, index)),
                detail::list(rivven_cluster_replicas_len(cluster, topic, index), replica),
                detail::list(rivven_cluster_isr_len(cluster, topic, index), isr),
                rivven_cluster_partition_is_offline(cluster, topic, index)};
    }

    static Schema schema(const rivven_schema_t *schema) {
        return {detail::number(rivven_schema_id(schema)),
                detail::string(rivven_schema_subject(schema)),
                detail::number(rivven_schema_version(schema)), rivven_schema_type(schema),
                rivven_schema_text(schema)};
    }

    static ServerStats server(const rivven_stats_t *stats, std::size_t index) {
        return {rivven_stats_server_address(stats, index),
                static_cast<CircuitState>(rivven_stats_server_circuit_state(stats, index)),
                rivven_stats_server_active_connections(stats, index),
                rivven_stats_server_available_connections(stats, index),
                detail::string(rivven_stats_server_last_error(stats, index))};
    }

    detail::Handle<rivven_client_t, rivven_client_free> client_;
};

/// What an event is about; later releases add some.
enum class EventKind : std::int32_t {
    /// There is no such event.
    None = RIVVEN_EVENT_KIND_NONE,
    /// What became of the records of one batch of a producer.
    Deliveries = RIVVEN_EVENT_KIND_DELIVERIES,
    /// A line of the library's log.
    Log = RIVVEN_EVENT_KIND_LOG,
    /// A server does not work any more, or still does not after another attempt.
    ServerDegraded = RIVVEN_EVENT_KIND_SERVER_DEGRADED,
    /// A server works again.
    ServerRecovered = RIVVEN_EVENT_KIND_SERVER_RECOVERED,
    /// Changes of servers that were not kept, because they were taken too late.
    StateChangesMissed = RIVVEN_EVENT_KIND_STATE_CHANGES_MISSED,
    /// A consumer met offsets without records, from() up to to().
    Gap = RIVVEN_EVENT_KIND_GAP,
    /// The broker cannot give the records of a range any more.
    DamagedRange = RIVVEN_EVENT_KIND_DAMAGED_RANGE,
    /// The log ends at to(), below what was to be read, from().
    LogTruncated = RIVVEN_EVENT_KIND_LOG_TRUNCATED,
    /// The record at from() is larger than the broker can send.
    Unreadable = RIVVEN_EVENT_KIND_UNREADABLE,
    /// There are records, and none has come for duration().
    Stalled = RIVVEN_EVENT_KIND_STALLED,
    /// The broker withholds records for duration(), for the sake of a quota.
    Throttled = RIVVEN_EVENT_KIND_THROTTLED,
    /// Offsets could not be committed in the background.
    CommitFailed = RIVVEN_EVENT_KIND_COMMIT_FAILED,
    /// A consumer has only size() connections to a broker.
    FewerConnections = RIVVEN_EVENT_KIND_FEWER_CONNECTIONS,
    /// Partitions of subscribed topics were given to a consumer.
    Assigned = RIVVEN_EVENT_KIND_ASSIGNED,
    /// Partitions of subscribed topics were taken away.
    Revoked = RIVVEN_EVENT_KIND_REVOKED,
    /// Partitions have gone to other consumers before it could be said.
    Lost = RIVVEN_EVENT_KIND_LOST,
    /// The program has not polled for longer than `max.processing.interval.ms`.
    PollTooLate = RIVVEN_EVENT_KIND_POLL_TOO_LATE,
    /// So many events of a consumer, size(), are not told.
    Missed = RIVVEN_EVENT_KIND_MISSED,
    /// Something else happened to a consumer.
    Other = RIVVEN_EVENT_KIND_OTHER,
};

/// How important a line of the log is.
enum class LogLevel : std::int32_t {
    /// Nothing.
    Off = RIVVEN_LOG_LEVEL_OFF,
    /// Something failed that nobody else is told of.
    Error = RIVVEN_LOG_LEVEL_ERROR,
    /// Something failed that the library tries to make good.
    Warn = RIVVEN_LOG_LEVEL_WARN,
    /// A change worth knowing in normal operation.
    Info = RIVVEN_LOG_LEVEL_INFO,
    /// Connections and logins as they come and go.
    Debug = RIVVEN_LOG_LEVEL_DEBUG,
    /// Everything.
    Trace = RIVVEN_LOG_LEVEL_TRACE,
};

namespace detail {

/// The partitions of a list of the C interface, which may be NULL.
inline std::vector<TopicPartition> partitions(const rivven_partitions_t *partitions) {
    return list(rivven_partitions_len(partitions), [&](std::size_t i) {
        return TopicPartition{rivven_partitions_topic(partitions, i),
                              rivven_partitions_partition(partitions, i)};
    });
}

} // namespace detail

/// One thing that happened; valid as long as the Events that it is one of.
///
/// What does not belong to its kind is 0 or empty.
class Event {
public:
    Event(const rivven_events_t *events, std::size_t index) noexcept
        : events_(events), index_(index) {}

    /// What it is about.
    EventKind kind() const noexcept {
        return static_cast<EventKind>(rivven_events_kind(events_, index_));
    }

    /// Deliveries, and what happened to one partition of a consumer: the topic.
    std::string_view topic() const noexcept { return words(rivven_events_topic(events_, index_)); }

    /// The same: the partition; none if the records failed before it was known.
    std::optional<std::uint32_t> partition() const noexcept {
        return detail::number(rivven_events_partition(events_, index_));
    }

    /// Deliveries: the number of records; Assigned, Revoked and Lost: that of the partitions.
    std::size_t size() const noexcept { return rivven_events_count(events_, index_); }

    /// Deliveries: the opaque of each record, size() of them, in the order of the records.
    const std::uint64_t *opaques() const noexcept { return rivven_events_opaques(events_, index_); }

    /// Deliveries: the offset of the first record, if all were delivered; the others follow it.
    ///
    /// RIVVEN_OFFSET_UNKNOWN if records failed or no answer was waited for.
    std::uint64_t first_offset() const noexcept {
        return rivven_events_first_offset(events_, index_);
    }

    /// Deliveries: what became of a record, Code::Ok if it was delivered.
    Code code(std::size_t record) const noexcept {
        return static_cast<Code>(rivven_events_result(events_, index_, record, nullptr, nullptr));
    }

    /// Deliveries: the offset of a record; throws what kept it from being delivered.
    std::uint64_t offset(std::size_t record) const {
        std::uint64_t offset = 0;
        detail::call(rivven_events_result, events_, index_, record, &offset);
        return offset;
    }

    /// Deliveries: whether the broker recognised a record as one that it had already.
    bool is_duplicate(std::size_t record) const noexcept {
        return rivven_events_is_duplicate(events_, index_, record);
    }

    /// Deliveries: whether an earlier attempt may have written a record, too.
    bool is_maybe_duplicate(std::size_t record) const noexcept {
        return rivven_events_is_maybe_duplicate(events_, index_, record);
    }

    /// Deliveries: whether the offset of a record is its own for certain.
    bool is_offset_exact(std::size_t record) const noexcept {
        return rivven_events_is_offset_exact(events_, index_, record);
    }

    /// When it happened, since 1970 by the clock of this machine; 0 where records failed.
    ///
    /// Of a degraded server, since when it does not work; 0 for the other changes of servers.
    std::chrono::milliseconds timestamp() const noexcept {
        return std::chrono::milliseconds(rivven_events_timestamp_ms(events_, index_));
    }

    /// Log: the level.
    LogLevel log_level() const noexcept {
        return static_cast<LogLevel>(rivven_events_log_level(events_, index_));
    }

    /// Log: the part of the library that says it.
    std::string_view log_target() const noexcept {
        return words(rivven_events_log_target(events_, index_));
    }

    /// Log: what happened, with the facts behind it; without secrets or records.
    std::string_view log_message() const noexcept {
        return words(rivven_events_log_message(events_, index_));
    }

    /// Changes of servers: the number that was given to subscribe_state_changes().
    std::uint64_t opaque() const noexcept { return rivven_events_opaque(events_, index_); }

    /// Changes of servers: the server, `host:port`; empty for missed changes.
    std::string_view server() const noexcept { return words(rivven_events_server(events_, index_)); }

    /// Changes of servers: how many attempts have failed, or failed meanwhile.
    std::uint32_t attempts() const noexcept { return rivven_events_attempts(events_, index_); }

    /// Degraded server: why it does not work, the last time that it was tried.
    Error reason() const {
        rivven_error_t *error = nullptr;
        rivven_events_reason(events_, index_, &error);
        return Error(error);
    }

    /// Recovered server: how long it did not work.
    std::chrono::milliseconds outage() const noexcept {
        return std::chrono::milliseconds(
            static_cast<std::int64_t>(rivven_events_outage_ms(events_, index_)));
    }

    /// Missed changes: how many were not kept.
    std::uint64_t missed() const noexcept { return rivven_events_missed(events_, index_); }

    /// Consumers: the first offset that it is about, or RIVVEN_OFFSET_UNKNOWN.
    std::uint64_t from() const noexcept { return rivven_events_from(events_, index_); }

    /// Consumers: the offset behind those that it is about, or RIVVEN_OFFSET_UNKNOWN.
    std::uint64_t to() const noexcept { return rivven_events_to(events_, index_); }

    /// Consumers: the time that it is about.
    std::chrono::milliseconds duration() const noexcept {
        return std::chrono::milliseconds(rivven_events_duration_ms(events_, index_));
    }

    /// Consumers: the partitions that were given or taken away.
    std::vector<TopicPartition> partitions() const {
        return detail::partitions(rivven_events_partitions(events_, index_));
    }

    /// Consumers: why it happened, where that is known; without secrets or records.
    std::string_view cause() const noexcept {
        return words(rivven_events_cause(events_, index_));
    }

    /// Consumers: the code of the failure behind it, or Code::Ok.
    Code cause_code() const noexcept {
        return static_cast<Code>(rivven_events_cause_code(events_, index_));
    }

private:
    static std::string_view words(const char *text) noexcept { return text ? text : ""; }

    const rivven_events_t *events_;
    std::size_t index_;
};

/// What a queue had to tell, in its order; copies share it.
class Events {
public:
    /// Walks over the events; valid as long as they are.
    class iterator {
    public:
        using iterator_category = std::input_iterator_tag;
        using value_type = Event;
        using difference_type = std::ptrdiff_t;
        using pointer = const Event *;
        using reference = Event;

        iterator(const rivven_events_t *events, std::size_t index) noexcept
            : events_(events), index_(index) {}
        Event operator*() const noexcept { return {events_, index_}; }
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
        const rivven_events_t *events_;
        std::size_t index_;
    };

    /// Takes over events of the C interface.
    explicit Events(rivven_events_t *events) : events_(events, rivven_events_free) {}

    /// Looks at events that belong to somebody else, and are valid as long as that wants.
    static Events lent(const rivven_events_t *events) noexcept { return Events(events); }

    /// The number of events.
    std::size_t size() const noexcept { return rivven_events_len(events_.get()); }

    /// Whether there is no event.
    bool empty() const noexcept { return size() == 0; }

    /// An event; it points into the events.
    Event operator[](std::size_t index) const & noexcept { return {events_.get(), index}; }
    Event operator[](std::size_t index) const && = delete;

    /// The beginning of the events.
    iterator begin() const noexcept { return {events_.get(), 0}; }

    /// The end of the events.
    iterator end() const noexcept { return {events_.get(), size()}; }

private:
    // Shares nothing, and so frees nothing.
    explicit Events(const rivven_events_t *events) noexcept
        : events_(std::shared_ptr<const void>(), events) {}

    std::shared_ptr<const rivven_events_t> events_;
};

/// Where events wait for the program: what became of the records of producers, and the log.
///
/// Each event goes to one poll(). Nothing is called outside of that.
class Queue {
public:
    /// Makes a queue.
    Queue() : queue_(detail::give<rivven_queue_t, rivven_queue_free>(rivven_queue_new)) {}

    /// A descriptor that is readable while there are events; it belongs to the queue.
    int fd() const noexcept { return rivven_queue_fd(queue_.get()); }

    /// Takes all events; waits for some for at most `timeout`, by default without limit.
    ///
    /// Callbacks of producers are called in it. What they are given is not given here, so that
    /// there may be no events before the time is over. Code::Closed if the queue is destroyed.
    Events poll(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        rivven_events_t *events = nullptr;
        detail::call(rivven_queue_poll, queue_.get(), detail::milliseconds(timeout), &events);
        return Events(events);
    }

    /// Lets lines of the library's log of this level and more important ones come, from now on.
    void subscribe_log(LogLevel level) {
        detail::call(rivven_queue_subscribe_log, queue_.get(), static_cast<std::int32_t>(level));
    }

    /// The handle of the C interface, which stays the property of this object.
    rivven_queue_t *get() const noexcept { return queue_.get(); }

private:
    detail::Handle<rivven_queue_t, rivven_queue_free> queue_;
};

inline void Client::subscribe_state_changes(Queue &queue, std::uint64_t opaque) {
    detail::call(rivven_client_subscribe_state_changes, client_.get(), queue.get(), opaque);
}

/// A topic that a producer sends to; it may outlive the producer, and takes no records then.
class Topic {
public:
    /// Takes over a topic of the C interface.
    explicit Topic(rivven_topic_t *topic) noexcept : topic_(topic) {}

    /// Hands a record over to be sent; never blocks.
    ///
    /// Its report gives `opaque` back. Code::QueueFull if there is no room: wait_for_room().
    void enqueue(std::string_view value, std::optional<std::string_view> key = std::nullopt,
                 std::uint64_t opaque = 0, std::optional<std::uint32_t> partition = std::nullopt) {
        detail::call(rivven_topic_enqueue, topic_.get(), detail::partition(partition),
                     detail::key(key), detail::bytes(value), opaque);
    }

    /// The same, but false if there is no room, which is no error.
    bool try_enqueue(std::string_view value, std::optional<std::string_view> key = std::nullopt,
                     std::uint64_t opaque = 0,
                     std::optional<std::uint32_t> partition = std::nullopt) {
        rivven_error_t *error = nullptr;
        const rivven_code code =
            rivven_topic_enqueue(topic_.get(), detail::partition(partition), detail::key(key),
                                 detail::bytes(value), opaque, &error);
        if (code == RIVVEN_CODE_OK) return true;
        Error thrown(error);
        if (code == RIVVEN_CODE_QUEUE_FULL) return false;
        throw thrown;
    }

    /// Hands many records over, until there is no room; gives the number that were taken.
    ///
    /// The record at index i has the opaque `first_opaque` + i. Every other error is thrown: the
    /// records before the one that it is about have been taken, as their reports show.
    std::size_t enqueue_batch(const std::vector<KeyValue> &records, std::uint64_t first_opaque = 0,
                              std::optional<std::uint32_t> partition = std::nullopt) {
        std::vector<rivven_bytes_t> keys, values;
        std::vector<std::uint64_t> opaques;
        keys.reserve(records.size());
        values.reserve(records.size());
        opaques.reserve(records.size());
        for (const auto &[key, value] : records) {
            opaques.push_back(first_opaque + keys.size());
            keys.push_back(detail::key(key));
            values.push_back(detail::bytes(value));
        }
        std::size_t accepted = 0;
        rivven_error_t *error = nullptr;
        const rivven_code code = rivven_topic_enqueue_batch(
            topic_.get(), detail::partition(partition), keys.data(), values.data(), opaques.data(),
            records.size(), &accepted, &error);
        if (code == RIVVEN_CODE_OK) return accepted;
        Error thrown(error);
        if (code == RIVVEN_CODE_QUEUE_FULL) return accepted;
        throw thrown;
    }

    /// Waits until there is room for a record of so many bytes, at most `max.block.ms`.
    void wait_for_room(std::size_t bytes) {
        detail::call(rivven_topic_wait_for_room, topic_.get(), bytes);
    }

private:
    detail::Handle<rivven_topic_t, rivven_topic_free> topic_;
};

/// What a producer has sent to one server, at one moment.
struct ProducerServerStats {
    /// The address as it is dialled.
    std::string address;
    /// Records that the server has.
    std::uint64_t records_delivered;
    /// Requests with records, repeated ones included.
    std::uint64_t batches_sent;
    /// Bytes of those requests.
    std::uint64_t bytes_sent;
    /// Requests that failed.
    std::uint64_t errors;
    /// Requests that were repeated, here or at another server.
    std::uint64_t retries;
    /// Records in requests that the server has not answered yet.
    std::uint64_t records_unanswered;
    /// Records that wait to be sent to the server.
    std::uint64_t records_queued;
    /// The mean number of records of a request.
    double records_per_batch;
    /// The median time from handing over the first record of a batch to its delivery.
    std::chrono::microseconds latency_p50;
    /// The time that 95 of 100 records stay below.
    std::chrono::microseconds latency_p95;
    /// The time that 99 of 100 records stay below.
    std::chrono::microseconds latency_p99;
};

/// What a producer has done so far, at one moment.
struct ProducerStats {
    /// Records that were handed over.
    std::uint64_t records_sent;
    /// Records that the broker has.
    std::uint64_t records_delivered;
    /// Records that were given up.
    std::uint64_t records_failed;
    /// Records that are neither delivered nor given up.
    std::uint64_t records_pending;
    /// Records that were handed over and not sent yet.
    std::uint64_t records_queued;
    /// Requests with records, repeated ones included.
    std::uint64_t batches_sent;
    /// Bytes of those requests.
    std::uint64_t bytes_sent;
    /// Requests that failed.
    std::uint64_t errors;
    /// Requests that were repeated.
    std::uint64_t retries;
    /// Bytes of `buffer.memory` in use.
    std::uint64_t bytes_buffered;
    /// The mean number of records of a request.
    double records_per_batch;
    /// The share of settled records that were delivered, from 0 to 1; 1 before any is settled.
    double success_rate;
    /// The median time from handing over the first record of a batch to its delivery.
    std::chrono::microseconds latency_p50;
    /// The time that 95 of 100 records stay below.
    std::chrono::microseconds latency_p95;
    /// The time that 99 of 100 records stay below.
    std::chrono::microseconds latency_p99;
    /// Each server that records were sent to, in the order of their addresses.
    std::vector<ProducerServerStats> servers;
};

/// Sends records in batches, in the background.
///
/// One that is destroyed without being closed sends what is left in the background.
class Producer {
public:
    /// Takes the deliveries of a producer, within Queue::poll(), on the thread that calls that.
    ///
    /// The events are all of EventKind::Deliveries and valid for the time of the call. It may
    /// destroy the queue, the producer and its topics. An exception that leaves it ends the program.
    using Callback = std::function<void(const Events &)>;

    /// Makes a producer without reports and without connecting it; the configuration is copied.
    explicit Producer(const Config &config)
        : producer_(make(rivven_producer_new, config.get(), nullptr)) {}

    /// Makes a producer whose reports go to a queue.
    Producer(const Config &config, Queue &queue)
        : producer_(make(rivven_producer_new, config.get(), detail::present(queue.get(), "the queue"))) {}

    /// Makes a producer whose reports go to a callback.
    ///
    /// It is destroyed with the producer or the queue, whichever goes first, and after it has
    /// returned.
    Producer(const Config &config, Queue &queue, Callback callback) {
        if (!callback) throw Error("callback is empty: pass a function, or make a producer without one");
        auto data = std::make_unique<Callback>(std::move(callback));
        producer_ = make(rivven_producer_new_with_callback, config.get(), queue.get(), deliver,
                         data.get(), drop);
        data.release();
    }

    /// Waits for a first ready connection; without it the first record has the producer connect.
    void connect() { detail::call(rivven_producer_connect, producer_.get()); }

    /// Gives a handle of a topic, by which records are handed over.
    Topic topic(const std::string &name) {
        rivven_topic_t *topic = nullptr;
        detail::call(rivven_producer_topic, producer_.get(), detail::text(name), &topic);
        return Topic(topic);
    }

    /// Sends a record and waits until it is delivered; gives where it went.
    RecordMetadata send(const std::string &topic, std::string_view value,
                        std::optional<std::string_view> key = std::nullopt,
                        std::optional<std::uint32_t> partition = std::nullopt) {
        const auto owner = detail::give<rivven_record_metadata_t, rivven_record_metadata_free>(
            rivven_producer_send, producer_.get(), detail::text(topic),
            detail::partition(partition), detail::key(key), detail::bytes(value));
        return detail::metadata(owner.get());
    }

    /// Sends many records and waits until all are delivered; gives where they went.
    ///
    /// The first error of any of them is thrown once all have ended; the others may have been
    /// delivered.
    std::vector<RecordMetadata> send_batch(const std::string &topic,
                                           const std::vector<KeyValue> &records,
                                           std::optional<std::uint32_t> partition = std::nullopt) {
        const detail::Views views(records);
        std::vector<rivven_record_metadata_t *> sent(records.size());
        detail::call(rivven_producer_send_batch, producer_.get(), detail::text(topic),
                     detail::partition(partition), views.keys.data(), views.values.data(),
                     records.size(), sent.data());
        return detail::metadata(sent);
    }

    /// Sends all that was handed over before, and waits until it is settled.
    ///
    /// Code::TimedOut if that takes longer than `timeout`, by default as long as it has to.
    void flush(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        detail::call(rivven_producer_flush, producer_.get(), detail::milliseconds(timeout));
    }

    /// Delivers what was handed over, within `timeout` or else `close.timeout.ms`, and disconnects.
    ///
    /// Code::TimedOut if records were left; what() says how many, of which partitions.
    void close(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        detail::call(rivven_producer_close, producer_.get(), detail::milliseconds(timeout));
    }

    /// Gives up the records that were not sent yet; gives the number of them.
    std::uint64_t purge() {
        std::uint64_t purged = 0;
        detail::call(rivven_producer_purge, producer_.get(), &purged);
        return purged;
    }

    /// What the producer has done so far.
    ProducerStats stats() const {
        const auto owner = detail::give<rivven_producer_stats_t, rivven_producer_stats_free>(
            rivven_producer_stats, producer_.get());
        const rivven_producer_stats_t *stats = owner.get();
        return {rivven_producer_stats_records_sent(stats),
                rivven_producer_stats_records_delivered(stats),
                rivven_producer_stats_records_failed(stats),
                rivven_producer_stats_records_pending(stats),
                rivven_producer_stats_records_queued(stats),
                rivven_producer_stats_batches_sent(stats),
                rivven_producer_stats_bytes_sent(stats),
                rivven_producer_stats_errors(stats),
                rivven_producer_stats_retries(stats),
                rivven_producer_stats_bytes_buffered(stats),
                rivven_producer_stats_records_per_batch(stats),
                rivven_producer_stats_success_rate(stats),
                microseconds(rivven_producer_stats_latency_p50_us(stats)),
                microseconds(rivven_producer_stats_latency_p95_us(stats)),
                microseconds(rivven_producer_stats_latency_p99_us(stats)),
                detail::list(rivven_producer_stats_servers_len(stats),
                             [&](std::size_t i) { return server(stats, i); })};
    }

    /// Lets what changes about the servers go to a queue, until the producer is closed.
    ///
    /// The events have `opaque`; they are of EventKind::ServerDegraded, ServerRecovered and
    /// StateChangesMissed.
    void subscribe_state_changes(Queue &queue, std::uint64_t opaque = 0) {
        detail::call(rivven_producer_subscribe_state_changes, producer_.get(), queue.get(), opaque);
    }

    /// Whether a record that is sent again is written once all the same, at this moment.
    bool is_idempotent() const {
        bool idempotent = false;
        detail::call(rivven_producer_is_idempotent, producer_.get(), &idempotent);
        return idempotent;
    }

    /// Gives the number of partitions of a topic; the broker is asked if it is not known.
    std::uint32_t get_partition_count(const std::string &topic) {
        std::uint32_t count = 0;
        detail::call(rivven_producer_get_partition_count, producer_.get(), detail::text(topic),
                     &count);
        return count;
    }

    /// Learns the number of partitions of a topic anew.
    void refresh_metadata(const std::string &topic) {
        detail::call(rivven_producer_refresh_metadata, producer_.get(), detail::text(topic));
    }

    /// Begins a transaction, as Transaction::begin().
    Transaction begin_transaction();

    /// The handle of the C interface, which stays the property of this object.
    rivven_producer_t *get() const noexcept { return producer_.get(); }

private:
    using Owner = detail::Handle<rivven_producer_t, rivven_producer_free>;

    template <typename Function, typename... Arguments>
    static Owner make(Function function, Arguments... arguments) {
        return detail::give<rivven_producer_t, rivven_producer_free>(function, arguments...);
    }

    static std::chrono::microseconds microseconds(std::uint64_t number) {
        return std::chrono::microseconds(static_cast<std::int64_t>(number));
    }

    static ProducerServerStats server(const rivven_producer_stats_t *stats, std::size_t index) {
        return {rivven_producer_stats_server_address(stats, index),
                rivven_producer_stats_server_records_delivered(stats, index),
                rivven_producer_stats_server_batches_sent(stats, index),
                rivven_producer_stats_server_bytes_sent(stats, index),
                rivven_producer_stats_server_errors(stats, index),
                rivven_producer_stats_server_retries(stats, index),
                rivven_producer_stats_server_records_unanswered(stats, index),
                rivven_producer_stats_server_records_queued(stats, index),
                rivven_producer_stats_server_records_per_batch(stats, index),
                microseconds(rivven_producer_stats_server_latency_p50_us(stats, index)),
                microseconds(rivven_producer_stats_server_latency_p95_us(stats, index)),
                microseconds(rivven_producer_stats_server_latency_p99_us(stats, index))};
    }

    static void deliver(void *callback, const rivven_events_t *deliveries) noexcept {
        (*static_cast<Callback *>(callback))(Events::lent(deliveries));
    }

    static void drop(void *callback) noexcept { delete static_cast<Callback *>(callback); }

    Owner producer_;
};

/// What is known of a partition of a consumer at one moment.
struct PartitionStats {
    /// Which.
    TopicPartition partition;
    /// The offset of the next record that a poll gives, once it is known.
    std::optional<std::uint64_t> position;
    /// The committed offset, as far as the consumer knows.
    std::optional<std::uint64_t> committed;
    /// The end of the log, of some seconds ago at most while the partition is read.
    std::optional<std::uint64_t> latest;
    /// How many offsets lie between position and end.
    std::optional<std::uint64_t> lag;
    /// Whether it is paused.
    bool paused;
};

/// What a consumer has done so far, and where its partitions are, at one moment.
struct ConsumerStats {
    /// Polls that have ended with a result.
    std::uint64_t polls;
    /// Records that polls gave.
    std::uint64_t records;
    /// Requests for records that were answered.
    std::uint64_t fetches;
    /// Those of them whose answer held no record.
    std::uint64_t empty_fetches;
    /// Records that were received.
    std::uint64_t records_fetched;
    /// The bytes of those answers.
    std::uint64_t bytes_fetched;
    /// Failures of requests and connections, repeated ones included.
    std::uint64_t errors;
    /// Connections that were lost.
    std::uint64_t reconnects;
    /// Answers that the broker withheld for the sake of a quota.
    std::uint64_t throttled;
    /// Offsets that were committed.
    std::uint64_t commits;
    /// Offsets that could not be committed.
    std::uint64_t failed_commits;
    /// How often partitions of subscribed topics were given or taken away.
    std::uint64_t rebalances;
    /// Records that wait to be polled.
    std::uint64_t records_waiting;
    /// Bytes of `fetch.buffer.memory` in use.
    std::uint64_t bytes_held;
    /// How many records there are behind the positions, as far as is known.
    std::uint64_t lag;
    /// The message of the last failure.
    std::optional<std::string> last_error;
    /// The partitions that it has.
    std::vector<PartitionStats> partitions;
};

/// What happens to partitions of a consumer.
enum class RebalanceKind : std::int32_t {
    /// They are about to be taken away; what was done can still be committed.
    Revoked = RIVVEN_REBALANCE_KIND_REVOKED,
    /// They were given; reading them has not begun.
    Assigned = RIVVEN_REBALANCE_KIND_ASSIGNED,
    /// They have gone to other consumers already.
    Lost = RIVVEN_REBALANCE_KIND_LOST,
};

/// What Consumer::process() has done.
struct ProcessReport {
    /// The records that a handler was done with.
    std::uint64_t processed;
    /// How often a record was handled again.
    std::uint64_t retries;
    /// The records that went to the dead letter topic.
    std::uint64_t dead_lettered;
    /// The records that were left out.
    std::uint64_t skipped;
};

/// Reads records of topics ahead of the program, and gives them a batch at a time.
///
/// What rivven.h says on each function, its error codes above all, holds here. One that is
/// destroyed without being closed is closed in the background.
class Consumer {
public:
    /// Is told of partitions that come and go, within poll() and close(), on the thread that calls it; within
    /// process(), on any of its threads, beside handlers; and within the calls of a Transformer.
    ///
    /// It may commit, seek and destroy the consumer. An exception that leaves it ends the program.
    using RebalanceCallback =
        std::function<void(RebalanceKind, const std::vector<TopicPartition> &)>;

    /// Works on a record, whose views are valid during the call; an exception that leaves it is a failure.
    using ProcessHandler = std::function<void(const Record &)>;

    /// Makes a consumer, which connects in the background; the configuration is copied.
    explicit Consumer(const Config &config) : consumer_(make(config, nullptr)) {}

    /// Makes a consumer whose events go to a queue.
    Consumer(const Config &config, Queue &queue)
        : consumer_(make(config, detail::present(queue.get(), "the queue"))) {}

    /// The group whose offsets are committed; valid as long as the consumer.
    std::string_view group_id() const noexcept {
        const char *group = rivven_consumer_group_id(consumer_.get());
        return group ? group : "";
    }

    /// Waits for a first ready connection.
    void connect() {
        detail::call(rivven_consumer_connect, consumer_.get());
    }

    /// Reads these topics from now on, instead of those before.
    void subscribe(const std::vector<std::string> &topics) {
        const auto names = detail::texts(topics);
        detail::call(rivven_consumer_subscribe, consumer_.get(), names.data(), names.size());
    }

    /// Reads nothing from now on.
    void unsubscribe() {
        detail::call(rivven_consumer_unsubscribe, consumer_.get());
    }

    /// Reads these partitions from now on, instead of those before; no group coordinates them.
    void assign(const std::vector<TopicPartition> &partitions) {
        const auto list = detail::partitions_of(partitions);
        detail::call(rivven_consumer_assign, consumer_.get(), list.get());
    }

    /// The partitions that the consumer has now.
    std::vector<TopicPartition> assignments() const {
        return partitions(rivven_consumer_assignments);
    }

    /// Waits for records, at most `timeout` or else `max.poll.interval.ms`.
    ///
    /// It says that the program is done with what the poll before gave.
    Batch poll(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        rivven_batch_t *batch = nullptr;
        detail::call(rivven_consumer_poll, consumer_.get(), detail::milliseconds(timeout), &batch);
        return Batch(batch);
    }

    /// Lets a handler work on the records, partitions side by side and each in its order, until it is ended.
    ///
    /// It runs on this thread and on `threads` - 1 more that live as long as the call, on no more
    /// than `process.concurrency` at once; with a rebalance callback, which waits for one of them that
    /// is between handlers, let there be one more than that. The other keys of `process` say what becomes
    /// of a record whose handler throws, and `rivven_consumer_process` what is committed when. It ends by
    /// wakeup() and by close(), which waits for it; a handler may call the former.
    ///
    /// Throws Code::ProcessingFailed if a record failed every time, which is the next one of its
    /// partition then; what a poll throws, and why the last offsets could not be committed.
    ProcessReport process(const ProcessHandler &handler, std::size_t threads = 16) {
        const auto owner = detail::give<rivven_processing_t, rivven_processing_free>(
            rivven_consumer_process, consumer_.get());
        rivven_processing_t *processing = owner.get();
        void *data = const_cast<ProcessHandler *>(&handler);
        {
            const detail::Threads beside(threads, [processing, data] {
                // The caller's own thread learns how it has ended.
                rivven_processing_run(processing, handled, data, nullptr);
            });
            detail::call(rivven_processing_run, processing, handled, data);
        }
        return {rivven_processing_processed(processing), rivven_processing_retries(processing),
                rivven_processing_dead_lettered(processing),
                rivven_processing_skipped(processing)};
    }

    /// Ends the poll that waits, or the next one, with Code::WokenUp; from any thread.
    void wakeup() {
        detail::call(rivven_consumer_wakeup, consumer_.get());
    }

    /// Gives no more records of a partition, and asks for none. What has come is kept as long as
    /// others do not need the memory, and asked for again otherwise.
    void pause(const std::string &topic, std::uint32_t partition) {
        detail::call(rivven_consumer_pause, consumer_.get(), detail::text(topic), partition);
    }

    /// Goes on with a partition that was paused.
    void resume(const std::string &topic, std::uint32_t partition) {
        detail::call(rivven_consumer_resume, consumer_.get(), detail::text(topic), partition);
    }

    /// The partitions that are paused.
    std::vector<TopicPartition> paused() const { return partitions(rivven_consumer_paused); }

    /// Goes on reading a partition at an offset.
    void seek(const std::string &topic, std::uint32_t partition, std::uint64_t offset) {
        detail::call(rivven_consumer_seek, consumer_.get(), detail::text(topic), partition, offset);
    }

    /// Goes on at the first record that there is.
    void seek_to_beginning(const std::string &topic, std::uint32_t partition) {
        detail::call(rivven_consumer_seek_to_beginning, consumer_.get(), detail::text(topic), partition);
    }

    /// Goes on behind the last record that there is.
    void seek_to_end(const std::string &topic, std::uint32_t partition) {
        detail::call(rivven_consumer_seek_to_end, consumer_.get(), detail::text(topic), partition);
    }

    /// Goes on at the first record that the broker received at or after a time since 1970.
    ///
    /// Without one it goes on behind the last record. Gives the offset.
    std::uint64_t seek_to_timestamp(const std::string &topic, std::uint32_t partition,
                                    std::chrono::milliseconds timestamp) {
        std::uint64_t offset = 0;
        detail::call(rivven_consumer_seek_to_timestamp, consumer_.get(), detail::text(topic), partition,
                     std::int64_t{timestamp.count()}, &offset);
        return offset;
    }

    /// The offset of the next record that a poll gives of a partition, once it is known.
    std::optional<std::uint64_t> position(const std::string &topic, std::uint32_t partition) const {
        return found(rivven_consumer_position, topic, partition);
    }

    /// How many offsets lie between the position and the end of the log, which is asked for.
    std::uint64_t lag(const std::string &topic, std::uint32_t partition) const {
        std::uint64_t lag = 0;
        detail::call(rivven_consumer_lag, consumer_.get(), detail::text(topic), partition, &lag);
        return lag;
    }

    /// Asks for the first offset of a partition and the next one to be written.
    OffsetBounds get_offset_bounds(const std::string &topic, std::uint32_t partition) const {
        OffsetBounds bounds{};
        detail::call(rivven_consumer_get_offset_bounds, consumer_.get(), detail::text(topic),
                     partition, &bounds.earliest, &bounds.latest);
        return bounds;
    }

    /// Commits the offsets behind what polls gave so far, or what was stored, of all partitions.
    void commit() {
        detail::call(rivven_consumer_commit, consumer_.get());
    }

    /// Commits without waiting; a failure is an event.
    void commit_async() {
        detail::call(rivven_consumer_commit_async, consumer_.get());
    }

    /// Commits these offsets, each of the next record to read, all together.
    void commit_offsets(const std::vector<PartitionOffset> &offsets) {
        const auto list = detail::offsets_of(offsets);
        detail::call(rivven_consumer_commit_offsets, consumer_.get(), list.get());
    }

    /// Commits these offsets; gives the error of each that failed, in their order.
    std::vector<std::optional<Error>>
    commit_offsets_each(const std::vector<PartitionOffset> &offsets) {
        const auto list = detail::offsets_of(offsets);
        const auto results = detail::give<rivven_results_t, rivven_results_free>(
            rivven_consumer_commit_offsets_each, consumer_.get(), list.get());
        return detail::list(rivven_results_len(results.get()), [&](std::size_t i) {
            rivven_error_t *error = nullptr;
            const bool failed = rivven_results_get(results.get(), i, &error) != RIVVEN_CODE_OK;
            return failed ? std::optional<Error>(Error(error)) : std::nullopt;
        });
    }

    /// Sets the offset that the next commits commit for a partition, instead of what polls gave.
    void store_offset(const std::string &topic, std::uint32_t partition, std::uint64_t offset) {
        detail::call(rivven_consumer_store_offset, consumer_.get(), detail::text(topic), partition, offset);
    }

    /// The offset that the group has committed for a partition, if there is one.
    std::optional<std::uint64_t> committed(const std::string &topic, std::uint32_t partition) const {
        return found(rivven_consumer_committed, topic, partition);
    }

    /// Sets who is told of rebalances, instead of who was before; an empty one for nobody.
    void set_rebalance_callback(RebalanceCallback callback) {
        if (!callback) {
            detail::call(rivven_consumer_set_rebalance_callback, consumer_.get(), nullptr, nullptr,
                         nullptr);
            return;
        }
        auto data = std::make_unique<RebalanceCallback>(std::move(callback));
        detail::call(rivven_consumer_set_rebalance_callback, consumer_.get(), rebalanced,
                     data.get(), drop);
        data.release();
    }

    /// What the consumer has done so far, and where its partitions are.
    ConsumerStats stats() const {
        const auto owner = detail::give<rivven_consumer_stats_t, rivven_consumer_stats_free>(
            rivven_consumer_stats, consumer_.get());
        const rivven_consumer_stats_t *stats = owner.get();
        return {rivven_consumer_stats_polls(stats),
                rivven_consumer_stats_records(stats),
                rivven_consumer_stats_fetches(stats),
                rivven_consumer_stats_empty_fetches(stats),
                rivven_consumer_stats_records_fetched(stats),
                rivven_consumer_stats_bytes_fetched(stats),
                rivven_consumer_stats_errors(stats),
                rivven_consumer_stats_reconnects(stats),
                rivven_consumer_stats_throttled(stats),
                rivven_consumer_stats_commits(stats),
                rivven_consumer_stats_failed_commits(stats),
                rivven_consumer_stats_rebalances(stats),
                rivven_consumer_stats_records_waiting(stats),
                rivven_consumer_stats_bytes_held(stats),
                rivven_consumer_stats_lag(stats),
                detail::string(rivven_consumer_stats_last_error(stats)),
                detail::list(rivven_consumer_stats_partitions_len(stats),
                             [&](std::size_t i) { return partition(stats, i); })};
    }

    /// Commits what is to be committed by itself, gives partitions back and disconnects.
    ///
    /// Within `timeout` or else `close.timeout.ms`. If it throws, the consumer is closed all the same.
    void close(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        detail::call(rivven_consumer_close, consumer_.get(), detail::milliseconds(timeout));
    }

    /// The handle of the C interface, which stays the property of this object.
    rivven_consumer_t *get() const noexcept { return consumer_.get(); }

private:
    using Owner = detail::Handle<rivven_consumer_t, rivven_consumer_free>;

    static Owner make(const Config &config, rivven_queue_t *queue) {
        return detail::give<rivven_consumer_t, rivven_consumer_free>(rivven_consumer_new,
                                                                     config.get(), queue);
    }

    template <typename Function> std::vector<TopicPartition> partitions(Function function) const {
        const auto owner = detail::give<rivven_partitions_t, rivven_partitions_free>(
            function, consumer_.get());
        return detail::partitions(owner.get());
    }

    template <typename Function>
    std::optional<std::uint64_t> found(Function function, const std::string &topic,
                                       std::uint32_t partition) const {
        bool found = false;
        std::uint64_t offset = 0;
        detail::call(function, consumer_.get(), detail::text(topic), partition, &found, &offset);
        return found ? std::optional<std::uint64_t>(offset) : std::nullopt;
    }

    static std::optional<std::uint64_t> known(std::uint64_t offset) noexcept {
        return offset == RIVVEN_OFFSET_UNKNOWN ? std::nullopt : std::optional(offset);
    }

    static PartitionStats partition(const rivven_consumer_stats_t *stats, std::size_t index) {
        return {{rivven_consumer_stats_topic(stats, index),
                 rivven_consumer_stats_partition(stats, index)},
                known(rivven_consumer_stats_position(stats, index)),
                known(rivven_consumer_stats_committed(stats, index)),
                known(rivven_consumer_stats_latest(stats, index)),
                known(rivven_consumer_stats_partition_lag(stats, index)),
                rivven_consumer_stats_is_paused(stats, index)};
    }

    static void rebalanced(void *callback, rivven_rebalance_kind kind,
                           const rivven_partitions_t *partitions) noexcept {
        (*static_cast<RebalanceCallback *>(callback))(static_cast<RebalanceKind>(kind),
                                                      detail::partitions(partitions));
    }

    static const char *handled(void *handler, const rivven_batch_t *record) noexcept {
        thread_local std::optional<std::string> why;
        const auto call = [&] { (*static_cast<const ProcessHandler *>(handler))(Batch::read(record, 0)); };
        why = detail::failure(call);
        return why ? why->c_str() : nullptr;
    }

    static void drop(void *callback) noexcept { delete static_cast<RebalanceCallback *>(callback); }

    Owner consumer_;
};

/// Records and offsets that count together, or not at all.
///
/// What rivven.h says on each function, its error codes above all, holds here. It ends by commit() or
/// abort(); one that is destroyed before is aborted in the background. Once something has failed for
/// good every call but abort() throws an error that is_abortable(): begin another one.
class Transaction {
public:
    /// Begins a transaction of a producer with `transactional.id`, which has one at a time.
    ///
    /// A broker takes five in all: it waits for a place, at most `max.block.ms`.
    static Transaction begin(Producer &producer) {
        rivven_transaction_t *transaction = nullptr;
        detail::call(rivven_transaction_begin, producer.get(), &transaction);
        return Transaction(transaction);
    }

    /// Takes over a transaction of the C interface.
    explicit Transaction(rivven_transaction_t *transaction) noexcept : transaction_(transaction) {}

    /// Sends a record and waits until it is written; gives where it went.
    ///
    /// It counts once the transaction is committed.
    RecordMetadata send(const std::string &topic, std::string_view value,
                        std::optional<std::string_view> key = std::nullopt,
                        std::optional<std::uint32_t> partition = std::nullopt) {
        const auto owner = detail::give<rivven_record_metadata_t, rivven_record_metadata_free>(
            rivven_transaction_send, transaction_.get(), detail::text(topic),
            detail::partition(partition), detail::key(key), detail::bytes(value));
        return detail::metadata(owner.get());
    }

    /// Hands a record over to be sent; never blocks.
    ///
    /// flush() and commit() throw if it could not be written. Code::QueueFull if there is no room:
    /// flush(), or send().
    void enqueue(const std::string &topic, std::string_view value,
                 std::optional<std::string_view> key = std::nullopt,
                 std::optional<std::uint32_t> partition = std::nullopt) {
        detail::call(rivven_transaction_enqueue, transaction_.get(), detail::text(topic),
                     detail::partition(partition), detail::key(key), detail::bytes(value));
    }

    /// Sends many records and waits until all are written; gives where they went.
    ///
    /// The first error of any of them is thrown.
    std::vector<RecordMetadata> send_batch(const std::string &topic,
                                           const std::vector<KeyValue> &records) {
        const detail::Views views(records);
        std::vector<rivven_record_metadata_t *> sent(records.size());
        detail::call(rivven_transaction_send_batch, transaction_.get(), detail::text(topic),
                     views.keys.data(), views.values.data(), records.size(), sent.data());
        return detail::metadata(sent);
    }

    /// Waits until every record that was handed over before is written.
    void flush() { detail::call(rivven_transaction_flush, transaction_.get()); }

    /// Lets offsets of a group count together with the records: the next ones that it is to read.
    void send_offsets(const std::string &group, const std::vector<PartitionOffset> &offsets) {
        const auto list = detail::offsets_of(offsets);
        detail::call(rivven_transaction_send_offsets, transaction_.get(), detail::text(group),
                     list.get());
    }

    /// Lets a consumer's positions count together with the records, for its group.
    ///
    /// Commit before its next poll, and let it commit nothing by itself (`enable.auto.commit`
    /// false). transform() does all this by itself.
    void send_consumer_offsets(Consumer &consumer) {
        detail::call(rivven_transaction_send_consumer_offsets, transaction_.get(), consumer.get());
    }

    /// Waits until all records are written, and lets them and the offsets count.
    void commit() { detail::call(rivven_transaction_commit, transaction_.get()); }

    /// Drops what is not written yet, and lets nothing of the transaction count.
    void abort() { detail::call(rivven_transaction_abort, transaction_.get()); }

    /// Whether it still takes records.
    bool is_open() const {
        bool open = false;
        detail::call(rivven_transaction_is_open, transaction_.get(), &open);
        return open;
    }

    /// The `transactional.id` of its producer; valid as long as the transaction.
    std::string_view id() const noexcept {
        const char *id = rivven_transaction_id(transaction_.get());
        return id ? id : "";
    }

    /// The identity under which it was begun, which each transaction has for itself.
    std::uint64_t producer_id() const noexcept {
        return rivven_transaction_producer_id(transaction_.get());
    }

private:
    detail::Handle<rivven_transaction_t, rivven_transaction_free> transaction_;
};

inline Transaction Producer::begin_transaction() { return Transaction::begin(*this); }

/// What a Transformer has done.
struct TransformReport {
    /// Transactions that were committed.
    std::uint64_t transactions;
    /// Records that were read in them.
    std::uint64_t records;
    /// Rounds that were aborted, whose records were read again.
    std::uint64_t aborted;
    /// Rounds of which it is not known whether they were committed, whose records were read again.
    ///
    /// What was written before may count as well. It takes a lost answer and a restart of the broker.
    std::uint64_t uncertain;
};

/// Records that were read, and the transaction for what is written of them.
struct Round {
    /// The records.
    Batch records;
    /// The transaction, which its Transformer commits or aborts.
    Transaction transaction;
};

/// Reads by a consumer, and begins a transaction of a producer for each round of records.
///
/// transform() does with it all that is to be done. Use it by itself where that does not fit: ask for the
/// next() records, write what comes of them in their transaction, and commit() or fail(). It keeps
/// consumer and producer alive. Calls follow one another.
class Transformer {
public:
    /// Code::InvalidConfig if the consumer commits by itself (`enable.auto.commit` has to be false), or
    /// the producer has no `transactional.id`.
    Transformer(Consumer &consumer, Producer &producer)
        : transformer_(detail::give<rivven_transformer_t, rivven_transformer_free>(
              rivven_transformer_new, consumer.get(), producer.get())) {}

    /// Waits for records and begins a transaction; nothing once the consumer was woken up or closed.
    ///
    /// A round that was neither committed nor failed is aborted first, and its records are read again.
    std::optional<Round> next() {
        rivven_batch_t *records = nullptr;
        rivven_transaction_t *transaction = nullptr;
        detail::call(rivven_transformer_next, transformer_.get(), &records, &transaction);
        if (!records) return std::nullopt;
        return Round{Batch(records), Transaction(transaction)};
    }

    /// Lets what was written count, together with the positions behind the records.
    ///
    /// False if that failed and the records are read again. Throws what cannot be mended by another
    /// attempt, or has failed `process.retries` times in a row after the first.
    bool commit() {
        bool counts = false;
        detail::call(rivven_transformer_commit, transformer_.get(), &counts);
        return counts;
    }

    /// Drops what was written, since the work has failed; the records are read again.
    ///
    /// Code::ProcessingFailed once it has failed `process.retries` times in a row after the first.
    void fail(const std::string &why) {
        detail::call(rivven_transformer_fail, transformer_.get(), why.c_str());
    }

    /// What was done so far.
    TransformReport report() const {
        const auto owner = detail::give<rivven_transform_report_t, rivven_transform_report_free>(
            rivven_transformer_report, transformer_.get());
        const rivven_transform_report_t *report = owner.get();
        return {rivven_transform_report_transactions(report),
                rivven_transform_report_records(report), rivven_transform_report_aborted(report),
                rivven_transform_report_uncertain(report)};
    }

private:
    detail::Handle<rivven_transformer_t, rivven_transformer_free> transformer_;
};

/// Works on records, and writes what comes of them in their transaction; an exception that leaves it is a failure.
using TransformHandler = std::function<void(const Batch &, Transaction &)>;

/// Lets a handler work on records, and write what comes of them by transactions, each once.
///
/// It runs until the consumer is woken up or closed, which the handler may do. When the handler
/// returns, the positions behind the records are added and the transaction is committed. If it throws, or
/// anything fails, the transaction is aborted and the same records are read again, at most
/// `process.retries` times in a row; after a crash reading goes on behind the last commit. Read what is
/// written with `isolation.level` `read_committed`. Throws as Transformer.
inline TransformReport transform(Consumer &consumer, Producer &producer,
                                 const TransformHandler &handler) {
    Transformer transformer(consumer, producer);
    while (auto round = transformer.next()) {
        const auto why =
            detail::failure([&] { handler(round->records, round->transaction); });
        // The memory of the records is free for others before the transaction has ended.
        round.reset();
        if (why) {
            transformer.fail(*why);
        } else {
            transformer.commit();
        }
    }
    return transformer.report();
}

} // namespace rivven

#endif // RIVVEN_HPP
