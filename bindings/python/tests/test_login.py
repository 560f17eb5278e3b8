"""Logging in to the real broker, in both styles: who gets in, and what the others are told."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import rivven
from support import PASSWORD, USER, Connect, Secure, secure_broker
from wire import wire_to

WRONG = "Wrong-Horse-8"
LOGIN = {"auth_username": USER, "auth_password": PASSWORD}
MECHANISMS = {"authenticate": "plain", "authenticate_scram": "scram-sha-256"}


def trusting(connect: Connect, broker: SimpleNamespace, **config: Any) -> Any:
    """Connect by TLS."""
    return connect(broker.address, tls_ca_cert_path=broker.ca_cert, **config)


def hides_secrets(error: BaseException) -> bool:
    """Tell whether nothing that an exception shows has a password in it."""
    shown = [*traceback.format_exception(error), repr(error), repr(vars(error)), repr(pickle.dumps(error))]
    return not any("Horse" in text for text in shown)


@pytest.mark.parametrize("mechanism", MECHANISMS.values())
def test_a_client_logs_in_by_its_configuration(connect: Connect, secure: Secure, topic: str, mechanism: str) -> None:
    """covers: F012 python, F013 python, F017 python"""
    client = trusting(connect, secure(), **LOGIN, auth_mechanism=mechanism)
    assert "Horse" not in repr(getattr(client, "client", client))
    assert client.create_topic(topic, 1) == 1
    assert client.publish(topic, b"value") == 0
    assert [message.value for message in client.consume(topic, 0, 0, 10)] == [b"value"]


def test_scram_is_the_default(connect: Connect, secure: Secure) -> None:
    """covers: F013 python"""
    assert isinstance(connect(secure("--tls", "off").address, **LOGIN).list_topics(), list)


@pytest.mark.parametrize("method", MECHANISMS)
def test_a_client_logs_in_by_a_method(connect: Connect, secure: Secure, method: str) -> None:
    """covers: F012 python, F013 python, F014 python, P-authenticate python, P-authenticate_scram python"""
    client = trusting(connect, secure())
    with pytest.raises(rivven.ServerException) as caught:
        client.list_topics()
    assert (caught.value.code, caught.value.outcome) == ("AUTHENTICATION_REQUIRED", "REJECTED")
    session_id, expires_in = getattr(client, method)(username=USER, password=PASSWORD)
    assert isinstance(session_id, str) and session_id
    assert expires_in == 3600
    assert isinstance(client.list_topics(), list)
    assert getattr(client, method)(USER, PASSWORD)[1] == 3600


@pytest.mark.parametrize("method", MECHANISMS)
def test_wrong_credentials_are_refused_and_not_kept(connect: Connect, method: str) -> None:
    """covers: F012 python, F013 python

    The broker is another one for each test, since it locks out users after five failures.
    """
    with secure_broker() as broker:
        client = trusting(connect, broker)
        log_in = getattr(client, method)
        for user, password in ((USER, WRONG), ("mallory", PASSWORD)):
            with pytest.raises(rivven.ServerException, match=f"log in as {user}") as caught:
                log_in(user, password)
            error = caught.value
            assert (error.code, error.outcome, error.retriable) == ("AUTHENTICATION_FAILED", "REJECTED", False)
            assert error.address == broker.address and broker.address in str(error) and hides_secrets(error)
        with pytest.raises(rivven.ServerException) as caught:
            client.list_topics()
        assert caught.value.code == "AUTHENTICATION_REQUIRED"
        log_in(USER, PASSWORD)
        with pytest.raises(rivven.ServerException):
            log_in(USER, WRONG)
        assert client.list_topics() == []
        assert "Horse" not in repr(getattr(client, "client", client))


@pytest.mark.parametrize("method", MECHANISMS)
def test_a_producer_has_the_last_login_of_its_client_that_was_good(connect: Connect, topic: str, method: str) -> None:
    """covers: F014 python"""
    with secure_broker() as broker:
        client = trusting(connect, broker)
        log_in = getattr(client, method)
        log_in(USER, PASSWORD)
        client.create_topic(topic, 1)
        with pytest.raises(rivven.ServerException):
            log_in(USER, WRONG)
        of_client = getattr(client, "client", client)

        async def send() -> int:
            async with of_client.producer(topic) as producer:
                return int(await producer.send(b"value"))

        def send_blocking() -> int:
            with of_client.producer(topic) as producer:
                return int(producer.send(b"value"))

        assert (send_blocking() if of_client is client else client.runner.run(send())) == 0


@pytest.mark.parametrize("mechanism", MECHANISMS.values())
def test_wrong_credentials_of_the_configuration_are_refused(connect: Connect, mechanism: str) -> None:
    with secure_broker() as broker:
        for login in ({**LOGIN, "auth_password": WRONG}, {**LOGIN, "auth_username": "mallory"}):
            with pytest.raises(rivven.ServerException) as caught:
                trusting(connect, broker, **login, auth_mechanism=mechanism)
            assert (caught.value.code, caught.value.retriable) == ("AUTHENTICATION_FAILED", False)
            assert caught.value.address == broker.address and hides_secrets(caught.value)


def test_the_password_itself_is_never_sent_without_tls(connect: Connect, secure: Secure) -> None:
    """covers: F012 python, F013 python"""
    with wire_to(secure("--tls", "off").address) as wire:
        client = connect(wire.address)
        sent = bytes(wire.sent)
        with pytest.raises(rivven.ConfigException, match="configure TLS or use SCRAM-SHA-256") as caught:
            client.authenticate(USER, PASSWORD)
        assert bytes(wire.sent) == sent
        assert (caught.value.code, caught.value.outcome) == ("AUTHENTICATION_REQUIRES_TLS", "NOT_SENT")
        assert caught.value.address == wire.address and hides_secrets(caught.value)
        with pytest.raises(rivven.ConfigException) as caught:
            connect(wire.address, **LOGIN, auth_mechanism="plain")
        assert caught.value.code == "AUTHENTICATION_REQUIRES_TLS"
        client.authenticate_scram(USER, PASSWORD)
        assert isinstance(client.list_topics(), list)
        assert USER.encode() in wire.sent and PASSWORD.encode() not in wire.sent


def test_a_broker_without_authentication_says_so(connect: Connect, broker: str) -> None:
    client = connect(broker)
    for use in (partial(connect, broker, **LOGIN), partial(client.authenticate_scram, USER, PASSWORD)):
        with pytest.raises(rivven.ServerException, match="runs without authentication") as caught:
            use()
        assert caught.value.code == "AUTHENTICATION_FAILED" and hides_secrets(caught.value)


@pytest.mark.parametrize("method", MECHANISMS)
def test_a_login_by_a_method_is_repeated_on_the_next_connection(
    connect: Connect, tmp_path: Path, method: str, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    options = ("--data-dir", str(tmp_path))
    with secure_broker(*options) as broker:
        client = trusting(connect, broker)
        getattr(client, method)(USER, PASSWORD)
    with secure_broker(*options, "--port", str(broker.port)):

        def lists_topics() -> bool:
            try:
                return isinstance(client.list_topics(), list)
            except rivven.ConnectionException:
                return False  # it found the old connection dead

        eventually(lists_topics)


def test_half_a_login_is_a_configuration_error(connect: Connect) -> None:
    for key in LOGIN:
        with pytest.raises(rivven.ConfigException) as caught:
            connect("127.0.0.1:1", **{key: LOGIN[key]})
        assert caught.value.code == "INVALID_CONFIG" and hides_secrets(caught.value)


def test_credentials_that_are_no_text_are_refused_without_being_shown(connect: Connect, broker: str) -> None:
    """covers: F015 python"""
    client = connect(broker)
    surrogate, encoded = f"{PASSWORD}\udc80", PASSWORD.encode()
    for method in MECHANISMS:
        log_in = getattr(client, method)
        for password, kind in ((surrogate, ValueError), (encoded, TypeError), (None, TypeError)):
            with pytest.raises(kind) as caught:
                log_in(USER, password)
            assert hides_secrets(caught.value)
    for password, kind in ((surrogate, ValueError), (encoded, TypeError)):
        with pytest.raises(kind) as caught:
            connect(broker, **{**LOGIN, "auth_password": password})
        assert hides_secrets(caught.value)


def test_a_closed_client_does_not_log_in(client: Any) -> None:
    client.close()
    for method in MECHANISMS:
        with pytest.raises(rivven.RivvenException) as caught:
            getattr(client, method)(USER, PASSWORD)
        assert caught.value.code == "CLOSED"


def test_a_password_keeps_its_spaces(connect: Connect) -> None:
    with secure_broker("--user", f"bob: {PASSWORD} :admin") as broker:
        for mechanism in MECHANISMS.values():
            login = {"auth_username": "bob", "auth_password": f" {PASSWORD} ", "auth_mechanism": mechanism}
            assert trusting(connect, broker, **login).list_topics() == []
