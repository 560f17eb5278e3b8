/**
 * The Rivven event streaming client for C.
 *
 * Link with librivven (`pkg-config --cflags --libs rivven`). The C++ layer over
 * this header is rivven.hpp.
 *
 * What holds for every function:
 *
 * - Results. A function that can fail returns a `rivven_code`, 0 for success.
 *   Its last argument is where an error is stored if it fails; it may be NULL.
 *   The error then belongs to the caller: it is written over what was there,
 *   so free an error before its variable is used again. Nothing else is written
 *   on failure, unless the function says so, and the error is not written on
 *   success: handles and errors that begin as NULL may be freed at the end
 *   whatever happened.
 * - Handles are pointers to opaque types. What a function stores through a
 *   pointer to a handle belongs to the caller and is freed with the `_free` of
 *   its type, once. `_free` accepts NULL, never blocks and never fails.
 * - Arguments are checked: NULL where a handle, a string or a place for a new
 *   handle is needed, a handle of another type or a string that is not UTF-8 is
 *   `RIVVEN_CODE_INVALID_ARGUMENT`; so are bytes of a length with NULL as data.
 *   A handle that was freed is recognised where
 *   its memory was not used again, but using it is a defect of the program all
 *   the same.
 * - Strings end with a zero and are UTF-8. Inputs are copied before a function
 *   returns and are never kept. Views and strings that come out live as long as
 *   the handle that gave them.
 * - Threads. Clients, queues, producers, states of producers, topics, consumers, transactions
 *   and transformers may be used by many threads at once. What functions give (errors, batches, events, sessions, lists and
 *   descriptions) never changes and may be
 *   read by many threads; free it when no thread reads it any more. What is
 *   filled step by step (configurations, fetches, partitions, offsets,
 *   assignments and alterations) is for one thread at a time.
 * - The library installs no signal handler, needs none (a connection that
 *   breaks raises no SIGPIPE), writes nothing to the standard streams and runs
 *   no code of the program on its own threads: callbacks are called in
 *   `rivven_queue_poll`, `rivven_consumer_poll`, `rivven_consumer_close`,
 *   `rivven_processing_run` and the functions of transformers alone.
 * - Once loaded the library stays: `dlclose` does not unmap it, since its
 *   threads may outlive the call.
 *
 * What is declared here stays: functions and codes are added, never changed or
 * removed, as long as the library is called librivven.so.1.
 *
 * This file is generated from rivven-ffi by `cargo xtask header`.
 */

#ifndef RIVVEN_H
#define RIVVEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------------------------------
 * Version
 *
 * The macros are those of this header, the function tells which library runs.
 * ---------------------------------------------------------------------------- */

/** The major version that this header belongs to. */
#define RIVVEN_VERSION_MAJOR 0

/** The minor version that this header belongs to. */
#define RIVVEN_VERSION_MINOR 2

/** The patch version that this header belongs to. */
#define RIVVEN_VERSION_PATCH 0

/** Gives the version of the library that runs, as `major.minor.patch`; static. */
const char *rivven_version(void);

/* ----------------------------------------------------------------------------
 * Codes
 *
 * What functions return, and what is known of a request that failed.
 * ---------------------------------------------------------------------------- */

/**
 * What a function returns: 0 for success, or what went wrong.
 *
 * A number keeps its meaning in all later releases, and later releases add
 * numbers: have a `default` in every `switch`. 1-99 arise in the client,
 * 100-199 are answers of the broker, 200-299 those of a schema registry.
 */
enum rivven_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Success. */
    RIVVEN_CODE_OK = 0,
    /** An error that no other code describes. */
    RIVVEN_CODE_OTHER = 1,
    /** No connection to the server could be made. */
    RIVVEN_CODE_CONNECTION_FAILED = 2,
    /** An established connection ended before the answer came. */
    RIVVEN_CODE_CONNECTION_LOST = 3,
    /** No answer came in time. */
    RIVVEN_CODE_TIMED_OUT = 4,
    /** The host name of a server could not be resolved. */
    RIVVEN_CODE_RESOLVE_FAILED = 5,
    /** The handle was closed by its owner. */
    RIVVEN_CODE_CLOSED = 6,
    /** The handle was made before a fork and is used in the child process. */
    RIVVEN_CODE_FORKED = 7,
    /** An argument is not acceptable. */
    RIVVEN_CODE_INVALID_ARGUMENT = 8,
    /** The call is not allowed in the present state. */
    RIVVEN_CODE_INVALID_STATE = 9,
    /** A configuration key or value is not acceptable. */
    RIVVEN_CODE_INVALID_CONFIG = 10,
    /** The request is over a limit of the protocol. */
    RIVVEN_CODE_REQUEST_TOO_LARGE = 11,
    /** The peer announced an answer over the limit. */
    RIVVEN_CODE_RESPONSE_TOO_LARGE = 12,
    /** The peer sent bytes that are no valid answer. */
    RIVVEN_CODE_MALFORMED_RESPONSE = 13,
    /** The answer is valid but does not belong to the request. */
    RIVVEN_CODE_UNEXPECTED_RESPONSE = 14,
    /** The broker speaks another version of the protocol. */
    RIVVEN_CODE_INCOMPATIBLE_VERSION = 15,
    /** The server did not accept the credentials, or did not prove its own. */
    RIVVEN_CODE_AUTHENTICATION_FAILED = 16,
    /** A login that shows the password was asked for on a connection without TLS. */
    RIVVEN_CODE_AUTHENTICATION_REQUIRES_TLS = 17,
    /** The TLS handshake failed. */
    RIVVEN_CODE_TLS_FAILED = 18,
    /** No server of the list can be used at present. */
    RIVVEN_CODE_ALL_SERVERS_UNAVAILABLE = 19,
    /** The circuit breaker of the only eligible server is open. */
    RIVVEN_CODE_CIRCUIT_BREAKER_OPEN = 20,
    /** No pooled connection became free in time. */
    RIVVEN_CODE_POOL_EXHAUSTED = 21,
    /** The protocol or this build has no such feature. */
    RIVVEN_CODE_UNSUPPORTED = 22,
    /** A value could not be encoded or decoded. */
    RIVVEN_CODE_SERIALIZATION = 23,
    /** An operation of the operating system failed. */
    RIVVEN_CODE_IO = 24,
    /** The client met a defect of its own and contained it. */
    RIVVEN_CODE_INTERNAL = 25,
    /** A bounded queue or buffer has no room at present. */
    RIVVEN_CODE_QUEUE_FULL = 26,
    /** The runtime that drives the connection has ended. */
    RIVVEN_CODE_RUNTIME_GONE = 27,
    /** The record was given up by its owner before it was sent. */
    RIVVEN_CODE_PURGED = 28,
    /** A call that waited was ended by another one. */
    RIVVEN_CODE_WOKEN_UP = 29,
    /** The group has committed no offset, and none is to be chosen by itself. */
    RIVVEN_CODE_NO_OFFSET = 30,
    /** The program took too long between polls, so its partitions went to others. */
    RIVVEN_CODE_POLL_TOO_LATE = 31,
    /** The partition is not assigned to the consumer. */
    RIVVEN_CODE_NOT_ASSIGNED = 32,
    /** A record was given up, since the program's handler failed every time. */
    RIVVEN_CODE_PROCESSING_FAILED = 33,
    /** The broker answered with a text that this client does not know. */
    RIVVEN_CODE_SERVER_OTHER = 100,
    /** The broker has too many publishes under way. */
    RIVVEN_CODE_BUFFER_FULL = 101,
    /** The broker could not write its log. */
    RIVVEN_CODE_WAL_ERROR = 102,
    /** The topic name breaks the broker's rules. */
    RIVVEN_CODE_INVALID_TOPIC = 103,
    /** The topic has no such partition. */
    RIVVEN_CODE_INVALID_PARTITION = 104,
    /** The number of partitions is not acceptable. */
    RIVVEN_CODE_INVALID_PARTITIONS = 105,
    /** The broker could not create a partition. */
    RIVVEN_CODE_PARTITION_CREATE_FAILED = 106,
    /** The group name breaks the broker's rules. */
    RIVVEN_CODE_INVALID_GROUP_ID = 107,
    /** There is no group of that name with committed offsets. */
    RIVVEN_CODE_GROUP_NOT_FOUND = 108,
    /** There is no such topic or partition. */
    RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION = 109,
    /** A topic of that name exists already. */
    RIVVEN_CODE_TOPIC_ALREADY_EXISTS = 110,
    /** The offset lies outside of the log. */
    RIVVEN_CODE_OFFSET_OUT_OF_RANGE = 111,
    /** A topic setting is not acceptable to the broker. */
    RIVVEN_CODE_INVALID_TOPIC_CONFIG = 112,
    /** Another broker leads the partition. */
    RIVVEN_CODE_NOT_LEADER_FOR_PARTITION = 113,
    /** The leader epoch of the request is out of date. */
    RIVVEN_CODE_FENCED_LEADER_EPOCH = 114,
    /** The broker does not know the producer id, for instance after its restart. */
    RIVVEN_CODE_UNKNOWN_PRODUCER_ID = 115,
    /** The sequence number does not follow the last one. */
    RIVVEN_CODE_OUT_OF_ORDER_SEQUENCE = 116,
    /** Another producer has taken over the identity. */
    RIVVEN_CODE_PRODUCER_FENCED = 117,
    /** The producer has another transaction open. */
    RIVVEN_CODE_CONCURRENT_TRANSACTIONS = 118,
    /** There is no such open transaction. */
    RIVVEN_CODE_INVALID_TXN_ID = 119,
    /** The state of the transaction does not allow the call. */
    RIVVEN_CODE_INVALID_TXN_STATE = 120,
    /** The transaction ran into its timeout. */
    RIVVEN_CODE_TRANSACTION_TIMED_OUT = 121,
    /** The partition was not added to the transaction. */
    RIVVEN_CODE_PARTITION_NOT_IN_TXN = 122,
    /** The broker has its maximum of open transactions. */
    RIVVEN_CODE_TOO_MANY_TRANSACTIONS = 123,
    /** The broker refused a step of the transaction. */
    RIVVEN_CODE_TRANSACTION_ERROR = 124,
    /** It is not known whether the transaction was committed. */
    RIVVEN_CODE_COMMIT_FAILED = 125,
    /** It is not known whether the transaction was aborted. */
    RIVVEN_CODE_ABORT_FAILED = 126,
    /** The broker could not admit the member to the group. */
    RIVVEN_CODE_JOIN_GROUP_FAILED = 127,
    /** The group does not exist any more: join again. */
    RIVVEN_CODE_UNKNOWN_GROUP = 128,
    /** The group does not know the member: join again. */
    RIVVEN_CODE_UNKNOWN_MEMBER_ID = 129,
    /** The group has moved to another generation: join again. */
    RIVVEN_CODE_ILLEGAL_GENERATION = 130,
    /** The assignment names members that the group does not have. */
    RIVVEN_CODE_INCONSISTENT_GROUP_PROTOCOL = 131,
    /** The leader of the group sent no assignment in time: join again. */
    RIVVEN_CODE_REBALANCE_TIMEOUT = 132,
    /** The group is being rebalanced: join again. */
    RIVVEN_CODE_REBALANCE_IN_PROGRESS = 133,
    /** The connection is not logged in. */
    RIVVEN_CODE_AUTHENTICATION_REQUIRED = 134,
    /** The login has expired. */
    RIVVEN_CODE_SESSION_EXPIRED = 135,
    /** The user has no right to do this. */
    RIVVEN_CODE_AUTHORIZATION_FAILED = 136,
    /** The address sends more requests than the broker allows. */
    RIVVEN_CODE_RATE_LIMIT_EXCEEDED = 137,
    /** The broker refuses a message of this size. */
    RIVVEN_CODE_MESSAGE_TOO_LARGE = 138,
    /** The broker could not read the request. */
    RIVVEN_CODE_INVALID_REQUEST = 139,
    /** The answer would be over the broker's frame limit. */
    RIVVEN_CODE_ANSWER_TOO_LARGE = 140,
    /** The broker met a defect of its own. */
    RIVVEN_CODE_SERVER_INTERNAL = 141,
    /** The broker's storage failed. */
    RIVVEN_CODE_STORAGE_ERROR = 142,
    /** A quota is used up for the moment. */
    RIVVEN_CODE_THROTTLED = 143,
    /** The broker, as it was started, cannot do this. */
    RIVVEN_CODE_SERVER_UNSUPPORTED = 144,
    /** The schema registry failed, or cannot serve the request at present. */
    RIVVEN_CODE_SCHEMA_REGISTRY_ERROR = 200,
    /** The schema registry refused the request, or what answered is no schema registry. */
    RIVVEN_CODE_SCHEMA_REGISTRY_REFUSED = 201,
    /** The schema registry has no such schema, subject or version. */
    RIVVEN_CODE_SCHEMA_NOT_FOUND = 202,
    /** The schema is not valid in its language. */
    RIVVEN_CODE_SCHEMA_INVALID = 203,
    /** The schema is not compatible with those that the subject has. */
    RIVVEN_CODE_SCHEMA_INCOMPATIBLE = 204,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rivven_code rivven_code;
#else
typedef int32_t rivven_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/** What is known of a request whose call failed. */
enum rivven_outcome
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** The broker never had the whole request: it was not executed. */
    RIVVEN_OUTCOME_NOT_SENT = 0,
    /** The broker may have executed the request or not. */
    RIVVEN_OUTCOME_UNKNOWN = 1,
    /** The broker answered and refused. */
    RIVVEN_OUTCOME_REJECTED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rivven_outcome rivven_outcome;
#else
typedef int32_t rivven_outcome;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * Gives the name of a code, without prefix: `TIMED_OUT`; `OK` for 0.
 *
 * Never NULL: a number that is no code of this library has the name
 * `UNKNOWN_CODE`. The text is static.
 */
const char *rivven_code_name(int32_t code);

/**
 * Gives one sentence on what a code means.
 *
 * Never NULL: a number that is no code of this library has a text that says
 * so. The text is static.
 */
const char *rivven_code_text(int32_t code);

/* ----------------------------------------------------------------------------
 * Errors
 *
 * A function that fails returns the code, and stores an error with everything
 * else where its last argument points. Who passes NULL there gets the code
 * alone.
 *
 *     rivven_error_t *error = NULL;
 *     if (rivven_client_ping(client, &error) != RIVVEN_CODE_OK) {
 *         fprintf(stderr, "%s\n", rivven_error_message(error));
 *         rivven_error_free(error);
 *     }
 * ---------------------------------------------------------------------------- */

/**
 * What went wrong in one call.
 *
 * It belongs to the caller, who frees it with `rivven_error_free`, and lives
 * independently of every other handle. It never changes, so it may be read
 * from any thread. All functions on it accept NULL, which stands for no error.
 */
typedef struct rivven_error_t rivven_error_t;

/** Gives the code: `RIVVEN_CODE_OK` for NULL. */
rivven_code rivven_error_code(const rivven_error_t *error);

/** Gives the name of the code, as `rivven_code_name` does; never NULL, static. */
const char *rivven_error_name(const rivven_error_t *error);

/**
 * Gives the message for people: what was attempted, on what, what happened, what to try.
 *
 * UTF-8, never NULL, empty for no error; it lives as long as the error. The
 * wording may change between releases: programs decide by the code.
 */
const char *rivven_error_message(const rivven_error_t *error);

/**
 * Gives the server concerned, `host:port` as it was dialled; NULL if none is.
 *
 * It lives as long as the error.
 */
const char *rivven_error_address(const rivven_error_t *error);

/**
 * Gives what is known of the request: not executed, unknown, or refused by the broker.
 *
 * `RIVVEN_OUTCOME_NOT_SENT` for NULL.
 */
rivven_outcome rivven_error_outcome(const rivven_error_t *error);

/**
 * Gives the schema registry's own number for the error, such as 42201; -1 where it gave none.
 */
int64_t rivven_error_registry_code(const rivven_error_t *error);

/** Tells whether the same call may succeed when it is repeated. */
bool rivven_error_is_retriable(const rivven_error_t *error);

/** Tells whether the handle that gave the error is of no use any more: make a new one. */
bool rivven_error_is_fatal(const rivven_error_t *error);

/** Tells whether an open transaction has to be aborted. */
bool rivven_error_is_abortable(const rivven_error_t *error);

/** Frees an error and the strings it gave; accepts NULL. */
void rivven_error_free(rivven_error_t *error);

/* ----------------------------------------------------------------------------
 * Bytes
 *
 * Keys and values are bytes of any kind, zeros included. Going in they are
 * copied before the function returns; coming out they are views into a batch.
 * ---------------------------------------------------------------------------- */

/**
 * A view of bytes that belong to somebody else.
 *
 * `data` NULL with `len` 0 is nothing: no key, or an empty value. `data` not
 * NULL with `len` 0 is empty, which for a key is not the same as no key.
 */
typedef struct {
    /** The first byte. */
    const uint8_t *data;
    /** The number of bytes. */
    size_t len;
} rivven_bytes_t;

/**
 * Makes a view of `len` bytes at `data`.
 *
 * The bytes have to live as long as the view is used. Nothing is copied.
 */
rivven_bytes_t rivven_bytes_from(const void *data, size_t len);

/**
 * Makes a view of the characters of a string, without the zero at its end.
 *
 * The string has to live as long as the view is used. NULL gives nothing.
 */
rivven_bytes_t rivven_bytes_from_string(const char *string);

/* ----------------------------------------------------------------------------
 * Configuration
 *
 * A configuration is keys and values, all of them strings. docs/CONFIGURATION.md
 * lists the keys; `bootstrap.servers` is the only one that is required.
 * ---------------------------------------------------------------------------- */

/**
 * How a client is to work.
 *
 * It belongs to the caller, who frees it with `rivven_config_free`; a client
 * copies it. Meant for one thread at a time.
 */
typedef struct rivven_config_t rivven_config_t;

/**
 * Makes a configuration in which every key has its default.
 *
 * It is stored in `*config`. Fails with `RIVVEN_CODE_INVALID_ARGUMENT` only, if `config` is NULL.
 */
rivven_code rivven_config_new(rivven_config_t **config, rivven_error_t **error);

/**
 * Sets a key to a value; both are copied.
 *
 * Numbers and times are written in decimal: `rivven_config_set(config,
 * "request.timeout.ms", "5000", &error)`. A key that was set before is set
 * anew.
 *
 * Fails with `RIVVEN_CODE_INVALID_CONFIG` for an unknown key, whose nearest
 * known one is named, and for a value that the key does not take; with
 * `RIVVEN_CODE_INVALID_ARGUMENT` for NULL and for what is not UTF-8. The
 * configuration is unchanged then.
 */
rivven_code rivven_config_set(rivven_config_t *config,
                              const char *key,
                              const char *value,
                              rivven_error_t **error);

/** Frees a configuration; accepts NULL. Clients made from it go on. */
void rivven_config_free(rivven_config_t *config);

/* ----------------------------------------------------------------------------
 * Lists of strings
 * ---------------------------------------------------------------------------- */

/**
 * A list of strings that a function gave.
 *
 * It belongs to the caller, who frees it with `rivven_strings_free`. It never
 * changes, so it may be read from any thread.
 */
typedef struct rivven_strings_t rivven_strings_t;

/** Gives the number of strings; 0 for NULL. */
size_t rivven_strings_len(const rivven_strings_t *strings);

/**
 * Gives a string; NULL if `index` is not below the number of strings.
 *
 * UTF-8; it lives as long as the list.
 */
const char *rivven_strings_get(const rivven_strings_t *strings, size_t index);

/** Frees a list and its strings; accepts NULL. */
void rivven_strings_free(rivven_strings_t *strings);

/* ----------------------------------------------------------------------------
 * Lists of partitions
 *
 *     rivven_partitions_t *partitions = NULL;
 *     rivven_partitions_new(&partitions, &error);
 *     rivven_partitions_add(partitions, "orders", 0, &error);
 *     rivven_partitions_add(partitions, "orders", 1, &error);
 * ---------------------------------------------------------------------------- */

/**
 * Partitions of topics, in an order.
 *
 * One that the caller made or was given is his, who frees it with
 * `rivven_partitions_free`. Adding is meant for one thread at a time; while
 * nobody adds, many may read.
 */
typedef struct rivven_partitions_t rivven_partitions_t;

/**
 * Makes a list without partitions and stores it in `*partitions`.
 *
 * The caller frees it with `rivven_partitions_free`. Fails with
 * `RIVVEN_CODE_INVALID_ARGUMENT` only, if `partitions` is NULL.
 */
rivven_code rivven_partitions_new(rivven_partitions_t **partitions, rivven_error_t **error);

/**
 * Adds a partition at the end.
 *
 * Fails with `RIVVEN_CODE_INVALID_ARGUMENT` only; the list is unchanged then.
 */
rivven_code rivven_partitions_add(rivven_partitions_t *partitions,
                                  const char *topic,
                                  uint32_t partition,
                                  rivven_error_t **error);

/** Gives the number of partitions; 0 for NULL. */
size_t rivven_partitions_len(const rivven_partitions_t *partitions);

/**
 * Gives the topic of a partition; NULL if there is none of that index.
 *
 * It lives as long as the list.
 */
const char *rivven_partitions_topic(const rivven_partitions_t *partitions, size_t index);

/** Gives the number of a partition; 0 if there is none of that index. */
uint32_t rivven_partitions_partition(const rivven_partitions_t *partitions, size_t index);

/** Frees a list of partitions; accepts NULL. */
void rivven_partitions_free(rivven_partitions_t *partitions);

