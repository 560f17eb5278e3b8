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
from ._records import RecordMetadata
from ._rivven import Client, Message, connect_blocking, version
from ._tls import connect_tls_blocking

connect = connect_blocking
connect_tls = connect_tls_blocking
RivvenClient = Client
"""Another name of Client."""

__all__ = [
    "Client",
    "ConfigException",
    "ConnectionException",
    "Message",
    "RecordMetadata",
    "RivvenClient",
    "RivvenError",
    "RivvenException",
    "SerializationException",
    "ServerException",
    "TimeoutException",
    "connect",
    "connect_tls",
    "version",
]
