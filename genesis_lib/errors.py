"""The error tree, and the table that maps it to wire statuses and back.

Statuses are gRPC's canonical codes (https://grpc.io/docs/guides/status-codes/), remote exception codes those of OMG DDS-RPC
1.0, section 7.5.1.1.1.
"""

from __future__ import annotations

import traceback
from enum import IntEnum


class Status(IntEnum):
    """Wire status of a reply that the library made. A hook's own statuses are the application's; 0 is success in both."""

    OK = 0
    CANCELLED = 1
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14


class RemoteExceptionCode(IntEnum):
    """DDS-RPC's remote exception codes, in the standard's order."""

    OK = 0
    UNSUPPORTED = 1
    INVALID_ARGUMENT = 2
    OUT_OF_RESOURCES = 3
    UNKNOWN_OPERATION = 4
    UNKNOWN_EXCEPTION = 5


class GenesisError(Exception):
    """Base of every error this library raises.

    Attributes:
        target: the agent (id or name) the call was for, "" when there was none.
        request_id: the request's identity on the wire, "" before one was sent.
        elapsed_seconds: time spent until the error, 0.0 when nothing was waited for.
        retry_after_seconds: how long to wait before trying again, when the other side said so.
    """

    status: Status = Status.INTERNAL

    def __init__(
        self,
        message: str,
        *,
        target: str = "",
        request_id: str = "",
        elapsed_seconds: float = 0.0,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.target = target
        self.request_id = request_id
        self.elapsed_seconds = elapsed_seconds
        self.retry_after_seconds = retry_after_seconds


class ConfigError(GenesisError):
    """A setting, constructor argument or subclass cannot work as it stands."""

    status = Status.FAILED_PRECONDITION


class BusError(GenesisError):
    """The DDS product refused an operation."""


class DecodeError(BusError):
    """Bytes from the wire do not form a sample of the type they claim."""

    status = Status.INVALID_ARGUMENT


class InvalidRequest(GenesisError):
    """A request cannot be put on the wire: wrong type, not JSON, not valid text."""

    status = Status.INVALID_ARGUMENT


class MessageTooLarge(InvalidRequest):
    """A value is over its bound."""


class AgentNotFound(GenesisError):
    """No such agent has ever been seen on this domain."""

    status = Status.NOT_FOUND


class AgentUnavailable(GenesisError):
    """The agent is known but cannot be called now: it left, or the connection could not be made. Nothing was executed."""

    status = Status.UNAVAILABLE


class AgentLost(GenesisError):
    """The agent died or left while the call was in flight. It may have been executed."""

    status = Status.UNAVAILABLE


class RequestTimeout(GenesisError, TimeoutError):
    """The deadline passed before the answer was there."""

    status = Status.DEADLINE_EXCEEDED


class RequestCancelled(GenesisError):
    """The call was cancelled, by the caller or because the agent shut down."""

    status = Status.CANCELLED


class LoopDetected(GenesisError):
    """The call would reach an agent that is already in its chain."""

    status = Status.FAILED_PRECONDITION


class HopLimitExceeded(GenesisError):
    """The chain of calls is longer than the limit."""

    status = Status.FAILED_PRECONDITION


class RateLimited(GenesisError):
    """The caller sent more than its share; see `retry_after_seconds`."""

    status = Status.RESOURCE_EXHAUSTED


class Overloaded(GenesisError):
    """The agent's queue is full; see `retry_after_seconds`."""

    status = Status.RESOURCE_EXHAUSTED


class NotAuthorised(GenesisError):
    """The caller may not call this agent or function."""

    status = Status.PERMISSION_DENIED


class RemoteAgentError(GenesisError):
    """The agent's hook raised, or its answer is no reply or cannot be sent. Carries type and message, never a traceback."""

    status = Status.INTERNAL


class ModelError(GenesisError):
    """A language model could not be asked, or did not answer. Names the endpoint and the model, never the key."""


class ClassifierError(GenesisError):
    """The language model could not be asked, or its answer could not be used."""


class FunctionError(GenesisError):
    """A function call failed."""


class FunctionNotFound(FunctionError):
    """The agent offers no function of that name."""

    status = Status.UNIMPLEMENTED


class InvalidArguments(FunctionError):
    """The arguments do not satisfy the function's JSON Schema."""

    status = Status.INVALID_ARGUMENT


class VoiceError(GenesisError):
    """A voice session cannot start or go on."""


ERRORS_BY_NAME: dict[str, type[GenesisError]] = {
    cls.__name__: cls
    for cls in (
        ConfigError,
        BusError,
        DecodeError,
        InvalidRequest,
        MessageTooLarge,
        AgentNotFound,
        AgentUnavailable,
        AgentLost,
        RequestTimeout,
        RequestCancelled,
        LoopDetected,
        HopLimitExceeded,
        RateLimited,
        Overloaded,
        NotAuthorised,
        RemoteAgentError,
        ModelError,
        ClassifierError,
        FunctionError,
        FunctionNotFound,
        InvalidArguments,
        VoiceError,
    )
}

_CLASS_FOR_STATUS: dict[int, type[GenesisError]] = {
    Status.CANCELLED: RequestCancelled,
    Status.INVALID_ARGUMENT: InvalidRequest,
    Status.DEADLINE_EXCEEDED: RequestTimeout,
    Status.NOT_FOUND: AgentNotFound,
    Status.PERMISSION_DENIED: NotAuthorised,
    Status.RESOURCE_EXHAUSTED: Overloaded,
    Status.UNIMPLEMENTED: FunctionNotFound,
    Status.INTERNAL: RemoteAgentError,
    Status.UNAVAILABLE: AgentLost,
}

_REMOTE_EXCEPTION: dict[Status, RemoteExceptionCode] = {
    Status.OK: RemoteExceptionCode.OK,
    Status.INVALID_ARGUMENT: RemoteExceptionCode.INVALID_ARGUMENT,
    Status.RESOURCE_EXHAUSTED: RemoteExceptionCode.OUT_OF_RESOURCES,
    Status.UNIMPLEMENTED: RemoteExceptionCode.UNKNOWN_OPERATION,
}


def remote_exception_for(error: GenesisError) -> RemoteExceptionCode:
    """The DDS-RPC code that goes into the reply header for this error."""
    return _REMOTE_EXCEPTION.get(error.status, RemoteExceptionCode.UNKNOWN_EXCEPTION)


def error_class_for(name: str, status: int) -> type[GenesisError]:
    """The class an error reply stands for: by its name, or by its status when the name is not known here. Of two classes
    that share a status it is the one that claims less: UNAVAILABLE does not say that nothing was executed."""
    return ERRORS_BY_NAME.get(name) or _CLASS_FOR_STATUS.get(status, RemoteAgentError)


def describe(error: BaseException) -> str:
    """Type and message of any exception, one that cannot be printed included, as text fit for the wire and for a log."""
    text = "".join(traceback.format_exception_only(error)).strip()
    return clean_text(text.removeprefix(f"{type(error).__module__}."))


def clean_text(text: str, most_bytes: int = 4096) -> str:
    """The text without what cannot go on the wire, cut to a number of UTF-8 bytes."""
    return text.replace("\0", "").encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore")
