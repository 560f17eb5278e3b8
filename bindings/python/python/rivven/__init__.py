"""Client for the Rivven event streaming platform.

The top level is for asyncio; `rivven.blocking` has the same names for programs
without an event loop.

    client = await rivven.connect("127.0.0.1:9092")
    offset = await client.publish("orders", b"value", b"key")
    await client.close()
"""

from collections.abc import MutableSequence

from ._errors import (
    ConfigException,
    ConnectionException,
    RivvenError,
    RivvenException,
    SerializationException,
    ServerException,
    TimeoutException,
)
from ._events import (
    CommitFailed,
    ConsumerEvents,
    DamagedRange,
    EventsMissed,
    FewerConnections,
    Gap,
    LogTruncated,
    PartitionsAssigned,
    PartitionsLost,
    PartitionsRevoked,
    PollTooLate,
    Stalled,
    Throttled,
    Unreadable,
)
from ._log import set_log_level
from ._records import (
    BrokerInfo,
    ClientStats,
    ClusterMetadata,
    ConsumerStats,
    DeletedRecords,
    GroupMembership,
    PartitionMetadata,
    PartitionStats,
    ProcessReport,
    ProducerServerStats,
    ProducerStats,
    QuotaEntry,
    RecordMetadata,
    Schema,
    ServerDegraded,
    ServerRecovered,
    ServerStats,
    StateChangesMissed,
    TopicConfigValue,
    TopicMetadata,
    TopicPartition,
    TransformReport,
)
from ._rivven import (
    Consumer,
    ConsumerRecords,
    Delivery,
    Message,
    Producer,
    ProducerState,
    RivvenClient,
    SentRecords,
    Transaction,
    Transformer,
    connect,
    version,
)
from ._state_changes import StateChanges
from ._tls import connect_tls
from ._transaction import transform

MutableSequence.register(SentRecords)

Client = RivvenClient
"""Another name of RivvenClient."""

__version__ = version()

__all__ = [
    "BrokerInfo",
    "Client",
    "ClientStats",
    "ClusterMetadata",
    "CommitFailed",
    "ConfigException",
    "ConnectionException",
    "Consumer",
    "ConsumerEvents",
    "ConsumerRecords",
    "ConsumerStats",
    "DamagedRange",
    "DeletedRecords",
    "Delivery",
    "EventsMissed",
    "FewerConnections",
    "Gap",
    "GroupMembership",
    "LogTruncated",
    "Message",
    "PartitionMetadata",
    "PartitionStats",
    "ProcessReport",
    "PartitionsAssigned",
    "PartitionsLost",
    "PartitionsRevoked",
    "PollTooLate",
    "Producer",
    "ProducerServerStats",
    "ProducerState",
    "ProducerStats",
    "QuotaEntry",
    "RecordMetadata",
    "RivvenClient",
    "RivvenError",
    "RivvenException",
    "Schema",
    "SentRecords",
    "SerializationException",
    "ServerDegraded",
    "ServerException",
    "ServerRecovered",
    "ServerStats",
    "Stalled",
    "StateChanges",
    "StateChangesMissed",
    "Throttled",
    "TimeoutException",
    "TopicConfigValue",
    "TopicMetadata",
    "TopicPartition",
    "Transaction",
    "TransformReport",
    "Transformer",
    "Unreadable",
    "connect",
    "connect_tls",
    "set_log_level",
    "transform",
    "version",
]
