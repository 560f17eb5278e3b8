"""The list of the bridge, the docstrings, the type stubs and the examples agree."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import rivven
import rivven.blocking
from support import ROOT

SURFACE = (ROOT / "bindings/bridge/src/surface.rs").read_text()
STUB = ast.parse((ROOT / "bindings/python/python/rivven/_rivven.pyi").read_text())
EXAMPLES = sorted((ROOT / "examples/python").glob("*.py"))
# What Python has beside the list: the published package's form of an operation, an iterator, a producer, a consumer.
NAMED_FIELD = type(rivven.QuotaEntry.quotas)
EXTRA = {"consumer", "delete_records_batch", "state_changes", "producer"}
CLASSES = [rivven.RivvenClient, rivven.blocking.Client]


def surface(kind: str) -> set[str]:
    """Read the methods of a class from the bridge's list."""
    return set(re.findall(rf'^    {kind}\("(\w+)"\),$', SURFACE, re.MULTILINE))


def stubbed(name: str) -> set[str]:
    """Give the methods that the stub has for a class."""
    (node,) = (node for node in STUB.body if isinstance(node, ast.ClassDef) and node.name == name)
    return {method.name for method in node.body if isinstance(method, ast.FunctionDef)}


@pytest.mark.parametrize("of", CLASSES)
def test_every_method_of_the_list_exists_with_docstring_and_stub(of: type) -> None:
    methods = surface("client")
    assert methods, "no method was found in the bridge's list"
    methods |= EXTRA
    public = {name for name in dir(of) if not name.startswith("_")}
    assert public == methods
    assert {name for name in stubbed(of.__name__) if not name.startswith("_")} == methods


def documented() -> list[Any]:
    """Give all that is public."""
    things: list[Any] = [rivven, rivven.blocking]
    things += [getattr(module, name) for module in things for name in module.__all__]
    classes = [thing for thing in things if inspect.isclass(thing)]
    return things + [
        member
        for of in classes
        for name, member in inspect.getmembers(of)
        if not name.startswith("_") and (inspect.isroutine(member) or inspect.isdatadescriptor(member))
    ]


def test_everything_public_has_a_docstring() -> None:
    inherited = (int, str, tuple)
    ours = [
        thing for thing in documented() if not any(hasattr(of, getattr(thing, "__name__", "")) for of in inherited)
    ]
    for thing in ours:
        # What comes from Python, and fields of named tuples, whose texts stand in the source.
        if getattr(thing, "__objclass__", None) in (BaseException, OSError) or isinstance(thing, NAMED_FIELD):
            continue
        text = inspect.getdoc(thing)
        assert text, thing
        assert text.splitlines()[0].endswith((".", ":")), f"{thing}: {text.splitlines()[0]}"


def test_both_styles_have_the_same_names() -> None:
    """covers: P-version python, P-exceptions python"""
    # A blocking send gives no delivery to await.
    assert set(rivven.__all__) - {"Delivery"} == set(rivven.blocking.__all__)
    assert rivven.Client is rivven.RivvenClient
    assert rivven.RivvenError is rivven.RivvenException
    assert rivven.version() == rivven.__version__
    assert re.fullmatch(r"0\.2\.\d+", rivven.version())


def run_tool(*command: str | Path, cwd: Path) -> None:
    result = subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_stubs_describe_the_module(tmp_path: Path) -> None:
    # One of group and group_id has to be given: the overloads of the stub say it, no signature can.
    exceptions = tmp_path / "exceptions"
    texts = [r"rivven.*\.(commit_offset|get_offset|describe_group|delete_group)"]
    # Buffers have a method from Python 3.12 on; type checkers know them by it in any version.
    texts += [r"rivven.*\.Message\.__buffer__"] if sys.version_info < (3, 12) else []
    exceptions.write_text("\n".join(texts) + "\n")
    run_tool("mypy.stubtest", "--ignore-disjoint-bases", "--allowlist", exceptions, "rivven", cwd=tmp_path)


def test_the_examples_and_the_tests_have_strict_types(tmp_path: Path) -> None:
    files = [*EXAMPLES, *sorted(Path(__file__).parent.glob("*.py"))]
    run_tool("mypy", "--strict", *files, cwd=tmp_path)


def test_the_quickstart_prints_its_records(broker: str) -> None:
    (quickstart,) = (path for path in EXAMPLES if path.stem == "quickstart")
    for first in (0, 3):
        result = subprocess.run([sys.executable, quickstart, broker], capture_output=True, text=True)
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.splitlines() == [f"{first + n} {key} value of {key}" for n, key in enumerate("abc")]
