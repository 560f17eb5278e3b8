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
from ._rivven import Delivery, Message, Producer, RivvenClient, SentRecords, connect, version
from ._state_changes import StateChanges
from ._tls import connect_tls

MutableSequence.register(SentRecords)

Client = RivvenClient
"""Another name of RivvenClient."""

__version__ = version()

__all__ = [
    "BrokerInfo",
    "Client",
    "ClientStats",
    "ClusterMetadata",
    "ConfigException",
    "ConnectionException",
    "DeletedRecords",
    "Delivery",
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
