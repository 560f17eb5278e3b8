//! The list of what every language offers.

/// A method of a class of the surface, in the spelling of Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// The class: `client`.
    pub class: &'static str,
    /// The method: `create_topic`.
    pub name: &'static str,
}

impl Method {
    /// The function of the C interface: `rivven_client_create_topic`.
    pub fn c_name(&self) -> String {
        format!("rivven_{}_{}", self.class, self.name)
    }

    /// The method of the C++ class and of the Python class: `create_topic`.
    pub fn snake_name(&self) -> &'static str {
        self.name
    }

    /// The method of the Node class: `createTopic`.
    pub fn camel_name(&self) -> String {
        let mut words = self.name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| {
            let (head, tail) = word.split_at(1);
            name + &head.to_uppercase() + tail
        })
    }
}

const fn client(name: &'static str) -> Method {
    Method { class: "client", name }
}

const fn consumer(name: &'static str) -> Method {
    Method { class: "consumer", name }
}

const fn transformer(name: &'static str) -> Method {
    Method { class: "transformer", name }
}

const fn transaction(name: &'static str) -> Method {
    Method { class: "transaction", name }
}

const fn producer(name: &'static str) -> Method {
    Method { class: "producer", name }
}

/// Every method that C, C++, Python (asyncio and blocking) and Node must have.
pub const SURFACE: &[Method] = &[
    client("abort_transaction"),
    client("add_offsets_to_txn"),
    client("add_partitions_to_txn"),
    client("alter_quotas"),
    client("alter_topic_config"),
    client("authenticate"),
    client("authenticate_scram"),
    client("begin_transaction"),
    client("close"),
    client("commit_offset"),
    client("commit_offsets_pipelined"),
    client("commit_transaction"),
    client("consume"),
    client("consume_long_poll"),
    client("consume_pipelined"),
    client("consume_read_committed"),
    client("consume_with_isolation"),
    client("create_partitions"),
    client("create_topic"),
    client("delete_group"),
    client("delete_records"),
    client("delete_topic"),
    client("describe_group"),
    client("describe_quotas"),
    client("describe_topic_configs"),
    client("get_cluster_metadata"),
    client("get_metadata"),
    client("get_offset"),
    client("get_offset_bounds"),
    client("get_offset_for_timestamp"),
    client("get_schema"),
    client("get_schema_version"),
    client("heartbeat"),
    client("init_producer_id"),
    client("join_group"),
    client("leave_group"),
    client("list_groups"),
    client("list_topics"),
    client("ping"),
    client("publish"),
    client("publish_batch"),
    client("publish_idempotent"),
    client("publish_to_partition"),
    client("publish_transactional"),
    client("publish_with_key"),
    client("register_schema"),
    client("remove_member"),
    client("stats"),
    client("sync_group"),
    consumer("assign"),
    consumer("assignments"),
    consumer("close"),
    consumer("commit"),
    consumer("commit_async"),
    consumer("commit_offsets"),
    consumer("commit_offsets_each"),
    consumer("committed"),
    consumer("get_offset_bounds"),
    consumer("lag"),
    consumer("pause"),
    consumer("paused"),
    consumer("poll"),
    consumer("position"),
    consumer("process"),
    consumer("resume"),
    consumer("seek"),
    consumer("seek_to_beginning"),
    consumer("seek_to_end"),
    consumer("seek_to_timestamp"),
    consumer("stats"),
    consumer("store_offset"),
    consumer("subscribe"),
    consumer("unsubscribe"),
    consumer("wakeup"),
    producer("close"),
    producer("flush"),
    producer("get_partition_count"),
    producer("is_idempotent"),
    producer("purge"),
    producer("refresh_metadata"),
    producer("send"),
    producer("send_batch"),
    producer("stats"),
    transaction("abort"),
    transaction("begin"),
    transaction("commit"),
    transaction("enqueue"),
    transaction("flush"),
    transaction("is_open"),
    transaction("send"),
    transaction("send_batch"),
    transaction("send_consumer_offsets"),
    transaction("send_offsets"),
    transformer("commit"),
    transformer("fail"),
    transformer("next"),
    transformer("report"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelled_as_each_language_does() {
        let method = client("get_offset_bounds");
        assert_eq!(method.c_name(), "rivven_client_get_offset_bounds");
        assert_eq!(method.camel_name(), "getOffsetBounds");
    }

    #[test]
    fn the_list_is_sorted_and_without_repetition() {
        let names = |method: &Method| (method.class, method.name);
        assert!(SURFACE.windows(2).all(|pair| names(&pair[0]) < names(&pair[1])));
    }
}
