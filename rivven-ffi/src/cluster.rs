//! The cluster
//!
//! A standalone broker names itself and no topics.

use std::ffi::{CString, c_char};
use std::ptr;

use rivven_client::ops::{ClusterMetadata, GetClusterMetadata};
use rivven_client::{BrokerInfo, PartitionMetadata, TopicMetadata};

use crate::client::{on_client, rivven_client_t};
use crate::code::rivven_code;
use crate::error::{c_string, rivven_error_t};
use crate::guard::{read, silent};
use crate::handle::{self, Opaque};
use crate::input::{required, texts};
use crate::strings::pointer;

/// The brokers of a cluster, and its topics with the leaders of their partitions.
///
/// It belongs to the caller, who frees it with `rivven_cluster_free`. It never
/// changes, so it may be read from any thread.
pub struct rivven_cluster_t {
    _opaque: [u8; 0],
}

/// A cluster in the form that C reads.
pub(crate) struct Cluster {
    controller_id: Option<CString>,
    brokers: Vec<Broker>,
    topics: Vec<Topic>,
}

/// A broker in the form that C reads.
struct Broker {
    id: CString,
    host: CString,
    port: u16,
    rack: Option<CString>,
}

/// A topic in the form that C reads.
struct Topic {
    name: CString,
    is_internal: bool,
    partitions: Vec<Partition>,
}

/// A partition in the form that C reads.
struct Partition {
    number: u32,
    leader: Option<CString>,
    replicas: Vec<CString>,
    in_sync: Vec<CString>,
    is_offline: bool,
}

impl Opaque for rivven_cluster_t {
    type Value = Cluster;
    const MARKER: u64 = 0x7269_765f_636c_7573;
    const NAME: (&'static str, &'static str) = ("cluster", "rivven_client_get_cluster_metadata");
}

impl From<ClusterMetadata> for Cluster {
    fn from(cluster: ClusterMetadata) -> Self {
        Cluster {
            controller_id: cluster.controller_id.map(c_string),
            brokers: cluster.brokers.into_iter().map(Broker::from).collect(),
            topics: cluster.topics.into_iter().map(Topic::from).collect(),
        }
    }
}

impl From<BrokerInfo> for Broker {
    fn from(broker: BrokerInfo) -> Self {
        Broker {
            id: c_string(broker.node_id),
            host: c_string(broker.host),
            port: broker.port,
            rack: broker.rack.map(c_string),
        }
    }
}

impl From<TopicMetadata> for Topic {
    fn from(topic: TopicMetadata) -> Self {
        Topic {
            name: c_string(topic.name),
            is_internal: topic.is_internal,
            partitions: topic.partitions.into_iter().map(Partition::from).collect(),
        }
    }
}

impl From<PartitionMetadata> for Partition {
    fn from(partition: PartitionMetadata) -> Self {
        Partition {
            number: partition.partition,
            leader: partition.leader.map(c_string),
            replicas: partition.replicas.into_iter().map(c_string).collect(),
            in_sync: partition.isr.into_iter().map(c_string).collect(),
            is_offline: partition.offline,
        }
    }
}

/// Reads a broker; `otherwise` is what stands for none.
unsafe fn broker<T>(
    cluster: *const rivven_cluster_t,
    index: usize,
    otherwise: T,
    look: impl FnOnce(&Broker) -> T,
) -> T {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { read(cluster, otherwise, |cluster| cluster.brokers.get(index).map(look)) }
}

/// Reads a topic; `otherwise` is what stands for none.
unsafe fn topic<T>(cluster: *const rivven_cluster_t, index: usize, otherwise: T, look: impl FnOnce(&Topic) -> T) -> T {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { read(cluster, otherwise, |cluster| cluster.topics.get(index).map(look)) }
}

/// Reads a partition; `otherwise` is what stands for none.
unsafe fn partition<T>(
    cluster: *const rivven_cluster_t,
    (topic, index): (usize, usize),
    otherwise: T,
    look: impl FnOnce(&Partition) -> Option<T>,
) -> T {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { read(cluster, otherwise, |cluster| look(cluster.topics.get(topic)?.partitions.get(index)?)) }
}

