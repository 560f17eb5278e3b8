//! Schemas at the real registry, and at servers that answer what it does not.
#![cfg(feature = "schema-registry")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rivven_client::{
    Client, Error, ErrorCode, MAX_RESPONSE_SIZE, Outcome, ResilientClient, ResilientClientConfig, Result, Schema,
    SchemaType,
};
use rivven_testkit::{TestBroker, TestRegistry};

const AVRO: &str = r#"{"type":"record","name":"User","fields":[{"name":"id","type":"long"}]}"#;
const PROTOBUF: &str = "syntax = \"proto3\";\nmessage User {\n  int64 id = 1;\n}\n";
const JSON: &str = r#"{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]}"#;

/// A client whose server is never asked: a registry needs no broker.
fn client() -> ResilientClient {
    client_with(Duration::from_secs(30))
}

fn client_with(timeout: Duration) -> ResilientClient {
    ResilientClient::new(
        ResilientClientConfig::builder().servers(vec!["127.0.0.1:1".to_owned()]).request_timeout(timeout).build(),
    )
}

fn same_json(left: &str, right: &str) -> bool {
    let parse = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
    parse(left) == parse(right)
}

#[tokio::test]
async fn schemas_of_every_language_are_read_back() -> Result<()> {
    let (registry, client) = (TestRegistry::start().unwrap(), client());
    let url = registry.url();
    let mut ids = Vec::new();
    for (kind, text) in [(SchemaType::Avro, AVRO), (SchemaType::Protobuf, PROTOBUF), (SchemaType::Json, JSON)] {
        let subject = format!("users-{kind}");
        let id = client.register_schema(url, &subject, kind, text).await?;
        let lower = kind.as_ref().to_lowercase();
        assert_eq!(client.register_schema(format!("{url}//"), &subject, lower, text).await?, id);
        let by_id = client.get_schema(url, id).await?;
        let latest = client.get_schema_version(url, &subject, None).await?;
        let first = client.get_schema_version(url, &subject, Some(1)).await?;
        assert_eq!((by_id.id, by_id.schema_type), (Some(id), kind));
        assert_eq!(latest, first);
        assert_eq!((first.id, first.subject.as_deref(), first.version), (Some(id), Some(&*subject), Some(1)));
        assert_eq!((first.schema_type, &first.schema), (kind, &by_id.schema));
        match kind {
            SchemaType::Protobuf => assert!(first.schema.contains("int64 id = 1")),
            _ => assert!(same_json(&first.schema, text), "{}", first.schema),
        }
        ids.push(id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
    Ok(())
}

#[tokio::test]
async fn versions_of_a_subject_are_told_apart() -> Result<()> {
    let (registry, client) = (TestRegistry::start().unwrap(), client());
    let (url, subject) = (registry.url(), "a b/ü%2F?#");
    let second = r#"{"type":"record","name":"User","fields":[{"name":"id","type":"long"},{"name":"age","type":"int","default":0}]}"#;
    let first_id = client.register_schema(url, subject, "AVRO", AVRO).await?;
    let second_id = client.register_schema(url, subject, "AVRO", second).await?;
    assert_ne!(first_id, second_id);
    let first = client.get_schema_version(url, subject, Some(1)).await?;
    let latest = client.get_schema_version(url, subject, None).await?;
    assert_eq!((first.id, first.version, first.subject.as_deref()), (Some(first_id), Some(1), Some(subject)));
    assert_eq!((latest.id, latest.version), (Some(second_id), Some(2)));
    assert!(same_json(&latest.schema, second));
    Ok(())
}

#[tokio::test]
async fn what_the_registry_refuses_keeps_its_number() {
    let (registry, client) = (TestRegistry::start().unwrap(), client());
    let url = registry.url();
    let refused = |error: Error, code, number| {
        assert_eq!((error.code(), error.registry_code(), error.outcome()), (code, Some(number), Outcome::Rejected));
        assert!(!error.is_retriable());
        assert_eq!(error.address(), Some(registry.address()));
    };
    let broken = client.register_schema(url, "s", "AVRO", r#"{"type":"no such"}"#).await.unwrap_err();
    refused(broken, ErrorCode::SchemaInvalid, 42201);
    client.register_schema(url, "s", "AVRO", AVRO).await.unwrap();
    let other = r#"{"type":"record","name":"User","fields":[{"name":"id","type":"long"},{"name":"age","type":"int"}]}"#;
    let incompatible = client.register_schema(url, "s", "AVRO", other).await.unwrap_err();
    refused(incompatible, ErrorCode::SchemaIncompatible, 409);
    refused(client.get_schema(url, 4_000_000_000).await.unwrap_err(), ErrorCode::SchemaNotFound, 40403);
    refused(client.get_schema_version(url, "none", None).await.unwrap_err(), ErrorCode::SchemaNotFound, 40401);
    refused(client.get_schema_version(url, "s", Some(9)).await.unwrap_err(), ErrorCode::SchemaNotFound, 40402);
}

#[tokio::test]
async fn the_basic_client_has_the_same_calls() -> Result<()> {
    let (registry, broker) = (TestRegistry::start().unwrap(), TestBroker::start().unwrap());
    let client = Client::connect(broker.address()).await?;
    let id = client.register_schema(registry.url(), "s", "json", JSON).await?;
    assert_eq!(client.get_schema(registry.url(), id).await?.schema_type, SchemaType::Json);
    assert_eq!(client.get_schema_version(registry.url(), "s", None).await?.id, Some(id));
    client.close().await;
    assert_eq!(client.get_schema(registry.url(), id).await.unwrap_err().code(), ErrorCode::Closed);
    Ok(())
}

#[tokio::test]
async fn wrong_arguments_and_a_closed_client_cost_no_connection() {
    let client = client();
    let url = "http://127.0.0.1:1";
    for error in [
        client.register_schema(url, "s", "XML", "x").await.unwrap_err(),
        client.register_schema(url, "", "AVRO", "x").await.unwrap_err(),
        client.get_schema("127.0.0.1:1", 1).await.unwrap_err(),
    ] {
        assert_eq!((error.code(), error.outcome()), (ErrorCode::InvalidArgument, Outcome::NotSent));
    }
    let error = client.get_schema(url, 1).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::ConnectionFailed, Outcome::NotSent));
    assert!(!error.to_string().contains("rivvend"), "{error}");
    let error = client.get_schema("http://no-such-host.invalid", 1).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::ResolveFailed, Outcome::NotSent));
    client.close(Duration::ZERO).await;
    assert_eq!(client.get_schema(url, 1).await.unwrap_err().code(), ErrorCode::Closed);
}

