"""The client for programs without an event loop: the same names, whose calls block.

    with rivven.blocking.connect("127.0.0.1:9092") as client:
        offset = client.publish("orders", b"value", b"key")
"""

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
    Client,
    ConsumerEvents,
    ConsumerRecords,
    Message,
    ProducerState,
    SentRecords,
    StateChanges,
    connect_blocking,
    version,
)
from ._rivven import _BlockingConsumer as Consumer
from ._rivven import _BlockingProducer as Producer
from ._rivven import _BlockingTransaction as Transaction
from ._rivven import _BlockingTransformer as Transformer
from ._tls import connect_tls_blocking
from ._transaction import transform_blocking

connect = connect_blocking
connect_tls = connect_tls_blocking
transform = transform_blocking
RivvenClient = Client
"""Another name of Client."""

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
