"""Topics, settings, groups, offsets, quotas and the cluster, in both styles."""

from __future__ import annotations

import copy
import pickle
import time
from datetime import timedelta
from typing import Any

import pytest
import rivven


def refused(code: str, call: Any, *arguments: Any) -> rivven.RivvenException:
    """Call, which the broker has to refuse with this code."""
    with pytest.raises(rivven.ServerException) as caught:
        call(*arguments)
    assert (caught.value.code, caught.value.outcome) == (code, "REJECTED")
    return caught.value


def test_partitions_are_added(client: Any, topic: str) -> None:
    """covers: F107 python"""
    client.create_topic(topic, 1)
    assert client.create_partitions(topic, 3) == 3
    assert client.create_partitions(topic, new_total=4) == 4
    assert client.get_metadata(topic) == (topic, 4)
    refused("INVALID_PARTITIONS", client.create_partitions, topic, 4)
    refused("UNKNOWN_TOPIC_OR_PARTITION", client.create_partitions, f"{topic}-missing", 2)


def test_the_settings_of_a_topic_are_described(client: Any, topic: str) -> None:
    """covers: F104 python, F106 python"""
    client.create_topic(topic, 1)
    configs = client.describe_topic_configs(topic)
    keys = "retention.ms retention.bytes max.message.bytes segment.bytes segment.ms cleanup.policy min.insync.replicas"
    assert {*keys.split(), "compression.type"} <= set(configs)
    policy = configs["cleanup.policy"]
    assert isinstance(policy, rivven.TopicConfigValue) and policy == "delete" == str(policy)
    assert (policy.is_default, policy.is_read_only, policy.is_sensitive) == (True, False, False)
    for other in (pickle.loads(pickle.dumps(policy)), copy.deepcopy(policy)):
        assert (other, vars(other)) == (policy, vars(policy))

    assert client.alter_topic_config(topic, [("cleanup.policy", "compact")]) == 1
    assert client.describe_topic_configs(topic)["cleanup.policy"].is_default is False
    both = client.describe_topic_configs([topic, f"{topic}-unknown"])
    assert set(both) == {topic, f"{topic}-unknown"}
    assert (both[topic]["cleanup.policy"], both[f"{topic}-unknown"]["cleanup.policy"]) == ("compact", "delete")
    assert client.describe_topic_configs(iter([]))[topic]["cleanup.policy"] == "compact"


# covers: F105 python
def test_the_settings_of_a_topic_are_changed(client: Any, topic: str) -> None:
    def value(key: str) -> str:
        return str(client.describe_topic_configs(topic)[key])

    client.create_topic(topic, 1)
    default = value("retention.ms")
    assert client.alter_topic_config(topic, [("retention.ms", "1000"), ("compression.type", "gzip")]) == 2
    assert (value("retention.ms"), value("compression.type")) == ("1000", "gzip")
    assert client.alter_topic_config(topic, {"retention.ms": 2000, "cleanup.policy": "compact"}) == 2
    assert value("retention.ms") == "2000"
    assert client.alter_topic_config(topic, "retention.ms", "3000") == 1
    assert value("retention.ms") == "3000"
    assert client.alter_topic_config(topic, "retention.ms", None) == 1
    assert value("retention.ms") == default
    assert client.alter_topic_config(topic, [("cleanup.policy", None)]) == 1
    assert value("cleanup.policy") == "delete"
    for bad in ({"cleanup.policy": "burn"}, {"no.such.key": "1"}, {"retention.ms": "soon"}):
        refused("INVALID_TOPIC_CONFIG", client.alter_topic_config, topic, bad)
    wrong: list[tuple[Any, ...]] = [("retention.ms",), ({}, "1"), ("retention.ms", "1", "2"), ([("retention.ms",)],), ([5],)]
    for arguments in wrong:
        with pytest.raises((TypeError, ValueError)):
            client.alter_topic_config(topic, *arguments)


def test_records_are_deleted(client: Any, topic: str) -> None:
    """covers: F108 python"""
    client.create_topic(topic, 2)
    for partition in range(2):
        client.publish_batch(topic, [str(n) for n in range(10)], partition=partition)
    assert client.delete_records(topic, 0, 4) == 4
    assert client.get_offset_bounds(topic, 0) == (4, 10)
    error = refused("OFFSET_OUT_OF_RANGE", client.delete_records, topic, 0, 11)
    assert f"{topic}/0" in str(error)
    refused("UNKNOWN_TOPIC_OR_PARTITION", client.delete_records, f"{topic}-missing", 0, 1)
    with pytest.raises(rivven.ServerException):
        client.delete_records(topic, 7, 1)

    done, bad = client.delete_records_batch(topic, [(1, 5), (0, 11)])
    assert done == (1, 5, None) and isinstance(done, rivven.DeletedRecords)
    assert bad.partition == 0 and bad.error and bad.error.startswith("OFFSET_OUT_OF_RANGE")
    assert client.delete_records_batch(topic, {0: 5, 1: 6}) == [(0, 5, None), (1, 6, None)]
    assert client.delete_records_batch(topic, []) == []