/* ----------------------------------------------------------------------------
 * Records that were read
 *
 *     for (size_t i = 0; i < rivven_batch_len(batch); i++) {
 *         rivven_bytes_t value = rivven_batch_value(batch, i);
 *         fwrite(value.data, 1, value.len, stdout);
 *     }
 *     rivven_batch_free(batch);
 *
 * Where the calls are to be saved there are arrays with an element for each record:
 *
 *     const uint64_t *offsets = rivven_batch_offsets(batch);
 *     const rivven_bytes_t *values = rivven_batch_values(batch);
 *     for (size_t i = 0; i < rivven_batch_len(batch); i++) use(offsets[i], values[i]);
 * ---------------------------------------------------------------------------- */

/**
 * Records, of each partition in the order of the log.
 *
 * Those of `rivven_client_consume` and the like are of one partition, those
 * of `rivven_consumer_poll` of several, whose records follow each other.
 *
 * It belongs to the caller, who frees it with `rivven_batch_free`, and lives
 * independently of the client or consumer. It never changes, so it may be read
 * from any thread. It keeps the broker's answers in memory, and keys and values
 * are views into them; those of a consumer count as `fetch.buffer.memory` until
 * the batch is freed: `rivven_batch_detach` what is to be kept for long.
 */
typedef struct rivven_batch_t rivven_batch_t;

/** Gives the number of records; 0 for NULL. */
size_t rivven_batch_len(const rivven_batch_t *batch);

/** Gives the offset of a record; 0 if there is none of that index. */
uint64_t rivven_batch_offset(const rivven_batch_t *batch, size_t index);

/**
 * Gives the topic of a record; NULL if there is none of that index.
 *
 * It lives as long as the batch.
 */
const char *rivven_batch_topic(const rivven_batch_t *batch, size_t index);

/** Gives the partition of a record; 0 if there is none of that index. */
uint32_t rivven_batch_partition(const rivven_batch_t *batch, size_t index);

/**
 * Gives when the broker received a record, in milliseconds since 1970-01-01 00:00 UTC.
 *
 * 0 if there is no record of that index.
 */
int64_t rivven_batch_timestamp(const rivven_batch_t *batch, size_t index);

/**
 * Gives the key of a record; `data` is NULL if it has none.
 *
 * The same if there is no record of that index. The view is valid until
 * `rivven_batch_free`. A key may be empty: `data` is not NULL then.
 */
rivven_bytes_t rivven_batch_key(const rivven_batch_t *batch, size_t index);

/**
 * Gives the value of a record; `data` is NULL only if there is no record of that index.
 *
 * The view is valid until `rivven_batch_free`.
 */
rivven_bytes_t rivven_batch_value(const rivven_batch_t *batch, size_t index);

/**
 * Gives the offsets of all records: `rivven_batch_len` of them; NULL if there is none.
 *
 * The array lives as long as the batch.
 */
const uint64_t *rivven_batch_offsets(const rivven_batch_t *batch);

/**
 * Gives when the broker received each record, as `rivven_batch_timestamp`; NULL if there is none.
 *
 * The array lives as long as the batch.
 */
const int64_t *rivven_batch_timestamps(const rivven_batch_t *batch);

/**
 * Gives the keys of all records, as `rivven_batch_key`; NULL if there is no record.
 *
 * The array and the views in it live as long as the batch.
 */
const rivven_bytes_t *rivven_batch_keys(const rivven_batch_t *batch);

/**
 * Gives the values of all records, as `rivven_batch_value`; NULL if there is no record.
 *
 * The array and the views in it live as long as the batch.
 */
const rivven_bytes_t *rivven_batch_values(const rivven_batch_t *batch);

/**
 * Gives the number of parts, each of which is records of one partition that follow each other.
 *
 * A partition may have more than one. 0 for NULL and for a batch without records.
 */
size_t rivven_batch_parts_len(const rivven_batch_t *batch);

/**
 * Gives the index of the first record of a part; `rivven_batch_len` if there is no such part.
 *
 * So part `i` is the records from this one on, up to the first one of part `i + 1`.
 */
size_t rivven_batch_part_first(const rivven_batch_t *batch, size_t part);

/**
 * Copies `count` records from index `first` on and stores them in `*detached`.
 *
 * The new batch belongs to the caller, too, and has memory of its own alone:
 * the answers of the broker are freed with the batch that they came in. Fails
 * with `RIVVEN_CODE_INVALID_ARGUMENT` only, if there are not so many records.
 */
rivven_code rivven_batch_detach(const rivven_batch_t *batch,
                                size_t first,
                                size_t count,
                                rivven_batch_t **detached,
                                rivven_error_t **error);

/**
 * Gives the number of partitions whose end a consumer reached with these records; 0 for NULL.
 *
 * Each end is told once, until there are more records; a partition that was
 * empty from the start has an end, too. Without `report.partition.end` there is none.
 */
size_t rivven_batch_ended_len(const rivven_batch_t *batch);

/**
 * Gives the topic of a partition whose end was reached; NULL if there is none of that index.
 *
 * It lives as long as the batch.
 */
const char *rivven_batch_ended_topic(const rivven_batch_t *batch, size_t index);

/** Gives the number of a partition whose end was reached; 0 if there is none of that index. */
uint32_t rivven_batch_ended_partition(const rivven_batch_t *batch, size_t index);

/** Frees a batch, which ends every view into it; accepts NULL. */
void rivven_batch_free(rivven_batch_t *batch);

/* ----------------------------------------------------------------------------
 * Client
 *
 * Calls block the thread that makes them until the answer is there or the
 * time that the configuration gives has passed.
 * ---------------------------------------------------------------------------- */

/**
 * A connection to a cluster, made at need and replaced when it fails.
 *
 * It may be used by any number of threads at once; their requests share the
 * connection. All clients of a process share some background threads, which
 * start with the first client and end with the last; none of them calls into
 * the program.
 *
 * In the child of a `fork` every call on a client of the parent fails with
 * `RIVVEN_CODE_FORKED`; free it there and make a new one.
 */
typedef struct rivven_client_t rivven_client_t;

/**
 * Makes a client and stores it in `*client`; the caller frees it with `rivven_client_free`.
 *
 * Does no network I/O: the client connects when `rivven_client_connect` or a first
 * request is called. The configuration is copied.
 *
 * Fails with `RIVVEN_CODE_INVALID_CONFIG` for keys that contradict each other,
 * for certificate and key files that cannot be read, are none or do not fit
 * together, and if `runtime.threads` contradicts what an earlier client of the
 * process asked for; with `RIVVEN_CODE_IO` if the background threads cannot be
 * started, `RIVVEN_CODE_INVALID_ARGUMENT` for NULL.
 */
rivven_code rivven_client_new(const rivven_config_t *config,
                              rivven_client_t **client,
                              rivven_error_t **error);

/**
 * Waits for a first ready connection, at most `connection.timeout.ms` for each server.
 *
 * Calling it is a choice: without it the first request connects. On a client
 * that is connected it returns at once.
 *
 * Fails with `RIVVEN_CODE_INVALID_CONFIG` for an address that cannot be read
 * or if `bootstrap.servers` is not set; with one server with its error
 * (`RIVVEN_CODE_RESOLVE_FAILED`, `RIVVEN_CODE_CONNECTION_FAILED`,
 * `RIVVEN_CODE_CONNECTION_LOST`, `RIVVEN_CODE_TIMED_OUT`,
 * `RIVVEN_CODE_TLS_FAILED`, `RIVVEN_CODE_AUTHENTICATION_FAILED` and
 * `RIVVEN_CODE_AUTHENTICATION_REQUIRES_TLS` for the login of the configuration,
 * or `RIVVEN_CODE_MALFORMED_RESPONSE` and `RIVVEN_CODE_RESPONSE_TOO_LARGE` if it
 * is no Rivven broker), with several with
 * `RIVVEN_CODE_ALL_SERVERS_UNAVAILABLE`, whose message names each; with
 * `RIVVEN_CODE_CLOSED` after `rivven_client_close`. It may be called again.
 */
rivven_code rivven_client_connect(rivven_client_t *client, rivven_error_t **error);

/**
 * Asks the broker for a sign of life.
 *
 * Every request, this one and those below, fails as `rivven_client_connect`
 * does where no connection can be made; with `RIVVEN_CODE_TIMED_OUT` after
 * `request.timeout.ms`; with `RIVVEN_CODE_CONNECTION_LOST` if the connection
 * ends; with `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED`, and
 * `RIVVEN_CODE_INVALID_ARGUMENT` for wrong arguments, before anything is
 * sent. `rivven_error_outcome` tells whether the broker may have executed it.
 */
rivven_code rivven_client_ping(rivven_client_t *client, rivven_error_t **error);

/**
 * Closes the connections, after waiting for requests under way for at most `timeout_ms`.
 *
 * A negative `timeout_ms` stands for `close.timeout.ms`. Requests that are
 * still without answer after it fail with `RIVVEN_CODE_CLOSED`, in the
 * threads that wait for them, and so does every later call. Closing twice is
 * no error. The handle has to be freed nevertheless.
 *
 * Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT` only.
 */
rivven_code rivven_client_close(rivven_client_t *client,
                                int64_t timeout_ms,
                                rivven_error_t **error);

/**
 * Drops the caller's reference to a client; accepts NULL and never blocks.
 *
 * A call that is under way in another thread keeps a reference of its own and
 * goes on to its end. After the last reference, a client that was not closed
 * is closed in the background within `close.timeout.ms`. The pointer must not
 * be used for a new call, in any thread, once this was called.
 */
void rivven_client_free(rivven_client_t *client);

/* ----------------------------------------------------------------------------
 * Login
 *
 * With `auth.username` and `auth.password` in the configuration a client logs
 * in by itself; these functions are for credentials that come later. Neither
 * the password nor anything that stands for it is in any error message.
 * ---------------------------------------------------------------------------- */

/**
 * What a login gave.
 *
 * It belongs to the caller, who frees it with `rivven_session_free`; the login
 * holds all the same. It never changes, so it may be read from any thread.
 */
typedef struct rivven_session_t rivven_session_t;

/**
 * Logs in with the password itself, on the connection in use and on every later one.
 *
 * Without TLS it fails before a byte of the password is sent. The session
 * goes to `*session`, which may be NULL; the caller frees it with
 * `rivven_session_free`. Credentials that the broker refuses are not kept:
 * those used before, if there are any, stay in use for later connections.
 *
 * Fails with `RIVVEN_CODE_AUTHENTICATION_FAILED` for a wrong password, an
 * unknown user (brokers do not tell which) and a broker that runs without
 * authentication, `RIVVEN_CODE_AUTHENTICATION_REQUIRES_TLS`, and as every
 * request.
 */
rivven_code rivven_client_authenticate(rivven_client_t *client,
                                       const char *username,
                                       const char *password,
                                       rivven_session_t **session,
                                       rivven_error_t **error);

/**
 * Logs in by SCRAM-SHA-256, on the connection in use and on every later one.
 *
 * The password is never sent, so this may be used without TLS, and the broker
 * has to prove that it knows the password too. Everything else is as with
 * `rivven_client_authenticate`.
 *
 * Fails with `RIVVEN_CODE_AUTHENTICATION_FAILED`, also if the broker's proof
 * is wrong, and as every request.
 */
rivven_code rivven_client_authenticate_scram(rivven_client_t *client,
                                             const char *username,
                                             const char *password,
                                             rivven_session_t **session,
                                             rivven_error_t **error);

/**
 * Gives the broker's name for the session, which is informative only; NULL for NULL.
 *
 * It lives as long as the session.
 */
const char *rivven_session_id(const rivven_session_t *session);

/**
 * Gives how long the login holds, in seconds from when it was made; 0 for NULL.
 *
 * The client renews it by itself before it expires.
 */
uint64_t rivven_session_expires_in(const rivven_session_t *session);

/** Frees a session; accepts NULL. The client stays logged in. */
void rivven_session_free(rivven_session_t *session);

/* ----------------------------------------------------------------------------
 * Topics
 * ---------------------------------------------------------------------------- */

/** For `rivven_client_create_topic`: as many partitions as the broker gives by default. */
#define RIVVEN_PARTITIONS_DEFAULT -1

/**
 * What became of the partitions whose records were to be deleted.
 *
 * It belongs to the caller, who frees it with `rivven_deletions_free`. It never
 * changes, so it may be read from any thread.
 */
typedef struct rivven_deletions_t rivven_deletions_t;

/**
 * Creates a topic.
 *
 * `name` has 1 to 255 of the characters `a-zA-Z0-9._-` and begins with a letter
 * or a digit. `partitions` is 1 to 1000 or `RIVVEN_PARTITIONS_DEFAULT`. The
 * number of partitions that the topic has goes to `*created`, which may be
 * NULL.
 *
 * Fails with `RIVVEN_CODE_TOPIC_ALREADY_EXISTS`, `RIVVEN_CODE_INVALID_TOPIC`,
 * `RIVVEN_CODE_INVALID_PARTITIONS`, and as every request.
 */
rivven_code rivven_client_create_topic(rivven_client_t *client,
                                       const char *name,
                                       int64_t partitions,
                                       uint32_t *created,
                                       rivven_error_t **error);

/**
 * Lists the names of all topics, in no order, and stores the list in `*names`.
 *
 * The caller frees it with `rivven_strings_free`. Fails as every request.
 */
rivven_code rivven_client_list_topics(rivven_client_t *client,
                                      rivven_strings_t **names,
                                      rivven_error_t **error);

/**
 * Deletes a topic.
 *
 * Broker release 0.0.22 keeps the log files: a topic created anew under the
 * same name has the old records. Fails with
 * `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
 */
rivven_code rivven_client_delete_topic(rivven_client_t *client,
                                       const char *name,
                                       rivven_error_t **error);

/**
 * Stores the number of partitions of a topic in `*partitions`, which may be NULL.
 *
 * Never creates the topic. Fails with
 * `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
 */
rivven_code rivven_client_get_metadata(rivven_client_t *client,
                                       const char *topic,
                                       uint32_t *partitions,
                                       rivven_error_t **error);

/**
 * Raises the number of partitions of a topic.
 *
 * `count` is the new number, larger than the present one. The number that the
 * topic has goes to `*created`, which may be NULL. Keys may belong to other
 * partitions afterwards.
 *
 * Fails with `RIVVEN_CODE_INVALID_PARTITIONS`,
 * `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
 */
rivven_code rivven_client_create_partitions(rivven_client_t *client,
                                            const char *topic,
                                            uint32_t count,
                                            uint32_t *created,
                                            rivven_error_t **error);

/**
 * Deletes the records of partitions below an offset each.
 *
 * `partitions` and `offsets` are arrays of `count` numbers: partitions and the
 * first offset to keep in each. What became of each goes to `*deletions`,
 * which the caller frees with `rivven_deletions_free`; a partition that the
 * broker refused does not fail the call. Broker release 0.0.22 forgets this
 * when it restarts, unless whole segments went.
 *
 * Fails with `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
 */
rivven_code rivven_client_delete_records(rivven_client_t *client,
                                         const char *topic,
                                         const uint32_t *partitions,
                                         const uint64_t *offsets,
                                         size_t count,
                                         rivven_deletions_t **deletions,
                                         rivven_error_t **error);

/** Gives the number of partitions; 0 for NULL. */
size_t rivven_deletions_len(const rivven_deletions_t *deletions);

/** Gives the number of a partition; 0 if there is none of that index. */
uint32_t rivven_deletions_partition(const rivven_deletions_t *deletions, size_t index);

/**
 * Gives the offset below which the records of a partition are gone.
 *
 * 0 if there is no partition of that index.
 */
uint64_t rivven_deletions_low_watermark(const rivven_deletions_t *deletions, size_t index);

/**
 * Gives the broker's text if it refused a partition; NULL if it did not.
 *
 * NULL if there is no partition of that index. It lives as long as the deletions.
 */
const char *rivven_deletions_error(const rivven_deletions_t *deletions, size_t index);

/** Frees deletions and the strings they gave; accepts NULL. */
void rivven_deletions_free(rivven_deletions_t *deletions);

/* ----------------------------------------------------------------------------
 * Settings of topics
 *
 * The broker knows `retention.ms`, `retention.bytes`, `max.message.bytes`,
 * `segment.bytes`, `segment.ms`, `cleanup.policy`, `min.insync.replicas` and
 * `compression.type`.
 * ---------------------------------------------------------------------------- */

/**
 * The settings of topics, sorted by the names of the topics and then by their own.
 *
 * It belongs to the caller, who frees it with `rivven_topic_configs_free`. It
 * never changes, so it may be read from any thread.
 */
typedef struct rivven_topic_configs_t rivven_topic_configs_t;

/**
 * Asks for the settings of topics and stores them in `*configs`.
 *
 * `topics` is an array of `count` names; with a `count` of 0, for which it may
 * be NULL, the answer has the topics with changed settings. Unknown topics
 * are answered with the defaults. The caller frees the answer with
 * `rivven_topic_configs_free`. Fails with `RIVVEN_CODE_INVALID_TOPIC`, and as
 * every request.
 */
rivven_code rivven_client_describe_topic_configs(rivven_client_t *client,
                                                 const char *const *topics,
                                                 size_t count,
                                                 rivven_topic_configs_t **configs,
                                                 rivven_error_t **error);

/**
 * Changes settings of a topic, or takes them back to their defaults.
 *
 * `keys` and `values` are arrays of `count` strings; NULL in `values` takes
 * the default back. How many settings were changed goes to `*changed`, which
 * may be NULL. The changes are not made together: those before a bad one stay.
 *
 * Fails with `RIVVEN_CODE_INVALID_TOPIC_CONFIG` for a key or a value that the
 * broker does not take, `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every
 * request.
 */
rivven_code rivven_client_alter_topic_config(rivven_client_t *client,
                                             const char *topic,
                                             const char *const *keys,
                                             const char *const *values,
                                             size_t count,
                                             size_t *changed,
                                             rivven_error_t **error);

/** Gives the number of topics; 0 for NULL. */
size_t rivven_topic_configs_len(const rivven_topic_configs_t *configs);

/**
 * Gives the name of a topic; NULL if there is none of that index.
 *
 * It lives as long as the settings.
 */
const char *rivven_topic_configs_topic(const rivven_topic_configs_t *configs, size_t topic);

/** Gives the number of settings of a topic; 0 if there is none of that index. */
size_t rivven_topic_configs_settings_len(const rivven_topic_configs_t *configs, size_t topic);

/**
 * Gives the key of a setting, `retention.ms` for instance; NULL if there is none of that index.
 *
 * It lives as long as the settings.
 */
const char *rivven_topic_configs_key(const rivven_topic_configs_t *configs,
                                     size_t topic,
                                     size_t index);

/**
 * Gives the value of a setting, as text; NULL if there is none of that index.
 *
 * It lives as long as the settings.
 */
const char *rivven_topic_configs_value(const rivven_topic_configs_t *configs,
                                       size_t topic,
                                       size_t index);

/** Tells whether the value of a setting is the broker's default. */
bool rivven_topic_configs_is_default(const rivven_topic_configs_t *configs,
                                     size_t topic,
                                     size_t index);

/** Tells whether a setting cannot be changed. */
bool rivven_topic_configs_is_read_only(const rivven_topic_configs_t *configs,
                                       size_t topic,
                                       size_t index);

/** Tells whether the value of a setting should not be shown. */
bool rivven_topic_configs_is_sensitive(const rivven_topic_configs_t *configs,
                                       size_t topic,
                                       size_t index);

/** Frees settings and the strings they gave; accepts NULL. */
void rivven_topic_configs_free(rivven_topic_configs_t *configs);

/* ----------------------------------------------------------------------------
 * Where a record went
 *
 *     rivven_record_metadata_t *metadata = NULL;
 *     if (rivven_client_publish_with_metadata(client, "orders", RIVVEN_PARTITION_ANY, key, value,
 *                                             &metadata, &error) == RIVVEN_CODE_OK) {
 *         if (rivven_record_metadata_is_maybe_duplicate(metadata)) puts("it may be there twice");
 *     }
 *     rivven_record_metadata_free(metadata);
 * ---------------------------------------------------------------------------- */

/** The offset of a record whose place is not known. */
#define RIVVEN_OFFSET_UNKNOWN 18446744073709551615ull

/**
 * Where a record went, and what is known of it.
 *
 * It belongs to the caller, who frees it with `rivven_record_metadata_free`.
 * It never changes, so it may be read from any thread.
 */
typedef struct rivven_record_metadata_t rivven_record_metadata_t;

/** Gives the topic; NULL for NULL. It lives as long as the metadata. */
const char *rivven_record_metadata_topic(const rivven_record_metadata_t *metadata);

/** Gives the partition; 0 for NULL. */
uint32_t rivven_record_metadata_partition(const rivven_record_metadata_t *metadata);

/** Gives the offset, `RIVVEN_OFFSET_UNKNOWN` where no answer was waited for; 0 for NULL. */
uint64_t rivven_record_metadata_offset(const rivven_record_metadata_t *metadata);

/**
 * Gives when the answer came, in milliseconds since 1970; 0 for NULL.
 *
 * By the clock of this machine: no answer carries a time.
 */
int64_t rivven_record_metadata_timestamp_ms(const rivven_record_metadata_t *metadata);

/** Tells whether the broker recognised the record as one that it had already. */
bool rivven_record_metadata_is_duplicate(const rivven_record_metadata_t *metadata);

/**
 * Tells whether an earlier attempt, whose outcome is unknown, may have written the record too.
 *
 * It happens only with `retry.unknown.outcome`, which is on by default.
 */
bool rivven_record_metadata_is_maybe_duplicate(const rivven_record_metadata_t *metadata);

