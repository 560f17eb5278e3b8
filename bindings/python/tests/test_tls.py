"""Encrypted connections to the real broker, in both styles: who accepts whom, and what is said otherwise."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import rivven
from support import MISBEHAVE, PASSWORD, USER, Connect, Secure, run_script, secure_broker, server

LOGIN = {"auth_username": USER, "auth_password": PASSWORD}


def refused(connect: Connect, address: str, *arguments: Any, **config: Any) -> str:
    """Connect, which has to fail by TLS; give the text."""
    with pytest.raises(rivven.ConnectionException) as caught:
        connect(address, *arguments, by="connect_tls", **config)
    error = caught.value
    assert (error.code, error.outcome, error.address) == ("TLS_FAILED", "NOT_SENT", address)
    assert address in str(error)
    return str(error)


def test_the_settings_are_arguments_or_keys(connect: Connect, secure: Secure) -> None:
    """covers: F005 python, F016 python, F017 python, F019 python, P-connect_tls python"""
    broker = secure("--mtls", "required")
    files = (broker.client_cert, broker.client_key)
    own = {"client_cert_path": Path(files[0]), "client_key_path": Path(files[1])}
    keys = {"tls_client_cert_path": files[0], "tls_client_key_path": Path(files[1])}
    for client in (
        connect(broker.address, broker.ca_cert, "localhost", *files, by="connect_tls"),
        connect(broker.address, broker.ca_cert, None, *files, by="connect_tls"),
        connect(broker.address, ca_cert_path=Path(broker.ca_cert), by="connect_tls", **own),
        connect([broker.address], ca_cert=broker.ca_cert, server_name="localhost", by="connect_tls", **own),
        connect(broker.address, ca_cert=broker.ca_cert, by="connect_tls", **keys),
        connect(broker.address, tls_ca_cert_path=Path(broker.ca_cert), **keys),
    ):
        assert client.ping() is None


def test_a_setting_that_is_given_twice_is_refused(connect: Connect, secure: Secure) -> None:
    broker = secure()
    for twice in ({"ca_cert": broker.ca_cert}, {"tls_ca_cert_path": broker.ca_cert}, {"tls_enabled": False}):
        with pytest.raises(TypeError):
            connect(broker.address, broker.ca_cert, by="connect_tls", **twice)


def test_the_authorities_of_the_system_are_trusted_by_default(connect: Connect, secure: Secure) -> None:
    """covers: F016 python"""
    broker = secure()
    assert "unknown CA" in refused(connect, broker.address)
    run_script(
        """
        import asyncio, os, sys
        import rivven, rivven.blocking
        address, os.environ["SSL_CERT_FILE"] = sys.argv[1:]
        async def main():
            async with await rivven.connect_tls(address) as client:
                await client.ping()
        asyncio.run(main())
        with rivven.blocking.connect_tls(address) as client:
            client.ping()
        """,
        broker.address,
        broker.ca_cert,
    )


def test_a_client_certificate_is_asked_for(connect: Connect, secure: Secure) -> None:
    """covers: F019 python"""
    broker = secure("--mtls", "required")
    assert "set tls.client.cert.path" in refused(connect, broker.address, broker.ca_cert)
    files = (broker.client_cert, broker.client_key)
    assert connect(broker.address, broker.ca_cert, None, *files, by="connect_tls").ping() is None


def test_a_client_certificate_of_another_authority_is_refused(connect: Connect, secure: Secure) -> None:
    """covers: F019 python"""
    broker, other = secure("--mtls", "required"), secure()
    files = (other.client_cert, other.client_key)
    assert "set tls.client.cert.path" in refused(connect, broker.address, broker.ca_cert, None, *files)


def test_a_client_certificate_may_be_missing_where_it_is_optional(connect: Connect, secure: Secure) -> None:
    """covers: F019 python"""
    broker = secure("--mtls", "optional")
    assert connect(broker.address, broker.ca_cert, by="connect_tls").ping() is None


def test_a_server_of_an_unknown_authority_is_refused(connect: Connect, secure: Secure) -> None:
    """covers: F016 python"""
    broker = secure()
    text = refused(connect, broker.address, broker.other_ca_cert, **LOGIN)
    assert "unknown CA: set tls.ca.cert.path" in text and PASSWORD not in text


def test_a_certificate_for_another_name_is_refused_unless_it_is_expected(connect: Connect, secure: Secure) -> None:
    """covers: F016 python"""
    broker = secure("--san", "broker.example")
    text = refused(connect, broker.address, broker.ca_cert)
    assert "not valid for 127.0.0.1" in text and "set tls.server.name" in text
    assert "not valid for elsewhere" in refused(connect, broker.address, broker.ca_cert, "elsewhere")
    assert connect(broker.address, broker.ca_cert, "broker.example", by="connect_tls").ping() is None


def test_an_expired_certificate_is_refused(connect: Connect, secure: Secure) -> None:
    broker = secure("--expired-cert")
    assert "expired" in refused(connect, broker.address, broker.ca_cert)


def test_a_client_without_tls_at_a_port_with_tls(connect: Connect, secure: Secure) -> None:
    broker = secure()
    with pytest.raises(rivven.ConnectionException, match="TLS") as caught:
        connect(broker.address, connection_timeout_ms=5000, **LOGIN)
    assert (caught.value.code, caught.value.address) == ("RESPONSE_TOO_LARGE", broker.address)
    assert PASSWORD not in str(caught.value)


def test_a_client_with_tls_at_a_port_without(connect: Connect, secure: Secure, broker: str) -> None:
    """The real broker takes the greeting for the length of a frame and waits for the rest, or closes."""
    ca_cert = secure().ca_cert
    with pytest.raises((rivven.ConnectionException, rivven.TimeoutException)) as caught:
        connect(broker, ca_cert, by="connect_tls", connection_timeout_ms=1000)
    assert caught.value.code in ("TLS_FAILED", "TIMED_OUT") and broker in str(caught.value)
    with server(MISBEHAVE, "http") as http:
        assert "does not speak TLS: check the port" in refused(connect, http.address, ca_cert)


def test_files_that_cannot_be_used_are_configuration_errors(connect: Connect, secure: Secure, tmp_path: Path) -> None:
    """covers: F016 python"""
    broker, other = secure("--mtls", "required"), secure()
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("not a certificate")
    missing = tmp_path / "missing.pem"
    cert, key = broker.client_cert, broker.client_key
    for files in (
        {"ca_cert_path": missing},
        {"ca_cert_path": tmp_path},
        {"ca_cert_path": rubbish},
        {"client_cert_path": cert},
        {"client_key_path": key},
        {"client_cert_path": missing, "client_key_path": key},
        {"client_cert_path": cert, "client_key_path": rubbish},
        {"client_cert_path": cert, "client_key_path": other.client_key},
    ):
        with pytest.raises(rivven.ConfigException) as caught:
            connect(broker.address, by="connect_tls", **{"ca_cert_path": broker.ca_cert, **files})
        assert (caught.value.code, caught.value.retriable) == ("INVALID_CONFIG", False)
    with pytest.raises(rivven.ConfigException, match="cannot be read") as caught:
        connect(broker.address, ca_cert=missing, by="connect_tls")
    assert str(missing) in str(caught.value)


def test_replaced_files_are_used_by_the_next_connection(
    connect: Connect, tmp_path: Path, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    """covers: F016 python

    The files are read for every connection, and a restart of the broker makes the client connect anew.
    """
    options, ca_cert = ("--data-dir", str(tmp_path / "data")), tmp_path / "ca.pem"
    with secure_broker(*options) as broker:
        shutil.copy(broker.ca_cert, ca_cert)
        client = connect(broker.address, ca_cert, by="connect_tls")
        shutil.copy(broker.other_ca_cert, ca_cert)
        assert client.ping() is None
    with secure_broker(*options, "--port", str(broker.port)):
        codes: list[str] = []

        def is_refused() -> bool:
            with pytest.raises(rivven.ConnectionException) as caught:
                client.ping()
            codes.append(caught.value.code)
            return codes[-1] == "TLS_FAILED"

        eventually(is_refused)
        shutil.copy(broker.ca_cert, ca_cert)
        assert client.ping() is None