def test_an_offset_is_found_by_time(client: Any, topic: str) -> None:
    """covers: F109 python"""
    client.create_topic(topic, 1)
    client.publish_batch(topic, ["a", "b"])
    first, _ = client.consume(topic, 0, 0, 2)
    assert client.get_offset_for_timestamp(topic, 0, first.timestamp) == 0
    assert client.get_offset_for_timestamp(topic, 0, timestamp_ms=-1) == 0
    assert client.get_offset_for_timestamp(topic, 0, int(time.time() * 1000) + 3_600_000) is None
    refused("UNKNOWN_TOPIC_OR_PARTITION", client.get_offset_for_timestamp, f"{topic}-missing", 0, 0)


def test_the_cluster_names_its_brokers(client: Any, broker: str) -> None:
    """covers: F109 python"""
    metadata = client.get_cluster_metadata()
    assert isinstance(metadata, rivven.ClusterMetadata)
    (one,) = metadata.brokers
    assert isinstance(one, rivven.BrokerInfo) and one.port == int(broker.rsplit(":", 1)[1])
    assert (one.host, metadata.topics) == ("127.0.0.1", [])
    assert client.get_cluster_metadata(["any"]).brokers == [one]


def test_records_are_read_in_several_ways(client: Any, topic: str) -> None:
    """covers: F010 python"""
    client.create_topic(topic, 2)
    client.publish_batch(topic, ["a", "b", "c"], partition=0)
    client.publish_batch(topic, ["d"], partition=1)
    for messages in (
        client.consume_with_isolation(topic, 0, 1, 10, None),
        client.consume_with_isolation(topic, 0, 1, 10, isolation_level=1),
        client.consume_read_committed(topic, 0, 1, 10),
        client.consume_long_poll(topic, 0, 1, 10, 5),
        client.consume_long_poll(topic, 0, 1, 10, max_wait=timedelta(seconds=5), isolation_level=1),
    ):
        assert [(m.topic, m.offset, m.value) for m in messages] == [(topic, 1, b"b"), (topic, 2, b"c")]
    assert client.consume_long_poll(topic, 0, 3, 10, 0.05) == []

    zero, one, missing = client.consume_pipelined([(topic, 0, 0, 2), (topic, 1, 0, 9, 1), (f"{topic}-x", 0, 0, 1, None)])
    assert [m.value_str() for m in zero] == ["a", "b"]
    assert [(m.topic, m.partition, m.value_str()) for m in one] == [(topic, 1, "d")]
    assert isinstance(missing, rivven.ServerException) and missing.code == "UNKNOWN_TOPIC_OR_PARTITION"
    assert client.consume_pipelined([]) == []


def test_groups_have_offsets(client: Any, topic: str) -> None:
    """covers: F110 python"""
    group = f"group-{topic}"
    client.create_topic(topic, 2)
    client.publish_batch(topic, ["a", "b", "c"], partition=0)
    assert client.get_offset(group, topic, 0) is None
    assert client.commit_offset(group, topic, 0, 2) is None
    assert client.get_offset(group, topic, 0) == 2
    outcomes = client.commit_offsets_pipelined(group, [(topic, 0, 3), (topic, 1, 0), (topic, 1, 99)])
    assert outcomes[:2] == [None, None]
    assert isinstance(outcomes[2], rivven.ServerException) and outcomes[2].code == "OFFSET_OUT_OF_RANGE"
    assert client.describe_group(group) == {topic: {0: 3, 1: 0}}
    assert group in client.list_groups()
    assert client.delete_group(group) is None
    assert group not in client.list_groups()
    for call in (client.describe_group, client.delete_group):
        refused("GROUP_NOT_FOUND", call, group)
    refused("OFFSET_OUT_OF_RANGE", client.commit_offset, group, topic, 0, 99)


def test_a_group_has_one_of_two_names(client: Any) -> None:
    """covers: F110 python"""
    rest = {"topic": "t", "partition": 0, "offset": 0}
    partition = {"topic": "t", "partition": 0}
    calls: list[tuple[Any, dict[str, Any]]] = [
        (client.commit_offset, rest),
        (client.get_offset, partition),
        (client.describe_group, {}),
        (client.delete_group, {}),
    ]
    for call, others in calls:
        with pytest.raises(TypeError, match="leave out one of them"):
            call(group="g", group_id="g", **others)
        for name in ({}, {"group": None}, {"group_id": None}):
            with pytest.raises(TypeError, match="missing required argument: 'group'"):
                call(**name, **others)
        for left_out in others:
            with pytest.raises(TypeError, match=f"missing required argument: '{left_out}'"):
                call("g", **{key: value for key, value in others.items() if key != left_out})
        with pytest.raises(TypeError):
            call(group_id=1, **others)


