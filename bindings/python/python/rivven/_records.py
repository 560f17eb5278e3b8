"""What calls give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Self

from ._errors import RivvenException


class RecordMetadata(int):
    """Where a record was written: its offset, as an int that knows more.

    It equals, sorts, hashes and prints as the offset.
    """

    _place: tuple[str, int, bool, bool, bool]

    def __new__(
        cls,
        offset: int,
        topic: str,
        partition: int,
        duplicate: bool = False,
        maybe_duplicate: bool = False,
        offset_exact: bool = True,
    ) -> Self:
        """Make the metadata of the record at an offset."""
        self = super().__new__(cls, offset)
        self._place = (topic, partition, duplicate, maybe_duplicate, offset_exact)
        return self

    @property
    def topic(self) -> str:
        """The name of the topic."""
        return self._place[0]

    @property
    def partition(self) -> int:
        """The number of the partition."""
        return self._place[1]

    @property
    def duplicate(self) -> bool:
        """Whether the broker had the record already and wrote nothing."""
        return self._place[2]

    @property
    def maybe_duplicate(self) -> bool:
        """Whether the record may have been written more than once, as it was sent again after an unknown outcome."""
        return self._place[3]

    @property
    def offset_exact(self) -> bool:
        """Whether the offset is the record's own for certain.

        It is counted from that of its batch; False where an earlier attempt may have been written in between.
        """
        return self._place[4]

    @property
    def offset(self) -> int:
        """The position in the partition, as a plain int."""
        return int(self)

    def __repr__(self) -> str:
        """Show the topic, the partition and the offset."""
        return f"RecordMetadata(topic={self.topic!r}, partition={self.partition}, offset={self.offset})"

    __str__ = int.__repr__

    def __getnewargs__(self) -> tuple[int, str, int, bool, bool, bool]:  # type: ignore[override]
        """Give pickle and copy the arguments to make it again."""
        return (self.offset, *self._place)


class TopicConfigValue(str):
    """The value of a setting of a topic, as a str that knows more."""

    is_default: bool
    """Whether it is the broker's default."""

    is_read_only: bool
    """Whether it cannot be changed."""

    is_sensitive: bool
    """Whether it should not be shown."""

    def __new__(
        cls, value: str, is_default: bool = False, is_read_only: bool = False, is_sensitive: bool = False
    ) -> Self:
        """Make the value of a setting."""
        self = super().__new__(cls, value)
        self.is_default = is_default
        self.is_read_only = is_read_only
        self.is_sensitive = is_sensitive
        return self

    def __getnewargs__(self) -> tuple[str, bool, bool, bool]:  # type: ignore[override]
        """Give pickle and copy the arguments to make it again."""
        return (str(self), self.is_default, self.is_read_only, self.is_sensitive)


class DeletedRecords(NamedTuple):
    """What became of a partition whose records were to be deleted."""

    partition: int
    """The number of the partition."""

    low_watermark: int
    """The first offset that is left."""

    error: str | None
    """The broker's text, if it refused."""


class BrokerInfo(NamedTuple):
    """A broker of the cluster."""

    node_id: str
    """The name of the node."""

    host: str
    """The host that it listens on, which need not be one that can be dialled."""

    port: int
    """The port."""

    rack: str | None
    """The rack, if one is configured."""


class PartitionMetadata(NamedTuple):
    """Where a partition lives."""

    partition: int
    """The number of the partition."""

    leader: str | None
    """The node that leads it, if any."""

    replicas: list[str]
    """The nodes that hold it."""

    isr: list[str]
    """The nodes that hold it and are in sync with the leader."""

    offline: bool
    """Whether no node serves it."""


class TopicMetadata(NamedTuple):
    """A topic and its partitions."""

    name: str
    """The name of the topic."""

    is_internal: bool
    """Whether it belongs to the broker rather than to users."""

    partitions: list[PartitionMetadata]
    """Its partitions."""


