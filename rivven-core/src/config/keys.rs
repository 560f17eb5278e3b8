//! The configuration keys: the one home of their names, kinds, defaults and meaning.

use crate::protocol::{MAX_CONSUME_WAIT_MS, MAX_MESSAGE_SIZE};

/// Who reads a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Every client, and producers and consumers where it concerns them.
    Client,
    /// Producers; others accept the key and do not read it.
    Producer,
    /// Consumers; others accept the key and do not read it.
    Consumer,
    /// The first client of the process, for all.
    Process,
}

/// The values that a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// Any text that is not empty.
    Text,
    /// Texts between commas, at least one.
    List,
    /// `true` or `false`.
    Flag,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A whole number in a range, both ends included.
    Integer {
        /// The least value.
        min: u64,
        /// The greatest value.
        max: u64,
    },
    /// A number in a range, both ends included.
    Decimal {
        /// The least value.
        min: f64,
        /// The greatest value.
        max: f64,
    },
}

/// One configuration key.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Property {
    /// The name, as C and files spell it: `request.timeout.ms`.
    pub name: &'static str,
    /// Who reads it.
    pub scope: Scope,
    /// What values it takes.
    pub kind: Kind,
    /// The value where none is set; `None` if it is computed or required, as the text says.
    pub default: Option<&'static str>,
    /// The same for producers, where they have a value of their own.
    pub producer_default: Option<&'static str>,
    /// The same for consumers.
    pub consumer_default: Option<&'static str>,
    /// Whether the value must never be shown.
    pub secret: bool,
    /// What it does, in one sentence.
    pub doc: &'static str,
}

/// The longest time that most keys accept: one hour.
const HOUR_MS: u64 = 3_600_000;

/// The longest time of keys that bridge outages, or say how long something is kept: one day.
const DAY_MS: u64 = 24 * HOUR_MS;

/// The most requests that may be in flight on a connection.
const MAX_IN_FLIGHT: u64 = 1_000_000;

/// More records than a poll can gather.
const MAX_POLL_RECORDS: u64 = 1_000_000;

/// The most handlers of one consumer.
const MAX_HANDLERS: u64 = 10_000;

/// More memory than a producer or a consumer can have: one tebibyte.
const MAX_MEMORY: u64 = 1 << 40;

/// The most connections of a producer to one broker: the broker accepts 100 of one address.
const MAX_CONNECTIONS: u64 = 64;

const fn milliseconds(name: &'static str, default: &'static str, doc: &'static str) -> Property {
    Property { kind: Kind::Integer { min: 1, max: HOUR_MS }, ..text(name, Some(default), doc) }
}

const fn integer(name: &'static str, default: &'static str, range: (u64, u64), doc: &'static str) -> Property {
    Property { kind: Kind::Integer { min: range.0, max: range.1 }, ..text(name, Some(default), doc) }
}

const fn flag(name: &'static str, default: Option<&'static str>, doc: &'static str) -> Property {
    Property { kind: Kind::Flag, ..text(name, default, doc) }
}

const fn text(name: &'static str, default: Option<&'static str>, doc: &'static str) -> Property {
    Property {
        name,
        scope: Scope::Client,
        kind: Kind::Text,
        default,
        producer_default: None,
        consumer_default: None,
        secret: false,
        doc,
    }
}

const fn choice(
    name: &'static str,
    choices: &'static [&'static str],
    default: &'static str,
    doc: &'static str,
) -> Property {
    Property { kind: Kind::Choice(choices), ..text(name, Some(default), doc) }
}

/// The key for producers.
const fn producer(key: Property) -> Property {
    Property { scope: Scope::Producer, ..key }
}

/// The key for consumers.
const fn consumer(key: Property) -> Property {
    Property { scope: Scope::Consumer, ..key }
}

