"""The exceptions of the package."""

from __future__ import annotations


class RivvenException(Exception):
    """The base of everything that this package raises on its own account.

    Decide by the attributes; the text is for people and may change.
    """

    code: str
    """The stable name of the error, such as "TIMED_OUT"."""

    retriable: bool
    """Whether the same call may succeed when it is repeated."""

    fatal: bool
    """Whether the client that raised it is of no use any more."""

    abortable: bool
    """Whether an open transaction has to be aborted."""

    outcome: str
    """What is known of the request: "NOT_SENT", "UNKNOWN" (it may have been executed) or "REJECTED"."""

    address: str | None
    """The server concerned as "host:port", None where the error concerns none."""

    registry_code: int | None
    """The schema registry's own number for the error, such as 42201, None where it gave none."""

    def __init__(
        self,
        message: str = "",
        *,
        code: str = "OTHER",
        retriable: bool = False,
        fatal: bool = False,
        abortable: bool = False,
        outcome: str = "UNKNOWN",
        address: str | None = None,
        registry_code: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.retriable = retriable
        self.fatal = fatal
        self.abortable = abortable
        self.outcome = outcome
        self.address = address
        self.registry_code = registry_code


class ConnectionException(RivvenException, ConnectionError):
    """No connection could be made, by TLS or without, or it ended before the answer came."""


class ServerException(RivvenException):
    """The broker refused, or would refuse, what it was asked, a login included."""


class TimeoutException(RivvenException, TimeoutError):
    """No answer came in time."""


class SerializationException(RivvenException):
    """A value cannot be encoded or decoded, or is too large for a request."""


class ConfigException(RivvenException):
    """A configuration key or value is not acceptable, or not for what was asked."""


RivvenError = RivvenException
"""Another name of RivvenException."""


def reason(failure: BaseException) -> str:
    """Say what was raised, also where its text is not to be had or cannot be encoded."""
    name = type(failure).__name__
    try:
        text = f"{name}: {failure}"
    except Exception:
        text = name
    return text.encode("utf-8", "replace").decode()