class ClusterMetadata(NamedTuple):
    """The brokers and topics of a cluster."""

    controller_id: str | None
    """The node that controls the cluster."""

    brokers: list[BrokerInfo]
    """The brokers."""

    topics: list[TopicMetadata]
    """The topics with their partitions and leaders."""


class GroupMembership(NamedTuple):
    """A membership of a group, as joining gives it."""

    generation: int
    """A number that rises with every rebalance of a stable group."""

    protocol_type: str
    """The kind of group."""

    member: str
    """The id of the member."""

    leader: str
    """The id of the member that hands out the partitions."""

    members: dict[str, list[str]]
    """All members with the topics that they want to read."""


class QuotaEntry(NamedTuple):
    """The quotas of an entity."""

    entity_type: str
    """The type: "user", "client-id", "consumer-group" or "default"."""

    entity_name: str | None
    """The name; None for the default of the type."""

    quotas: dict[str, int]
    """The quotas by key."""


class Schema(NamedTuple):
    """A schema as the registry gives it."""

    id: int | None
    """Its number, where the registry says it or it was asked for by it."""

    subject: str | None
    """The subject, where it was asked for by one."""

    version: int | None
    """The version within the subject, where it was asked for by one."""

    schema_type: str
    """Its language: "AVRO", "PROTOBUF" or "JSON"."""

    schema: str
    """Its text."""


class ServerStats(NamedTuple):
    """One server of a client and its connections, at one moment."""

    address: str
    """The server as "host:port"."""

    circuit_state: str
    """What its breaker lets through: "closed" (everything), "open" (nothing) or "half-open" (one request)."""

    active_connections: int
    """How many of its connections have calls under way."""

    available_connections: int
    """How many of its connections are open and idle."""

    last_error: RivvenException | None
    """Its last failure, unless it has worked since."""


class ClientStats(NamedTuple):
    """The servers of a client and their connections, at one moment."""

    total_servers: int
    """How many servers there are: those configured and those that the cluster named."""

    healthy_servers: int
    """How many of them work."""

    active_connections: int
    """How many connections have calls under way."""

    available_connections: int
    """How many connections are open and idle."""

    servers: list[ServerStats]
    """Each server by itself."""


class ProducerServerStats(NamedTuple):
    """What a producer has sent to one server, at one moment."""

    address: str
    """The server as "host:port"."""

    records_delivered: int
    """Records that the server has."""

    batches_sent: int
    """Requests with records, repeated ones included."""

    bytes_sent: int
    """Bytes of those requests."""

    errors: int
    """Requests that failed."""

    retries: int
    """Requests that were repeated, here or at another server."""

    records_unanswered: int
    """Records in requests that the server has not answered yet."""

    records_queued: int
    """Records that wait to be sent to the server."""

    records_per_batch: float
    """The mean number of records of a request."""

    latency_p50_us: int
    """The median time from handing a record over to its delivery, in microseconds."""

    latency_p95_us: int
    """The time that 95 of 100 records stay below, in microseconds."""

    latency_p99_us: int
    """The time that 99 of 100 records stay below, in microseconds."""


class ProducerStats(NamedTuple):
    """What a producer has done so far, at one moment."""

    records_sent: int
    """Records that were handed over."""

    records_delivered: int
    """Records that the broker has."""

    records_failed: int
    """Records that were given up."""

    batches_sent: int
    """Requests with records, repeated ones included."""

    bytes_sent: int
    """Bytes of those requests."""

    errors: int
    """Requests that failed."""

    retries: int
    """Requests that were repeated."""

    records_queued: int
    """Records that were handed over and not sent yet."""

    bytes_buffered: int
    """Bytes of `buffer_memory` in use."""

    records_per_batch: float
    """The mean number of records of a request."""

    latency_p50_us: int
    """The median time from handing a record over to its delivery, in microseconds."""

    latency_p95_us: int
    """The time that 95 of 100 records stay below, in microseconds."""

    latency_p99_us: int
    """The time that 99 of 100 records stay below, in microseconds."""

    servers: list[ProducerServerStats]
    """Each server that records were sent to, in the order of their addresses."""

    @property
    def pending(self) -> int:
        """Records that were handed over and are neither delivered nor given up."""
        return max(0, self.records_sent - self.records_delivered - self.records_failed)

    @property
    def success_rate(self) -> float:
        """The share of settled records that were delivered, from 0 to 1; 1 before any is settled."""
        settled = self.records_delivered + self.records_failed
        return self.records_delivered / settled if settled else 1.0