/** Tells whether the offset is the record's own for certain. */
bool rivven_record_metadata_is_offset_exact(const rivven_record_metadata_t *metadata);

/** Frees metadata and the string it gave; accepts NULL. */
void rivven_record_metadata_free(rivven_record_metadata_t *metadata);

/* ----------------------------------------------------------------------------
 * Writing and reading records
 *
 * A topic is named by 1 to 255 of the characters `a-zA-Z0-9._-`, and its
 * partitions are counted from 0. Where numbers are given back, the pointer to
 * any of them may be NULL.
 * ---------------------------------------------------------------------------- */

/** Instead of the number of a partition: the one that the broker chooses. */
#define RIVVEN_PARTITION_ANY -1

/** An isolation level: the broker's own, which is to show everything. */
#define RIVVEN_ISOLATION_DEFAULT -1

/** An isolation level: shows everything. */
#define RIVVEN_ISOLATION_READ_UNCOMMITTED 0

/** An isolation level: hides the records of aborted transactions. */
#define RIVVEN_ISOLATION_READ_COMMITTED 1

/**
 * Appends a record without a key; the broker chooses the partition.
 *
 * It creates an unknown topic. The offset of the record goes to `*offset` and its partition to
 * `*partition`.
 *
 * Fails with `RIVVEN_CODE_INVALID_TOPIC` and `RIVVEN_CODE_REQUEST_TOO_LARGE`
 * before anything is sent, with the broker's own errors, and as every
 * request. If the outcome of the error is `RIVVEN_OUTCOME_UNKNOWN` the record
 * may have been written.
 */
rivven_code rivven_client_publish(rivven_client_t *client,
                                  const char *topic,
                                  rivven_bytes_t value,
                                  uint64_t *offset,
                                  uint32_t *partition,
                                  rivven_error_t **error);

/**
 * Appends a record with a key, by which the broker chooses the partition.
 *
 * Records of one key go to one partition. A `key` whose `data` is NULL is no
 * key. Otherwise as `rivven_client_publish`.
 */
rivven_code rivven_client_publish_with_key(rivven_client_t *client,
                                           const char *topic,
                                           rivven_bytes_t key,
                                           rivven_bytes_t value,
                                           uint64_t *offset,
                                           uint32_t *partition,
                                           rivven_error_t **error);

/**
 * Appends a record to a partition of an existing topic.
 *
 * A `key` whose `data` is NULL is no key. Fails with
 * `RIVVEN_CODE_INVALID_PARTITION` if there is none of that number, otherwise
 * as `rivven_client_publish`.
 */
rivven_code rivven_client_publish_to_partition(rivven_client_t *client,
                                               const char *topic,
                                               uint32_t partition,
                                               rivven_bytes_t key,
                                               rivven_bytes_t value,
                                               uint64_t *offset,
                                               rivven_error_t **error);

/**
 * Appends a record and stores all that is known of where it went in `*metadata`.
 *
 * `partition` may be `RIVVEN_PARTITION_ANY`: the broker then chooses one, by
 * the key where there is one, and creates an unknown topic. A `key` whose
 * `data` is NULL is no key. The caller frees the metadata with
 * `rivven_record_metadata_free`. Fails as `rivven_client_publish_to_partition`.
 */
rivven_code rivven_client_publish_with_metadata(rivven_client_t *client,
                                                const char *topic,
                                                int64_t partition,
                                                rivven_bytes_t key,
                                                rivven_bytes_t value,
                                                rivven_record_metadata_t **metadata,
                                                rivven_error_t **error);

/**
 * Appends many records to one partition, in their order.
 *
 * `keys` and `values` are arrays of `count` views, at most 10000; `keys` may
 * be NULL if no record has a key, and a key whose `data` is NULL is none.
 * `partition` may be `RIVVEN_PARTITION_ANY`: the broker then chooses one for
 * the whole batch, by the key of the first record, and creates an unknown
 * topic. The partition goes to `*written_to`, and the offset of the first
 * record to `*base_offset`; the others follow it directly where nobody else
 * wrote to the partition meanwhile.
 *
 * A batch is not atomic: an error may leave its first records written. Fails
 * with `RIVVEN_CODE_INVALID_ARGUMENT` if `count` is 0, and as
 * `rivven_client_publish_to_partition`.
 */
rivven_code rivven_client_publish_batch(rivven_client_t *client,
                                        const char *topic,
                                        int64_t partition,
                                        const rivven_bytes_t *keys,
                                        const rivven_bytes_t *values,
                                        size_t count,
                                        uint64_t *base_offset,
                                        uint32_t *written_to,
                                        rivven_error_t **error);

/**
 * Appends many records like `rivven_client_publish_batch` and stores what is known of the first in `*metadata`.
 *
 * It tells of all of them whether an earlier attempt may have written them,
 * too. The caller frees it with `rivven_record_metadata_free`.
 */
rivven_code rivven_client_publish_batch_with_metadata(rivven_client_t *client,
                                                      const char *topic,
                                                      int64_t partition,
                                                      const rivven_bytes_t *keys,
                                                      const rivven_bytes_t *values,
                                                      size_t count,
                                                      rivven_record_metadata_t **metadata,
                                                      rivven_error_t **error);

/**
 * Reads records of a partition from `offset` on, at most `max_messages`.
 *
 * They are stored in `*batch`, which the caller frees with
 * `rivven_batch_free`. The broker answers at once, with an empty batch where
 * there is nothing to read, and with fewer records than asked for where they
 * are large. Below the earliest offset it begins there.
 *
 * Fails with `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`;
 * `RIVVEN_CODE_INVALID_PARTITION`; `RIVVEN_CODE_ANSWER_TOO_LARGE` if so many
 * records exceed the broker's limit: ask for fewer; and as every request.
 */
rivven_code rivven_client_consume(rivven_client_t *client,
                                  const char *topic,
                                  uint32_t partition,
                                  uint64_t offset,
                                  uint32_t max_messages,
                                  rivven_batch_t **batch,
                                  rivven_error_t **error);

/**
 * Reads like `rivven_client_consume`, at an isolation level.
 *
 * `isolation_level` is one of `RIVVEN_ISOLATION_DEFAULT`,
 * `RIVVEN_ISOLATION_READ_UNCOMMITTED` and `RIVVEN_ISOLATION_READ_COMMITTED`;
 * other numbers up to 255 are left to the broker, and everything else is
 * `RIVVEN_CODE_INVALID_ARGUMENT`. Broker release 0.0.22 shows the records of
 * open transactions at any level, and takes numbers it does not know for
 * `RIVVEN_ISOLATION_READ_UNCOMMITTED`.
 */
rivven_code rivven_client_consume_with_isolation(rivven_client_t *client,
                                                 const char *topic,
                                                 uint32_t partition,
                                                 uint64_t offset,
                                                 uint32_t max_messages,
                                                 int32_t isolation_level,
                                                 rivven_batch_t **batch,
                                                 rivven_error_t **error);

/** Reads like `rivven_client_consume_with_isolation` at `RIVVEN_ISOLATION_READ_COMMITTED`. */
rivven_code rivven_client_consume_read_committed(rivven_client_t *client,
                                                 const char *topic,
                                                 uint32_t partition,
                                                 uint64_t offset,
                                                 uint32_t max_messages,
                                                 rivven_batch_t **batch,
                                                 rivven_error_t **error);

/**
 * Reads like `rivven_client_consume_with_isolation`, and waits for a first record.
 *
 * Where there is none the broker waits at most `timeout_ms` milliseconds, and
 * never longer than 30 s, and then answers with an empty batch. The wait is
 * added to `request.timeout.ms`. A negative `timeout_ms` is
 * `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_client_consume_long_poll(rivven_client_t *client,
                                            const char *topic,
                                            uint32_t partition,
                                            uint64_t offset,
                                            uint32_t max_messages,
                                            int32_t isolation_level,
                                            int64_t timeout_ms,
                                            rivven_batch_t **batch,
                                            rivven_error_t **error);

/* ----------------------------------------------------------------------------
 * Results of many calls
 *
 * A pipelined call asks for many things with one wait. Each of them has a
 * result of its own, in the order in which they were asked for.
 * ---------------------------------------------------------------------------- */

/**
 * What became of many calls that give nothing back.
 *
 * It belongs to the caller, who frees it with `rivven_results_free`. It never
 * changes, so it may be read from any thread.
 */
typedef struct rivven_results_t rivven_results_t;

/** Gives the number of results; 0 for NULL. */
size_t rivven_results_len(const rivven_results_t *results);

/**
 * Gives the result of one call: succeeds or fails as that call did.
 *
 * It may be asked for again, which gives another error of the same content.
 * Fails with `RIVVEN_CODE_INVALID_ARGUMENT` if there is no result of that index.
 */
rivven_code rivven_results_get(const rivven_results_t *results,
                               size_t index,
                               rivven_error_t **error);

/** Frees results; accepts NULL. */
void rivven_results_free(rivven_results_t *results);

/* ----------------------------------------------------------------------------
 * Reading many partitions
 *
 *     rivven_fetches_t *fetches = NULL;
 *     rivven_fetched_t *fetched = NULL;
 *     rivven_fetches_new(&fetches, &error);
 *     rivven_fetches_add(fetches, "orders", 0, 0, 100, RIVVEN_ISOLATION_DEFAULT, &error);
 *     rivven_fetches_add(fetches, "orders", 1, 0, 100, RIVVEN_ISOLATION_DEFAULT, &error);
 *     rivven_client_consume_pipelined(client, fetches, &fetched, &error);
 *     for (size_t i = 0; i < rivven_fetched_len(fetched); i++) {
 *         rivven_batch_t *batch = NULL;
 *         if (rivven_fetched_batch(fetched, i, &batch, &error) == RIVVEN_CODE_OK) {
 *             printf("%zu records\n", rivven_batch_len(batch));
 *         }
 *         rivven_batch_free(batch);
 *     }
 * ---------------------------------------------------------------------------- */

/**
 * What was read from many partitions.
 *
 * It belongs to the caller, who frees it with `rivven_fetched_free`. It never
 * changes, so it may be read from any thread.
 */
typedef struct rivven_fetched_t rivven_fetched_t;

/**
 * What is to be read from where.
 *
 * It belongs to the caller, who frees it with `rivven_fetches_free`, and may be
 * used for many calls. Meant for one thread at a time.
 */
typedef struct rivven_fetches_t rivven_fetches_t;

/**
 * Makes a list without fetches and stores it in `*fetches`.
 *
 * The caller frees it with `rivven_fetches_free`. Fails with
 * `RIVVEN_CODE_INVALID_ARGUMENT` only, if `fetches` is NULL.
 */
rivven_code rivven_fetches_new(rivven_fetches_t **fetches, rivven_error_t **error);

/**
 * Adds at the end a partition to be read from `offset` on, at most `max_messages` records.
 *
 * The numbers are as for `rivven_client_consume_with_isolation`. Fails with
 * `RIVVEN_CODE_INVALID_ARGUMENT` only; the list is unchanged then.
 */
rivven_code rivven_fetches_add(rivven_fetches_t *fetches,
                               const char *topic,
                               uint32_t partition,
                               uint64_t offset,
                               uint32_t max_messages,
                               int32_t isolation_level,
                               rivven_error_t **error);

/** Frees a list of fetches; accepts NULL. */
void rivven_fetches_free(rivven_fetches_t *fetches);

/**
 * Reads many partitions with one wait.
 *
 * What was read goes to `*fetched`, in the order of `fetches`; the caller frees
 * it with `rivven_fetched_free`. `fetches` stays the caller's. A fetch that
 * fails fails alone, in the ways of `rivven_client_consume`; the call itself
 * fails with `RIVVEN_CODE_INVALID_ARGUMENT`, `RIVVEN_CODE_CLOSED` and
 * `RIVVEN_CODE_FORKED` only, before anything is sent.
 */
rivven_code rivven_client_consume_pipelined(rivven_client_t *client,
                                            const rivven_fetches_t *fetches,
                                            rivven_fetched_t **fetched,
                                            rivven_error_t **error);

/** Gives the number of batches and errors: that of the fetches; 0 for NULL. */
size_t rivven_fetched_len(const rivven_fetched_t *fetched);

/**
 * Stores the batch of a fetch in `*batch`, or fails as that fetch did.
 *
 * The caller frees the batch with `rivven_batch_free`; it lives independently
 * of `fetched`. It may be asked for again, which gives another handle of the
 * same records. Fails with `RIVVEN_CODE_INVALID_ARGUMENT` if there is no fetch
 * of that index.
 */
rivven_code rivven_fetched_batch(const rivven_fetched_t *fetched,
                                 size_t index,
                                 rivven_batch_t **batch,
                                 rivven_error_t **error);

/** Frees what was fetched; accepts NULL. Batches taken from it live on. */
void rivven_fetched_free(rivven_fetched_t *fetched);

/* ----------------------------------------------------------------------------
 * Offsets
 *
 * The offset that a group commits is the next one it is to read. The broker
 * checks neither membership nor generation, and lets the offset go back.
 *
 *     rivven_offsets_t *offsets = NULL;
 *     rivven_results_t *results = NULL;
 *     rivven_offsets_new(&offsets, &error);
 *     rivven_offsets_add(offsets, "orders", 0, 42, &error);
 *     rivven_offsets_add(offsets, "orders", 1, 17, &error);
 *     rivven_client_commit_offsets_pipelined(client, "billing", offsets, &results, &error);
 * ---------------------------------------------------------------------------- */

/**
 * Offsets of partitions, in an order.
 *
 * It belongs to the caller, who frees it with `rivven_offsets_free`. Adding is
 * meant for one thread at a time; while nobody adds, many may read.
 */
typedef struct rivven_offsets_t rivven_offsets_t;

/**
 * Makes a list without offsets and stores it in `*offsets`.
 *
 * The caller frees it with `rivven_offsets_free`. Fails with
 * `RIVVEN_CODE_INVALID_ARGUMENT` only, if `offsets` is NULL.
 */
rivven_code rivven_offsets_new(rivven_offsets_t **offsets, rivven_error_t **error);

/**
 * Adds the offset of a partition at the end.
 *
 * Fails with `RIVVEN_CODE_INVALID_ARGUMENT` only; the list is unchanged then.
 */
rivven_code rivven_offsets_add(rivven_offsets_t *offsets,
                               const char *topic,
                               uint32_t partition,
                               uint64_t offset,
                               rivven_error_t **error);

/** Gives the number of offsets; 0 for NULL. */
size_t rivven_offsets_len(const rivven_offsets_t *offsets);

/**
 * Gives the topic of an offset; NULL if there is none of that index.
 *
 * It lives as long as the list.
 */
const char *rivven_offsets_topic(const rivven_offsets_t *offsets, size_t index);

/** Gives the partition of an offset; 0 if there is none of that index. */
uint32_t rivven_offsets_partition(const rivven_offsets_t *offsets, size_t index);

/** Gives an offset; 0 if there is none of that index. */
uint64_t rivven_offsets_offset(const rivven_offsets_t *offsets, size_t index);

/** Frees a list of offsets; accepts NULL. */
void rivven_offsets_free(rivven_offsets_t *offsets);

/**
 * Stores the next offset that a group is to read in a partition.
 *
 * A crash of the broker may lose up to 49 commits. Fails with
 * `RIVVEN_CODE_OFFSET_OUT_OF_RANGE` behind the end of the log,
 * `RIVVEN_CODE_INVALID_GROUP_ID`, `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`,
 * and as every request.
 */
rivven_code rivven_client_commit_offset(rivven_client_t *client,
                                        const char *group,
                                        const char *topic,
                                        uint32_t partition,
                                        uint64_t offset,
                                        rivven_error_t **error);

/**
 * Stores many offsets of a group with one wait.
 *
 * What became of each goes to `*results`, in the order of `offsets`; the
 * caller frees it with `rivven_results_free`. `offsets` stays the caller's.
 * One that fails fails alone, in the ways of `rivven_client_commit_offset`;
 * the call itself fails with `RIVVEN_CODE_INVALID_ARGUMENT`,
 * `RIVVEN_CODE_CLOSED` and `RIVVEN_CODE_FORKED` only, before anything is sent.
 */
rivven_code rivven_client_commit_offsets_pipelined(rivven_client_t *client,
                                                   const char *group,
                                                   const rivven_offsets_t *offsets,
                                                   rivven_results_t **results,
                                                   rivven_error_t **error);

/**
 * Asks for the offset that a group has committed in a partition.
 *
 * `*found` tells whether there is one, which then goes to `*offset`; without
 * one `*offset` is untouched. Groups and topics that do not exist have none.
 * Fails with `RIVVEN_CODE_INVALID_GROUP_ID`, `RIVVEN_CODE_INVALID_TOPIC`, and
 * as every request.
 */
rivven_code rivven_client_get_offset(rivven_client_t *client,
                                     const char *group,
                                     const char *topic,
                                     uint32_t partition,
                                     bool *found,
                                     uint64_t *offset,
                                     rivven_error_t **error);

/**
 * Gives the first offset of a partition and the next one to be written.
 *
 * They go to `*earliest` and `*latest`. Fails with
 * `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
 */
rivven_code rivven_client_get_offset_bounds(rivven_client_t *client,
                                            const char *topic,
                                            uint32_t partition,
                                            uint64_t *earliest,
                                            uint64_t *latest,
                                            rivven_error_t **error);

/**
 * Asks for the first offset whose record the broker received at or after a time.
 *
 * `timestamp_ms` is in milliseconds since 1970-01-01 00:00 UTC. `*found` tells
 * whether there is one, which then goes to `*offset`; without one `*offset`
 * is untouched. It may be the offset of a deleted record, and the broker reads
 * the whole partition for it. Fails with
 * `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION`, and as every request.
 */
rivven_code rivven_client_get_offset_for_timestamp(rivven_client_t *client,
                                                   const char *topic,
                                                   uint32_t partition,
                                                   int64_t timestamp_ms,
                                                   bool *found,
                                                   uint64_t *offset,
                                                   rivven_error_t **error);

/* ----------------------------------------------------------------------------
 * Identities of producers
 *
 *     rivven_producer_state_t *state = NULL;
 *     bool duplicate = false;
 *     rivven_client_init_producer_id(client, NULL, &state, &error);
 *     rivven_client_publish_idempotent(client, "orders", RIVVEN_PARTITION_ANY, key, value, state,
 *                                      &offset, &partition, &duplicate, &error);
 *     rivven_producer_state_free(state);
 * ---------------------------------------------------------------------------- */

/**
 * The identity by which the broker tells records that are sent again, and the numbers given so far.
 *
 * It belongs to the caller, who frees it with `rivven_producer_state_free`, and lives
 * independently of the client. The broker keeps identities in memory, so they end when
 * it restarts. Records are counted for each partition number, whatever the topic.
 *
 * It may be used by any number of threads at once; calls that use it follow one another,
 * in the order in which they were made. In the child of a `fork` every call with a state of
 * the parent fails with `RIVVEN_CODE_FORKED`; it can be read and freed there.
 */
typedef struct rivven_producer_state_t rivven_producer_state_t;

/**
 * Gives the identity; 0 for NULL.
 *
 * It changes with the first publish after `rivven_producer_state_abandon`.
 */
uint64_t rivven_producer_state_producer_id(const rivven_producer_state_t *state);

/**
 * Gives the epoch of the identity, which rises whenever the identity is taken over; 0 for NULL.
 */
uint16_t rivven_producer_state_producer_epoch(const rivven_producer_state_t *state);

/**
 * Gives the number of the next record for the partition number that was used last; 0 for NULL.
 *
 * Numbers begin at 0. While a record is being published it is what was known before.
 */
int32_t rivven_producer_state_next_sequence(const rivven_producer_state_t *state);

/**
 * Gives up a record of unknown outcome together with the identity.
 *
 * The next `rivven_client_publish_idempotent` takes a new identity and counts from 0. Of a
 * transaction that is open nothing remains but to abort it. The record that was given up may
 * have been written; if it is published again, it may be there twice.
 *
 * Fails with `RIVVEN_CODE_INVALID_STATE` while a call with the state is under way,
 * `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_producer_state_abandon(rivven_producer_state_t *state, rivven_error_t **error);

/**
 * Frees a producer's state; accepts NULL.
 *
 * A call with it that is under way goes on to its end, and so does a transaction.
 */
void rivven_producer_state_free(rivven_producer_state_t *state);

/* ----------------------------------------------------------------------------
 * Publishing once, and in transactions
 *
 * The single steps. The broker keeps transactions in memory, knows one by its
 * producer's identity and its name, and takes five at a time.
 *
 *     rivven_partitions_t *partitions = NULL;
 *     rivven_partitions_new(&partitions, &error);
 *     rivven_partitions_add(partitions, "orders", 0, &error);
 *     rivven_client_init_producer_id(client, NULL, &state, &error);
 *     rivven_client_begin_transaction(client, "billing", state, -1, &error);
 *     rivven_client_add_partitions_to_txn(client, "billing", state, partitions, NULL, &error);
 *     rivven_client_publish_transactional(client, "billing", "orders", RIVVEN_PARTITION_ANY, key,
 *                                         value, state, NULL, NULL, NULL, &error);
 *     rivven_client_commit_transaction(client, "billing", state, &error);
 * ---------------------------------------------------------------------------- */

/**
 * Gives a producer an identity and stores its state in `*state`.
 *
 * `previous` points to an identity that is to be taken over, whose epoch rises, so that
 * whoever had it is refused from then on; NULL for a new identity. Do not take over an
 * identity after the broker may have restarted: it counts from 1 again and may have given
 * the identity to another producer. The caller frees the state with
 * `rivven_producer_state_free`. Fails as every request.
 */
