//! The one error type.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use rivven_client::{Client, Detail, Error, ErrorCode, Outcome};

use crate::{Done, broker};

/// One error of every variant, how it shows, and whether a repetition may help.
fn every_variant() -> Vec<(Error, &'static str, bool)> {
    vec![
        (Error::ConnectionError("lost".into()), "Connection error: lost", true),
        (Error::ConfigError("bad".into()), "Configuration error: bad", false),
        (Error::IoError(ErrorKind::TimedOut, "slow".into()), "IO error (TimedOut): slow", true),
        (Error::SerializationError("no UTF-8".into()), "Serialization error: no UTF-8", false),
        (Error::ProtocolError("bad tag".into()), "Protocol error: bad tag", true),
        (Error::ServerError("busy".into()), "Server error: busy", true),
        (Error::AuthenticationFailed("no".into()), "Authentication failed: no", false),
        (Error::InvalidResponse, "Invalid response", true),
        (Error::ResponseTooLarge(20, 10), "Response too large: 20 bytes (max: 10)", true),
        (Error::RequestTooLarge(20, 10), "Request too large: 20 bytes (max: 10)", false),
        (Error::CircuitBreakerOpen("a:1".into()), "Circuit breaker open for server: a:1", true),
        (Error::PoolExhausted("a:1".into()), "Connection pool exhausted: a:1", true),
        (Error::AllServersUnavailable, "All servers unavailable", true),
        (Error::Timeout, "Request timeout", true),
        (Error::TimeoutWithMessage("ping".into()), "Timeout: ping", true),
        (Error::Closed("closed".into()), "closed", false),
        (Error::Misuse("wrong".into()), "wrong", false),
        (Error::Other("odd".into()), "odd", true),
    ]
}

/// A program's match on every variant.
fn describe(error: &Error) -> String {
    match error {
        Error::ConnectionError(detail)
        | Error::ConfigError(detail)
        | Error::ProtocolError(detail)
        | Error::ServerError(detail)
        | Error::AuthenticationFailed(detail)
        | Error::SerializationError(detail)
        | Error::CircuitBreakerOpen(detail)
        | Error::PoolExhausted(detail)
        | Error::TimeoutWithMessage(detail)
        | Error::Closed(detail)
        | Error::Misuse(detail)
        | Error::Other(detail) => detail.to_string(),
        Error::IoError(kind, message) => format!("{kind:?} {message}"),
        Error::ResponseTooLarge(size, max) | Error::RequestTooLarge(size, max) => format!("{size} {max}"),
        Error::InvalidResponse | Error::AllServersUnavailable | Error::Timeout => String::new(),
        _ => unreachable!("every variant is named"),
    }
}

// covers: F121 rust
// covers: F123 rust
#[test]
fn every_variant_shows_as_specified_and_says_whether_to_try_again() {
    for (error, text, retriable) in every_variant() {
        assert_eq!(error.to_string(), text);
        assert_eq!(error.is_retriable(), retriable, "{error:?}");
        let part = describe(&error);
        assert!(part.split(' ').all(|word| text.contains(word)), "{part} of {text}");
        assert!(!error.is_abortable());
        assert_eq!(error.is_fatal(), matches!(error, Error::Closed(_)), "{error:?}");
    }
}

// covers: F121 rust
#[test]
fn a_detail_reads_as_a_string_and_is_made_of_one() {
    let detail: Detail = String::from("why").into();
    assert!(detail == "why" && detail.starts_with('w') && detail.len() == 3);
    assert_eq!(format!("{detail} {detail:?}"), "why \"why\"");
    let Error::Other(text) = Error::Other("odd".into()) else { unreachable!() };
    assert_eq!(&*text, "odd");
}

// covers: F122 rust
#[test]
fn an_io_error_keeps_its_kind() {
    let error: Error = io::Error::new(ErrorKind::BrokenPipe, "gone").into();
    match &error {
        Error::IoError(kind, message) => {
            assert_eq!((*kind, message.to_string()), (ErrorKind::BrokenPipe, "gone".into()))
        }
        other => panic!("{other:?}"),
    }
    assert!(error.source().is_some_and(|source| source.is::<io::Error>()));
}

// covers: F123 rust
#[test]
fn a_server_s_text_decides_whether_to_try_again() {
    let permanent = [
        "INVALID_TOPIC_NAME: x",
        "INVALID_PARTITION: x",
        "INVALID_PARTITION_COUNT: x",
        "INVALID_PARTITIONS: x",
        "INVALID_CONSUMER_GROUP: x",
        "INVALID_GROUP_ID: x",
        "Consumer group 'g' not found",
        "Topic 't' already exists",
        "OFFSET_OUT_OF_RANGE: x",
        "INVALID_CONFIG: x",
        "PRODUCER_FENCED: x",
        "CONCURRENT_TRANSACTIONS: x",
        "INVALID_TXN_ID: x",
        "INVALID_TXN_STATE: x",
        "TRANSACTION_TIMED_OUT",
        "PARTITION_NOT_IN_TXN: x",
        "AUTHENTICATION_FAILED: x",
        "AUTHORIZATION_FAILED: x",
        "MESSAGE_TOO_LARGE: x",
        "INVALID_REQUEST: x",
        "INTERNAL_ERROR: x",
        "UNSUPPORTED_VERSION: x",
        "ILLEGAL_GENERATION: x",
        "UNKNOWN_MEMBER_ID: x",
    ];
    let retriable = [
        "BUFFER_FULL: x",
        "WAL_ERROR: x",
        "PARTITION_CREATE_FAILED: x",
        "NOT_LEADER_FOR_PARTITION: x",
        "FENCED_LEADER_EPOCH: x",
        "UNKNOWN_PRODUCER_ID: x",
        "OUT_OF_ORDER_SEQUENCE: expected 1, got 3",
        "TRANSACTION_ERROR: TooManyTransactions",
        "JOIN_GROUP_FAILED: x",
        "AUTHENTICATION_REQUIRED",
        "SESSION_EXPIRED: x",
        "RATE_LIMIT_EXCEEDED: x",
        "INTERNAL_ERROR: response send failed",
        "I/O error: x",
        "something new",
    ];
    for text in permanent {
        assert!(!Error::ServerError(text.into()).is_retriable(), "{text}");
    }
    for text in retriable {
        assert!(Error::ServerError(text.into()).is_retriable(), "{text}");
    }
}

// covers: F123 rust
#[tokio::test]
async fn an_error_of_the_broker_has_code_outcome_and_its_own_text() -> Done {
    let broker = broker();
    let client = Client::connect(broker.address()).await?;
    client.create_topic("events", Some(1)).await?;
    let error = client.create_topic("events", Some(1)).await.unwrap_err();
    assert!(matches!(&error, Error::ServerError(text) if text.contains("already exists")), "{error:?}");
    assert!(error.to_string().starts_with("Server error: "));
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TopicAlreadyExists, Outcome::Rejected));
    assert_eq!((error.is_retriable(), error.is_fatal(), error.is_abortable()), (false, false, false));
    let error = client.create_topic("no spaces", None).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::InvalidTopic, Outcome::NotSent));
    let boxed: Box<dyn std::error::Error + Send + Sync> = error.into();
    assert!(boxed.downcast_ref::<Error>().is_some());
    Ok(())
}