#[cfg(not(feature = "tls"))]
#[tokio::test]
async fn https_needs_its_feature() {
    let error = client().get_schema("https://127.0.0.1:1", 1).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::Unsupported, Outcome::NotSent));
}

#[cfg(feature = "tls")]
mod tls {
    use rivven_client::TlsConfig;

    use super::*;

    fn trusting(tls: Option<TlsConfig>) -> ResilientClient {
        let config = ResilientClientConfig::builder().servers(vec!["127.0.0.1:1".to_owned()]);
        ResilientClient::new(match tls {
            Some(tls) => config.tls(tls, None).build(),
            None => config.build(),
        })
    }

    #[tokio::test]
    async fn a_trusted_registry_is_used_by_https() -> Result<()> {
        let registry = TestRegistry::start_with_tls().unwrap();
        // The name is that of the broker and of no concern here.
        let tls =
            TlsConfig::builder().ca_cert_path(registry.ca_cert().unwrap()).server_name("broker.example").build()?;
        let client = trusting(Some(tls));
        let id = client.register_schema(registry.url(), "s", "AVRO", AVRO).await?;
        assert!(same_json(&client.get_schema(registry.url(), id).await?.schema, AVRO));
        Ok(())
    }

    #[tokio::test]
    async fn a_registry_that_is_not_trusted_gets_nothing() -> Result<()> {
        let registry = TestRegistry::start_with_tls().unwrap();
        let other = TlsConfig::builder().ca_cert_path(registry.other_ca_cert().unwrap()).build()?;
        for tls in [Some(other), None] {
            let error = trusting(tls).register_schema(registry.url(), "s", "AVRO", AVRO).await.unwrap_err();
            // A machine without root certificates cannot be used for the second.
            assert!(matches!(error.code(), ErrorCode::TlsFailed | ErrorCode::InvalidConfig), "{error}");
            assert_eq!(error.outcome(), Outcome::NotSent);
        }
        Ok(())
    }
}