/// Asks for the brokers of the cluster and the leaders of partitions, and stores them in `*cluster`.
///
/// `topics` is an array of `count` names; with a `count` of 0, for which it may
/// be NULL, the answer has all topics. The caller frees it with
/// `rivven_cluster_free`. Fails as every request.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_client_get_cluster_metadata(
    client: *mut rivven_client_t,
    topics: *const *const c_char,
    count: usize,
    cluster: *mut *mut rivven_cluster_t,
    error: *mut *mut rivven_error_t,
) -> rivven_code {
    // SAFETY: the output was checked, and the caller gives room for it and a valid array.
    unsafe {
        on_client(client, error, |client| {
            required(cluster, "cluster")?;
            let topics: Vec<_> = texts(topics, count, "topics")?.into_iter().map(str::to_owned).collect();
            let metadata = client.start(&GetClusterMetadata { topics: &topics })?.wait()?;
            cluster.write(handle::make(metadata.into()));
            Ok(())
        })
    }
}

/// Gives the node that controls the cluster; NULL if there is none, and for NULL.
///
/// It lives as long as the cluster.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_controller_id(cluster: *const rivven_cluster_t) -> *const c_char {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { read(cluster, ptr::null(), |cluster| Some(pointer(&cluster.controller_id))) }
}

/// Gives the number of brokers; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_brokers_len(cluster: *const rivven_cluster_t) -> usize {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { read(cluster, 0, |cluster| Some(cluster.brokers.len())) }
}

/// Gives the name of a broker's node; NULL if there is none of that index.
///
/// It lives as long as the cluster.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_broker_id(cluster: *const rivven_cluster_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { broker(cluster, index, ptr::null(), |broker| broker.id.as_ptr()) }
}

/// Gives the host on which a broker listens, which need not be one that can be dialled.
///
/// NULL if there is none of that index; it lives as long as the cluster.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_broker_host(cluster: *const rivven_cluster_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { broker(cluster, index, ptr::null(), |broker| broker.host.as_ptr()) }
}

/// Gives the port on which a broker listens; 0 if there is none of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_broker_port(cluster: *const rivven_cluster_t, index: usize) -> u16 {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { broker(cluster, index, 0, |broker| broker.port) }
}

/// Gives the rack of a broker; NULL if none is configured, and if there is none of that index.
///
/// It lives as long as the cluster.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_broker_rack(cluster: *const rivven_cluster_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { broker(cluster, index, ptr::null(), |broker| pointer(&broker.rack)) }
}

/// Gives the number of topics; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_topics_len(cluster: *const rivven_cluster_t) -> usize {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { read(cluster, 0, |cluster| Some(cluster.topics.len())) }
}

/// Gives the name of a topic; NULL if there is none of that index.
///
/// It lives as long as the cluster.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_topic_name(cluster: *const rivven_cluster_t, index: usize) -> *const c_char {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { topic(cluster, index, ptr::null(), |topic| topic.name.as_ptr()) }
}

/// Tells whether a topic belongs to the broker rather than to users.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_topic_is_internal(cluster: *const rivven_cluster_t, index: usize) -> bool {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { topic(cluster, index, false, |topic| topic.is_internal) }
}

/// Gives the number of partitions that the functions below tell of.
///
/// 0 if there is no topic of that index.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_partitions_len(cluster: *const rivven_cluster_t, topic: usize) -> usize {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { self::topic(cluster, topic, 0, |topic| topic.partitions.len()) }
}

/// Gives the number by which a partition is named; 0 if there is no such topic or partition.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_partition_number(
    cluster: *const rivven_cluster_t,
    topic: usize,
    index: usize,
) -> u32 {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { partition(cluster, (topic, index), 0, |partition| Some(partition.number)) }
}

/// Gives the node that leads a partition; NULL if none does.
///
/// NULL if there is no such topic or partition. It lives as long as the cluster.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_partition_leader(
    cluster: *const rivven_cluster_t,
    topic: usize,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { partition(cluster, (topic, index), ptr::null(), |partition| Some(pointer(&partition.leader))) }
}

