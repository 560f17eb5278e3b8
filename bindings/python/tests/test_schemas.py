"""Schemas at the real registry, in both styles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import rivven
from support import REGISTRY, server

AVRO = '{"type":"record","name":"User","fields":[{"name":"id","type":"long"}]}'
# A version that readers of the first one understand, and one that they do not.
GROWN = AVRO.replace("]}", ',{"name":"age","type":"int","default":0}]}')
CHANGED = AVRO.replace("]}", ',{"name":"age","type":"int"}]}')
JSON = '{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]}'
PROTOBUF = 'syntax = "proto3";\nmessage User {\n  int64 id = 1;\n}\n'
SCHEMAS = {"AVRO": AVRO, "JSON": JSON, "PROTOBUF": PROTOBUF}


@pytest.fixture
def registry() -> Iterator[SimpleNamespace]:
    """The real registry, as it says of itself; one for each test.

    The registry adds no second version to a subject where the text is known from another subject.
    """
    with server(REGISTRY) as program:
        yield program


def same(kind: str, left: str, right: str) -> bool:
    """Tell whether two texts are the same schema, which the registry may have spaced otherwise."""
    return left.split() == right.split() if kind == "PROTOBUF" else json.loads(left) == json.loads(right)


@pytest.mark.parametrize("kind", SCHEMAS)
def test_schemas_are_registered_and_read_back(client: Any, registry: SimpleNamespace, topic: str, kind: str) -> None:
    """covers: F034 python, F112 python"""
    url, subject, text = registry.url, f"{topic}-value", SCHEMAS[kind]
    number = client.register_schema(url, subject, kind, text)
    assert isinstance(number, int)
    again = client.register_schema(url=f"{url}/", subject=subject, schema_type=kind.lower(), schema=text)
    assert again == number
    by_id = client.get_schema(url, number)
    assert isinstance(by_id, rivven.Schema)
    assert (by_id.id, by_id.schema_type) == (number, kind) and same(kind, by_id.schema, text)
    assert client.get_schema(url=url, id=number) == by_id
    latest = client.get_schema_version(url, subject)
    assert (latest.id, latest.subject, latest.version, latest.schema_type) == (number, subject, 1, kind)
    assert same(kind, latest.schema, text)
    for version in (client.get_schema_version(url, subject, 1), client.get_schema_version(url, subject, version=None)):
        assert version == latest


def test_the_versions_of_a_subject_are_told_apart(client: Any, registry: SimpleNamespace, topic: str) -> None:
    """covers: F112 python"""
    url, subject = registry.url, f"{topic} a/ü%2F?#"
    # A schema that the registry knows from another subject gets no version in this one.
    own = topic.replace("-", "_")
    texts = [text.replace("User", own) for text in (AVRO, GROWN)]
    first, second = (client.register_schema(url, subject, "AVRO", text) for text in texts)
    assert first != second
    versions = [client.get_schema_version(url, subject, version) for version in (1, 2, None)]
    assert [(schema.id, schema.version) for schema in versions] == [(first, 1), (second, 2), (second, 2)]
    assert {schema.subject for schema in versions} == {subject}


def test_what_the_registry_refuses_has_a_code(client: Any, registry: SimpleNamespace, topic: str) -> None:
    """covers: F112 python, F121 python, F123 python"""
    url = registry.url
    client.register_schema(url, topic, "AVRO", AVRO)
    calls: list[tuple[str, int, Any, tuple[Any, ...]]] = [
        ("SCHEMA_INVALID", 42201, client.register_schema, (topic, "AVRO", '{"type":"no such"}')),
        ("SCHEMA_INVALID", 42201, client.register_schema, (topic, "JSON", "{")),
        ("SCHEMA_INCOMPATIBLE", 409, client.register_schema, (topic, "AVRO", CHANGED)),
        ("SCHEMA_NOT_FOUND", 40403, client.get_schema, (4_000_000_000,)),
        ("SCHEMA_NOT_FOUND", 40401, client.get_schema_version, (f"{topic}-unknown",)),
        ("SCHEMA_NOT_FOUND", 40402, client.get_schema_version, (f"{topic}-unknown", 1)),
        ("SCHEMA_NOT_FOUND", 40402, client.get_schema_version, (topic, 9)),
    ]
    for code, number, call, arguments in calls:
        with pytest.raises(rivven.ServerException) as caught:
            call(url, *arguments)
        error = caught.value
        assert (error.code, error.outcome, error.retriable) == (code, "REJECTED", False)
        assert (error.address, error.registry_code) == (registry.address, number)


def test_wrong_arguments_are_not_sent(client: Any, registry: SimpleNamespace) -> None:
    """covers: F112 python"""
    calls: list[tuple[Any, tuple[Any, ...]]] = [
        (client.register_schema, (registry.url, "subject", "XML", "x")),
        (client.register_schema, (registry.url, "", "AVRO", AVRO)),
        (client.get_schema, (registry.address, 1)),
    ]
    for call, arguments in calls:
        with pytest.raises(rivven.RivvenException) as caught:
            call(*arguments)
        assert (caught.value.code, caught.value.outcome) == ("INVALID_ARGUMENT", "NOT_SENT")
        assert caught.value.registry_code is None