rivven_code rivven_client_init_producer_id(rivven_client_t *client,
                                           const uint64_t *previous,
                                           rivven_producer_state_t **state,
                                           rivven_error_t **error);

/**
 * Appends a record once, however often it is sent.
 *
 * `partition` may be `RIVVEN_PARTITION_ANY`: the key then decides it, and without a key it is
 * that with the fewest records of this producer. A `key` whose `data` is NULL is no key. An
 * unknown topic is created. The offset of the record goes to `*offset`, its partition to
 * `*written_to`, and whether the broker had it already, by an earlier attempt, to
 * `*was_duplicate`.
 *
 * After an error whose outcome is `RIVVEN_OUTCOME_UNKNOWN` the same record may be published
 * again: it has the same number and is not written twice. Another record is refused with
 * `RIVVEN_CODE_INVALID_STATE` until `rivven_producer_state_abandon` was called.
 *
 * Fails with `RIVVEN_CODE_UNKNOWN_PRODUCER_ID` if the broker has forgotten the identity or
 * given it to another producer, and with `RIVVEN_CODE_OUT_OF_ORDER_SEQUENCE` if it misses an
 * earlier number: after these two only `rivven_producer_state_abandon` helps. Fails with
 * `RIVVEN_CODE_PRODUCER_FENCED` if the identity was taken over, and otherwise as
 * `rivven_client_publish_to_partition`.
 */
rivven_code rivven_client_publish_idempotent(rivven_client_t *client,
                                             const char *topic,
                                             int64_t partition,
                                             rivven_bytes_t key,
                                             rivven_bytes_t value,
                                             rivven_producer_state_t *state,
                                             uint64_t *offset,
                                             uint32_t *written_to,
                                             bool *was_duplicate,
                                             rivven_error_t **error);

/**
 * Begins a transaction of a producer.
 *
 * `txn_id` is its name, by which the other steps mean it. The broker aborts it once
 * it is idle for `timeout_ms` milliseconds; a negative number stands for the broker's
 * default, 60 s. The client refuses its steps with `RIVVEN_CODE_TRANSACTION_TIMED_OUT` from
 * a tenth of that time before, at most 1 s, since a step that comes too late would keep the
 * broker from ever aborting it.
 *
 * Fails with `RIVVEN_CODE_INVALID_TXN_STATE` if it is open already, or the identity was
 * abandoned; with `RIVVEN_CODE_CONCURRENT_TRANSACTIONS` if the producer has another
 * one open; with `RIVVEN_CODE_TOO_MANY_TRANSACTIONS`, as a broker takes five;
 * with `RIVVEN_CODE_PRODUCER_FENCED` if it is open under another epoch; and as every request.
 */
rivven_code rivven_client_begin_transaction(rivven_client_t *client,
                                            const char *txn_id,
                                            const rivven_producer_state_t *state,
                                            int64_t timeout_ms,
                                            rivven_error_t **error);

/**
 * Adds partitions to a transaction, which may write to no others.
 *
 * How many were named goes to `*count`, which may be NULL. `partitions` stays the
 * caller's. The broker does not check that there are such partitions; one that does
 * not exist delays the commit.
 *
 * Fails with `RIVVEN_CODE_INVALID_TXN_ID` if this client has not begun the transaction
 * with this producer, or it has ended; `RIVVEN_CODE_TRANSACTION_TIMED_OUT`;
 * `RIVVEN_CODE_PRODUCER_FENCED`; `RIVVEN_CODE_INVALID_TXN_STATE` if the identity was
 * abandoned, or it is not known whether the transaction has ended;
 * `RIVVEN_CODE_INVALID_ARGUMENT` for a list without partitions; and as every request.
 */
rivven_code rivven_client_add_partitions_to_txn(rivven_client_t *client,
                                                const char *txn_id,
                                                const rivven_producer_state_t *state,
                                                const rivven_partitions_t *partitions,
                                                size_t *count,
                                                rivven_error_t **error);

/**
 * Appends a record within a transaction.
 *
 * `partition` may be `RIVVEN_PARTITION_ANY`: the key then decides it, and without a key it is
 * that of the added ones of the topic with the fewest records of this producer. A `key`
 * whose `data` is NULL is no key. The offset of the record goes to `*offset`, its partition
 * to `*written_to` and its number to `*sequence`.
 *
 * An error whose outcome is `RIVVEN_OUTCOME_UNKNOWN` is dealt with as in
 * `rivven_client_publish_idempotent`, or by aborting the transaction.
 *
 * Fails with `RIVVEN_CODE_PARTITION_NOT_IN_TXN` if the partition was not added, before
 * anything is sent; as `rivven_client_add_partitions_to_txn`, and as
 * `rivven_client_publish_idempotent`.
 */
rivven_code rivven_client_publish_transactional(rivven_client_t *client,
                                                const char *txn_id,
                                                const char *topic,
                                                int64_t partition,
                                                rivven_bytes_t key,
                                                rivven_bytes_t value,
                                                rivven_producer_state_t *state,
                                                uint64_t *offset,
                                                uint32_t *written_to,
                                                int32_t *sequence,
                                                rivven_error_t **error);

/**
 * Stores the next offsets that a group is to read together with a transaction.
 *
 * They count once it is committed. `offsets` stays the caller's; the broker checks none of
 * them. Fails with `RIVVEN_CODE_INVALID_ARGUMENT` for a list without offsets and for an
 * offset above 2^63 - 1, `RIVVEN_CODE_INVALID_GROUP_ID`, and as
 * `rivven_client_add_partitions_to_txn`.
 */
rivven_code rivven_client_add_offsets_to_txn(rivven_client_t *client,
                                             const char *txn_id,
                                             const rivven_producer_state_t *state,
                                             const char *group,
                                             const rivven_offsets_t *offsets,
                                             rivven_error_t **error);

/**
 * Commits a transaction: its records and offsets count.
 *
 * Fails with `RIVVEN_CODE_INVALID_TXN_ID` if the broker has no such open transaction, also
 * because it was committed before; with `RIVVEN_CODE_TRANSACTION_TIMED_OUT`, and then the
 * broker aborts it; with `RIVVEN_CODE_PRODUCER_FENCED`, `RIVVEN_CODE_INVALID_TXN_STATE` if the
 * identity was abandoned, and as every request. After an error whose outcome is
 * `RIVVEN_OUTCOME_UNKNOWN` it is open whether it was committed.
 */
rivven_code rivven_client_commit_transaction(rivven_client_t *client,
                                             const char *txn_id,
                                             const rivven_producer_state_t *state,
                                             rivven_error_t **error);

/**
 * Aborts a transaction: its records and offsets do not count.
 *
 * Fails as `rivven_client_commit_transaction`, but works with an identity that was abandoned.
 */
rivven_code rivven_client_abort_transaction(rivven_client_t *client,
                                            const char *txn_id,
                                            const rivven_producer_state_t *state,
                                            rivven_error_t **error);

/* ----------------------------------------------------------------------------
 * Assignments
 *
 * What the leader of a group hands in, and what every member is given.
 *
 *     rivven_assignments_t *assignments = NULL;
 *     rivven_assignments_new(&assignments, &error);
 *     for (size_t i = 0; i < rivven_membership_members_len(membership); i++) {
 *         const char *member = rivven_membership_member(membership, i);
 *         rivven_assignments_add(assignments, member, "orders", (uint32_t)i, &error);
 *     }
 * ---------------------------------------------------------------------------- */

/**
 * The partitions of a member, by topic.
 *
 * It belongs to the caller, who frees it with `rivven_assignment_free`. It
 * never changes, so it may be read from any thread.
 */
typedef struct rivven_assignment_t rivven_assignment_t;

/**
 * Members of a group and their partitions.
 *
 * It belongs to the caller, who frees it with `rivven_assignments_free`. Meant
 * for one thread at a time.
 */
typedef struct rivven_assignments_t rivven_assignments_t;

/**
 * Makes assignments without members and stores them in `*assignments`.
 *
 * The caller frees them with `rivven_assignments_free`. Fails with
 * `RIVVEN_CODE_INVALID_ARGUMENT` only, if `assignments` is NULL.
 */
rivven_code rivven_assignments_new(rivven_assignments_t **assignments, rivven_error_t **error);

/**
 * Adds a member without partitions; one that is there stays as it is.
 *
 * A member that is not in the assignments keeps what it had, so name those
 * that are to have nothing too. Fails with `RIVVEN_CODE_INVALID_ARGUMENT` only.
 */
rivven_code rivven_assignments_add_member(rivven_assignments_t *assignments,
                                          const char *member,
                                          rivven_error_t **error);

/**
 * Adds a partition to those of a member, and the member where it is not there yet.
 *
 * Fails with `RIVVEN_CODE_INVALID_ARGUMENT` only; nothing is changed then.
 */
rivven_code rivven_assignments_add(rivven_assignments_t *assignments,
                                   const char *member,
                                   const char *topic,
                                   uint32_t partition,
                                   rivven_error_t **error);

/** Frees assignments; accepts NULL. */
void rivven_assignments_free(rivven_assignments_t *assignments);

/** Gives the number of topics of an assignment, which are in no order; 0 for NULL. */
size_t rivven_assignment_len(const rivven_assignment_t *assignment);

/**
 * Gives the name of a topic; NULL if there is none of that index.
 *
 * It lives as long as the assignment.
 */
const char *rivven_assignment_topic(const rivven_assignment_t *assignment, size_t index);

/** Gives the number of partitions of a topic; 0 if there is none of that index. */
size_t rivven_assignment_partitions_len(const rivven_assignment_t *assignment, size_t index);

/** Gives a partition of a topic; 0 if there is no such topic or partition. */
uint32_t rivven_assignment_partition(const rivven_assignment_t *assignment,
                                     size_t index,
                                     size_t partition);

/** Frees an assignment and the strings it gave; accepts NULL. */
void rivven_assignment_free(rivven_assignment_t *assignment);

/* ----------------------------------------------------------------------------
 * Groups
 *
 * Listing, describing and deleting know only groups with committed offsets.
 * Joining, syncing, heartbeats and leaving are the raw steps of membership.
 * ---------------------------------------------------------------------------- */

/**
 * A membership of a group.
 *
 * It belongs to the caller, who frees it with `rivven_membership_free`; the
 * membership holds all the same. It never changes, so it may be read from any
 * thread.
 */
typedef struct rivven_membership_t rivven_membership_t;

/**
 * Lists the groups that have committed offsets, in no order, and stores the list in `*groups`.
 *
 * The caller frees it with `rivven_strings_free`. Fails as every request.
 */
rivven_code rivven_client_list_groups(rivven_client_t *client,
                                      rivven_strings_t **groups,
                                      rivven_error_t **error);

/**
 * Asks for the committed offsets of a group and stores them in `*offsets`.
 *
 * They are sorted by topic and partition. The caller frees them with
 * `rivven_offsets_free`. Fails with `RIVVEN_CODE_GROUP_NOT_FOUND` for a group
 * without committed offsets, `RIVVEN_CODE_INVALID_GROUP_ID`, and as every request.
 */
rivven_code rivven_client_describe_group(rivven_client_t *client,
                                         const char *group,
                                         rivven_offsets_t **offsets,
                                         rivven_error_t **error);

/**
 * Deletes the committed offsets of a group.
 *
 * Fails as `rivven_client_describe_group`.
 */
rivven_code rivven_client_delete_group(rivven_client_t *client,
                                       const char *group,
                                       rivven_error_t **error);

/**
 * Joins a group and stores the membership in `*membership`; the broker does not wait for others.
 *
 * `member` is the member's id, empty for a new member, which is given one.
 * Without heartbeat for `session_timeout_ms` a member is dropped, and a
 * rebalance may take `rebalance_timeout_ms`; the group's first member decides
 * both for all. `protocol_type` is the kind of group: `consumer`.
 * `subscriptions` is an array of `count` topics that the member wants to read.
 * The caller frees the membership with `rivven_membership_free`.
 *
 * Fails with `RIVVEN_CODE_JOIN_GROUP_FAILED`, and as every request.
 */
rivven_code rivven_client_join_group(rivven_client_t *client,
                                     const char *group,
                                     const char *member,
                                     int64_t session_timeout_ms,
                                     int64_t rebalance_timeout_ms,
                                     const char *protocol_type,
                                     const char *const *subscriptions,
                                     size_t count,
                                     rivven_membership_t **membership,
                                     rivven_error_t **error);

/**
 * Fetches the partitions of a member and stores them in `*assignment`.
 *
 * `assignments` has, from the leader, the partitions of every member; from
 * others it is NULL or has no member. It stays the caller's. A follower's call
 * waits until the leader has called, at most 30 s. The caller frees what it is
 * given with `rivven_assignment_free`.
 *
 * Fails with `RIVVEN_CODE_UNKNOWN_GROUP`, `RIVVEN_CODE_UNKNOWN_MEMBER_ID`,
 * `RIVVEN_CODE_ILLEGAL_GENERATION`, `RIVVEN_CODE_REBALANCE_TIMEOUT` (join again
 * after all of these), `RIVVEN_CODE_INCONSISTENT_GROUP_PROTOCOL` if
 * `assignments` names others than members, and as every request.
 */
rivven_code rivven_client_sync_group(rivven_client_t *client,
                                     const char *group,
                                     uint32_t generation,
                                     const char *member,
                                     const rivven_assignments_t *assignments,
                                     rivven_assignment_t **assignment,
                                     rivven_error_t **error);

/**
 * Keeps a membership alive.
 *
 * `*status`, which may be NULL, is 0 in a stable group and 27 while the leader
 * has not synced. Fails with `RIVVEN_CODE_UNKNOWN_GROUP`,
 * `RIVVEN_CODE_UNKNOWN_MEMBER_ID` and `RIVVEN_CODE_ILLEGAL_GENERATION` (join
 * again after all of these), and as every request.
 */
rivven_code rivven_client_heartbeat(rivven_client_t *client,
                                    const char *group,
                                    uint32_t generation,
                                    const char *member,
                                    int32_t *status,
                                    rivven_error_t **error);

/**
 * Leaves a group.
 *
 * Fails with `RIVVEN_CODE_UNKNOWN_GROUP` and `RIVVEN_CODE_UNKNOWN_MEMBER_ID`,
 * and as every request.
 */
rivven_code rivven_client_leave_group(rivven_client_t *client,
                                      const char *group,
                                      const char *member,
                                      rivven_error_t **error);

/**
 * Takes another member out of a group.
 *
 * Fails as `rivven_client_leave_group`.
 */
rivven_code rivven_client_remove_member(rivven_client_t *client,
                                        const char *group,
                                        const char *member,
                                        rivven_error_t **error);

/** Gives the generation, which rises with every rebalance of a stable group; 0 for NULL. */
uint32_t rivven_membership_generation(const rivven_membership_t *membership);

/**
 * Gives the kind of group; NULL for NULL.
 *
 * It lives as long as the membership.
 */
const char *rivven_membership_protocol_type(const rivven_membership_t *membership);

/**
 * Gives the id of the member that joined; NULL for NULL.
 *
 * It lives as long as the membership.
 */
const char *rivven_membership_member_id(const rivven_membership_t *membership);

/**
 * Gives the id of the leader, the member that hands out the partitions; NULL for NULL.
 *
 * It lives as long as the membership.
 */
const char *rivven_membership_leader_id(const rivven_membership_t *membership);

/** Gives the number of members, who are in no order; 0 for NULL. */
size_t rivven_membership_members_len(const rivven_membership_t *membership);

/**
 * Gives the id of a member; NULL if there is none of that index.
 *
 * It lives as long as the membership.
 */
const char *rivven_membership_member(const rivven_membership_t *membership, size_t index);

/** Gives the number of topics that a member wants to read; 0 if there is none of that index. */
size_t rivven_membership_subscriptions_len(const rivven_membership_t *membership, size_t index);

/**
 * Gives a topic that a member wants to read; NULL if there is no such member or topic.
 *
 * It lives as long as the membership.
 */
const char *rivven_membership_subscription(const rivven_membership_t *membership,
                                           size_t index,
                                           size_t subscription);

/** Frees a membership and the strings it gave; accepts NULL. The member stays in the group. */
void rivven_membership_free(rivven_membership_t *membership);

/* ----------------------------------------------------------------------------
 * Quotas
 *
 * An entity has a type (`user`, `client-id`, `consumer-group`, `default`) and a
 * name; without a name the default of its type is meant. The keys of quotas are
 * `produce_bytes_rate`, `consume_bytes_rate` and `request_rate`. Broker
 * release 0.0.22 stores and shows quotas, but limits all clients together by
 * its own defaults.
 * ---------------------------------------------------------------------------- */

/**
 * Changes of quotas.
 *
 * It belongs to the caller, who frees it with `rivven_quota_alterations_free`.
 * Meant for one thread at a time.
 */
typedef struct rivven_quota_alterations_t rivven_quota_alterations_t;

/**
 * The quotas of entities.
 *
 * It belongs to the caller, who frees it with `rivven_quotas_free`. It never
 * changes, so it may be read from any thread.
 */
typedef struct rivven_quotas_t rivven_quotas_t;

/**
 * Asks for the quotas of entities and stores them in `*quotas`.
 *
 * `entity_types` and `entity_names` are arrays of `count` strings; NULL in
 * `entity_names` asks for the default of the type. With a `count` of 0, for
 * which both may be NULL, the answer has all entities. The caller frees it
 * with `rivven_quotas_free`. Fails as every request.
 */
rivven_code rivven_client_describe_quotas(rivven_client_t *client,
                                          const char *const *entity_types,
                                          const char *const *entity_names,
                                          size_t count,
                                          rivven_quotas_t **quotas,
                                          rivven_error_t **error);

/**
 * Sets and removes quotas.
 *
 * How many were changed goes to `*altered`, which may be NULL; compare it,
 * since the broker passes over unknown types and keys without an error.
 * `alterations` stays the caller's. Fails as every request.
 */
rivven_code rivven_client_alter_quotas(rivven_client_t *client,
                                       const rivven_quota_alterations_t *alterations,
                                       size_t *altered,
                                       rivven_error_t **error);

/**
 * Makes a list without alterations and stores it in `*alterations`.
 *
 * The caller frees it with `rivven_quota_alterations_free`. Fails with
 * `RIVVEN_CODE_INVALID_ARGUMENT` only, if `alterations` is NULL.
 */
rivven_code rivven_quota_alterations_new(rivven_quota_alterations_t **alterations,
                                         rivven_error_t **error);

/**
 * Adds the setting of a quota to a value.
 *
 * `entity_name` NULL stands for the default of the type. Fails with
 * `RIVVEN_CODE_INVALID_ARGUMENT` only; the list is unchanged then.
 */
rivven_code rivven_quota_alterations_set(rivven_quota_alterations_t *alterations,
                                         const char *entity_type,
                                         const char *entity_name,
                                         const char *key,
                                         uint64_t value,
                                         rivven_error_t **error);

/** Adds the removal of a quota; otherwise as `rivven_quota_alterations_set`. */
rivven_code rivven_quota_alterations_remove(rivven_quota_alterations_t *alterations,
                                            const char *entity_type,
                                            const char *entity_name,
                                            const char *key,
                                            rivven_error_t **error);

/** Frees a list of alterations; accepts NULL. */
void rivven_quota_alterations_free(rivven_quota_alterations_t *alterations);

/** Gives the number of entities; 0 for NULL. */
size_t rivven_quotas_len(const rivven_quotas_t *quotas);

/**
 * Gives the type of an entity; NULL if there is none of that index.
 *
 * It lives as long as the quotas.
 */
const char *rivven_quotas_entity_type(const rivven_quotas_t *quotas, size_t entity);

/**
 * Gives the name of an entity; NULL for the default of its type.
 *
 * NULL if there is no entity of that index. It lives as long as the quotas.
 */
const char *rivven_quotas_entity_name(const rivven_quotas_t *quotas, size_t entity);

/**
 * Gives the number of quotas of an entity, which are sorted by key.
 *
 * 0 if there is no entity of that index.
 */
size_t rivven_quotas_quotas_len(const rivven_quotas_t *quotas, size_t entity);

/**
 * Gives the key of a quota; NULL if there is none of that index.
 *
 * It lives as long as the quotas.
 */
const char *rivven_quotas_key(const rivven_quotas_t *quotas, size_t entity, size_t index);

/** Gives the value of a quota; 0 if there is none of that index. */
uint64_t rivven_quotas_value(const rivven_quotas_t *quotas, size_t entity, size_t index);

/** Frees quotas and the strings they gave; accepts NULL. */
void rivven_quotas_free(rivven_quotas_t *quotas);

/* ----------------------------------------------------------------------------
 * The cluster
 *
 * A standalone broker names itself and no topics.
 * ---------------------------------------------------------------------------- */

/**
 * The brokers of a cluster, and its topics with the leaders of their partitions.
 *
 * It belongs to the caller, who frees it with `rivven_cluster_free`. It never
 * changes, so it may be read from any thread.
 */
typedef struct rivven_cluster_t rivven_cluster_t;

/**
 * Asks for the brokers of the cluster and the leaders of partitions, and stores them in `*cluster`.
 *
 * `topics` is an array of `count` names; with a `count` of 0, for which it may
 * be NULL, the answer has all topics. The caller frees it with
 * `rivven_cluster_free`. Fails as every request.
 */
rivven_code rivven_client_get_cluster_metadata(rivven_client_t *client,
                                               const char *const *topics,
                                               size_t count,
                                               rivven_cluster_t **cluster,
                                               rivven_error_t **error);

/**
 * Gives the node that controls the cluster; NULL if there is none, and for NULL.
 *
 * It lives as long as the cluster.
 */