/// Tells whether no node serves a partition.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_partition_is_offline(
    cluster: *const rivven_cluster_t,
    topic: usize,
    index: usize,
) -> bool {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { partition(cluster, (topic, index), false, |partition| Some(partition.is_offline)) }
}

/// Gives the number of nodes that hold a partition; 0 if there is no such topic or partition.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_replicas_len(
    cluster: *const rivven_cluster_t,
    topic: usize,
    index: usize,
) -> usize {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { partition(cluster, (topic, index), 0, |partition| Some(partition.replicas.len())) }
}

/// Gives a node that holds a partition; NULL if there is none of that index.
///
/// It lives as long as the cluster.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_replica(
    cluster: *const rivven_cluster_t,
    topic: usize,
    index: usize,
    replica: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe {
        partition(cluster, (topic, index), ptr::null(), |partition| Some(partition.replicas.get(replica)?.as_ptr()))
    }
}

/// Gives the number of nodes that hold a partition and are in sync with its leader.
///
/// 0 if there is no such topic or partition.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_isr_len(cluster: *const rivven_cluster_t, topic: usize, index: usize) -> usize {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe { partition(cluster, (topic, index), 0, |partition| Some(partition.in_sync.len())) }
}

/// Gives a node that holds a partition and is in sync with its leader.
///
/// NULL if there is none of that index. It lives as long as the cluster.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_isr(
    cluster: *const rivven_cluster_t,
    topic: usize,
    index: usize,
    replica: usize,
) -> *const c_char {
    // SAFETY: the caller gives NULL or a cluster.
    unsafe {
        partition(cluster, (topic, index), ptr::null(), |partition| Some(partition.in_sync.get(replica)?.as_ptr()))
    }
}

/// Frees a cluster and the strings it gave; accepts NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rivven_cluster_free(cluster: *mut rivven_cluster_t) {
    // SAFETY: the caller gives NULL or a cluster that is not used any more.
    silent(|| unsafe { handle::release(cluster) });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    /// A standalone broker names no topics, so this is what shows that they come through.
    #[test]
    fn topics_and_their_partitions_are_read() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let partition = PartitionMetadata {
            partition: 7,
            leader: Some("a".to_owned()),
            replicas: names(&["a", "b"]),
            isr: names(&["b"]),
            offline: true,
        };
        let topic = TopicMetadata { name: "t".to_owned(), is_internal: true, partitions: vec![partition] };
        let cluster = Cluster { controller_id: None, brokers: Vec::new(), topics: vec![topic.into()] };
        let cluster: *mut rivven_cluster_t = handle::make(cluster);
        let read = cluster.cast_const();
        // SAFETY: the cluster lives until it is freed, and so do its strings.
        unsafe {
            let is = |text: *const c_char, wanted: &CStr| !text.is_null() && CStr::from_ptr(text) == wanted;
            assert!(rivven_cluster_controller_id(read).is_null());
            assert_eq!(rivven_cluster_topics_len(read), 1);
            assert!(is(rivven_cluster_topic_name(read, 0), c"t"));
            assert!(rivven_cluster_topic_is_internal(read, 0));
            assert_eq!(rivven_cluster_partitions_len(read, 0), 1);
            assert_eq!(rivven_cluster_partition_number(read, 0, 0), 7);
            assert!(is(rivven_cluster_partition_leader(read, 0, 0), c"a"));
            assert!(rivven_cluster_partition_is_offline(read, 0, 0));
            assert_eq!(rivven_cluster_replicas_len(read, 0, 0), 2);
            assert!(is(rivven_cluster_replica(read, 0, 0, 1), c"b"));
            assert_eq!(rivven_cluster_isr_len(read, 0, 0), 1);
            assert!(is(rivven_cluster_isr(read, 0, 0, 0), c"b"));
            assert!(rivven_cluster_isr(read, 0, 0, 1).is_null());
            assert!(rivven_cluster_topic_name(read, 1).is_null());
            rivven_cluster_free(cluster);
        }
    }
}