/// Every key.
const KEYS: &[Property] = &[
    Property {
        name: "bootstrap.servers",
        scope: Scope::Client,
        kind: Kind::List,
        default: None,
        producer_default: Some("127.0.0.1:9092"),
        consumer_default: Some("127.0.0.1:9092"),
        secret: false,
        doc: "the servers to try in turn, as host:port between commas; clients require it",
    },
    text("client.id", Some("rivven-client"), "the name that the client gives of itself in the handshake"),
    milliseconds(
        "connection.timeout.ms",
        "10000",
        "the time to resolve, connect, encrypt, exchange the handshake and log in; connecting a client shares it among its servers",
    ),
    milliseconds("request.timeout.ms", "30000", "the time from a call to its answer"),
    Property {
        producer_default: Some("30000"),
        ..milliseconds(
            "close.timeout.ms",
            "5000",
            "how long close waits for pending answers, a producer's for its records to be delivered, and a consumer's for its offsets to be committed",
        )
    },
    integer("pool.size.per.server", "10", (1, 1000), "the most connections to one server"),
    milliseconds("max.connection.lifetime.ms", "300000", "the age at which a connection is replaced by a new one"),
    milliseconds("idle.timeout.ms", "60000", "how long a connection beyond the first is kept without use"),
    integer("max.retries", "3", (0, 1_000_000), "how often a call that failed is repeated, within its time"),
    milliseconds("retry.initial.delay.ms", "100", "the pause before the first repetition; half of it is random"),
    milliseconds("retry.max.delay.ms", "5000", "the longest pause between repetitions"),
    Property {
        kind: Kind::Decimal { min: 1.0, max: 100.0 },
        ..text("retry.multiplier", Some("2.0"), "by how much each pause is longer than the one before")
    },
    flag(
        "retry.unknown.outcome",
        Some("true"),
        "whether a record of which it is unknown whether it was written is sent again; the result then says maybe_duplicate",
    ),
    integer(
        "circuit.breaker.failure.threshold",
        "5",
        (1, 1_000_000),
        "after how many failures in a row a server is not tried for a while",
    ),
    milliseconds(
        "circuit.breaker.recovery.timeout.ms",
        "30000",
        "how long such a server is left alone before one request tries it again",
    ),
    flag(
        "health.check.enabled",
        Some("true"),
        "whether servers in use, and those that failed, are pinged in the background",
    ),
    milliseconds("health.check.interval.ms", "5000", "the pause between such pings"),
    choice(
        "decompression",
        &["auto", "always", "never"],
        "auto",
        "which values are decompressed when they are read: those with a checksum that verifies (auto), all (always), none (never)",
    ),
    text("auth.username", None, "the user to log in as; none logs in where it is not set"),
    Property { secret: true, ..text("auth.password", None, "the password of the user") },
    choice(
        "auth.mechanism",
        &["scram-sha-256", "plain"],
        "scram-sha-256",
        "how to log in; plain sends the password itself and is refused without TLS",
    ),
    flag("tls.enabled", None, "whether connections are encrypted; by default if any other tls key is set"),
    text("tls.ca.cert.path", None, "a PEM file with the CA certificates to trust; by default the system's"),
    text("tls.client.cert.path", None, "a PEM file with the client's certificate chain, for mutual TLS"),
    text("tls.client.key.path", None, "a PEM file with the key of the client's certificate"),
    text("tls.server.name", None, "the name that the server's certificate must have; by default the dialled host"),
    producer(integer(
        "batch.size",
        "16384",
        (1, MAX_MESSAGE_SIZE as u64),
        "the bytes of records that make a batch full, which is then sent without waiting for more; a longer record goes alone; not more than buffer.memory",
    )),
    producer(integer(
        "linger.ms",
        "0",
        (0, HOUR_MS),
        "how long a batch that is not full waits for more records; with 0 it is sent when its connection is free",
    )),
    producer(integer(
        "buffer.memory",
        "33554432",
        (1, MAX_MEMORY),
        "the bytes that records may hold until they are delivered, with what belongs to each batch; further ones wait for room; not less than batch.size",
    )),
    producer(choice(
        "compression.type",
        &["none", "snappy", "lz4", "zstd"],
        "none",
        "how each value is compressed, for itself: small values gain little; gzip is not supported",
    )),
    producer(flag(
        "enable.idempotence",
        Some("false"),
        "whether the broker drops a record that is sent again; needs acks other than 0 and at most 5 requests in flight",
    )),
    producer(integer(
        "retries",
        "3",
        (0, u32::MAX as u64),
        "how often a batch that failed is sent again, within delivery.timeout.ms",
    )),
    producer(milliseconds("retry.backoff.ms", "100", "the pause before a batch is sent again for the first time")),
    producer(milliseconds(
        "retry.backoff.max.ms",
        "1000",
        "the longest such pause; each is twice as long as the one before",
    )),
    producer(integer(
        "max.in.flight.requests",
        "5",
        (1, MAX_IN_FLIGHT),
        "the most batches without answer on one connection",
    )),
    producer(choice(
        "acks",
        &["0", "1", "-1", "all"],
        "1",
        "whether a record counts as delivered when it is written to the connection (0) or when the broker has answered (1, -1 and all, which are the same); the broker is not told",
    )),
    producer(Property {
        kind: Kind::Integer { min: 1, max: DAY_MS },
        ..milliseconds(
            "delivery.timeout.ms",
            "120000",
            "the time from handing a record over to its delivery, all repetitions included; at least request.timeout.ms and linger.ms together",
        )
    }),
    producer(Property {
        kind: Kind::Integer { min: 1, max: DAY_MS },
        ..milliseconds("metadata.max.age.ms", "300000", "the age at which what is known of a topic is asked for anew")
    }),
    producer(Property {
        consumer_default: Some("16"),
        ..integer(
            "connections.per.broker",
            "8",
            (1, MAX_CONNECTIONS),
            "the most connections to one broker, which serves each in turn; every partition keeps to one of them, and consumers use at most 16",
        )
    }),
    producer(flag(
        "allow.auto.create.topics",
        Some("true"),
        "whether an unknown topic is created with the broker's number of partitions; sending to it fails otherwise",
    )),
    producer(milliseconds(
        "max.block.ms",
        "60000",
        "how long sending waits for room in buffer.memory, and for what has to be known of the topic",
    )),
    producer(text(
        "transactional.id",
        None,
        "the name under which the producer's transactions are known; with it records are sent within transactions only",
    )),
    producer(Property {
        kind: Kind::Integer { min: 1000, max: HOUR_MS },
        ..text(
            "transaction.timeout.ms",
            Some("60000"),
            "how long a transaction may be idle before it is aborted; the broker measures from its last call",
        )
    }),
    producer(choice(
        "partitioner",
        &["sticky", "round-robin"],
        "sticky",
        "the partition of records without a key: one until its batch ends, then the next (sticky), or each in turn (round-robin); a key decides by its murmur2 hash",
    )),
    consumer(text("group.id", Some("default-group"), "the group whose offsets are committed")),
    consumer(integer("max.poll.records", "500", (1, MAX_POLL_RECORDS), "the most records that one poll gives")),
    consumer(milliseconds("max.poll.interval.ms", "5000", "how long a poll waits for records before it gives none")),
    consumer(Property {
        kind: Kind::Integer { min: 1, max: DAY_MS },
        ..milliseconds(
            "max.processing.interval.ms",
            "300000",
            "how long the program may take between polls before its partitions go to other members of the group",
        )
    }),
    consumer(flag("enable.auto.commit", Some("true"), "whether what the previous poll gave is committed by itself")),
    consumer(Property {
        kind: Kind::Integer { min: 1, max: DAY_MS },
        ..milliseconds("auto.commit.interval.ms", "5000", "the time between such commits; there is one more at the end")
    }),
    consumer(choice(
        "auto.offset.reset",
        &["earliest", "latest", "error"],
        "earliest",
        "where reading begins without a committed offset: at the first record, behind the last one, or not at all with an error",
    )),
    consumer(choice(
        "isolation.level",
        &["read_uncommitted", "read_committed", "0", "1"],
        "read_uncommitted",
        "whether records of aborted transactions are shown; broker release 0.0.22 shows those of open ones at any level",
    )),
    consumer(Property {
        kind: Kind::Integer { min: 1, max: DAY_MS },
        ..milliseconds(
            "metadata.refresh.interval.ms",
            "300000",
            "how often subscribed topics are looked at for new partitions, and the brokers for who leads them",
        )
    }),
    consumer(milliseconds(
        "reconnect.backoff.ms",
        "100",
        "the pause before a lost connection is made anew for the first time",
    )),
    consumer(milliseconds(
        "reconnect.backoff.max.ms",
        "10000",
        "the longest such pause; each is twice as long as the one before",
    )),
    consumer(integer(
        "max.reconnect.attempts",
        "10",
        (1, u32::MAX as u64),
        "how often in a row that may fail before poll returns the error; the next poll begins anew",
    )),
    consumer(milliseconds(
        "session.timeout.ms",
        "10000",
        "after how long without a heartbeat the broker takes a member for dead",
    )),
    consumer(milliseconds("rebalance.timeout.ms", "30000", "how long the members of a group have to join anew")),
    consumer(milliseconds(
        "heartbeat.interval.ms",
        "3000",
        "the time between heartbeats; where it is more than a third of session.timeout.ms it is taken for that",
    )),
    consumer(choice(
        "partition.assignment.strategy",
        &["range", "roundrobin", "sticky"],
        "range",
        "how a group divides partitions: neighbouring ones of each topic, all in turn, or so that as few as possible move; every member should have the same",
    )),
    consumer(integer(
        "fetch.buffer.memory",
        "67108864",
        (1, MAX_MEMORY),
        "the bytes of records that may be held, those that the program keeps included; no more are asked for beyond it",
    )),
    consumer(integer(
        "fetch.max.wait.ms",
        "500",
        (1, MAX_CONSUME_WAIT_MS),
        "how long the broker may wait for a first record before it answers; partitions that share a connection share it",
    )),
    consumer(flag(
        "report.partition.end",
        Some("false"),
        "whether a poll returns as soon as the end of a partition is reached, and says of which",
    )),
    consumer(integer(
        "process.concurrency",
        "16",
        (1, MAX_HANDLERS),
        "the most handlers that process lets work at once; a partition has one at a time",
    )),
    consumer(integer(
        "process.retries",
        "3",
        (0, u32::MAX as u64),
        "how often process has a record handled again whose handler failed",
    )),
    consumer(milliseconds("process.retry.backoff.ms", "100", "the pause before that for the first time")),
    consumer(milliseconds(
        "process.retry.backoff.max.ms",
        "10000",
        "the longest such pause; each is twice as long as the one before",
    )),
    consumer(text("process.dead.letter.topic", None, "where a record goes that failed every time, by default nowhere")),
    consumer(choice(
        "process.on.failure",
        &["stop", "skip"],
        "stop",
        "what becomes of such a record without that topic: process stops in front of it, or leaves it out",
    )),
    Property {
        name: "runtime.threads",
        scope: Scope::Process,
        kind: Kind::Integer { min: 1, max: 1024 },
        default: None,
        producer_default: None,
        consumer_default: None,
        secret: false,
        doc: "the threads of the background runtime that C, Python and Node share; the first client decides, by default the number of cores but at most 4",
    },
];

