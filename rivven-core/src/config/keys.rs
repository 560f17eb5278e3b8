//! The configuration keys: the one home of their names, kinds, defaults and meaning.

/// Who reads a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Every client.
    Client,
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
    /// Whether the value must never be shown.
    pub secret: bool,
    /// What it does, in one sentence.
    pub doc: &'static str,
}

/// The longest time that a key accepts: one hour.
const HOUR_MS: u64 = 3_600_000;

const fn milliseconds(name: &'static str, default: &'static str, doc: &'static str) -> Property {
    let kind = Kind::Integer { min: 1, max: HOUR_MS };
    Property { name, scope: Scope::Client, kind, default: Some(default), secret: false, doc }
}

const fn integer(name: &'static str, default: &'static str, range: (u64, u64), doc: &'static str) -> Property {
    let kind = Kind::Integer { min: range.0, max: range.1 };
    Property { name, scope: Scope::Client, kind, default: Some(default), secret: false, doc }
}

const fn flag(name: &'static str, default: Option<&'static str>, doc: &'static str) -> Property {
    Property { name, scope: Scope::Client, kind: Kind::Flag, default, secret: false, doc }
}

const fn text(name: &'static str, default: Option<&'static str>, doc: &'static str) -> Property {
    Property { name, scope: Scope::Client, kind: Kind::Text, default, secret: false, doc }
}

/// Every key.
const KEYS: &[Property] = &[
    Property {
        name: "bootstrap.servers",
        scope: Scope::Client,
        kind: Kind::List,
        default: None,
        secret: false,
        doc: "the servers to try in turn, as host:port between commas; required",
    },
    text("client.id", Some("rivven-client"), "the name that the client gives of itself in the handshake"),
    milliseconds(
        "connection.timeout.ms",
        "10000",
        "the time to resolve, connect, encrypt, exchange the handshake and log in; connecting a client shares it among its servers",
    ),
    milliseconds("request.timeout.ms", "30000", "the time from a call to its answer"),
    milliseconds("close.timeout.ms", "5000", "how long close waits for pending answers"),
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
    Property {
        kind: Kind::Choice(&["auto", "always", "never"]),
        ..text(
            "decompression",
            Some("auto"),
            "which values are decompressed when they are read: those with a checksum that verifies (auto), all (always), none (never)",
        )
    },
    text("auth.username", None, "the user to log in as; none logs in where it is not set"),
    Property { secret: true, ..text("auth.password", None, "the password of the user") },
    Property {
        kind: Kind::Choice(&["scram-sha-256", "plain"]),
        ..text(
            "auth.mechanism",
            Some("scram-sha-256"),
            "how to log in; plain sends the password itself and is refused without TLS",
        )
    },
    flag("tls.enabled", None, "whether connections are encrypted; by default if any other tls key is set"),
    text("tls.ca.cert.path", None, "a PEM file with the CA certificates to trust; by default the system's"),
    text("tls.client.cert.path", None, "a PEM file with the client's certificate chain, for mutual TLS"),
    text("tls.client.key.path", None, "a PEM file with the key of the client's certificate"),
    text("tls.server.name", None, "the name that the server's certificate must have; by default the dialled host"),
    Property {
        name: "runtime.threads",
        scope: Scope::Process,
        kind: Kind::Integer { min: 1, max: 1024 },
        default: None,
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
