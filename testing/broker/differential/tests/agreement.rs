//! Both codecs write the same bytes and read the same values.

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use rivven_client::protocol::{DecodeError, DecodeErrorKind, Frame, FrameDecoder, Received, Request, Response, header};
use rivven_differential::{Pair, Source};
use rivven_fuzz::{for_each_seed, mutate};
use rivven_protocol::ProtocolError;

/// Random messages that are compared.
const CASES: u64 = 40_000;

/// Random messages that are damaged, and how often each.
const DAMAGED_CASES: u64 = 20_000;
const DAMAGES: usize = 20;

fn random<M: Pair>(rng: &mut Rng) -> M {
    let discriminant = rng.u32(..M::COUNT);
    loop {
        let message = M::random(discriminant, &mut Source::within_limits(rng));
        // Its mechanism is the only byte string with the limit of a name.
        if message.name() != "SaslAuthenticate" || message.client_encode().is_ok() {
            return message;
        }
    }
}

/// Format, correlation id and payload: a frame without its length, which is
/// what the published crate calls the wire format.
fn wire(correlation_id: u32, payload: &[u8]) -> Vec<u8> {
    [&header(correlation_id, payload.len())[4..], payload].concat()
}

/// Reads a frame with the client's codec.
fn read<M: Pair>(wire: &[u8]) -> (Result<M, DecodeError>, u32) {
    let length = wire.len() as u32;
    let mut stream = BytesMut::from(&[&length.to_be_bytes(), wire].concat()[..]);
    let Ok(Received::Frame(Frame { correlation_id, payload })) = FrameDecoder::default().decode(&mut stream) else {
        panic!("not a frame");
    };
    assert!(stream.is_empty());
    (M::client_decode(&payload), correlation_id)
}

/// Writes with each codec and reads with the other. `has_one_form` tells
/// whether there is only one way to write a message.
fn agree<M: Pair>(rng: &mut Rng, has_one_form: fn(&M) -> bool) {
    let message = random::<M>(rng);
    let correlation_id = rng.u32(..);
    let client = wire(correlation_id, &message.client_encode().unwrap());
    let published = message.published_encode(correlation_id).unwrap();
    assert_eq!(client.len(), published.len(), "{}", message.name());
    if has_one_form(&message) {
        assert!(client == published, "the bytes of {} differ", message.name());
    }
    assert_eq!(read(&published), (Ok(message.clone()), correlation_id));
    assert_eq!(M::published_decode(&client).unwrap(), (message, correlation_id));
}

#[test]
fn requests_agree() {
    for_each_seed("requests_agree", CASES, |rng| agree::<Request>(rng, |_| true));
}

#[test]
fn responses_agree() {
    for_each_seed("responses_agree", CASES, |rng| agree(rng, has_one_form));
}

/// Entries of a map come in any order.
fn has_one_form(response: &Response) -> bool {
    match response {
        Response::GroupDescription { offsets, .. } => {
            offsets.len() <= 1 && offsets.values().all(|partitions| partitions.len() <= 1)
        }
        Response::QuotasDescribed { entries } => entries.iter().all(|entry| entry.quotas.len() <= 1),
        Response::TopicConfigsDescribed { configs } => configs.iter().all(|topic| topic.configs.len() <= 1),
        _ => true,
    }
}

/// Reads a damaged message with both codecs. There are two differences: the
/// client refuses bytes behind the end of a message, and the published crate
/// goes on to check limits, which `over_limit` confirms or refutes.
fn read_alike<M: Pair>(payload: &Bytes, over_limit: fn(&M) -> bool) {
    let client = M::client_decode(payload);
    let published = M::published_decode(&wire(1, payload)).map(|(message, _)| message);
    match (client, published) {
        (Ok(client), Ok(published)) => assert_eq!(client, published),
        (Err(DecodeError { kind: DecodeErrorKind::TrailingBytes(trailing), .. }), Ok(published)) => {
            let message = payload.slice(..payload.len() - trailing);
            assert_eq!(M::client_decode(&message), Ok(published));
        }
        (Ok(client), Err(ProtocolError::InvalidFormat(error))) => assert!(over_limit(&client), "{error}"),
        (Err(_), Err(_)) => {}
        (client, published) => panic!("{client:?} differs from {published:?}"),
    }
}

fn damaged_messages_are_read_alike<M: Pair>(name: &str, over_limit: fn(&M) -> bool) {
    for_each_seed(name, DAMAGED_CASES, |rng| {
        let [message, other] = [(); 2].map(|()| random::<M>(rng).client_encode().unwrap());
        for _ in 0..DAMAGES {
            let mut payload = message.to_vec();
            mutate(rng, &mut payload, &other);
            read_alike(&payload.into(), over_limit);
        }
    });
}

/// What the broker would refuse, the client does not send.
#[test]
fn damaged_requests_are_read_alike() {
    damaged_messages_are_read_alike("damaged_requests_are_read_alike", |request: &Request| {
        request.client_encode().is_err()
    });
}

/// Names in answers may be longer than the published crate accepts.
#[test]
fn damaged_responses_are_read_alike() {
    damaged_messages_are_read_alike("damaged_responses_are_read_alike", |response: &Response| {
        matches!(response, Response::Topics { .. } | Response::Groups { .. })
    });
}