def test_a_member_joins_syncs_and_leaves(client: Any, topic: str) -> None:
    """covers: F110 python"""
    group = f"group-{topic}"
    client.create_topic(topic, 2)
    mine = client.join_group(group, [topic], session_timeout=30, rebalance_timeout=timedelta(seconds=30))
    assert isinstance(mine, rivven.GroupMembership)
    assert (mine.leader, mine.protocol_type, mine.members) == (mine.member, "consumer", {mine.member: [topic]})
    step = (group, mine.generation, mine.member)
    assert client.sync_group(*step, {mine.member: {topic: [0, 1]}}) == {topic: [0, 1]}
    assert client.sync_group(*step, [(mine.member, [(topic, (0, 1))])]) == {topic: [0, 1]}
    assert client.heartbeat(*step) == 0
    refused("UNKNOWN_MEMBER_ID", client.heartbeat, group, mine.generation, "somebody")
    refused("UNKNOWN_MEMBER_ID", client.leave_group, group, "somebody")
    assert client.leave_group(group, mine.member) is None
    other = client.join_group(group, [topic], member="")
    assert client.remove_member(group, other.member) is None
    refused("UNKNOWN_GROUP", client.remove_member, f"{group}-missing", other.member)


def test_quotas_are_set_shown_and_removed(client: Any, topic: str) -> None:
    """covers: F111 python"""
    user = f"user-{topic}"
    keys = ("produce_bytes_rate", "request_rate")
    assert client.alter_quotas([("user", user, keys[0], 10**9), ("user", user, keys[1], 10**6)]) == 2
    (entry,) = client.describe_quotas([("user", user)])
    assert isinstance(entry, rivven.QuotaEntry) and entry[:2] == ("user", user)
    assert (entry.quotas[keys[0]], entry.quotas[keys[1]]) == (10**9, 10**6)
    assert entry in client.describe_quotas()
    assert client.alter_quotas([("user", user, key, None) for key in keys] + [("shoe", None, keys[0], 1)]) == 2
    assert entry not in client.describe_quotas()


def test_a_client_says_how_its_servers_are(connect: Any, broker: str) -> None:
    client = connect([broker, "127.0.0.1:1"])
    client.ping()
    stats = client.stats()
    assert isinstance(stats, rivven.ClientStats)
    assert stats.total_servers >= 2 and stats.healthy_servers >= 1
    (server,) = (server for server in stats.servers if server.address == broker)
    assert isinstance(server, rivven.ServerStats)
    assert (server.circuit_state, server.last_error) == ("closed", None)
    assert server.active_connections + server.available_connections >= 1


def test_a_number_out_of_range_is_named(client: Any, topic: str) -> None:
    most = 2**64 - 1
    calls: list[Any] = [
        ("partition", client.get_offset_bounds, (topic, -1)),
        ("partition", client.publish_batch, (topic, []), {"partition": 2**32}),
        ("partitions", client.create_topic, (topic, -1)),
        ("new_total", client.create_partitions, (topic, 2**32)),
        ("offset", client.consume, (topic, 0, -1, 1)),
        ("offset", client.commit_offset, ("group", topic, 0, most + 1)),
        ("max_messages", client.consume, (topic, 0, 0, -1)),
        ("before_offset", client.delete_records, (topic, 0, most + 1)),
        ("partition", client.delete_records_batch, (topic, [(-1, 0)])),
        ("timestamp_ms", client.get_offset_for_timestamp, (topic, 0, 2**63)),
        ("isolation_level", client.consume_with_isolation, (topic, 0, 0, 1, 256)),
        ("offset", client.consume_pipelined, ([(topic, 0, -1, 1)],)),
        ("generation", client.heartbeat, ("group", -1, "member")),
        ("id", client.get_schema, ("http://127.0.0.1:1", 10**5000)),
        ("session_timeout", client.join_group, ("group", [topic]), {"session_timeout": 1e9}),
    ]
    for name, call, arguments, *keywords in calls:
        with pytest.raises(OverflowError, match=rf"^{name} (is .* between -?\d+ and \d+|has to be less than \d+ ms)"):
            call(*arguments, **(keywords[0] if keywords else {}))
    with pytest.raises(TypeError, match="partition"):
        client.get_offset_bounds(topic, "0")


def test_a_text_is_no_list(client: Any, topic: str) -> None:
    for call, arguments in (
        (client.get_cluster_metadata, (topic,)),
        (client.join_group, ("group", topic)),
        (client.delete_records_batch, (topic, "01")),
        (client.describe_topic_configs, (b"bytes",)),
        (client.describe_topic_configs, (5,)),
    ):
        with pytest.raises(TypeError):
            call(*arguments)