impl Property {
    /// Every key.
    pub fn all() -> &'static [Property] {
        KEYS
    }

    /// The key of this name, in any spelling: `linger.ms`, `linger_ms` or `lingerMs`.
    pub fn find(name: &str) -> Option<&'static Property> {
        let dotted = dotted(name);
        KEYS.iter().find(|key| key.name == dotted)
    }

    /// The value in a scope where none is set.
    pub fn default_in(&self, scope: Scope) -> Option<&'static str> {
        match scope {
            Scope::Producer => self.producer_default.or(self.default),
            Scope::Consumer => self.consumer_default.or(self.default),
            _ => self.default,
        }
    }

    /// Whether a number is in the range of a key; the error is a text.
    pub(super) fn check_range(name: &str, value: u64) -> Result<(), String> {
        match Property::find(name).map(|key| (key, key.kind)) {
            Some((key, Kind::Integer { min, max })) if !(min..=max).contains(&value) => {
                Err(format!("{} is {value}: set it from {min} to {max}", key.snake_name()))
            }
            _ => Ok(()),
        }
    }

    /// The name as Python spells it: `request_timeout_ms`.
    pub fn snake_name(&self) -> String {
        self.name.replace('.', "_")
    }

    /// The name as Node spells it: `requestTimeoutMs`.
    pub fn camel_name(&self) -> String {
        let mut upper = false;
        self.name.chars().fold(String::new(), |mut name, c| {
            match c {
                '.' => upper = true,
                _ if std::mem::take(&mut upper) => name.push(c.to_ascii_uppercase()),
                _ => name.push(c),
            }
            name
        })
    }
}

/// The dotted spelling of a key in any of the three.
///
/// Segments hold `a-z0-9` only, so the spellings map one to one.
pub(super) fn dotted(name: &str) -> String {
    name.chars().fold(String::with_capacity(name.len() + 4), |mut dotted, c| {
        match c {
            '_' => dotted.push('.'),
            'A'..='Z' => dotted.extend(['.', c.to_ascii_lowercase()]),
            _ => dotted.push(c),
        }
        dotted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_leads_to_its_key() {
        for key in Property::all() {
            for spelling in [key.name.to_owned(), key.snake_name(), key.camel_name()] {
                assert_eq!(Property::find(&spelling), Some(key), "{spelling}");
            }
            assert!(key.name.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '.')), "{}", key.name);
        }
        assert_eq!(Property::find("requestTimeout"), None);
    }
}
