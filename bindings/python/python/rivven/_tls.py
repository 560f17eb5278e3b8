"""Connecting by TLS, with the settings as arguments."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, TypeAlias

from ._rivven import Client, RivvenClient, connect, connect_blocking

if TYPE_CHECKING:
    from ._rivven import _Connecting, _Setting

_Path: TypeAlias = str | PathLike[str] | None


def connect_tls(
    address: str | Sequence[str],
    ca_cert_path: _Path = None,
    server_name: str | None = None,
    client_cert_path: _Path = None,
    client_key_path: _Path = None,
    *,
    ca_cert: _Path = None,
    **config: _Setting,
) -> _Connecting:
    """Connect to a Rivven broker by TLS; awaiting the result gives a RivvenClient.

    `ca_cert_path`, or `ca_cert`, is a PEM file with the CA certificates to
    trust, by default the system's. `server_name` is the name that the server's
    certificate must have, by default the host of the address.
    `client_cert_path` and `client_key_path` are PEM files for a broker that
    wants to know its clients. Files are read again for every new connection,
    so they can be replaced while the client runs.

    Everything else is as with `connect`, which does the same with the
    configuration keys `tls_enabled=True`, `tls_ca_cert_path`,
    `tls_server_name`, `tls_client_cert_path` and `tls_client_key_path`. Raises
    ConfigException for files that cannot be used, and ConnectionException with
    the code TLS_FAILED if client and server do not accept each other.
    """
    keys = _keys(ca_cert_path, server_name, client_cert_path, client_key_path, ca_cert)
    return connect(address, **keys, **config)


def connect_tls_blocking(
    address: str | Sequence[str],
    ca_cert_path: _Path = None,
    server_name: str | None = None,
    client_cert_path: _Path = None,
    client_key_path: _Path = None,
    *,
    ca_cert: _Path = None,
    **config: _Setting,
) -> Client:
    """Connect to a Rivven broker by TLS and give a blocking Client.

    The arguments and the exceptions are those of `rivven.connect_tls`.
    """
    keys = _keys(ca_cert_path, server_name, client_cert_path, client_key_path, ca_cert)
    return connect_blocking(address, **keys, **config)


def _keys(ca_cert_path: _Path, name: str | None, cert: _Path, key: _Path, ca_cert: _Path) -> dict[str, _Setting]:
    """Give the configuration keys that the arguments stand for."""
    if ca_cert is not None and ca_cert_path is not None:
        raise TypeError("ca_cert is another name of ca_cert_path: leave out one of them")
    keys: dict[str, _Setting] = {
        "tls_ca_cert_path": ca_cert_path if ca_cert is None else ca_cert,
        "tls_server_name": name,
        "tls_client_cert_path": cert,
        "tls_client_key_path": key,
    }
    return {"tls_enabled": True} | {name: value for name, value in keys.items() if value is not None}