const char *rivven_cluster_controller_id(const rivven_cluster_t *cluster);

/** Gives the number of brokers; 0 for NULL. */
size_t rivven_cluster_brokers_len(const rivven_cluster_t *cluster);

/**
 * Gives the name of a broker's node; NULL if there is none of that index.
 *
 * It lives as long as the cluster.
 */
const char *rivven_cluster_broker_id(const rivven_cluster_t *cluster, size_t index);

/**
 * Gives the host on which a broker listens, which need not be one that can be dialled.
 *
 * NULL if there is none of that index; it lives as long as the cluster.
 */
const char *rivven_cluster_broker_host(const rivven_cluster_t *cluster, size_t index);

/** Gives the port on which a broker listens; 0 if there is none of that index. */
uint16_t rivven_cluster_broker_port(const rivven_cluster_t *cluster, size_t index);

/**
 * Gives the rack of a broker; NULL if none is configured, and if there is none of that index.
 *
 * It lives as long as the cluster.
 */
const char *rivven_cluster_broker_rack(const rivven_cluster_t *cluster, size_t index);

/** Gives the number of topics; 0 for NULL. */
size_t rivven_cluster_topics_len(const rivven_cluster_t *cluster);

/**
 * Gives the name of a topic; NULL if there is none of that index.
 *
 * It lives as long as the cluster.
 */
const char *rivven_cluster_topic_name(const rivven_cluster_t *cluster, size_t index);

/** Tells whether a topic belongs to the broker rather than to users. */
bool rivven_cluster_topic_is_internal(const rivven_cluster_t *cluster, size_t index);

/**
 * Gives the number of partitions that the functions below tell of.
 *
 * 0 if there is no topic of that index.
 */
size_t rivven_cluster_partitions_len(const rivven_cluster_t *cluster, size_t topic);

/** Gives the number by which a partition is named; 0 if there is no such topic or partition. */
uint32_t rivven_cluster_partition_number(const rivven_cluster_t *cluster,
                                         size_t topic,
                                         size_t index);

/**
 * Gives the node that leads a partition; NULL if none does.
 *
 * NULL if there is no such topic or partition. It lives as long as the cluster.
 */
const char *rivven_cluster_partition_leader(const rivven_cluster_t *cluster,
                                            size_t topic,
                                            size_t index);

/** Tells whether no node serves a partition. */
bool rivven_cluster_partition_is_offline(const rivven_cluster_t *cluster,
                                         size_t topic,
                                         size_t index);

/**
 * Gives the number of nodes that hold a partition; 0 if there is no such topic or partition.
 */
size_t rivven_cluster_replicas_len(const rivven_cluster_t *cluster, size_t topic, size_t index);

/**
 * Gives a node that holds a partition; NULL if there is none of that index.
 *
 * It lives as long as the cluster.
 */
const char *rivven_cluster_replica(const rivven_cluster_t *cluster,
                                   size_t topic,
                                   size_t index,
                                   size_t replica);

/**
 * Gives the number of nodes that hold a partition and are in sync with its leader.
 *
 * 0 if there is no such topic or partition.
 */
size_t rivven_cluster_isr_len(const rivven_cluster_t *cluster, size_t topic, size_t index);

/**
 * Gives a node that holds a partition and is in sync with its leader.
 *
 * NULL if there is none of that index. It lives as long as the cluster.
 */
const char *rivven_cluster_isr(const rivven_cluster_t *cluster,
                               size_t topic,
                               size_t index,
                               size_t replica);

/** Frees a cluster and the strings it gave; accepts NULL. */
void rivven_cluster_free(rivven_cluster_t *cluster);

/* ----------------------------------------------------------------------------
 * Schemas
 *
 * A schema registry is a service of its own, asked over HTTP at its `url`:
 * `http://localhost:8081`. The broker takes no part in it.
 * ---------------------------------------------------------------------------- */

/** For `rivven_client_get_schema_version`: the latest version. */
#define RIVVEN_SCHEMA_VERSION_LATEST -1

/**
 * A schema as the registry gives it.
 *
 * It belongs to the caller, who frees it with `rivven_schema_free`. It never
 * changes, so it may be read from any thread.
 */
typedef struct rivven_schema_t rivven_schema_t;

/**
 * Registers a schema under a subject and stores its id in `*id`, which may be NULL.
 *
 * `schema_type` is `AVRO`, `PROTOBUF` or `JSON`, in any case; `schema` is its
 * text. Registering the same again gives the same id.
 *
 * Fails with `RIVVEN_CODE_INVALID_ARGUMENT` for a URL or a type that is none,
 * with `RIVVEN_CODE_UNSUPPORTED` if the library was built without schema
 * registration, and with what the registry or the connection to it answers.
 */
rivven_code rivven_client_register_schema(rivven_client_t *client,
                                          const char *url,
                                          const char *subject,
                                          const char *schema_type,
                                          const char *schema,
                                          uint32_t *id,
                                          rivven_error_t **error);

/**
 * Reads a schema by its id and stores it in `*schema`.
 *
 * The caller frees it with `rivven_schema_free`. Fails as
 * `rivven_client_register_schema`.
 */
rivven_code rivven_client_get_schema(rivven_client_t *client,
                                     const char *url,
                                     uint32_t id,
                                     rivven_schema_t **schema,
                                     rivven_error_t **error);

/**
 * Reads a version of the schema of a subject and stores it in `*schema`.
 *
 * `version` is a number or `RIVVEN_SCHEMA_VERSION_LATEST`. The caller frees
 * the schema with `rivven_schema_free`. Fails as
 * `rivven_client_register_schema`.
 */
rivven_code rivven_client_get_schema_version(rivven_client_t *client,
                                             const char *url,
                                             const char *subject,
                                             int64_t version,
                                             rivven_schema_t **schema,
                                             rivven_error_t **error);

/**
 * Gives the number of a schema in the registry; -1 if the registry does not say it, and for NULL.
 */
int64_t rivven_schema_id(const rivven_schema_t *schema);

/**
 * Gives the subject, where the schema was asked for by one; otherwise NULL.
 *
 * It lives as long as the schema.
 */
const char *rivven_schema_subject(const rivven_schema_t *schema);

/**
 * Gives the version within the subject, where the schema was asked for by one; otherwise -1.
 */
int64_t rivven_schema_version(const rivven_schema_t *schema);

/**
 * Gives the language of a schema: `AVRO`, `PROTOBUF` or `JSON`; NULL for NULL.
 *
 * It lives as long as the schema.
 */
const char *rivven_schema_type(const rivven_schema_t *schema);

/**
 * Gives the text of a schema; NULL for NULL.
 *
 * It lives as long as the schema.
 */
const char *rivven_schema_text(const rivven_schema_t *schema);

/** Frees a schema and the strings it gave; accepts NULL. */
void rivven_schema_free(rivven_schema_t *schema);

/* ----------------------------------------------------------------------------
 * Statistics
 * ---------------------------------------------------------------------------- */

/** What a circuit breaker lets through to its server. */
enum rivven_circuit_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Everything: the server works. */
    RIVVEN_CIRCUIT_STATE_CLOSED = 0,
    /** Nothing: the server failed too often in a row. */
    RIVVEN_CIRCUIT_STATE_OPEN = 1,
    /** One request, which decides. */
    RIVVEN_CIRCUIT_STATE_HALF_OPEN = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rivven_circuit_state rivven_circuit_state;
#else
typedef int32_t rivven_circuit_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * The servers of a client and their connections, at one moment.
 *
 * It belongs to the caller, who frees it with `rivven_stats_free`. It never
 * changes, so it may be read from any thread.
 */
typedef struct rivven_stats_t rivven_stats_t;

/**
 * Stores in `*stats` which servers the client knows and how their connections are.
 *
 * Asks no server, and works without a connection. The caller frees it with
 * `rivven_stats_free`. Fails with `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED`
 * and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_client_stats(rivven_client_t *client,
                                rivven_stats_t **stats,
                                rivven_error_t **error);

/**
 * Gives the number of servers: those configured and those that the cluster named; 0 for NULL.
 */
size_t rivven_stats_total_servers(const rivven_stats_t *stats);

/**
 * Gives the number of servers that work: the breaker is closed and the last attempt did not fail.
 */
size_t rivven_stats_healthy_servers(const rivven_stats_t *stats);

/** Gives the number of connections that have calls under way. */
size_t rivven_stats_active_connections(const rivven_stats_t *stats);

/** Gives the number of connections that are open and idle. */
size_t rivven_stats_available_connections(const rivven_stats_t *stats);

/** Gives the number of servers that the functions below tell of; 0 for NULL. */
size_t rivven_stats_servers_len(const rivven_stats_t *stats);

/**
 * Gives the address of a server as it is dialled; NULL if there is none of that index.
 *
 * It lives as long as the statistics.
 */
const char *rivven_stats_server_address(const rivven_stats_t *stats, size_t index);

/**
 * Gives the state of a server's circuit breaker.
 *
 * `RIVVEN_CIRCUIT_STATE_CLOSED` if there is no server of that index.
 */
rivven_circuit_state rivven_stats_server_circuit_state(const rivven_stats_t *stats, size_t index);

/**
 * Gives the number of a server's connections that have calls under way.
 *
 * 0 if there is no server of that index.
 */
size_t rivven_stats_server_active_connections(const rivven_stats_t *stats, size_t index);

/**
 * Gives the number of a server's connections that are open and idle.
 *
 * 0 if there is no server of that index.
 */
size_t rivven_stats_server_available_connections(const rivven_stats_t *stats, size_t index);

/**
 * Gives the message of a server's last failure; NULL if it has worked since.
 *
 * NULL if there is no server of that index. It lives as long as the statistics.
 */
const char *rivven_stats_server_last_error(const rivven_stats_t *stats, size_t index);

/** Frees statistics and the strings they gave; accepts NULL. */
void rivven_stats_free(rivven_stats_t *stats);

/* ----------------------------------------------------------------------------
 * Events
 *
 *     for (size_t i = 0; i < rivven_events_len(events); i++) {
 *         if (rivven_events_kind(events, i) != RIVVEN_EVENT_KIND_DELIVERIES) continue;
 *         const uint64_t *opaques = rivven_events_opaques(events, i);
 *         for (size_t record = 0; record < rivven_events_count(events, i); record++) {
 *             done(opaques[record], rivven_events_result(events, i, record, NULL, NULL));
 *         }
 *     }
 *     rivven_events_free(events);
 * ---------------------------------------------------------------------------- */

/** What an event is about; later releases add some. */
enum rivven_event_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** There is no event of that index. */
    RIVVEN_EVENT_KIND_NONE = 0,
    /** What became of the records of one batch of a producer. */
    RIVVEN_EVENT_KIND_DELIVERIES = 1,
    /** A line of the library's log. */
    RIVVEN_EVENT_KIND_LOG = 2,
    /** A server does not work any more, or still does not after another attempt. */
    RIVVEN_EVENT_KIND_SERVER_DEGRADED = 3,
    /** A server works again. */
    RIVVEN_EVENT_KIND_SERVER_RECOVERED = 4,
    /** Changes of servers that the program took too late. */
    RIVVEN_EVENT_KIND_STATE_CHANGES_MISSED = 5,
    /**
     * A consumer met offsets without records, from `rivven_events_from` up to `rivven_events_to`.
     *
     * The records there were deleted; a single offset may also belong to the end of a transaction.
     */
    RIVVEN_EVENT_KIND_GAP = 6,
    /**
     * The broker cannot give the records of a range any more, and a consumer reads on behind it.
     */
    RIVVEN_EVENT_KIND_DAMAGED_RANGE = 7,
    /**
     * The log ends at `rivven_events_to`, below what was to be read, `rivven_events_from`: the broker has lost records.
     */
    RIVVEN_EVENT_KIND_LOG_TRUNCATED = 8,
    /**
     * The record at `rivven_events_from` is larger than the broker can send; polls fail until the program seeks behind it.
     */
    RIVVEN_EVENT_KIND_UNREADABLE = 9,
    /** There are records, and none has come for `rivven_events_duration_ms`. */
    RIVVEN_EVENT_KIND_STALLED = 10,
    /**
     * The broker withholds records for the sake of a quota, for `rivven_events_duration_ms`.
     */
    RIVVEN_EVENT_KIND_THROTTLED = 11,
    /**
     * Offsets could not be committed in the background; they will be with the next commit.
     */
    RIVVEN_EVENT_KIND_COMMIT_FAILED = 12,
    /**
     * A consumer has only `rivven_events_count` connections to a broker, which takes no more.
     */
    RIVVEN_EVENT_KIND_FEWER_CONNECTIONS = 13,
    /** Partitions of subscribed topics were given to a consumer. */
    RIVVEN_EVENT_KIND_ASSIGNED = 14,
    /** Partitions of subscribed topics were taken away. */
    RIVVEN_EVENT_KIND_REVOKED = 15,
    /** Partitions have gone to other consumers before it could be said. */
    RIVVEN_EVENT_KIND_LOST = 16,
    /** The program has not polled for longer than `max.processing.interval.ms`. */
    RIVVEN_EVENT_KIND_POLL_TOO_LATE = 17,
    /**
     * So many events of a consumer, `rivven_events_count`, came too fast and are not told.
     */
    RIVVEN_EVENT_KIND_MISSED = 18,
    /** Something else happened to a consumer. */
    RIVVEN_EVENT_KIND_OTHER = 19,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rivven_event_kind rivven_event_kind;
#else
typedef int32_t rivven_event_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * How important a line of the log is. As what a queue subscribes to it includes those above it.
 */
enum rivven_log_level
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /** Nothing; no line has this level. */
    RIVVEN_LOG_LEVEL_OFF = 0,
    /** Something failed that nobody else is told of. */
    RIVVEN_LOG_LEVEL_ERROR = 1,
    /** Something failed that the library tries to make good. */
    RIVVEN_LOG_LEVEL_WARN = 2,
    /** A change worth knowing in normal operation. */
    RIVVEN_LOG_LEVEL_INFO = 3,
    /** Connections and logins as they come and go. */
    RIVVEN_LOG_LEVEL_DEBUG = 4,
    /** Everything. */
    RIVVEN_LOG_LEVEL_TRACE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rivven_log_level rivven_log_level;
#else
typedef int32_t rivven_log_level;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * What a queue had to tell, in its order.
 *
 * It belongs to the caller, who frees it with `rivven_events_free`, and lives
 * independently of the queue and the producers. It never changes, so it may
 * be read from any thread. A callback is lent one for the time of the call.
 */
typedef struct rivven_events_t rivven_events_t;

/** Gives the number of events; 0 for NULL. */
size_t rivven_events_len(const rivven_events_t *events);

/**
 * Gives what an event is about, which tells the functions that read it.
 *
 * Kinds that a program does not know it passes over.
 */
rivven_event_kind rivven_events_kind(const rivven_events_t *events, size_t index);

/**
 * Gives the topic of deliveries, or of the partition that something happened to; NULL for other events.
 *
 * It lives as long as the events.
 */
const char *rivven_events_topic(const rivven_events_t *events,
                                size_t index);

/**
 * Gives the partition of deliveries, or the one that something happened to; -1 for other events.
 *
 * Deliveries have -1, too, if the records failed before it was known.
 */
int64_t rivven_events_partition(const rivven_events_t *events, size_t index);

/**
 * Gives the number of records of deliveries, at least one, and of what else a kind says; 0 for other events.
 *
 * For `RIVVEN_EVENT_KIND_ASSIGNED`, `..._REVOKED` and `..._LOST` it is that of the partitions.
 */
size_t rivven_events_count(const rivven_events_t *events,
                           size_t index);

/**
 * Deliveries: gives the opaque of each record, in the order of the records.
 *
 * There are `rivven_events_count` of them, which live as long as the events.
 * NULL for other events. A record of `rivven_producer_send` has the opaque 0.
 */
const uint64_t *rivven_events_opaques(const rivven_events_t *events, size_t index);

/**
 * Deliveries: gives the offset of the first record, if every record was delivered.
 *
 * Those of the others follow it one by one. `RIVVEN_OFFSET_UNKNOWN` if records
 * failed, where no answer was waited for (`acks` of 0), and for other events.
 */
uint64_t rivven_events_first_offset(const rivven_events_t *events, size_t index);

/**
 * Deliveries: gives what became of one record: `RIVVEN_CODE_OK` if it was delivered.
 *
 * Its offset goes to `*offset` then, `RIVVEN_OFFSET_UNKNOWN` where no answer
 * was waited for; `offset` may be NULL. Otherwise the function fails with what
 * kept the record from being delivered, and `rivven_error_outcome` tells
 * whether the broker may have it all the same. A `record` that is not below
 * `rivven_events_count` is `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_events_result(const rivven_events_t *events,
                                 size_t index,
                                 size_t record,
                                 uint64_t *offset,
                                 rivven_error_t **error);

/** Deliveries: tells whether the broker recognised a record as one that it had already. */
bool rivven_events_is_duplicate(const rivven_events_t *events, size_t index, size_t record);

/**
 * Deliveries: tells whether an earlier attempt may have written a record, too.
 *
 * As `rivven_record_metadata_is_maybe_duplicate`.
 */
bool rivven_events_is_maybe_duplicate(const rivven_events_t *events, size_t index, size_t record);

/** Deliveries: tells whether the offset of a record is its own for certain. */
bool rivven_events_is_offset_exact(const rivven_events_t *events, size_t index, size_t record);

/**
 * Gives when an event happened, in milliseconds since 1970 by the clock of this machine.
 *
 * For deliveries it is when the answer came, and 0 where records failed; for
 * a degraded server it is since when it does not work. 0 for the other changes
 * of servers, for what happened to consumers, and if there is no event of that index.
 */
int64_t rivven_events_timestamp_ms(const rivven_events_t *events, size_t index);

/** Log: gives the level; `RIVVEN_LOG_LEVEL_OFF` for other events. */
rivven_log_level rivven_events_log_level(const rivven_events_t *events, size_t index);

/**
 * Log: gives the part of the library that says it; NULL for other events.
 *
 * It lives as long as the events.
 */
const char *rivven_events_log_target(const rivven_events_t *events, size_t index);

/**
 * Log: gives what happened, with the facts behind it as ` key=value`; NULL for other events.
 *
 * UTF-8, without secrets or records. It lives as long as the events.
 */
const char *rivven_events_log_message(const rivven_events_t *events, size_t index);

/**
 * Consumers: gives the first offset that a kind is about; `RIVVEN_OFFSET_UNKNOWN` for other events.
 */
uint64_t rivven_events_from(const rivven_events_t *events, size_t index);

/**
 * Consumers: gives the offset behind those that a kind is about; `RIVVEN_OFFSET_UNKNOWN` for other events.
 */
uint64_t rivven_events_to(const rivven_events_t *events,
                          size_t index);

/** Consumers: gives the time that a kind is about, in milliseconds; 0 for other events. */
int64_t rivven_events_duration_ms(const rivven_events_t *events, size_t index);

/**
 * Consumers: gives the partitions that were given or taken away; NULL for other events.
 *
 * The list belongs to the events and lives as long as they do: it is not to be freed.
 */
const rivven_partitions_t *rivven_events_partitions(const rivven_events_t *events, size_t index);

/**
 * Consumers: gives why something happened; NULL where that is not known, and for other events.
 *
 * UTF-8, without secrets or records. It lives as long as the events.
 */
const char *rivven_events_cause(const rivven_events_t *events, size_t index);

/**
 * Consumers: gives the code of the failure behind it; `RIVVEN_CODE_OK` where there is none, and for other events.
 */
rivven_code rivven_events_cause_code(const rivven_events_t *events,
                                     size_t index);

/** Frees events and what they gave; accepts NULL. */
void rivven_events_free(rivven_events_t *events);

/* ----------------------------------------------------------------------------
 * Queues
 *
 * What happens in the background is told by a queue: what became of the
 * records of producers, what happened to consumers besides records, what
 * changes about servers, and the library's log. The program asks for it by
 * `rivven_queue_poll`, on a thread of its own choice, when it likes to or when
 * the queue's descriptor is readable.
 *
 *     struct pollfd ready = {rivven_queue_fd(queue), POLLIN, 0};
 *     while (poll(&ready, 1, -1) == 1) {
 *         if (rivven_queue_poll(queue, 0, &events, &error) != RIVVEN_CODE_OK) break;
 *         look_at(events);
 *         rivven_events_free(events);
 *     }
 * ---------------------------------------------------------------------------- */

/**
 * Where events wait for the program.
 *
 * It may be used by any number of threads at once; each event goes to one
 * `rivven_queue_poll`. It holds what nobody asks for without limit: a program
 * that gives a queue to a producer or a consumer has to poll it.
 *
 * In the child of a `fork` a queue of the parent fails with
 * `RIVVEN_CODE_FORKED`; free it there and make a new one.
 */
typedef struct rivven_queue_t rivven_queue_t;

/**
 * A function of the program that takes deliveries.
 *
 * It is called within `rivven_queue_poll` alone, on the thread that calls
 * that, once for all the deliveries of its producer that have come since the
 * last time: `deliveries` has one event for each batch, all of
 * `RIVVEN_EVENT_KIND_DELIVERIES`, and is valid for the time of the call. It
 * may call every function of the library, also those that free the queue, the
 * producer and its topics. It has to return: neither `longjmp` nor a C++
 * exception may leave it.
 */
typedef void (*rivven_deliveries_callback)(void *user_data, const rivven_events_t *deliveries);

/** A function of the program that frees what it gave with a callback. */
typedef void (*rivven_user_data_free)(void *user_data);

