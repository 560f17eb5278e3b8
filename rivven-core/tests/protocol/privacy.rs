//! `Debug` output holds no credentials and no records.

use bytes::Bytes;
use rivven_client::protocol::{BatchRecord, MessageData, Records, Request, Response};

const SECRET: &str = "hunter2";

fn secret() -> Bytes {
    SECRET.into()
}

#[track_caller]
fn check(value: &impl std::fmt::Debug, expected: &str) {
    for text in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!text.contains(SECRET) && !text.contains("104, 117"), "{text}");
    }
    assert_eq!(format!("{value:?}"), expected);
}

#[test]
fn credentials_are_redacted() {
    let login = Request::Authenticate { username: "u".into(), password: SECRET.into(), require_tls: true };
    check(&login, r#"Authenticate { username: "u", password: [REDACTED], require_tls: true }"#);
    let sasl = Request::SaslAuthenticate { mechanism: "PLAIN".into(), auth_bytes: secret() };
    check(&sasl, r#"SaslAuthenticate { mechanism: b"PLAIN", auth_bytes: [REDACTED] }"#);
    let first = Request::ScramClientFirst { message: secret() };
    check(&first, "ScramClientFirst { message: [REDACTED] }");
    let last = Request::ScramClientFinal { message: secret() };
    check(&last, "ScramClientFinal { message: [REDACTED] }");
    let first = Response::ScramServerFirst { message: secret() };
    check(&first, "ScramServerFirst { message: [REDACTED] }");
    let last = Response::ScramServerFinal { message: secret(), session_id: Some(SECRET.into()), expires_in: None };
    let text = "ScramServerFinal { message: [REDACTED], session_id: [REDACTED], expires_in: None }";
    check(&last, text);
    let session = Response::Authenticated { session_id: SECRET.into(), expires_in: 1 };
    check(&session, "Authenticated { session_id: [REDACTED], expires_in: 1 }");
}

#[test]
fn records_are_shown_by_size() {
    let request = Request::Publish {
        topic: "t".into(),
        partition: Some(3),
        key: Some(secret()),
        value: secret(),
        leader_epoch: None,
    };
    let text = r#"Publish { topic: "t", partition: Some(3), key: Some(7 bytes), value: 7 bytes, leader_epoch: None }"#;
    check(&request, text);
    check(&BatchRecord { key: None, value: secret() }, "BatchRecord { key: None, value: 7 bytes }");
    check(&request.encode().unwrap(), "RequestFrame(Publish, 32 bytes)");

    let message = MessageData {
        offset: 1,
        partition: 2,
        key: Some(secret()),
        value: secret(),
        timestamp: 3,
        headers: vec![("h".into(), secret())],
    };
    let text = r#"MessageData { offset: 1, partition: 2, key: Some(7 bytes), value: 7 bytes, timestamp: 3, headers: {"h": 7 bytes} }"#;
    check(&message, text);
    let payload = Response::Messages { messages: vec![message] }.encode();
    let records = Records::decode(&payload).unwrap().unwrap();
    let text = "[RecordRef { offset: 1, partition: 2, key: Some(7 bytes), value: 7 bytes, timestamp: 3 }]";
    check(&records, text);
}