/// A server of one connection, which reads a request and answers with these bytes; gives the request.
struct Scripted {
    url: String,
    served: JoinHandle<String>,
}

impl Scripted {
    fn new(answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/registry/", listener.local_addr().unwrap());
        let served = thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let request = read_request(&mut stream);
            answer(&mut stream);
            request
        });
        Scripted { url, served }
    }

    fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        // A client that has had enough may close before everything is written.
        Self::new(move |stream| drop(stream.write_all(&bytes)))
    }

    /// What reading a schema there gives, and the request that it took.
    async fn read(self) -> (Result<Schema>, String) {
        let result = client().get_schema(&self.url, 7).await;
        (result, self.served.join().unwrap())
    }

    async fn error(self) -> Error {
        self.read().await.0.unwrap_err()
    }
}

/// Reads a request whole: its head, and as many bytes as that announces.
fn read_request(stream: &mut TcpStream) -> String {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = |line: &str| line.strip_prefix("content-length: ").map(|n| n.parse::<usize>().unwrap());
            if body.len() >= head.lines().find_map(length).unwrap_or(0) {
                return text;
            }
        }
        let read = stream.read(&mut piece).unwrap();
        assert!(read > 0, "the request ended early: {text}");
        request.extend_from_slice(&piece[..read]);
    }
}

const BODY: &str = r#"{"schema":"\"int\""}"#;