/**
 * Makes a queue and stores it in `*queue`; the caller frees it with `rivven_queue_free`.
 *
 * Fails with `RIVVEN_CODE_IO` if the process has no descriptor left, and with
 * `RIVVEN_CODE_INVALID_ARGUMENT` for NULL.
 */
rivven_code rivven_queue_new(rivven_queue_t **queue, rivven_error_t **error);

/**
 * Gives a descriptor that is readable while the queue has events, for `poll`, `epoll` and the like.
 *
 * It turns readable once for all that comes until the queue is polled, and may
 * do so once more for nothing. It belongs to the queue, which closes it:
 * nothing may be read from it. Take it out of an `epoll` before
 * `rivven_queue_free`: it stays open, and readable, until the last producer or
 * consumer that was given the queue has ended. -1 for NULL and in a forked child.
 */
int32_t rivven_queue_fd(const rivven_queue_t *queue);

/**
 * Takes all events and stores them in `*events`; the caller frees them with `rivven_events_free`.
 *
 * Where there are none it waits for some for at most `timeout_ms`
 * milliseconds, without limit if that is negative, and stores an empty list
 * if none came. Callbacks are called in it; what they were given is not
 * stored, so that the list may be empty before the time is over.
 *
 * A wait ends with `RIVVEN_CODE_CLOSED` if another thread frees the queue.
 * Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`, too.
 */
rivven_code rivven_queue_poll(rivven_queue_t *queue,
                              int64_t timeout_ms,
                              rivven_events_t **events,
                              rivven_error_t **error);

/**
 * Lets the library's log go to the queue, from now on; `RIVVEN_LOG_LEVEL_OFF` ends that.
 *
 * `level` is one of `RIVVEN_LOG_LEVEL_...`: lines of this level and more
 * important ones come as events of `RIVVEN_EVENT_KIND_LOG`. They are those of
 * all handles of the process. Up to 4096 of them wait; one line says how many
 * are missing. Any number of queues may listen.
 *
 * Fails with `RIVVEN_CODE_INVALID_ARGUMENT` and `RIVVEN_CODE_FORKED`.
 */
rivven_code rivven_queue_subscribe_log(rivven_queue_t *queue,
                                       int32_t level,
                                       rivven_error_t **error);

/**
 * Frees a queue and the events in it; accepts NULL and never blocks.
 *
 * Producers and consumers that were given the queue go on without it. No poll
 * begins a callback any more, and their user data is freed: in here, or where a
 * poll of another thread has taken deliveries for the callback when that has
 * returned, so what the callback needs belongs in its user data. Take the
 * descriptor out of an `epoll` before. In a forked child nothing of the
 * program's is called.
 */
void rivven_queue_free(rivven_queue_t *queue);

/* ----------------------------------------------------------------------------
 * Topics of producers
 * ---------------------------------------------------------------------------- */

/**
 * A topic that a producer sends to.
 *
 * It belongs to the caller, who frees it with `rivven_topic_free`, and may be
 * used by any number of threads at once. It may be freed before or after its
 * producer, when no thread uses it any more.
 */
typedef struct rivven_topic_t rivven_topic_t;

/**
 * Hands a record over to be sent; never blocks.
 *
 * `partition` may be `RIVVEN_PARTITION_ANY`: the producer then chooses one,
 * by the key where there is one. A `key` whose `data` is NULL is no key. Key
 * and value are copied. `opaque` is a number of the program's own, or a
 * pointer cast to one, which the report of the record gives back.
 *
 * A record that was taken gets exactly one report, where the producer has a
 * queue. One that was not taken gets none. Fails with `RIVVEN_CODE_QUEUE_FULL`
 * if `buffer.memory` is used up: wait by `rivven_topic_wait_for_room` or for
 * reports, and repeat the call; with `RIVVEN_CODE_REQUEST_TOO_LARGE`,
 * `RIVVEN_CODE_INVALID_TOPIC`, `RIVVEN_CODE_INVALID_PARTITION`,
 * `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_topic_enqueue(rivven_topic_t *topic,
                                 int64_t partition,
                                 rivven_bytes_t key,
                                 rivven_bytes_t value,
                                 uint64_t opaque,
                                 rivven_error_t **error);

/**
 * Hands many records over, in their order, until one is not taken.
 *
 * `keys`, `values` and `opaques` are arrays of `count` elements; `keys` may be
 * NULL if no record has a key, `opaques` if all are 0. The number of records
 * that were taken goes to `*accepted`, which may be NULL. It is written on
 * failure, too: the call can be repeated with the records from there on.
 *
 * Fails with what kept the first record that was not taken from it, as
 * `rivven_topic_enqueue`.
 */
rivven_code rivven_topic_enqueue_batch(rivven_topic_t *topic,
                                       int64_t partition,
                                       const rivven_bytes_t *keys,
                                       const rivven_bytes_t *values,
                                       const uint64_t *opaques,
                                       size_t count,
                                       size_t *accepted,
                                       rivven_error_t **error);

/**
 * Waits until there is room for a record of so many bytes of key and value, at most `max.block.ms`.
 *
 * Fails with `RIVVEN_CODE_QUEUE_FULL` if no room became free in time, with
 * `RIVVEN_CODE_REQUEST_TOO_LARGE` if there never will be, with
 * `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`. Another thread may
 * be faster to use the room.
 */
rivven_code rivven_topic_wait_for_room(rivven_topic_t *topic, size_t bytes, rivven_error_t **error);

/**
 * Frees a topic; accepts NULL and never blocks. Records that it has taken are sent all the same.
 */
void rivven_topic_free(rivven_topic_t *topic);

/* ----------------------------------------------------------------------------
 * Producers
 *
 * A producer gathers records into batches and sends them in the background.
 * What became of them comes by a queue, a batch at a time.
 *
 *     rivven_queue_new(&queue, &error);
 *     rivven_producer_new(config, queue, &producer, &error);
 *     rivven_producer_topic(producer, "orders", &topic, &error);
 *     rivven_topic_enqueue(topic, RIVVEN_PARTITION_ANY, key, value, 42, &error);
 * ---------------------------------------------------------------------------- */

/**
 * Sends records in batches.
 *
 * It may be used by any number of threads at once. In the child of a `fork`
 * every call on a producer of the parent fails with `RIVVEN_CODE_FORKED`; free
 * it there and make a new one.
 */
typedef struct rivven_producer_t rivven_producer_t;

/**
 * Makes a producer and stores it in `*producer`; the caller frees it with `rivven_producer_free`.
 *
 * What becomes of its records goes to `queue`, which may be NULL if the
 * program does not want to know. Does no network I/O: the producer connects
 * when there is something to send, or by `rivven_producer_connect`. The
 * configuration is copied.
 *
 * Fails with `RIVVEN_CODE_INVALID_CONFIG` for keys that contradict each other
 * and for an address that cannot be read; with `RIVVEN_CODE_IO` if the
 * background threads cannot be started; `RIVVEN_CODE_FORKED` for a queue of
 * the parent of a `fork`, and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_producer_new(const rivven_config_t *config,
                                rivven_queue_t *queue,
                                rivven_producer_t **producer,
                                rivven_error_t **error);

/**
 * Makes a producer like `rivven_producer_new`, with a callback for its deliveries.
 *
 * Neither `queue` nor `callback` may be NULL. `rivven_queue_poll` calls
 * `callback` with `user_data` and the deliveries, which it does not store
 * then. `user_data_free`, unless NULL, is called once with `user_data` when
 * nothing is called with it any more: in `rivven_producer_free` or
 * `rivven_queue_free`, whatever comes first; where a callback is running at
 * that moment, right after it has returned. If this function fails nothing is
 * ever called, and `user_data` still belongs to the caller.
 */
rivven_code rivven_producer_new_with_callback(const rivven_config_t *config,
                                              rivven_queue_t *queue,
                                              rivven_deliveries_callback callback,
                                              void *user_data,
                                              rivven_user_data_free user_data_free,
                                              rivven_producer_t **producer,
                                              rivven_error_t **error);

/**
 * Waits for a first ready connection, at most `connection.timeout.ms` for each server.
 *
 * Calling it is a choice: without it the first record has the producer
 * connect. Fails as `rivven_client_connect`.
 */
rivven_code rivven_producer_connect(rivven_producer_t *producer, rivven_error_t **error);

/**
 * Makes a handle of a topic and stores it in `*topic`.
 *
 * The caller frees it with `rivven_topic_free`. Asks no server: whether there
 * is such a topic, and whether it may be called so, the first record shows.
 * Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_producer_topic(rivven_producer_t *producer,
                                  const char *name,
                                  rivven_topic_t **topic,
                                  rivven_error_t **error);

/**
 * Sends a record and waits until it is delivered.
 *
 * `partition` may be `RIVVEN_PARTITION_ANY`; a `key` whose `data` is NULL is
 * no key. Where it went is stored in `*metadata`, which the caller frees with
 * `rivven_record_metadata_free`; `metadata` may be NULL. Where there is no
 * room it waits for that for at most `max.block.ms`.
 *
 * Fails as `rivven_topic_enqueue`, and with what kept the record from being
 * delivered: `rivven_error_outcome` tells whether the broker may have it all
 * the same.
 */
rivven_code rivven_producer_send(rivven_producer_t *producer,
                                 const char *topic,
                                 int64_t partition,
                                 rivven_bytes_t key,
                                 rivven_bytes_t value,
                                 rivven_record_metadata_t **metadata,
                                 rivven_error_t **error);

/**
 * Sends many records and waits until all are delivered.
 *
 * `keys` and `values` are arrays of `count` views; `keys` may be NULL if no
 * record has a key, and a key whose `data` is NULL is none. `partition` may be
 * `RIVVEN_PARTITION_ANY`. Where they went is stored in `metadata`, an array
 * with room for `count` pointers, each of which the caller frees with
 * `rivven_record_metadata_free`; `metadata` may be NULL. Where there is no room
 * it waits for that, for each record for at most `max.block.ms`.
 *
 * Fails as `rivven_producer_send` with the first error of any record, once all
 * have ended: the others may have been delivered, but none behind one that was
 * not taken. To learn of each, hand them over by `rivven_topic_enqueue_batch`.
 */
rivven_code rivven_producer_send_batch(rivven_producer_t *producer,
                                       const char *topic,
                                       int64_t partition,
                                       const rivven_bytes_t *keys,
                                       const rivven_bytes_t *values,
                                       size_t count,
                                       rivven_record_metadata_t **metadata,
                                       rivven_error_t **error);

/**
 * Sends all that was handed over before, without lingering, and waits until it is settled.
 *
 * It waits for at most `timeout_ms` milliseconds; without limit of its own if
 * that is negative, since every record is delivered or given up within
 * `delivery.timeout.ms`. What became of the records the reports tell, which
 * are in the queue when this returns.
 *
 * Fails with `RIVVEN_CODE_TIMED_OUT` if records were left, which are sent all
 * the same; with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_producer_flush(rivven_producer_t *producer,
                                  int64_t timeout_ms,
                                  rivven_error_t **error);

/**
 * Takes no more records, delivers those that were handed over, and disconnects.
 *
 * It waits for at most `timeout_ms` milliseconds; a negative `timeout_ms`
 * stands for `close.timeout.ms`. The reports of all records are in the queue
 * when this returns. Later calls that send fail with `RIVVEN_CODE_CLOSED`.
 * Closing twice is no error. The handle has to be freed nevertheless.
 *
 * Fails with `RIVVEN_CODE_TIMED_OUT` if records were left, which are given up;
 * the message says how many, of which partitions, and their reports have the
 * code `RIVVEN_CODE_CLOSED`. Fails with `RIVVEN_CODE_FORKED` and
 * `RIVVEN_CODE_INVALID_ARGUMENT`, too.
 */
rivven_code rivven_producer_close(rivven_producer_t *producer,
                                  int64_t timeout_ms,
                                  rivven_error_t **error);

/**
 * Gives up the records that were not sent yet; the number of them goes to `*purged`.
 *
 * Their reports have the code `RIVVEN_CODE_PURGED`. `purged` may be NULL. Fails
 * with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_producer_purge(rivven_producer_t *producer,
                                  uint64_t *purged,
                                  rivven_error_t **error);

/**
 * Tells in `*idempotent` whether a record that is sent again is written once all the same.
 *
 * That is for this moment. Always false without `enable.idempotence`;
 * otherwise false while the broker gives the producer no identity.
 * `idempotent` may be NULL. Fails with `RIVVEN_CODE_FORKED` and
 * `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_producer_is_idempotent(rivven_producer_t *producer,
                                          bool *idempotent,
                                          rivven_error_t **error);

/**
 * Stores in `*count` the number of partitions of a topic; the broker is asked if it is not known.
 *
 * `count` may be NULL. An unknown topic is created where `allow.auto.create.topics`
 * lets it be, and is `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION` otherwise. Fails
 * as `rivven_producer_connect` where no connection can be made.
 */
rivven_code rivven_producer_get_partition_count(rivven_producer_t *producer,
                                                const char *topic,
                                                uint32_t *count,
                                                rivven_error_t **error);

/**
 * Learns the number of partitions of a topic anew; records go to new ones from then on.
 *
 * A producer does so by itself every `metadata.max.age.ms`. Fails as
 * `rivven_producer_get_partition_count`.
 */
rivven_code rivven_producer_refresh_metadata(rivven_producer_t *producer,
                                             const char *topic,
                                             rivven_error_t **error);

/**
 * Drops the caller's reference to a producer; accepts NULL and never blocks.
 *
 * A call that is under way in another thread goes on to its end. A producer
 * that was not closed sends what is left in the background, within
 * `close.timeout.ms`, and the reports still go to the queue, unless they were
 * for a callback: no poll begins a call of that any more, and one that another
 * thread's poll has taken deliveries for goes on to its end, before the user
 * data is freed. Close the producer and poll the
 * queue before, to see every report. Its topics have to be freed, before or
 * afterwards, and take no more records.
 */
void rivven_producer_free(rivven_producer_t *producer);

/* ----------------------------------------------------------------------------
 * Statistics of producers
 * ---------------------------------------------------------------------------- */

/**
 * What a producer has done so far, at one moment.
 *
 * It belongs to the caller, who frees it with `rivven_producer_stats_free`.
 * It never changes, so it may be read from any thread.
 */
typedef struct rivven_producer_stats_t rivven_producer_stats_t;

/**
 * Stores in `*stats` what a producer has done so far.
 *
 * Asks no server. The caller frees it with `rivven_producer_stats_free`. Fails
 * with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_producer_stats(rivven_producer_t *producer,
                                  rivven_producer_stats_t **stats,
                                  rivven_error_t **error);

/** Gives the number of records that were handed over; 0 for NULL. */
uint64_t rivven_producer_stats_records_sent(const rivven_producer_stats_t *stats);

/** Gives the number of records that the broker has; 0 for NULL. */
uint64_t rivven_producer_stats_records_delivered(const rivven_producer_stats_t *stats);

/** Gives the number of records that were given up; 0 for NULL. */
uint64_t rivven_producer_stats_records_failed(const rivven_producer_stats_t *stats);

/** Gives the number of records that are neither delivered nor given up; 0 for NULL. */
uint64_t rivven_producer_stats_records_pending(const rivven_producer_stats_t *stats);

/** Gives the number of records that were handed over and not sent yet; 0 for NULL. */
uint64_t rivven_producer_stats_records_queued(const rivven_producer_stats_t *stats);

/** Gives the number of requests with records, repeated ones included; 0 for NULL. */
uint64_t rivven_producer_stats_batches_sent(const rivven_producer_stats_t *stats);

/** Gives the bytes of those requests; 0 for NULL. */
uint64_t rivven_producer_stats_bytes_sent(const rivven_producer_stats_t *stats);

/** Gives the number of requests that failed; 0 for NULL. */
uint64_t rivven_producer_stats_errors(const rivven_producer_stats_t *stats);

/** Gives the number of requests that were repeated; 0 for NULL. */
uint64_t rivven_producer_stats_retries(const rivven_producer_stats_t *stats);

/** Gives the bytes of `buffer.memory` in use; 0 for NULL. */
uint64_t rivven_producer_stats_bytes_buffered(const rivven_producer_stats_t *stats);

/** Gives the mean number of records of a request; 0 for NULL. */
double rivven_producer_stats_records_per_batch(const rivven_producer_stats_t *stats);

/**
 * Gives the share of settled records that were delivered, from 0 to 1; 1 before any is, 0 for NULL.
 */
double rivven_producer_stats_success_rate(const rivven_producer_stats_t *stats);

/**
 * Gives the median time from handing a record over to its delivery, in microseconds; 0 for NULL.
 *
 * It is that of the first record of the batch.
 */
uint64_t rivven_producer_stats_latency_p50_us(const rivven_producer_stats_t *stats);

/** Gives the time that 95 of 100 records stay below, in microseconds; 0 for NULL. */
uint64_t rivven_producer_stats_latency_p95_us(const rivven_producer_stats_t *stats);

/** Gives the time that 99 of 100 records stay below, in microseconds; 0 for NULL. */
uint64_t rivven_producer_stats_latency_p99_us(const rivven_producer_stats_t *stats);

/**
 * Gives the number of servers that records were sent to, of which the functions below tell; 0 for NULL.
 */
size_t rivven_producer_stats_servers_len(const rivven_producer_stats_t *stats);

/**
 * Gives the address of a server as it is dialled; NULL if there is none of that index.
 *
 * The servers are in the order of their addresses. It lives as long as the statistics.
 */
const char *rivven_producer_stats_server_address(const rivven_producer_stats_t *stats,
                                                 size_t index);

/** Gives the number of records that a server has; 0 if there is no server of that index. */
uint64_t rivven_producer_stats_server_records_delivered(const rivven_producer_stats_t *stats,
                                                        size_t index);

/**
 * Gives the number of requests with records to a server, repeated ones included; 0 if there is none.
 */
uint64_t rivven_producer_stats_server_batches_sent(const rivven_producer_stats_t *stats,
                                                   size_t index);

/** Gives the bytes of those requests; 0 if there is no server of that index. */
uint64_t rivven_producer_stats_server_bytes_sent(const rivven_producer_stats_t *stats,
                                                 size_t index);

/**
 * Gives the number of requests to a server that failed; 0 if there is no server of that index.
 */
uint64_t rivven_producer_stats_server_errors(const rivven_producer_stats_t *stats, size_t index);

/**
 * Gives the number of those that were repeated, there or elsewhere; 0 if there is no server of that index.
 */
uint64_t rivven_producer_stats_server_retries(const rivven_producer_stats_t *stats,
                                              size_t index);

/**
 * Gives the number of records in requests that a server has not answered yet; 0 if there is none.
 */
uint64_t rivven_producer_stats_server_records_unanswered(const rivven_producer_stats_t *stats,
                                                         size_t index);

/**
 * Gives the number of records that wait to be sent to a server; 0 if there is none of that index.
 */
uint64_t rivven_producer_stats_server_records_queued(const rivven_producer_stats_t *stats,
                                                     size_t index);

/**
 * Gives the mean number of records of a request to a server; 0 if there is none of that index.
 */
double rivven_producer_stats_server_records_per_batch(const rivven_producer_stats_t *stats,
                                                      size_t index);

/**
 * Gives the median time until a server had a record, as `rivven_producer_stats_latency_p50_us`.
 */
uint64_t rivven_producer_stats_server_latency_p50_us(const rivven_producer_stats_t *stats,
                                                     size_t index);

/**
 * Gives the time that 95 of 100 records of a server stay below, in microseconds; 0 if there is none.
 */
uint64_t rivven_producer_stats_server_latency_p95_us(const rivven_producer_stats_t *stats,
                                                     size_t index);

/**
 * Gives the time that 99 of 100 records of a server stay below, in microseconds; 0 if there is none.
 */
uint64_t rivven_producer_stats_server_latency_p99_us(const rivven_producer_stats_t *stats,
                                                     size_t index);

/** Frees statistics and the strings they gave; accepts NULL. */
void rivven_producer_stats_free(rivven_producer_stats_t *stats);

/* ----------------------------------------------------------------------------
 * Consumers
 *
 * A consumer reads records of topics ahead of the program and gives them a
 * batch at a time. Those of a group divide the partitions of the topics that
 * they subscribe to, or a program assigns each its partitions.
 *
 *     rivven_consumer_new(config, NULL, &consumer, &error);
 *     rivven_consumer_subscribe(consumer, topics, 1, &error);
 *     while (rivven_consumer_poll(consumer, -1, &batch, &error) == RIVVEN_CODE_OK) {
 *         work_on(batch);
 *         rivven_batch_free(batch);
 *     }
 * ---------------------------------------------------------------------------- */

/**
 * Reads records of topics.
 *
 * Its partitions are those that are assigned by `rivven_consumer_assign`, or
 * those of the topics that are subscribed to by `rivven_consumer_subscribe`. What
 * the program is done with is committed by itself every
 * `auto.commit.interval.ms` and at the end, or by `rivven_consumer_commit`.
 *
 * It may be used by any number of threads at once; polls wait for each other. In
 * the child of a `fork` every call on a consumer of the parent fails with
 * `RIVVEN_CODE_FORKED`; free it there and make a new one.
 */
typedef struct rivven_consumer_t rivven_consumer_t;

/**
 * Makes a consumer and stores it in `*consumer`; the caller frees it with `rivven_consumer_free`.
 *
 * What happens to it besides records goes to `queue`, from
 * `RIVVEN_EVENT_KIND_GAP` on in the list of kinds; `queue` may be NULL if the
 * program does not want to know. The consumer connects in the background. The
 * configuration is copied.
 *
 * Fails with `RIVVEN_CODE_INVALID_CONFIG` for keys that contradict each other
 * and for an address that cannot be read; with `RIVVEN_CODE_IO` if the
 * background threads cannot be started; `RIVVEN_CODE_FORKED` for a queue of
 * the parent of a `fork`, and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_new(const rivven_config_t *config,
                                rivven_queue_t *queue,
                                rivven_consumer_t **consumer,
                                rivven_error_t **error);

/**
 * Gives the `group.id`, whose offsets are committed; NULL for NULL. It lives as long as the consumer.
 */
