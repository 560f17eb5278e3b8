//! Logging in to a scripted broker, with a client made here, by the exchanges of RFC 7677.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::{digest, hmac, pbkdf2};
use rivven_client::{Request, Response};
use rivven_testkit::{Script, ScriptedBroker, Tamper};

mod raw;
use raw::Raw;

fn script() -> Script {
    ScriptedBroker::builder().user("a,b=c", "pencil").topic("orders", 1)
}

fn error(response: Response) -> String {
    match response {
        Response::Error { message } => message,
        other => panic!("{other:?}"),
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// The server's first message.
fn first(raw: &mut Raw) -> String {
    match raw.ask(&Request::ScramClientFirst { message: "n,,n=a=2Cb=3Dc,r=mine".into() }) {
        Response::ScramServerFirst { message } => String::from_utf8(message.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The server's final message, whether a session came with it, and the signature that is due.
fn log_in(raw: &mut Raw, password: &str) -> (String, bool, String) {
    let first = first(raw);
    let part = |name| first.split(',').find_map(|part| part.strip_prefix(name)).unwrap();
    let salt = BASE64_STANDARD.decode(part("s=")).unwrap();
    let iterations = part("i=").parse().unwrap();
    let mut salted = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password.as_bytes(), &mut salted);
    let without_proof = format!("c=biws,r={}", part("r="));
    let messages = format!("n=a=2Cb=3Dc,r=mine,{first},{without_proof}");
    let client_key = mac(&salted, "Client Key");
    let signature = mac(digest::digest(&digest::SHA256, &client_key).as_ref(), &messages);
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, sign)| key ^ sign).collect();
    let last = format!("{without_proof},p={}", BASE64_STANDARD.encode(proof));
    match raw.ask(&Request::ScramClientFinal { message: last.into() }) {
        Response::ScramServerFinal { message, session_id, .. } => {
            let due = format!("v={}", BASE64_STANDARD.encode(mac(&mac(&salted, "Server Key"), &messages)));
            (String::from_utf8(message.to_vec()).unwrap(), session_id.is_some(), due)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_login_opens_the_connection_until_it_expires() {
    let broker = script().scram_iterations(5000).start().unwrap();
    let mut raw = Raw::connect(&broker.address());
    assert_eq!(raw.ask(&Request::Ping), Response::Pong);
    assert_eq!(error(raw.ask(&Request::ListTopics)), "AUTHENTICATION_REQUIRED: Please authenticate first");
    assert!(first(&mut raw).ends_with(",i=5000"));
    assert_eq!(error(raw.ask(&Request::ListTopics)), "AUTHENTICATION_REQUIRED: Complete SCRAM handshake first");
    let (message, session, due) = log_in(&mut raw, "pencil");
    assert_eq!((message, session), (due, true));
    let topics = Response::Topics { topics: vec!["orders".into()] };
    assert_eq!(raw.ask(&Request::ListTopics), topics);
    let handshake = Request::Handshake { protocol_version: 2, client_id: String::new() };
    assert_eq!(error(raw.ask(&handshake)), "INTERNAL_ERROR: Unexpected request type");
    broker.expire_sessions();
    assert!(error(raw.ask(&Request::ListTopics)).starts_with("SESSION_EXPIRED"));
    assert!(log_in(&mut raw, "pencil").1);
    assert_eq!(raw.ask(&Request::ListTopics), topics);
}

#[test]
fn wrong_credentials_are_refused() {
    let broker = script().start().unwrap();
    let mut raw = Raw::connect(&broker.address());
    let (message, session, _) = log_in(&mut raw, "pen");
    assert_eq!((message.as_str(), session), ("e=Authentication failed", false));
    let ask = |raw: &mut Raw, message: &'static str| raw.ask(&Request::ScramClientFirst { message: message.into() });
    assert_eq!(error(ask(&mut raw, "hello")), "SCRAM_FAILED: Invalid credentials");
    let last = raw.ask(&Request::ScramClientFinal { message: "c=biws".into() });
    assert_eq!(error(last), "SCRAM_FAILED: Invalid state - send client-first first");
}

#[test]
fn plain_logins_are_as_the_broker_has_them() {
    let broker = script().start().unwrap();
    let mut raw = Raw::connect(&broker.address());
    let sasl =
        |mechanism: &'static str| Request::SaslAuthenticate { mechanism: mechanism.into(), auth_bytes: "x".into() };
    assert!(error(raw.ask(&sasl("PLAIN"))).starts_with("SASL/PLAIN requires a TLS connection"));
    assert!(error(raw.ask(&sasl("GSSAPI"))).starts_with("UNSUPPORTED_MECHANISM"));
    let plain = |password: &str, require_tls| Request::Authenticate {
        username: "a,b=c".into(),
        password: password.into(),
        require_tls,
    };
    assert!(error(raw.ask(&plain("pencil", true))).starts_with("PLAINTEXT_AUTH_REQUIRES_TLS"));
    assert!(error(raw.ask(&plain("pen", false))).starts_with("AUTHENTICATION_FAILED"));
    assert!(matches!(raw.ask(&plain("pencil", false)), Response::Authenticated { .. }));
    let without_users = ScriptedBroker::start().unwrap();
    let refused = Raw::connect(&without_users.address()).ask(&plain("pencil", false));
    assert!(error(refused).starts_with("UNSUPPORTED"));
}

#[test]
fn the_server_can_cheat() {
    let server_first = |tamper| first(&mut Raw::connect(&script().scram_tamper(tamper).start().unwrap().address()));
    assert!(!server_first(Tamper::ForeignNonce).starts_with("r=mine"));
    assert!(server_first(Tamper::EchoedNonce).starts_with("r=mine,"));
    assert!(server_first(Tamper::BadSalt).contains(",s=?,"));
    assert!(!server_first(Tamper::NoSalt).contains("s="));
    assert!(server_first(Tamper::BadIterations).ends_with(",i=many"));
    let last = |tamper| {
        let broker = script().scram_tamper(tamper).start().unwrap();
        log_in(&mut Raw::connect(&broker.address()), "pencil")
    };
    let (message, session, due) = last(Tamper::WrongSignature);
    assert!(session && message != due && message.starts_with("v="));
    assert_eq!(last(Tamper::NoSignature).0, "x=welcome");
    assert!(matches!(last(Tamper::EmptyFinal), (message, true, _) if message.is_empty()));
}
