//! A scripted cluster: leaders that move, nodes that die and come back.

use rivven_client::{BrokerInfo, PartitionMetadata, Request, Response, TopicMetadata};
use rivven_testkit::{Kind, ScriptedBroker};

mod raw;
use raw::Raw;

fn publish(partition: u32) -> Request {
    let (topic, key, value) = ("orders".into(), None, "v".into());
    Request::Publish { topic, partition: Some(partition), key, value, leader_epoch: None }
}

fn cluster(nodes: usize) -> (ScriptedBroker, Vec<Raw>) {
    let broker = ScriptedBroker::builder().nodes(nodes).topic("orders", 6).start().unwrap();
    let connections = broker.addresses().iter().map(|address| Raw::connect(address)).collect();
    (broker, connections)
}

fn metadata(raw: &mut Raw) -> (Option<String>, Vec<BrokerInfo>, Vec<TopicMetadata>) {
    match raw.ask(&Request::GetClusterMetadata { topics: Vec::new() }) {
        Response::ClusterMetadata { controller_id, brokers, topics } => (controller_id, brokers, topics),
        other => panic!("{other:?}"),
    }
}

fn error(response: Response) -> String {
    match response {
        Response::Error { message } => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn metadata_names_nodes_leaders_and_replicas() {
    let (broker, mut nodes) = cluster(3);
    let (controller, brokers, topics) = metadata(&mut nodes[1]);
    assert_eq!(controller.as_deref(), Some("node-0"));
    let addresses: Vec<String> = brokers.iter().map(|node| format!("{}:{}", node.host, node.port)).collect();
    assert_eq!(addresses, broker.addresses());
    let PartitionMetadata { leader, replicas, isr, offline, .. } = &topics[0].partitions[4];
    assert_eq!((leader.as_deref(), *offline), (Some("node-1"), false));
    assert_eq!(replicas, &["node-1", "node-2", "node-0"]);
    assert_eq!(isr, replicas);
    broker.advertise(0, "0.0.0.0", 9);
    assert_eq!(metadata(&mut nodes[1]).1[0].host, "0.0.0.0");
}

#[test]
fn a_broker_alone_never_names_topics() {
    let (_broker, mut nodes) = cluster(1);
    assert!(metadata(&mut nodes[0]).2.is_empty());
}

#[test]
fn only_the_leader_serves_a_partition() {
    let (broker, mut nodes) = cluster(3);
    let named = "NOT_LEADER_FOR_PARTITION: orders/4. Leader is node 'node-1'";
    assert_eq!(error(nodes[0].ask(&publish(4))), named);
    assert_eq!(nodes[1].ask(&publish(4)), Response::Published { offset: 0, partition: 4 });

    assert!(broker.move_leader("orders", 4, 2));
    assert_eq!(error(nodes[1].ask(&publish(4))), named.replace("node-1", "node-2"));
    // The log is the same, whoever leads it.
    assert_eq!(nodes[2].ask(&publish(4)), Response::Published { offset: 1, partition: 4 });
    assert_eq!(metadata(&mut nodes[0]).2[0].partitions[4].leader.as_deref(), Some("node-2"));
}

#[test]
fn a_move_ends_a_long_poll_at_the_old_leader() {
    let (broker, mut nodes) = cluster(2);
    nodes[0].send(
        1,
        &Request::Consume {
            topic: "orders".into(),
            partition: 0,
            offset: 0,
            max_messages: 1,
            isolation_level: None,
            max_wait_ms: Some(30_000),
        },
    );
    assert!(broker.wait_received(Kind::Consume, 1, std::time::Duration::from_secs(20)));
    broker.move_leader("orders", 0, 1);
    let (_, payload) = nodes[0].frame().unwrap();
    assert!(error(Response::decode(&payload.into()).unwrap()).starts_with("NOT_LEADER"));
}

#[test]
fn a_node_dies_and_comes_back() {
    let (broker, mut nodes) = cluster(3);
    assert_eq!(nodes[1].ask(&publish(1)), Response::Published { offset: 0, partition: 1 });
    let Response::ProducerIdInitialized { producer_id, .. } =
        nodes[1].ask(&Request::InitProducerId { producer_id: None })
    else {
        panic!("no id")
    };
    broker.kill(1);
    assert_eq!(nodes[1].rest().unwrap(), b"");
    assert!(std::net::TcpStream::connect(broker.address_of(1)).is_err());
    let (_, brokers, topics) = metadata(&mut nodes[0]);
    assert_eq!(brokers.len(), 2);
    let PartitionMetadata { leader, isr, offline, .. } = &topics[0].partitions[1];
    assert_eq!((leader, isr.len(), *offline), (&None, 2, true));

    broker.fail_over(1);
    assert_eq!(nodes[2].ask(&publish(1)), Response::Published { offset: 1, partition: 1 });

    broker.revive(1).unwrap();
    let mut back = Raw::connect(&broker.address_of(1));
    assert!(error(back.ask(&publish(1))).contains("'node-2'"));
    broker.move_leader("orders", 1, 1);
    assert_eq!(back.ask(&publish(1)), Response::Published { offset: 2, partition: 1 });
    let forgotten = Request::IdempotentPublish {
        topic: "orders".into(),
        partition: Some(1),
        key: None,
        value: "v".into(),
        producer_id,
        producer_epoch: 0,
        sequence: 0,
        leader_epoch: None,
    };
    assert!(error(back.ask(&forgotten)).starts_with("UNKNOWN_PRODUCER_ID"));
}

#[test]
fn rules_can_be_for_one_node_or_one_connection() {
    let (broker, mut nodes) = cluster(2);
    nodes.iter_mut().for_each(|node| assert_eq!(node.ask(&Request::Ping), Response::Pong));
    broker.on(Kind::Ping).node(1).answer(rivven_testkit::Reply::error("WAL_ERROR: node"));
    assert_eq!(nodes[0].ask(&Request::Ping), Response::Pong);
    assert_eq!(error(nodes[1].ask(&Request::Ping)), "WAL_ERROR: node");
    broker.clear_rules();
    let connection = broker.requests().iter().find(|request| request.node == 0).unwrap().connection;
    broker.on_any().connection(connection).answer(rivven_testkit::Reply::error("WAL_ERROR: connection"));
    assert_eq!(error(nodes[0].ask(&Request::Ping)), "WAL_ERROR: connection");
    assert_eq!(nodes[1].ask(&Request::Ping), Response::Pong);
}

#[test]
fn connections_can_be_ended_while_the_node_listens() {
    let (broker, mut nodes) = cluster(2);
    nodes.iter_mut().for_each(|node| assert_eq!(node.ask(&Request::Ping), Response::Pong));
    broker.close_connections(0);
    assert_eq!(nodes[0].rest().unwrap(), b"");
    broker.reset_connections(1);
    assert_eq!(nodes[1].rest().unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    for address in broker.addresses() {
        assert_eq!(Raw::connect(address).ask(&Request::Ping), Response::Pong);
    }
}
