//! What the cluster says of itself: its nodes, and who leads which partition.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::connection::ServerAddress;
use crate::ops::ClusterMetadata;
use crate::protocol::BrokerInfo;

/// The present knowledge of the cluster; it is replaced as a whole.
#[derive(Debug)]
pub(super) struct Metadata {
    snapshot: RwLock<Arc<Snapshot>>,
    /// Held by the one who asks; the others wait for what it learns.
    refresher: Mutex<()>,
    /// How often somebody has asked, with or without an answer.
    asked: AtomicU64,
}

/// What was known at one moment.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    /// How many answers came before; 0 where none has come yet.
    pub(super) generation: u64,
    taken: Option<Instant>,
    /// The addresses of nodes by their ids.
    nodes: HashMap<String, ServerAddress>,
    /// The ids of leaders, by topic and partition.
    leaders: HashMap<String, HashMap<u32, String>>,
}

impl Metadata {
    pub(super) fn new() -> Self {
        Metadata { snapshot: RwLock::default(), refresher: Mutex::default(), asked: AtomicU64::new(0) }
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks for a newer snapshot than `seen`, unless somebody else just has.
    ///
    /// `ask` is given to one caller at a time; it tells the answer and the
    /// server that gave it, or nothing where there was none. Whoever waited
    /// meanwhile does not ask again, so that a hundred callers without a server
    /// do not try it one after the other.
    pub(super) async fn refresh(
        &self,
        seen: &Snapshot,
        ask: impl Future<Output = Option<(ClusterMetadata, ServerAddress)>>,
    ) {
        let before = self.asked.load(Ordering::Acquire);
        let _turn = self.refresher.lock().await;
        if self.snapshot().generation > seen.generation || self.asked.load(Ordering::Acquire) > before {
            return;
        }
        let answer = ask.await;
        self.asked.fetch_add(1, Ordering::AcqRel);
        if let Some((metadata, asked)) = answer {
            let next = Snapshot::of(metadata, &asked, self.snapshot().generation + 1);
            *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        }
    }
}

impl Snapshot {
    fn of(metadata: ClusterMetadata, asked: &ServerAddress, generation: u64) -> Self {
        let alone = metadata.brokers.len() == 1;
        let address = |broker: &BrokerInfo| if alone { Some(asked.clone()) } else { advertised(broker, asked) };
        let nodes =
            metadata.brokers.iter().filter_map(|broker| Some((broker.node_id.clone(), address(broker)?))).collect();
        let leaders = metadata.topics.into_iter().map(|topic| {
            let leaders = topic.partitions.into_iter().filter_map(|one| Some((one.partition, one.leader?)));
            (topic.name, leaders.collect())
        });
        Snapshot { generation, taken: Some(Instant::now()), nodes, leaders: leaders.collect() }
    }

    /// The address of a partition's leader, where it is known.
    pub(super) fn leader(&self, topic: &str, partition: u32) -> Option<&ServerAddress> {
        self.nodes.get(self.leaders.get(topic)?.get(&partition)?)
    }

    /// The address of a node.
    pub(super) fn node(&self, id: &str) -> Option<&ServerAddress> {
        self.nodes.get(id)
    }

    /// The addresses of all nodes.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &ServerAddress> {
        self.nodes.values()
    }

    /// Whether leaders are known, so that the knowledge can become wrong by age, and when it was taken.
    pub(super) fn age_of_leaders(&self) -> Option<std::time::Duration> {
        self.taken.filter(|_| !self.leaders.is_empty()).map(|taken| taken.elapsed())
    }
}

/// Where a broker says that it is; where it says "anywhere", the host that was dialled.
fn advertised(broker: &BrokerInfo, asked: &ServerAddress) -> Option<ServerAddress> {
    let host = broker.host.trim_matches(['[', ']']);
    let anywhere = host.is_empty() || host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
    let host = if anywhere { asked.host() } else { host };
    ServerAddress::new(host, broker.port)
}

/// The id of the node that leads, from the text of a broker that does not.
///
/// `NOT_LEADER_FOR_PARTITION: ... Leader is node '<id>'`
pub(super) fn leader_named_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("Leader is node '")?;
    rest.split_once('\'').map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{PartitionMetadata, TopicMetadata};

    fn broker(id: &str, host: &str, port: u16) -> BrokerInfo {
        BrokerInfo { node_id: id.into(), host: host.into(), port, rack: None }
    }

    fn metadata(brokers: Vec<BrokerInfo>) -> ClusterMetadata {
        let partition = |partition, leader: Option<&str>| PartitionMetadata {
            partition,
            leader: leader.map(str::to_owned),
            replicas: Vec::new(),
            isr: Vec::new(),
            offline: false,
        };
        let partitions = vec![partition(0, Some("b")), partition(1, None), partition(2, Some("gone"))];
        let topics = vec![TopicMetadata { name: "t".into(), is_internal: false, partitions }];
        ClusterMetadata { controller_id: None, brokers, topics }
    }

    fn snapshot(brokers: Vec<BrokerInfo>) -> Snapshot {
        Snapshot::of(metadata(brokers), &ServerAddress::parse("dialled.example:9092").unwrap(), 1)
    }

    /// Without a server each of many callers once asked in turn, after all the others.
    #[tokio::test]
    async fn of_those_who_wait_nobody_asks_again_in_vain() {
        let (metadata, asks) = (Metadata::new(), AtomicU64::new(0));
        let seen = metadata.snapshot();
        let ask = || async {
            asks.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            None
        };
        futures_util::future::join_all((0..100).map(|_| metadata.refresh(&seen, ask()))).await;
        assert_eq!(asks.load(Ordering::Relaxed), 1);
        metadata.refresh(&seen, ask()).await;
        assert_eq!(asks.load(Ordering::Relaxed), 2, "a later caller asks");
    }

    #[test]
    fn a_leader_is_found_by_topic_and_partition() {
        let snapshot = snapshot(vec![broker("a", "10.0.0.1", 1), broker("b", "10.0.0.2", 2)]);
        let leader = |topic, partition| snapshot.leader(topic, partition).map(|address| address.text().to_string());
        assert_eq!(leader("t", 0).as_deref(), Some("10.0.0.2:2"));
        assert_eq!((leader("t", 1), leader("t", 2), leader("u", 0)), (None, None, None));
    }

    #[test]
    fn a_broker_that_says_anywhere_is_where_it_was_dialled() {
        for anywhere in ["0.0.0.0", "::", "[::]", ""] {
            let snapshot = snapshot(vec![broker("a", anywhere, 1), broker("b", "h", 2)]);
            assert_eq!(&**snapshot.node("a").unwrap().text(), "dialled.example:1", "{anywhere}");
        }
    }

    #[test]
    fn a_single_broker_is_the_one_that_was_asked() {
        let snapshot = snapshot(vec![broker("a", "10.0.0.1", 1)]);
        assert_eq!(&**snapshot.node("a").unwrap().text(), "dialled.example:9092");
    }

    #[test]
    fn the_leader_is_named_in_the_refusal() {
        let text = "publish to t/0: NOT_LEADER_FOR_PARTITION: not here. Leader is node 'node-2' (a:1)";
        assert_eq!(leader_named_in(text), Some("node-2"));
        assert_eq!(leader_named_in("NOT_LEADER_FOR_PARTITION: unknown"), None);
    }
}