const char *rivven_consumer_group_id(const rivven_consumer_t *consumer);

/**
 * Waits for a first ready connection, at most `connection.timeout.ms`.
 *
 * Calling it is a choice: without it polls wait until there is one. Fails as
 * `rivven_client_connect`.
 */
rivven_code rivven_consumer_connect(rivven_consumer_t *consumer, rivven_error_t **error);

/**
 * Reads the `count` topics of an array from now on, instead of those before.
 *
 * None at all is `rivven_consumer_unsubscribe`. Fails with
 * `RIVVEN_CODE_INVALID_TOPIC`, with `RIVVEN_CODE_INVALID_STATE` if partitions are
 * assigned by the program, with `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and
 * `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_subscribe(rivven_consumer_t *consumer,
                                      const char *const *topics,
                                      size_t count,
                                      rivven_error_t **error);

/**
 * Reads nothing from now on, neither subscribed topics nor assigned partitions.
 *
 * Partitions of subscribed topics are given back by the next poll. Fails with
 * `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_unsubscribe(rivven_consumer_t *consumer, rivven_error_t **error);

/**
 * Reads these partitions from now on, instead of those before; no group coordinates them.
 *
 * Those that are read already go on where they are. `partitions` stays the
 * caller's. Fails with `RIVVEN_CODE_INVALID_TOPIC`, with
 * `RIVVEN_CODE_INVALID_STATE` if topics are subscribed to, with
 * `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_assign(rivven_consumer_t *consumer,
                                   const rivven_partitions_t *partitions,
                                   rivven_error_t **error);

/**
 * Stores in `*assigned` the partitions that the consumer has now.
 *
 * The caller frees the list with `rivven_partitions_free`. Fails with
 * `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_assignments(rivven_consumer_t *consumer,
                                        rivven_partitions_t **assigned,
                                        rivven_error_t **error);

/**
 * Waits for records, at most `timeout_ms` milliseconds, and stores them in `*batch`.
 *
 * The caller frees the batch with `rivven_batch_free`. It has at most
 * `max.poll.records` records, and none if none came in time. A negative
 * `timeout_ms` stands for `max.poll.interval.ms`; 0 gives what has come already.
 * A poll says that the program is done with what the one before gave. The
 * callback of rebalances is called in it.
 *
 * Fails with:
 * - `RIVVEN_CODE_WOKEN_UP` after `rivven_consumer_wakeup`, `RIVVEN_CODE_CLOSED` once
 *   the consumer is closed;
 * - `RIVVEN_CODE_INVALID_STATE` if there is neither a topic nor a partition, and
 *   in the callback of rebalances;
 * - why no server can be connected, after `max.reconnect.attempts`; the next poll
 *   begins anew;
 * - `RIVVEN_CODE_NO_OFFSET` with `auto.offset.reset` error, and
 *   `RIVVEN_CODE_ANSWER_TOO_LARGE` and `RIVVEN_CODE_SERIALIZATION` of a record that
 *   cannot be read: seek, since nothing more comes of its partition until then.
 *   The position is that of the record;
 * - `RIVVEN_CODE_UNKNOWN_TOPIC_OR_PARTITION` and what else keeps partitions from
 *   being read, instead of an empty batch;
 * - `RIVVEN_CODE_QUEUE_FULL`, instead of an empty batch, if batches that the program
 *   has not freed use up `fetch.buffer.memory`;
 * - `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_poll(rivven_consumer_t *consumer,
                                 int64_t timeout_ms,
                                 rivven_batch_t **batch,
                                 rivven_error_t **error);

/**
 * Ends the poll that waits, or the next one, with `RIVVEN_CODE_WOKEN_UP`.
 *
 * Never blocks, and may be called from any thread. Fails with `RIVVEN_CODE_FORKED`
 * and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_wakeup(rivven_consumer_t *consumer, rivven_error_t **error);

/**
 * Gives no more records of a partition, and asks for none.
 *
 * What has come is kept as long as others do not need the memory, and asked for
 * again otherwise.
 *
 * Fails with `RIVVEN_CODE_NOT_ASSIGNED`, `RIVVEN_CODE_FORKED` and
 * `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_pause(rivven_consumer_t *consumer,
                                  const char *topic,
                                  uint32_t partition,
                                  rivven_error_t **error);

/**
 * Goes on with a partition that was paused.
 *
 * Fails as `rivven_consumer_pause`.
 */
rivven_code rivven_consumer_resume(rivven_consumer_t *consumer,
                                   const char *topic,
                                   uint32_t partition,
                                   rivven_error_t **error);

/**
 * Stores in `*paused` the partitions that are paused.
 *
 * The caller frees the list with `rivven_partitions_free`. Fails with
 * `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_paused(rivven_consumer_t *consumer,
                                   rivven_partitions_t **paused,
                                   rivven_error_t **error);

/**
 * Commits what is to be committed by itself, gives partitions back and disconnects.
 *
 * It waits for at most `timeout_ms` milliseconds; a negative `timeout_ms`
 * stands for `close.timeout.ms`. What the last poll gave counts as done if that
 * poll has returned. A poll that waits in another thread ends with
 * `RIVVEN_CODE_CLOSED`, as do calls afterwards. The callback of rebalances is
 * called in it. Closing twice is no error. Batches stay valid, and the handle
 * has to be freed nevertheless.
 *
 * Fails with what kept the last offsets from being committed, and with
 * `RIVVEN_CODE_TIMED_OUT` if it took too long: the consumer is closed all the
 * same. Fails with `RIVVEN_CODE_INVALID_STATE` in the callback of rebalances,
 * `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`, too.
 */
rivven_code rivven_consumer_close(rivven_consumer_t *consumer,
                                  int64_t timeout_ms,
                                  rivven_error_t **error);

/**
 * Drops the caller's reference to a consumer; accepts NULL and never blocks.
 *
 * A call that is under way in another thread goes on to its end. A consumer that
 * was not closed is closed in the background, within `close.timeout.ms`, without
 * its callback: no call begins one any more, and one that another thread's call
 * has begun, or is about to, goes on to its end, before the user data is freed.
 * Its batches live on.
 */
void rivven_consumer_free(rivven_consumer_t *consumer);

/* ----------------------------------------------------------------------------
 * Positions and offsets of consumers
 *
 * A position is the offset of the next record that a poll gives of a
 * partition. A committed offset is that of the next record to read, too: a
 * consumer of the same group begins there.
 * ---------------------------------------------------------------------------- */

/**
 * Goes on reading a partition at an offset; what has come of it is dropped.
 *
 * Fails with `RIVVEN_CODE_NOT_ASSIGNED`, `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and
 * `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_seek(rivven_consumer_t *consumer,
                                 const char *topic,
                                 uint32_t partition,
                                 uint64_t offset,
                                 rivven_error_t **error);

/**
 * Goes on at the first record that there is in a partition.
 *
 * Fails as `rivven_consumer_seek`, and as every request.
 */
rivven_code rivven_consumer_seek_to_beginning(rivven_consumer_t *consumer,
                                              const char *topic,
                                              uint32_t partition,
                                              rivven_error_t **error);

/**
 * Goes on behind the last record that there is in a partition.
 *
 * Fails as `rivven_consumer_seek`, and as every request.
 */
rivven_code rivven_consumer_seek_to_end(rivven_consumer_t *consumer,
                                        const char *topic,
                                        uint32_t partition,
                                        rivven_error_t **error);

/**
 * Goes on at the first record that the broker received at or after a time.
 *
 * `timestamp_ms` is in milliseconds since 1970-01-01 00:00 UTC. Without such a
 * record it goes on behind the last one. The offset goes to `*offset`, which may
 * be NULL. Fails as `rivven_consumer_seek`, and as every request.
 */
rivven_code rivven_consumer_seek_to_timestamp(rivven_consumer_t *consumer,
                                              const char *topic,
                                              uint32_t partition,
                                              int64_t timestamp_ms,
                                              uint64_t *offset,
                                              rivven_error_t **error);

/**
 * Gives the offset of the next record that a poll gives of a partition.
 *
 * `*found` tells whether it is known by now; it then goes to `*offset`, which is
 * untouched otherwise. Asks no server. Fails with `RIVVEN_CODE_NOT_ASSIGNED`,
 * `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_position(rivven_consumer_t *consumer,
                                     const char *topic,
                                     uint32_t partition,
                                     bool *found,
                                     uint64_t *offset,
                                     rivven_error_t **error);

/**
 * Stores in `*lag` how many offsets lie between the position and the end of the log.
 *
 * The broker is asked for the end. Control records and deleted ones count, too.
 * `lag` may be NULL. Fails as `rivven_consumer_seek_to_end`.
 */
rivven_code rivven_consumer_lag(rivven_consumer_t *consumer,
                                const char *topic,
                                uint32_t partition,
                                uint64_t *lag,
                                rivven_error_t **error);

/**
 * Gives the first offset of a partition and the next one to be written.
 *
 * They go to `*earliest` and `*latest`, of which each may be NULL. The broker is
 * asked. Fails as `rivven_consumer_seek_to_end`.
 */
rivven_code rivven_consumer_get_offset_bounds(rivven_consumer_t *consumer,
                                              const char *topic,
                                              uint32_t partition,
                                              uint64_t *earliest,
                                              uint64_t *latest,
                                              rivven_error_t **error);

/**
 * Commits the offsets behind the records that polls gave so far, or what was stored, of all partitions.
 *
 * Fails with the only failure, or one that names those of each partition:
 * `RIVVEN_CODE_OFFSET_OUT_OF_RANGE`, `RIVVEN_CODE_NOT_ASSIGNED` of one that was taken
 * away meanwhile, and as every request; with `RIVVEN_CODE_CLOSED`,
 * `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_commit(rivven_consumer_t *consumer,
                                   rivven_error_t **error);

/**
 * Commits like `rivven_consumer_commit` without waiting; a failure is an event of the consumer's queue.
 *
 * Commits are made one after another, so a later one is never overtaken. Fails
 * with `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_commit_async(rivven_consumer_t *consumer,
                                         rivven_error_t **error);

/**
 * Commits the offsets of a list, all together; each is that of the next record to read.
 *
 * `offsets` stays the caller's. Fails as `rivven_consumer_commit`; of subscribed
 * topics only partitions that the consumer has can be committed.
 */
rivven_code rivven_consumer_commit_offsets(rivven_consumer_t *consumer,
                                           const rivven_offsets_t *offsets,
                                           rivven_error_t **error);

/**
 * Commits like `rivven_consumer_commit_offsets`; what became of each goes to `*results`.
 *
 * They are in the order of `offsets`; the caller frees them with
 * `rivven_results_free`. The call itself fails with `RIVVEN_CODE_CLOSED`,
 * `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT` only.
 */
rivven_code rivven_consumer_commit_offsets_each(rivven_consumer_t *consumer,
                                                const rivven_offsets_t *offsets,
                                                rivven_results_t **results,
                                                rivven_error_t **error);

/**
 * Sets the offset that the next commits commit for a partition, by themselves or not.
 *
 * It is that of the next record to read. From then on this partition's commits
 * follow what is stored, and not what polls gave. Fails with
 * `RIVVEN_CODE_NOT_ASSIGNED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_store_offset(rivven_consumer_t *consumer,
                                         const char *topic,
                                         uint32_t partition,
                                         uint64_t offset,
                                         rivven_error_t **error);

/**
 * Asks for the offset that the group has committed for a partition, assigned or not.
 *
 * `*found` tells whether there is one, which then goes to `*offset`; without
 * one `*offset` is untouched. Fails with `RIVVEN_CODE_INVALID_TOPIC`,
 * `RIVVEN_CODE_CLOSED`, and as every request.
 */
rivven_code rivven_consumer_committed(rivven_consumer_t *consumer,
                                      const char *topic,
                                      uint32_t partition,
                                      bool *found,
                                      uint64_t *offset,
                                      rivven_error_t **error);

/* ----------------------------------------------------------------------------
 * Rebalances
 *
 * A program that keeps something for each partition learns here when a
 * consumer gets and loses partitions of the topics that it is subscribed to.
 * ---------------------------------------------------------------------------- */

/** What happens to partitions of a consumer. */
enum rivven_rebalance_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * They are about to be taken away; what was done with their records can still be committed.
     */
    RIVVEN_REBALANCE_KIND_REVOKED = 1,
    /**
     * They were given; reading them has not begun, so `rivven_consumer_seek` may say where.
     */
    RIVVEN_REBALANCE_KIND_ASSIGNED = 2,
    /**
     * They have gone to other consumers already: nothing of theirs may be committed any more.
     */
    RIVVEN_REBALANCE_KIND_LOST = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rivven_rebalance_kind rivven_rebalance_kind;
#else
typedef int32_t rivven_rebalance_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A function of the program that is told of partitions that come and go.
 *
 * It is called within `rivven_consumer_poll`, `rivven_consumer_close`,
 * `rivven_processing_run` and the functions of a transformer alone, on the thread that calls those, and no record is given before it has
 * returned. `kind` is one of `RIVVEN_REBALANCE_KIND_...`, and `partitions` is
 * valid for the time of the call. It may call the functions of the library,
 * `rivven_consumer_commit` and `rivven_consumer_seek` of this consumer among them, and
 * `rivven_consumer_free`; a poll or close of this consumer fails with
 * `RIVVEN_CODE_INVALID_STATE` in it. It has to return: neither `longjmp` nor a
 * C++ exception may leave it.
 */
typedef void (*rivven_rebalance_callback)(void *user_data,
                                          rivven_rebalance_kind kind,
                                          const rivven_partitions_t *partitions);

/**
 * Sets who is told when partitions of subscribed topics are given and taken away.
 *
 * It replaces the callback before; NULL for `callback` sets none. Set it before
 * the first poll. `user_data` is given to `callback`. `user_data_free`, unless
 * NULL, is called once with it when nothing is called with it any more: when
 * another callback is set or in `rivven_consumer_free`; where the callback is
 * running at that moment, right after it has returned. If this function fails
 * nothing is ever called, and `user_data` still belongs to the caller.
 *
 * Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_set_rebalance_callback(rivven_consumer_t *consumer,
                                                   rivven_rebalance_callback callback,
                                                   void *user_data,
                                                   rivven_user_data_free user_data_free,
                                                   rivven_error_t **error);

/* ----------------------------------------------------------------------------
 * Records worked on by handlers
 *
 * Partitions are worked on side by side, each in its order, with what
 * `process.concurrency`, `process.retries`, `process.dead.letter.topic` and the
 * other keys of `process` say. Handlers run on threads of the program:
 *
 *     static const char *bill(void *user_data, const rivven_batch_t *record) {
 *         return send_bill(rivven_batch_value(record, 0)) ? NULL : "no such customer";
 *     }
 *
 *     rivven_consumer_process(consumer, &processing, &error);
 *     rivven_processing_run(processing, bill, NULL, &error);
 *     rivven_processing_free(processing);
 * ---------------------------------------------------------------------------- */

/**
 * The records of a consumer being worked on by handlers.
 *
 * It belongs to the caller, who frees it with `rivven_processing_free`, and keeps
 * the consumer alive. It may be used by any number of threads at once.
 */
typedef struct rivven_processing_t rivven_processing_t;

/**
 * A function of the program that works on a record.
 *
 * `record` is a batch of one record, which is valid for the time of the call: its
 * value is `rivven_batch_value(record, 0)`, and `rivven_batch_detach` copies it.
 * The function returns NULL when it is done, and else why it failed: a text that
 * has to be valid until the next call on the same thread, and is copied at once.
 *
 * It is called within `rivven_processing_run` alone. It may call the functions of
 * the library, `rivven_consumer_wakeup` of this consumer among them; a poll or
 * close of this consumer fails with `RIVVEN_CODE_INVALID_STATE` in it. It has to
 * return: neither `longjmp` nor a C++ exception may leave it.
 */
typedef const char *(*rivven_process_handler)(void *user_data, const rivven_batch_t *record);

/**
 * Begins to work on the records of a consumer, and stores what is being done in `*processing`.
 *
 * The caller frees it with `rivven_processing_free`. Handlers run in
 * `rivven_processing_run`; records are read already.
 *
 * At most `process.concurrency` records are with handlers at once, and never two of
 * one partition. A poll is under way meanwhile, so that rebalances are served however
 * long a handler takes; where a callback is set for them, they wait for a thread in
 * `rivven_processing_run` that is between handlers, to call it: have one more thread there
 * than `process.concurrency`. What is done is committed every `auto.commit.interval.ms` (with
 * `enable.auto.commit` false, after each of those polls), before partitions are
 * taken away, and at the end. Records that an earlier poll gave count as done.
 *
 * A record whose handler failed is handled again up to `process.retries` times, with
 * pauses; then it goes to `process.dead.letter.topic`, and is done when it is
 * delivered there; without such a topic `process.on.failure` decides. A dead letter has
 * the key of the record. Its value is lines of text, `topic: `, `partition: `, `offset: `,
 * `timestamp: `, `group: `, `attempts: ` and `error: `, then an empty line, then the value.
 *
 * It ends by `rivven_consumer_wakeup`, and by `rivven_consumer_close`, which waits for
 * it; handlers that are at work are waited for. So are they before partitions are
 * taken away, for at most half of `rebalance.timeout.ms`.
 *
 * Fails with `RIVVEN_CODE_INVALID_STATE` in a handler or the callback of rebalances, with
 * `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`; everything else is said by
 * `rivven_processing_run`.
 */
rivven_code rivven_consumer_process(rivven_consumer_t *consumer,
                                    rivven_processing_t **processing,
                                    rivven_error_t **error);

/**
 * Runs `handler` on this thread, for one record after another, until processing has ended.
 *
 * Call it on as many threads as are to work side by side: each gets the next record
 * that no other one has, and returns the same at the end. `user_data` is given
 * to `handler`, and is only used during the call. The callback of rebalances is called in it, too,
 * between handlers.
 *
 * Returns 0 when it was ended by `rivven_consumer_wakeup` or `rivven_consumer_close`. Fails with:
 * - `RIVVEN_CODE_PROCESSING_FAILED` if a record failed every time and is neither to be skipped
 *   nor to go to another topic, or could not be delivered there. Its offset is not committed, so it is the next
 *   one of its partition;
 * - `RIVVEN_CODE_INVALID_STATE` if the consumer was processing already, if there is neither
 *   a topic nor a partition, and in a handler or the callback of rebalances;
 * - `RIVVEN_CODE_WOKEN_UP` if `rivven_processing_free` was called meanwhile;
 * - what a poll fails with, and why the last offsets could not be committed;
 * - `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_processing_run(rivven_processing_t *processing,
                                  rivven_process_handler handler,
                                  void *user_data,
                                  rivven_error_t **error);

/**
 * Gives the number of records that handlers were done with; 0 until `rivven_processing_run` has returned 0.
 */
uint64_t rivven_processing_processed(const rivven_processing_t *processing);

/**
 * Gives how often a record was handled again; 0 until `rivven_processing_run` has returned 0.
 */
uint64_t rivven_processing_retries(const rivven_processing_t *processing);

/**
 * Gives the number of records that went to the dead letter topic; 0 until `rivven_processing_run` has returned 0.
 */
uint64_t rivven_processing_dead_lettered(const rivven_processing_t *processing);

/**
 * Gives the number of records that were left out; 0 until `rivven_processing_run` has returned 0.
 */
uint64_t rivven_processing_skipped(const rivven_processing_t *processing);

/**
 * Drops the caller's reference; accepts NULL and never blocks.
 *
 * What has not ended by then is given up: records that are not done are read
 * again, and `rivven_processing_run` ends in other threads.
 */
void rivven_processing_free(rivven_processing_t *processing);

/* ----------------------------------------------------------------------------
 * Transactions of producers
 *
 * Records and offsets that count together, or not at all. What has to be told
 * to the broker is told by itself; for the single steps see
 * `rivven_client_begin_transaction`. Those who read what is written read with
 * `isolation.level` `read_committed`.
 *
 *     rivven_config_set(config, "transactional.id", "billing", &error);
 *     rivven_producer_new(config, NULL, &producer, &error);
 *     rivven_transaction_begin(producer, &transaction, &error);
 *     rivven_transaction_send(transaction, "invoices", RIVVEN_PARTITION_ANY, key, value, NULL, &error);
 *     rivven_transaction_commit(transaction, &error);
 *     rivven_transaction_free(transaction);
 * ---------------------------------------------------------------------------- */

/**
 * Records and offsets that count together, or not at all.
 *
 * It belongs to the caller, who frees it with `rivven_transaction_free`, and may
 * be used by any number of threads at once; records of one partition keep the
 * order in which they were given. It ends by `rivven_transaction_commit` or
 * `rivven_transaction_abort`.
 *
 * Once something has failed for good the transaction is aborted by itself: every
 * call but `rivven_transaction_abort` gives an error for which
 * `rivven_error_is_abortable` is true. So it is a little before
 * `transaction.timeout.ms` have passed without a call.
 *
 * In the child of a `fork` every call on a transaction of the parent fails with
 * `RIVVEN_CODE_FORKED`; free it there.
 */
typedef struct rivven_transaction_t rivven_transaction_t;