class TopicPartition(NamedTuple):
    """A partition of a topic."""

    topic: str
    """The name of the topic."""

    partition: int
    """The number of the partition."""


class PartitionStats(NamedTuple):
    """What is known of an assigned partition, at one moment."""

    partition: TopicPartition
    """Which."""

    position: int | None
    """The offset of the next record that a poll gives; None until it is known."""

    committed: int | None
    """The committed offset, as far as the consumer knows."""

    latest: int | None
    """The end of the log, of some seconds ago at most while the partition is read."""

    lag: int | None
    """How many offsets lie between the two; None until they are known."""

    paused: bool
    """Whether it is paused."""


class ConsumerStats(NamedTuple):
    """What a consumer has done so far, at one moment."""

    polls: int
    """Polls that have ended with a result."""

    records: int
    """Records that polls gave."""

    fetches: int
    """Requests for records that were answered."""

    empty_fetches: int
    """Those of them whose answer held no record."""

    records_fetched: int
    """Records that were received, those that were not handed out included."""

    bytes_fetched: int
    """The bytes of those answers."""

    errors: int
    """Failures of requests and connections, repeated ones included."""

    reconnects: int
    """Connections that were lost."""

    throttled: int
    """Answers that the broker withheld for the sake of a quota."""

    commits: int
    """Offsets that were committed."""

    failed_commits: int
    """Offsets that could not be committed."""

    rebalances: int
    """How often partitions of subscribed topics were given or taken away."""

    records_waiting: int
    """Records that wait to be polled."""

    bytes_held: int
    """The bytes of answers that are held, by the program too."""

    last_error: RivvenException | None
    """The last failure."""

    partitions: list[PartitionStats]
    """The assigned partitions."""

    @property
    def lag(self) -> int:
        """How many records there are behind the positions, as far as is known."""
        return sum(partition.lag or 0 for partition in self.partitions)


class ProcessReport(NamedTuple):
    """What handlers have done."""

    processed: int
    """The messages that a handler was done with."""

    retries: int
    """How often a message was handled again."""

    dead_lettered: int
    """The messages that went to the dead letter topic."""

    skipped: int
    """The messages that were left out."""


class TransformReport(NamedTuple):
    """What was done by transactions."""

    transactions: int
    """The transactions that were committed."""

    records: int
    """The records that were read in them."""

    aborted: int
    """The rounds that were aborted, whose records were read again."""

    uncertain: int
    """The rounds of which it is not known whether they were committed, and whose records were read again.

    What was written before may count as well. It takes a lost answer and a restart of the broker.
    """


@dataclass(frozen=True)
class ServerDegraded:
    """A server does not work any more, or still does not after another attempt."""

    server: str
    """The server as "host:port"."""

    since: datetime
    """Since when, in UTC."""

    reason: RivvenException
    """Why, the last time."""

    attempts: int
    """How many attempts have failed since then."""


@dataclass(frozen=True)
class ServerRecovered:
    """A server works again."""

    server: str
    """The server as "host:port"."""

    after: timedelta
    """How long it did not."""

    attempts: int
    """How many attempts failed meanwhile."""


@dataclass(frozen=True)
class StateChangesMissed:
    """The reader was so slow that changes were lost."""

    count: int
    """How many."""
