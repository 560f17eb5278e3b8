"""Client for the Rivven event streaming platform.

The top level is for asyncio; `rivven.blocking` has the same names for programs
without an event loop.

    client = await rivven.connect("127.0.0.1:9092")
    offset = await client.publish("orders", b"value", b"key")
    await client.close()
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
from ._rivven import Message, RivvenClient, connect, version
from ._tls import connect_tls

Client = RivvenClient
"""Another name of RivvenClient."""

__version__ = version()

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