/**
 * Begins a transaction of a producer and stores it in `*transaction`.
 *
 * The caller frees it with `rivven_transaction_free`. The producer needs
 * `transactional.id`; it sends within transactions only then, and has one at a
 * time. Each transaction has an identity of its own, so no other producer with
 * the same `transactional.id` fences it. A broker takes five transactions in
 * all: this waits for a place, at most `max.block.ms`.
 *
 * Fails with:
 * - `RIVVEN_CODE_INVALID_STATE` without `transactional.id`, and while another
 *   transaction of the producer is open;
 * - `RIVVEN_CODE_TIMED_OUT` if no place became free, or the broker did not answer;
 * - why the broker could not be asked, `RIVVEN_CODE_CLOSED`,
 *   `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_transaction_begin(rivven_producer_t *producer,
                                     rivven_transaction_t **transaction,
                                     rivven_error_t **error);

/**
 * Sends a record and waits until it is written, which does not mean yet that it counts.
 *
 * `partition` may be `RIVVEN_PARTITION_ANY`: the key decides it then, and
 * without a key the producer. A `key` whose `data` is NULL is no key. Where it
 * went is stored in `*metadata`, which the caller frees with
 * `rivven_record_metadata_free`; `metadata` may be NULL. Where there is no room it
 * waits for that for at most `max.block.ms`.
 *
 * Fails with:
 * - `RIVVEN_CODE_INVALID_STATE` once the transaction has ended, and
 *   `RIVVEN_CODE_INVALID_TXN_STATE` once it can only be aborted;
 * - `RIVVEN_CODE_QUEUE_FULL` if there was no room in time;
 * - `RIVVEN_CODE_INVALID_TOPIC`, `RIVVEN_CODE_REQUEST_TOO_LARGE` and
 *   `RIVVEN_CODE_INVALID_PARTITION`;
 * - why the record could not be written: then the transaction can only be aborted;
 * - `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_transaction_send(rivven_transaction_t *transaction,
                                    const char *topic,
                                    int64_t partition,
                                    rivven_bytes_t key,
                                    rivven_bytes_t value,
                                    rivven_record_metadata_t **metadata,
                                    rivven_error_t **error);

/**
 * Hands a record over to be sent; never blocks.
 *
 * What became of it `rivven_transaction_flush` and `rivven_transaction_commit`
 * tell: both fail if it could not be written. Arguments are those of
 * `rivven_transaction_send`. Fails as that before anything is sent, with
 * `RIVVEN_CODE_QUEUE_FULL` at once if there is no room: flush then, or send.
 */
rivven_code rivven_transaction_enqueue(rivven_transaction_t *transaction,
                                       const char *topic,
                                       int64_t partition,
                                       rivven_bytes_t key,
                                       rivven_bytes_t value,
                                       rivven_error_t **error);

/**
 * Sends many records and waits until all are written.
 *
 * `keys` and `values` are arrays of `count` views; `keys` may be NULL if no
 * record has a key, and a key whose `data` is NULL is none. Where they went is
 * stored in `metadata`, an array with room for `count` pointers, each of which the
 * caller frees with `rivven_record_metadata_free`; `metadata` may be NULL.
 *
 * Fails as `rivven_transaction_send` with the first error of any record.
 */
rivven_code rivven_transaction_send_batch(rivven_transaction_t *transaction,
                                          const char *topic,
                                          const rivven_bytes_t *keys,
                                          const rivven_bytes_t *values,
                                          size_t count,
                                          rivven_record_metadata_t **metadata,
                                          rivven_error_t **error);

/**
 * Waits until every record that was handed over before is written.
 *
 * Fails with why one of them could not be: then the transaction can only be
 * aborted. Fails as `rivven_transaction_send`, too.
 */
rivven_code rivven_transaction_flush(rivven_transaction_t *transaction, rivven_error_t **error);

/**
 * Lets offsets of a group count together with the records: the next ones that it is to read.
 *
 * `offsets` stays the caller's; the broker checks none of them. Fails with
 * `RIVVEN_CODE_INVALID_ARGUMENT` for a list without offsets and for an offset
 * above 2^63 - 1, `RIVVEN_CODE_INVALID_GROUP_ID`, and as `rivven_transaction_send`.
 */
rivven_code rivven_transaction_send_offsets(rivven_transaction_t *transaction,
                                            const char *group,
                                            const rivven_offsets_t *offsets,
                                            rivven_error_t **error);

/**
 * Lets a consumer's positions count together with the records, for its group.
 *
 * They are those behind the records that it has given, unless the program has
 * stored others. Commit the transaction before the next poll, and let the consumer
 * commit nothing by itself (`enable.auto.commit` false). While the
 * transaction is open the group may take partitions away; then it is not
 * committed. `rivven_transformer_new` does all this by itself.
 *
 * Fails with `RIVVEN_CODE_NOT_ASSIGNED` if partitions were taken away, with
 * `RIVVEN_CODE_CLOSED` for a consumer that is closed, and as
 * `rivven_transaction_send`.
 */
rivven_code rivven_transaction_send_consumer_offsets(rivven_transaction_t *transaction,
                                                     rivven_consumer_t *consumer,
                                                     rivven_error_t **error);

/**
 * Waits until all records are written, and lets them and the offsets count.
 *
 * If the answer is lost it is found out what became of the commit, as far as
 * there is a way.
 *
 * Fails with:
 * - `RIVVEN_CODE_INVALID_STATE` once the transaction has ended or is ending;
 * - `RIVVEN_CODE_INVALID_TXN_STATE` if something has failed: it has been aborted;
 * - `RIVVEN_CODE_INVALID_TXN_ID` and `RIVVEN_CODE_TRANSACTION_TIMED_OUT` if the
 *   broker has dropped it: nothing counts;
 * - `RIVVEN_CODE_COMMIT_FAILED`, of unknown outcome, if nothing could be found out;
 * - `RIVVEN_CODE_CLOSED` if the producer was closed before, which aborts it;
 * - `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_transaction_commit(rivven_transaction_t *transaction, rivven_error_t **error);

/**
 * Drops what is not written yet, and lets nothing of the transaction count.
 *
 * Fails with:
 * - `RIVVEN_CODE_INVALID_STATE` once the transaction has ended or is ending;
 * - `RIVVEN_CODE_TRANSACTION_TIMED_OUT` if the broker got to know of it too late,
 *   and shows the records for ever;
 * - why the broker could not be told, which aborts it by itself after
 *   `transaction.timeout.ms` then;
 * - `RIVVEN_CODE_CLOSED` if the producer was closed before, which aborts it;
 * - `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_transaction_abort(rivven_transaction_t *transaction, rivven_error_t **error);

/**
 * Tells in `*open` whether the transaction still takes records.
 *
 * `open` may be NULL. Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_transaction_is_open(rivven_transaction_t *transaction,
                                       bool *open,
                                       rivven_error_t **error);

/**
 * Gives the `transactional.id` of its producer; NULL for NULL. It lives as long as the transaction.
 */
const char *rivven_transaction_id(const rivven_transaction_t *transaction);

/**
 * Gives the identity under which it was begun, which each transaction has for itself; 0 for NULL.
 */
uint64_t rivven_transaction_producer_id(const rivven_transaction_t *transaction);

/**
 * Drops the caller's reference to a transaction; accepts NULL and never blocks.
 *
 * One that is open is aborted in the background, which the next one of its
 * producer waits for; not so one that `rivven_transformer_next` gave. A call that
 * is under way in another thread goes on to its end.
 */
void rivven_transaction_free(rivven_transaction_t *transaction);

/* ----------------------------------------------------------------------------
 * Work done by transactions
 *
 * Records are read, worked on and written so that what comes of each counts
 * once. Each round has a transaction, of which the positions behind its records
 * are part; after a failure or a crash they are read again.
 *
 *     rivven_transformer_new(consumer, producer, &transformer, &error);
 *     while (rivven_transformer_next(transformer, &batch, &transaction, &error) == RIVVEN_CODE_OK && batch) {
 *         const char *why = work_on(batch, transaction);
 *         if (why) rivven_transformer_fail(transformer, why, &error);
 *         else rivven_transformer_commit(transformer, NULL, &error);
 *         rivven_transaction_free(transaction);
 *         rivven_batch_free(batch);
 *     }
 *     rivven_transformer_free(transformer);
 * ---------------------------------------------------------------------------- */

/**
 * What a transformer has done, at one moment.
 *
 * It belongs to the caller, who frees it with `rivven_transform_report_free`.
 * It never changes, so it may be read from any thread.
 */
typedef struct rivven_transform_report_t rivven_transform_report_t;

/**
 * Reads by a consumer, and begins a transaction of a producer for each round of records.
 *
 * It belongs to the caller, who frees it with `rivven_transformer_free`, and
 * keeps the consumer and the producer alive. Its calls may be made from any
 * thread and follow one another. In the callback of rebalances of the consumer
 * they fail with `RIVVEN_CODE_INVALID_STATE`, and in the child of a `fork` with
 * `RIVVEN_CODE_FORKED`; free it there.
 */
typedef struct rivven_transformer_t rivven_transformer_t;

/**
 * Makes a transformer of a consumer and a producer, and stores it in `*transformer`.
 *
 * The caller frees it with `rivven_transformer_free`. Let nobody else poll the
 * consumer or begin transactions of the producer meanwhile.
 *
 * Fails with `RIVVEN_CODE_INVALID_CONFIG` if the consumer commits by itself
 * (`enable.auto.commit` has to be false), or the producer has no
 * `transactional.id`; with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_transformer_new(rivven_consumer_t *consumer,
                                   rivven_producer_t *producer,
                                   rivven_transformer_t **transformer,
                                   rivven_error_t **error);

/**
 * Waits for records and begins a transaction for what is written of them.
 *
 * The records are stored in `*batch`, which the caller frees with
 * `rivven_batch_free`, and the transaction in `*transaction`, which the caller
 * frees with `rivven_transaction_free`. Both are NULL once the consumer was woken
 * up by `rivven_consumer_wakeup` or is closed.
 *
 * Write to the transaction, then call `rivven_transformer_commit` or
 * `rivven_transformer_fail`. A round for which neither was called is aborted here
 * first, and its records are read again. After failures this pauses before
 * it reads (`process.retry.backoff.ms`). The callback of rebalances is called in it.
 *
 * Fails as `rivven_consumer_poll` and `rivven_transaction_begin`; call it again if
 * `rivven_error_is_retriable`.
 */
rivven_code rivven_transformer_next(rivven_transformer_t *transformer,
                                    rivven_batch_t **batch,
                                    rivven_transaction_t **transaction,
                                    rivven_error_t **error);

/**
 * Lets what was written count, together with the positions behind the records.
 *
 * `*counts` is false if that failed and the records are read again by the next
 * `rivven_transformer_next`; it may be NULL, as there is nothing to be done about
 * it.
 *
 * Fails with `RIVVEN_CODE_INVALID_STATE` if no records are under way; with what
 * cannot be mended by another attempt, or has failed `process.retries` times in a
 * row after the first, lost connections not counted: the records are read again
 * all the same. Fails with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`, too.
 */
rivven_code rivven_transformer_commit(rivven_transformer_t *transformer,
                                      bool *counts,
                                      rivven_error_t **error);

/**
 * Drops what was written, since the work has failed; the records are read again.
 *
 * `why` is a text for the error, which is copied.
 *
 * Fails with `RIVVEN_CODE_PROCESSING_FAILED` once the work has failed
 * `process.retries` times in a row after the first;
 * `RIVVEN_CODE_INVALID_STATE` if no records are under way; `RIVVEN_CODE_FORKED`
 * and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_transformer_fail(rivven_transformer_t *transformer,
                                    const char *why,
                                    rivven_error_t **error);

/**
 * Stores in `*report` what was done so far, once the call under way in another thread has ended.
 *
 * The caller frees it with `rivven_transform_report_free`. Fails with
 * `RIVVEN_CODE_INVALID_STATE` in the callback of rebalances, with
 * `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_transformer_report(rivven_transformer_t *transformer,
                                      rivven_transform_report_t **report,
                                      rivven_error_t **error);

/** Gives the number of transactions that were committed; 0 for NULL. */
uint64_t rivven_transform_report_transactions(const rivven_transform_report_t *report);

/** Gives the number of records that were read in them; 0 for NULL. */
uint64_t rivven_transform_report_records(const rivven_transform_report_t *report);

/** Gives the number of rounds that were aborted, whose records were read again; 0 for NULL. */
uint64_t rivven_transform_report_aborted(const rivven_transform_report_t *report);

/**
 * Gives the number of rounds of which it is not known whether they were committed; 0 for NULL.
 *
 * Their records were read again, and what was written before may count as well. It takes a
 * lost answer and a restart of the broker.
 */
uint64_t rivven_transform_report_uncertain(const rivven_transform_report_t *report);

/** Frees a report; accepts NULL. */
void rivven_transform_report_free(rivven_transform_report_t *report);

/**
 * Drops the caller's reference to a transformer; accepts NULL and never blocks.
 *
 * A round that was neither committed nor failed is aborted in the background once
 * its transaction is freed as well: nothing of it counts, and the next consumer of
 * the group reads its records again.
 */
void rivven_transformer_free(rivven_transformer_t *transformer);

/* ----------------------------------------------------------------------------
 * Statistics of consumers
 * ---------------------------------------------------------------------------- */

/**
 * What a consumer has done so far, and where its partitions are, at one moment.
 *
 * It belongs to the caller, who frees it with `rivven_consumer_stats_free`.
 * It never changes, so it may be read from any thread.
 */
typedef struct rivven_consumer_stats_t rivven_consumer_stats_t;

/**
 * Stores in `*stats` what a consumer has done so far, and where its partitions are.
 *
 * Asks no server. The caller frees it with `rivven_consumer_stats_free`. Fails
 * with `RIVVEN_CODE_FORKED` and `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_consumer_stats(rivven_consumer_t *consumer,
                                  rivven_consumer_stats_t **stats,
                                  rivven_error_t **error);

/** Gives the number of polls that have ended with a result; 0 for NULL. */
uint64_t rivven_consumer_stats_polls(const rivven_consumer_stats_t *stats);

/** Gives the number of records that polls gave; 0 for NULL. */
uint64_t rivven_consumer_stats_records(const rivven_consumer_stats_t *stats);

/** Gives the number of requests for records that were answered; 0 for NULL. */
uint64_t rivven_consumer_stats_fetches(const rivven_consumer_stats_t *stats);

/** Gives the number of those whose answer held no record; 0 for NULL. */
uint64_t rivven_consumer_stats_empty_fetches(const rivven_consumer_stats_t *stats);

/**
 * Gives the number of records that were received, those that were not handed out included; 0 for NULL.
 */
uint64_t rivven_consumer_stats_records_fetched(const rivven_consumer_stats_t *stats);

/** Gives the bytes of those answers; 0 for NULL. */
uint64_t rivven_consumer_stats_bytes_fetched(const rivven_consumer_stats_t *stats);

/**
 * Gives the number of failures of requests and connections, repeated ones included; 0 for NULL.
 */
uint64_t rivven_consumer_stats_errors(const rivven_consumer_stats_t *stats);

/** Gives the number of connections that were lost; 0 for NULL. */
uint64_t rivven_consumer_stats_reconnects(const rivven_consumer_stats_t *stats);

/** Gives the number of answers that the broker withheld for the sake of a quota; 0 for NULL. */
uint64_t rivven_consumer_stats_throttled(const rivven_consumer_stats_t *stats);

/** Gives the number of offsets that were committed; 0 for NULL. */
uint64_t rivven_consumer_stats_commits(const rivven_consumer_stats_t *stats);

/** Gives the number of offsets that could not be committed; 0 for NULL. */
uint64_t rivven_consumer_stats_failed_commits(const rivven_consumer_stats_t *stats);

/** Gives how often partitions of subscribed topics were given or taken away; 0 for NULL. */
uint64_t rivven_consumer_stats_rebalances(const rivven_consumer_stats_t *stats);

/** Gives the number of records that wait to be polled; 0 for NULL. */
uint64_t rivven_consumer_stats_records_waiting(const rivven_consumer_stats_t *stats);

/**
 * Gives the bytes of `fetch.buffer.memory` in use, by batches that are not freed, too; 0 for NULL.
 */
uint64_t rivven_consumer_stats_bytes_held(const rivven_consumer_stats_t *stats);

/** Gives how many records there are behind the positions, as far as is known; 0 for NULL. */
uint64_t rivven_consumer_stats_lag(const rivven_consumer_stats_t *stats);

/**
 * Gives the message of the last failure; NULL if there was none, and for NULL.
 *
 * It lives as long as the statistics.
 */
const char *rivven_consumer_stats_last_error(const rivven_consumer_stats_t *stats);

/** Gives the number of partitions that the consumer has; 0 for NULL. */
size_t rivven_consumer_stats_partitions_len(const rivven_consumer_stats_t *stats);

/**
 * Gives the topic of a partition; NULL if there is none of that index.
 *
 * It lives as long as the statistics.
 */
const char *rivven_consumer_stats_topic(const rivven_consumer_stats_t *stats, size_t index);

/** Gives the number of a partition; 0 if there is none of that index. */
uint32_t rivven_consumer_stats_partition(const rivven_consumer_stats_t *stats, size_t index);

/**
 * Gives the offset of the next record that a poll gives of a partition.
 *
 * `RIVVEN_OFFSET_UNKNOWN` until it is known, and if there is no partition of that index.
 */
uint64_t rivven_consumer_stats_position(const rivven_consumer_stats_t *stats, size_t index);

/**
 * Gives the committed offset of a partition, as far as this consumer knows.
 *
 * `RIVVEN_OFFSET_UNKNOWN` until it is known, and if there is no partition of that index.
 */
uint64_t rivven_consumer_stats_committed(const rivven_consumer_stats_t *stats, size_t index);

/**
 * Gives the end of the log of a partition, of some seconds ago at most while it is read.
 *
 * `RIVVEN_OFFSET_UNKNOWN` until it is known, and if there is no partition of that index.
 */
uint64_t rivven_consumer_stats_latest(const rivven_consumer_stats_t *stats, size_t index);

/**
 * Gives how many offsets lie between position and end of a partition.
 *
 * `RIVVEN_OFFSET_UNKNOWN` until it is known, and if there is no partition of that index.
 */
uint64_t rivven_consumer_stats_partition_lag(const rivven_consumer_stats_t *stats, size_t index);

/** Tells whether a partition is paused. */
bool rivven_consumer_stats_is_paused(const rivven_consumer_stats_t *stats, size_t index);

/** Frees statistics; accepts NULL. */
void rivven_consumer_stats_free(rivven_consumer_stats_t *stats);

/* ----------------------------------------------------------------------------
 * Changes of servers
 *
 * A client or a producer tells by a queue which server stops working, why, and
 * when it works again.
 *
 *     rivven_client_subscribe_state_changes(client, queue, 1, &error);
 *
 *     if (rivven_events_kind(events, i) == RIVVEN_EVENT_KIND_SERVER_DEGRADED) {
 *         rivven_events_reason(events, i, &error);
 *         printf("%s: %s\n", rivven_events_server(events, i), rivven_error_message(error));
 *     }
 * ---------------------------------------------------------------------------- */

/**
 * Lets what changes about the servers of a client go to a queue, from now on until the client is closed.
 *
 * It comes as events of `RIVVEN_EVENT_KIND_SERVER_DEGRADED`,
 * `RIVVEN_EVENT_KIND_SERVER_RECOVERED` and, where the library could not keep
 * them all, `RIVVEN_EVENT_KIND_STATE_CHANGES_MISSED`. Each has the `opaque`
 * that is given here, a number of the program's own, or a pointer cast to one.
 * The queue may be freed before or after the client. Each call subscribes once
 * more.
 *
 * Fails with `RIVVEN_CODE_CLOSED`, `RIVVEN_CODE_FORKED` and
 * `RIVVEN_CODE_INVALID_ARGUMENT`.
 */
rivven_code rivven_client_subscribe_state_changes(rivven_client_t *client,
                                                  rivven_queue_t *queue,
                                                  uint64_t opaque,
                                                  rivven_error_t **error);

/**
 * Lets what changes about the servers of a producer go to a queue, as `rivven_client_subscribe_state_changes`.
 *
 * The queue may be another one than that of its deliveries.
 */
rivven_code rivven_producer_subscribe_state_changes(rivven_producer_t *producer,
                                                    rivven_queue_t *queue,
                                                    uint64_t opaque,
                                                    rivven_error_t **error);

/**
 * Changes of servers: gives the number that the program gave when it subscribed; 0 for other events.
 */
uint64_t rivven_events_opaque(const rivven_events_t *events,
                              size_t index);

/**
 * Changes of servers: gives the server, `host:port` as it is dialled; NULL for other events and missed changes.
 *
 * It lives as long as the events.
 */
const char *rivven_events_server(const rivven_events_t *events,
                                 size_t index);

/**
 * Changes of servers: gives how many attempts have failed, or failed meanwhile; 0 for other events.
 */
uint32_t rivven_events_attempts(const rivven_events_t *events, size_t index);

/**
 * Degraded server: fails with why it does not work, the last time that it was tried.
 *
 * `RIVVEN_CODE_INVALID_ARGUMENT` for other events.
 */
rivven_code rivven_events_reason(const rivven_events_t *events,
                                 size_t index,
                                 rivven_error_t **error);

/** Recovered server: gives how long it did not work, in milliseconds; 0 for other events. */
uint64_t rivven_events_outage_ms(const rivven_events_t *events, size_t index);

/** Missed changes: gives how many were not kept; 0 for other events. */
uint64_t rivven_events_missed(const rivven_events_t *events, size_t index);

#ifdef __cplusplus
}
#endif

#endif /* RIVVEN_H */
