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
from ._log import set_log_level
from ._records import (
    BrokerInfo,
    ClientStats,
    ClusterMetadata,
    DeletedRecords,
    GroupMembership,
    PartitionMetadata,
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
)
from ._rivven import Client, Message, SentRecords, StateChanges, connect_blocking, version
from ._rivven import _BlockingProducer as Producer
from ._tls import connect_tls_blocking

connect = connect_blocking
connect_tls = connect_tls_blocking
RivvenClient = Client
"""Another name of Client."""

__all__ = [
    "BrokerInfo",
    "Client",
    "ClientStats",
    "ClusterMetadata",
    "ConfigException",
    "ConnectionException",
    "DeletedRecords",
    "GroupMembership",
    "Message",
    "PartitionMetadata",
    "Producer",
    "ProducerServerStats",
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
    "StateChanges",
    "StateChangesMissed",
    "TimeoutException",
    "TopicConfigValue",
    "TopicMetadata",
    "connect",
    "connect_tls",
    "set_log_level",
    "version",
]