fn sized(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_body_may_be_sized_chunked_or_end_with_the_connection() {
    let (head, tail) = BODY.split_at(5);
    for answer in [
        sized("200 OK", BODY),
        format!(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{head}\r\n{:x};x=y\r\n{tail}\r\n0\r\n\r\n",
            head.len(),
            tail.len()
        ),
        format!("HTTP/1.0 200 OK\r\n\r\n{BODY}"),
    ] {
        let (schema, request) = Scripted::answering(answer).read().await;
        let schema = schema.unwrap();
        assert_eq!((schema.id, schema.schema_type, &*schema.schema), (Some(7), SchemaType::Avro, "\"int\""));
        assert!(request.starts_with("GET /registry/schemas/ids/7 HTTP/1.1\r\nhost: 127.0.0.1:"), "{request}");
    }
}

#[tokio::test]
async fn the_request_is_what_a_registry_expects() {
    let server = Scripted::answering(sized("201 Created", r#"{"id":5,"more":[]}"#));
    let id = client().register_schema(&server.url, "a/b", "avro", "\"int\"").await.unwrap();
    let request = server.served.join().unwrap();
    assert_eq!(id, 5);
    assert!(request.starts_with("POST /registry/subjects/a%2Fb/versions HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/vnd.schemaregistry.v1+json\r\n"), "{request}");
    let body: serde_json::Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body, serde_json::json!({ "schema": "\"int\"", "schemaType": "AVRO" }));
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_an_error() {
    for answer in [
        String::new(),
        "HTTP/1.1 200 OK\r\ncontent-le".to_owned(),
        format!("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{BODY}"),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{BODY}\r\n", BODY.len()),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffff\r\n{".to_owned(),
    ] {
        let error = Scripted::answering(answer.clone()).error().await;
        assert_eq!((error.code(), error.outcome()), (ErrorCode::ConnectionLost, Outcome::Unknown), "{answer}: {error}");
    }
}

#[tokio::test]
async fn an_answer_over_the_limit_is_refused() {
    let announced = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", MAX_RESPONSE_SIZE + 1);
    // It is not waited for what was announced.
    let server = Scripted::new(move |stream| {
        stream.write_all(announced.as_bytes()).unwrap();
        let _ = stream.read(&mut [0]);
    });
    assert_eq!(server.error().await.code(), ErrorCode::ResponseTooLarge);

    let blanks = vec![b' '; MAX_RESPONSE_SIZE + 1];
    let one_chunk = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n", 1_u64 << 40);
    for head in [one_chunk.as_str(), "HTTP/1.0 200 OK\r\n\r\n"] {
        let answer = [head.as_bytes(), &blanks].concat();
        assert_eq!(Scripted::answering(answer).error().await.code(), ErrorCode::ResponseTooLarge);
    }
}

#[tokio::test]
async fn an_answer_as_large_as_the_limit_is_read() {
    let body = format!("{BODY}{}", " ".repeat(MAX_RESPONSE_SIZE - BODY.len()));
    assert_eq!(Scripted::answering(sized("200 OK", &body)).read().await.0.unwrap().schema, "\"int\"");
}

#[tokio::test]
async fn a_redirect_is_an_error_that_says_where_to() {
    let answer = "HTTP/1.1 301 Moved\r\nlocation: https://elsewhere.example/x\r\ncontent-length: 0\r\n\r\n";
    let error = Scripted::answering(answer).error().await;
    assert_eq!(error.code(), ErrorCode::SchemaRegistryRefused);
    assert!(error.to_string().contains("https://elsewhere.example/x"), "{error}");
}

#[tokio::test]
async fn what_is_no_answer_of_a_registry_is_told_by_its_status_and_first_words() {
    let page = format!("<html><h1>It works</h1>\n{}</html>", "secret ".repeat(1000));
    for (status, code) in [
        ("200 OK", ErrorCode::MalformedResponse),
        ("404 Not Found", ErrorCode::SchemaRegistryRefused),
        ("401 Unauthorized", ErrorCode::SchemaRegistryRefused),
        ("429 Too Many Requests", ErrorCode::SchemaRegistryError),
        ("502 Bad Gateway", ErrorCode::SchemaRegistryError),
    ] {
        let error = Scripted::answering(sized(status, &page)).error().await;
        let text = error.to_string();
        assert_eq!((error.code(), error.registry_code()), (code, None), "{text}");
        assert!(text.contains(&status[..3]) && text.contains("It works") && text.len() < 400, "{text}");
    }
    for body in [r#"{"schema":7}"#, "{}", "[]", "\u{0}"] {
        let error = Scripted::answering(sized("200 OK", body)).error().await;
        assert_eq!(error.code(), ErrorCode::MalformedResponse, "{body}");
    }
    let error = Scripted::answering("SSH-2.0-OpenSSH\r\n\r\n").error().await;
    assert_eq!(error.code(), ErrorCode::MalformedResponse);
}

#[tokio::test]
async fn the_registrys_own_errors_are_told_apart() {
    let long = "x".repeat(100_000);
    for (status, number, code) in [
        ("403 Forbidden", 40301, ErrorCode::SchemaRegistryRefused),
        ("422 Unprocessable Entity", 42202, ErrorCode::SchemaInvalid),
        ("422 Unprocessable Entity", 42205, ErrorCode::SchemaRegistryRefused),
        ("500 Internal Server Error", 50001, ErrorCode::SchemaRegistryError),
    ] {
        let body = format!(r#"{{"error_code":{number},"message":"no luck {long}"}}"#);
        let error = Scripted::answering(sized(status, &body)).error().await;
        assert_eq!((error.code(), error.registry_code()), (code, Some(number)));
        assert!(error.to_string().contains("no luck") && error.to_string().len() < 1000);
    }
    let body = r#"{"schema":"x","schemaType":"XSD"}"#;
    assert_eq!(Scripted::answering(sized("200 OK", body)).error().await.code(), ErrorCode::Unsupported);
}

#[tokio::test]
async fn the_request_timeout_bounds_the_whole_call() {
    // The server goes on for as long as it is listened to.
    let server = Scripted::new(|stream| {
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    let error = client_with(Duration::from_millis(300)).get_schema(&server.url, 7).await.unwrap_err();
    assert_eq!((error.code(), error.outcome()), (ErrorCode::TimedOut, Outcome::Unknown));
    server.served.join().unwrap();
}
