//! Whatever goes wrong once, exactly the records that were written come; what stays wrong is an error that says so.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use rivven_client::protocol::HEADER_LEN;
use rivven_client::{
    Client, Consumer, ConsumerConfigBuilder, ErrorCode as C, MessageData, Response, Result, TopicPartition,
};
use rivven_testkit::{FaultProxy, Faults, Kind, On, Plan, Reply, ScriptedBroker, TestBroker};

use super::{config, some, soon};

/// How many records each of the two partitions has at first.
const RECORDS: u64 = 100;

/// How many connections meet the fault of a network before one is spared.
const BAD: u64 = 3;

/// What goes wrong, and how to make it so.
type Fault<T> = (&'static str, T);

/// Tells a broker what to do wrong.
type Misdeed = fn(&ScriptedBroker);

/// Does something to a broker, or to all connections to it.
type Accident = fn(&mut TestBroker, &FaultProxy);

/// What a broker does wrong once, to the first request that it concerns.
const ANSWERS: &[Fault<Misdeed>] = &[
    ("the greeting is cut", |broker| broker.on(Kind::Handshake).once().truncate(7)),
    ("the greeting has a wrong id", |broker| broker.on(Kind::Handshake).once().wrong_id()),
    ("the first answer of the login is cut", |broker| broker.on(Kind::ScramClientFirst).once().truncate(12)),
    ("the login is reset at its end", |broker| broker.on(Kind::ScramClientFinal).once().reset_connection()),
    ("the login has ended", |broker| first(broker).answer(Reply::error("SESSION_EXPIRED: Please re-authenticate"))),
    ("the metadata are cut", |broker| broker.on(Kind::GetClusterMetadata).once().truncate(12)),
    ("the bounds of a log are cut", |broker| broker.on(Kind::GetOffsetBounds).once().truncate(11)),
    ("a committed offset is cut", |broker| broker.on(Kind::GetOffset).once().truncate(9)),
    ("records are cut in the head of their frame", |broker| first(broker).truncate(3)),
    ("records are cut in the middle", |broker| first(broker).truncate(frame_len(broker) / 2)),
    ("records are cut before their last byte", |broker| first(broker).truncate(frame_len(broker) - 1)),
    ("the connection is closed instead of an answer", |broker| first(broker).close_connection()),
    ("the connection is reset instead of an answer", |broker| first(broker).reset_connection()),
    ("there is no answer", |broker| first(broker).drop_answer()),
    ("the answer is late", |broker| first(broker).delay(Duration::from_secs(1))),
    ("the answer has a wrong id", |broker| first(broker).wrong_id()),
    ("the answer comes twice", |broker| first(broker).twice()),
    ("the answer is none that is known", |broker| first(broker).answer(Reply::payload(vec![99]))),
    ("the answer is to something else", |broker| first(broker).answer(Reply::response(&Response::Pong))),
    ("the answer is empty", |broker| first(broker).answer(Reply::payload(Bytes::new()))),
    ("the list ends before its count", |broker| first(broker).answer(Reply::payload(half(broker)))),
    ("something follows the list", |broker| first(broker).answer(Reply::payload(longer(broker)))),
    ("the records are of another partition", |broker| first(broker).answer(messages(broker.records("t", 1)))),
    ("the records are in another order", |broker| first(broker).answer(messages(reversed(broker)))),
    ("the records are there twice", |broker| first(broker).answer(messages(doubled(broker)))),
    ("the frame is larger than any may be", |broker| first(broker).raw(vec![0xff; 9])),
    ("the frame has the length 0", |broker| first(broker).raw(vec![0; 4])),
    ("the frame has an unknown format", |broker| first(broker).raw(vec![0, 0, 0, 5, 9, 0, 0, 0, 1])),
    ("the bytes are no frame", |broker| first(broker).raw("HTTP/1.1 400 Bad Request\r\n\r\n")),
    ("the client is throttled", |broker| first(broker).answer(Reply::throttled_ms(20))),
    ("the broker is not the leader", |broker| first(broker).answer(Reply::error("NOT_LEADER_FOR_PARTITION: t/0"))),
    ("the broker cannot send the answer", |broker| first(broker).answer(Reply::error(TOO_LARGE))),
    ("the broker cannot read its disk", |broker| first(broker).answer(Reply::error("I/O error: Input/output error"))),
    ("the answer to a commit is cut", |broker| broker.on(Kind::CommitOffset).once().truncate(9)),
    ("the answer to a commit does not come", |broker| broker.on(Kind::CommitOffset).once().drop_answer()),
    ("the answer to a commit has a wrong id", |broker| broker.on(Kind::CommitOffset).once().wrong_id()),
];

/// What happens to brokers while they are read.
const EVENTS: &[Fault<Misdeed>] = &[
    ("connections are closed", |broker| (0..2).for_each(|node| broker.close_connections(node))),
    ("connections are reset", |broker| (0..2).for_each(|node| broker.reset_connections(node))),
    ("logins end", |broker| broker.expire_sessions()),
    ("a leader moves", |broker| assert!(broker.move_leader("t", 0, 1))),
    ("a leader dies and another one follows", |broker| {
        broker.kill(0);
        broker.fail_over(0);
    }),
    ("a broker is away for a moment", |broker| {
        broker.kill(0);
        broker.revive(0).unwrap();
    }),
];

/// What a network does to the first connections.
const BREAKS: &[Fault<fn() -> Plan>] = &[
    ("connections end in the middle of answers", || Plan::default().to_client(faults().cut_after(2000))),
    ("connections are reset in the middle of answers", || Plan::default().to_client(faults().reset_after(2000))),
    ("connections end for the client alone", || Plan::default().to_client(faults().half_close_after(2000))),
    ("connections go silent in the middle of answers", || Plan::default().to_client(faults().stall_after(2000))),
    ("connections end in the middle of requests", || Plan::default().to_broker(faults().cut_after(20))),
    ("connections end for the broker alone", || Plan::default().to_broker(faults().half_close_after(20))),
    ("connections swallow requests", || Plan::default().to_broker(faults().stall_after(20))),
    ("connections end as soon as they are made", || Plan::default().to_client(faults().cut_after(0))),
    ("lengths of frames are damaged", || Plan::default().to_client(faults().corrupt_frame(1, 1, 0x7f))),
    ("ids of frames are damaged", || Plan::default().to_client(faults().corrupt_frame(1, 8, 0x40))),
];

/// What a network does to all connections, and what they bear.
const HARDSHIPS: &[Fault<fn() -> Plan>] = &[
    ("bytes come one by one", || Plan::default().to_client(faults().split(1))),
    ("bytes come in clusters", || Plan::default().to_client(faults().coalesce_ms(20))),
    ("bytes are late", || Plan::default().to_client(faults().delay_ms(50))),
    ("bytes are few", || Plan::default().to_client(faults().throttle(100_000))),
    ("requests come byte by byte", || Plan::default().to_broker(faults().split(1))),
];

/// What happens to the broker or to all connections while it is read.
const ACCIDENTS: &[Fault<Accident>] = &[
    ("all connections are cut", |_, proxy| proxy.cut_all()),
    ("all connections are reset", |_, proxy| proxy.reset_all()),
    ("nothing passes for longer than requests wait", |_, proxy| {
        proxy.stall();
        std::thread::sleep(Duration::from_secs(1));
        proxy.resume();
    }),
    ("the broker is restarted", |broker, _| broker.restart().unwrap()),
];

/// What stays wrong, and what polls then say.
const DEFECTS: &[(&str, Misdeed, C)] = &[
    (
        "the broker speaks another version",
        |broker| broker.on(Kind::Handshake).answer(strange()),
        C::IncompatibleVersion,
    ),
    ("the password is wrong", |broker| broker.on(Kind::ScramClientFirst).answer(refusal()), C::AuthenticationFailed),
    ("connections end at once", |broker| broker.on(Kind::Connect).close_connection(), C::ConnectionLost),
    ("no request is answered", |broker| broker.on(Kind::Consume).drop_answer(), C::TimedOut),
    ("all answers are cut", |broker| broker.on(Kind::Consume).truncate(20), C::ConnectionLost),
    (
        "all answers are garbage",
        |broker| broker.on(Kind::Consume).answer(Reply::payload(vec![99])),
        C::MalformedResponse,
    ),
    ("all ids are wrong", |broker| broker.on(Kind::Consume).wrong_id(), C::MalformedResponse),
    ("all answers are too large", |broker| broker.on(Kind::Consume).raw(vec![0xff; 9]), C::ResponseTooLarge),
    (
        "the broker can send no record",
        |broker| broker.on(Kind::Consume).answer(Reply::error(TOO_LARGE)),
        C::AnswerTooLarge,
    ),
    ("the brokers are gone", |broker| (0..2).for_each(|node| broker.kill(node)), C::ConnectionFailed),
];

const TOO_LARGE: &str = "INTERNAL_ERROR: response send failed";

// covers: F101 rust
#[tokio::test]
async fn an_answer_that_goes_wrong_costs_no_record() -> Result<()> {
    for (fault, make) in ANSWERS {
        eprintln!("{fault}");
        let broker = brokers();
        make(&broker);
        let consumer = reader(logging_in(&broker, fault))?;
        read(&consumer, 0..RECORDS).await;
        commit(&consumer, RECORDS).await;
        assert_eq!(broker.unspent_rules(), 0, "{fault}");
        append(&broker, RECORDS);
        read(&consumer, RECORDS..RECORDS + 1).await;
    }
    Ok(())
}

// covers: F101 rust
#[tokio::test]
async fn brokers_that_change_cost_no_record() -> Result<()> {
    for (fault, happen) in EVENTS {
        eprintln!("{fault}");
        let broker = brokers();
        let consumer = reader(logging_in(&broker, fault))?;
        read(&consumer, 0..RECORDS).await;
        happen(&broker);
        append(&broker, RECORDS);
        read(&consumer, RECORDS..RECORDS + 1).await;
        commit(&consumer, RECORDS + 1).await;
    }
    Ok(())
}

// covers: F101 rust
#[tokio::test]
async fn a_bad_network_costs_no_record() -> Result<()> {
    let broker = TestBroker::start().unwrap();
    let mut written = prepare(&broker).await?;
    let breaks = BREAKS.iter().map(|fault| (fault, BAD)).chain(HARDSHIPS.iter().map(|fault| (fault, u64::MAX)));
    for ((fault, plan), bad) in breaks {
        eprintln!("{fault}");
        let (proxy, plan) = (FaultProxy::start(broker.address()).unwrap(), plan());
        proxy.set_plan(move |connection| if connection < bad { plan.clone() } else { Plan::default() });
        let consumer = reader(patient(proxy.address(), fault))?;
        read(&consumer, 0..written).await;
        commit(&consumer, written).await;
        assert!(bad == u64::MAX || proxy.connections() > bad, "{fault} was not met");
        write(&broker, written..written + 1).await?;
        read(&consumer, written..written + 1).await;
        written += 1;
    }
    Ok(())
}

// covers: F101 rust
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accidents_cost_no_record() -> Result<()> {
    let mut broker = TestBroker::start().unwrap();
    let mut written = prepare(&broker).await?;
    for (fault, happen) in ACCIDENTS {
        eprintln!("{fault}");
        let proxy = FaultProxy::start(broker.address()).unwrap();
        let consumer = reader(patient(proxy.address(), fault))?;
        read(&consumer, 0..written).await;
        happen(&mut broker, &proxy);
        write(&broker, written..written + 1).await?;
        read(&consumer, written..written + 1).await;
        written += 1;
        commit(&consumer, written).await;
    }
    Ok(())
}

// covers: F092 rust
#[tokio::test]
async fn what_stays_wrong_is_an_error_that_says_so() -> Result<()> {
    for (fault, make, code) in DEFECTS {
        eprintln!("{fault}");
        let broker = brokers();
        make(&broker);
        // Of one partition: an answer that spoils its connection takes other requests along.
        let config = logging_in(&broker, fault).assign("t", vec![0]).max_reconnect_attempts(3);
        let consumer = Consumer::unconnected(config.build()?)?;
        let error = soon(fault, async {
            loop {
                match consumer.poll().await {
                    Ok(records) => assert!(records.is_empty(), "{fault}"),
                    Err(error) => return error,
                }
            }
        })
        .await;
        assert_eq!(error.code(), *code, "{fault}: {error}");
    }
    Ok(())
}

/// Two brokers that want a login; each leads one of the two partitions of `t`.
fn brokers() -> ScriptedBroker {
    let broker = ScriptedBroker::builder().nodes(2).topic("t", 2).user("alice", "secret").start().unwrap();
    (0..RECORDS).for_each(|number| append(&broker, number));
    broker
}

fn append(broker: &ScriptedBroker, number: u64) {
    (0..2).for_each(|partition| _ = broker.append("t", partition, None, value(partition, number).as_bytes()));
}

/// Creates the topic and gives how many records each of its partitions has.
async fn prepare(broker: &TestBroker) -> Result<u64> {
    Client::connect(broker.address()).await?.create_topic("t", Some(2)).await?;
    write(broker, 0..RECORDS).await?;
    Ok(RECORDS)
}

async fn write(broker: &TestBroker, numbers: Range<u64>) -> Result<()> {
    let client = Client::connect(broker.address()).await?;
    for partition in 0..2 {
        let records: Vec<_> = numbers.clone().map(|number| (None::<&str>, value(partition, number))).collect();
        client.publish_batch("t", Some(partition), &records).await?;
    }
    Ok(())
}

fn value(partition: u32, number: u64) -> String {
    format!("the record {number} of partition {partition}")
}

fn logging_in(broker: &ScriptedBroker, group: &str) -> ConsumerConfigBuilder {
    patient(broker.address(), group).auth("alice", "secret")
}

fn patient(server: String, group: &str) -> ConsumerConfigBuilder {
    config(server)
        .group_id(group.replace(' ', "-"))
        .enable_auto_commit(false)
        .request_timeout(Duration::from_millis(500))
        .connection_timeout(Duration::from_secs(1))
        .max_reconnect_attempts(1_000_000)
}

fn reader(config: ConsumerConfigBuilder) -> Result<Consumer> {
    Consumer::unconnected(config.assign("t", vec![0, 1]).build()?)
}

/// Reads these records of both partitions, and no others.
async fn read(consumer: &Consumer, numbers: Range<u64>) {
    let mut next = [numbers.start; 2];
    while next != [numbers.end; 2] {
        for record in some(consumer).await.views() {
            let expected = &mut next[record.partition as usize];
            assert_eq!(record.offset, *expected);
            assert_eq!(record.value, value(record.partition, *expected).as_bytes());
            *expected += 1;
        }
    }
}

/// Commits what was read, which may take another attempt, and looks at what is committed then.
async fn commit(consumer: &Consumer, read: u64) {
    soon("the commit", async {
        while let Err(error) = consumer.commit().await {
            assert!(error.is_retriable(), "{error}");
        }
        for TopicPartition { topic, partition } in consumer.assignments() {
            assert_eq!(consumer.committed(&topic, partition).await.unwrap(), Some(read));
        }
    })
    .await;
}

/// A rule for the first request for records of partition 0, which is for all of them.
fn first(broker: &ScriptedBroker) -> On<'_> {
    broker.on(Kind::Consume).partition(0).once()
}

fn messages(messages: Vec<MessageData>) -> Reply {
    Reply::response(&Response::Messages { messages })
}

fn payload(broker: &ScriptedBroker) -> Bytes {
    Response::Messages { messages: broker.records("t", 0) }.encode()
}

fn frame_len(broker: &ScriptedBroker) -> usize {
    HEADER_LEN + payload(broker).len()
}

fn half(broker: &ScriptedBroker) -> Bytes {
    let payload = payload(broker);
    payload.slice(..payload.len() / 2)
}

fn longer(broker: &ScriptedBroker) -> Bytes {
    [&payload(broker)[..], &[0; 3]].concat().into()
}

fn reversed(broker: &ScriptedBroker) -> Vec<MessageData> {
    broker.records("t", 0).into_iter().rev().collect()
}

fn doubled(broker: &ScriptedBroker) -> Vec<MessageData> {
    [broker.records("t", 0), broker.records("t", 0)].concat()
}

fn strange() -> Reply {
    Reply::response(&Response::HandshakeResult { server_version: 9, compatible: false, message: "no".into() })
}

fn refusal() -> Reply {
    Reply::error("AUTHENTICATION_FAILED: Authentication failed")
}

fn faults() -> Faults {
    Faults::default()
}
