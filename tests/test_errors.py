"""The error tree, and the table that takes errors onto the wire and back."""

from __future__ import annotations

import asyncio

import pytest

import genesis_lib
from genesis_lib import errors
from genesis_lib.errors import (
    ERRORS_BY_NAME,
    AgentLost,
    GenesisError,
    RemoteAgentError,
    RemoteExceptionCode,
    RequestTimeout,
    Status,
    error_class_for,
    remote_exception_for,
)

TREE = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, GenesisError)]
LEAVES = [error for error in TREE if error is not GenesisError]
GRPC_STATUSES = {
    "OK": 0,
    "CANCELLED": 1,
    "INVALID_ARGUMENT": 3,
    "DEADLINE_EXCEEDED": 4,
    "NOT_FOUND": 5,
    "PERMISSION_DENIED": 7,
    "RESOURCE_EXHAUSTED": 8,
    "FAILED_PRECONDITION": 9,
    "UNIMPLEMENTED": 12,
    "INTERNAL": 13,
    "UNAVAILABLE": 14,
}
STATUS_OF = {
    "AgentNotFound": 5,
    "AgentUnavailable": 14,
    "AgentLost": 14,
    "RequestTimeout": 4,
    "RequestCancelled": 1,
    "LoopDetected": 9,
    "HopLimitExceeded": 9,
    "RateLimited": 8,
    "Overloaded": 8,
    "NotAuthorised": 7,
    "MessageTooLarge": 3,
    "RemoteAgentError": 13,
    "FunctionNotFound": 12,
    "InvalidArguments": 3,
    "ConfigError": 9,
}


def test_statuses_are_grpcs_canonical_codes() -> None:
    assert {status.name: status.value for status in Status} == GRPC_STATUSES


def test_remote_exceptions_are_in_the_standards_order() -> None:
    assert [code.name for code in sorted(RemoteExceptionCode)] == [
        "OK",
        "UNSUPPORTED",
        "INVALID_ARGUMENT",
        "OUT_OF_RESOURCES",
        "UNKNOWN_OPERATION",
        "UNKNOWN_EXCEPTION",
    ]
    assert [code.value for code in sorted(RemoteExceptionCode)] == list(range(6))


def test_every_error_is_in_the_table_once() -> None:
    assert {error.__name__: error for error in LEAVES} == ERRORS_BY_NAME


@pytest.mark.parametrize("error", LEAVES)
def test_there_and_back(error: type[GenesisError]) -> None:
    assert error.status is not Status.OK
    assert error_class_for(error.__name__, error.status) is error


@pytest.mark.parametrize(("name", "status"), STATUS_OF.items())
def test_the_status_of_an_error(name: str, status: int) -> None:
    assert ERRORS_BY_NAME[name].status == status


def test_a_precondition_that_is_not_known_here_is_no_loop() -> None:
    assert error_class_for("ErrorOfTheFuture", Status.FAILED_PRECONDITION) is RemoteAgentError


@pytest.mark.parametrize("status", sorted(set(Status) - {Status.OK, Status.FAILED_PRECONDITION}))
def test_a_name_that_is_not_known_here_is_read_by_its_status(status: Status) -> None:
    """A newer version may answer with a class that this one does not have."""
    for name in ("ErrorOfTheFuture", ""):
        assert error_class_for(name, status).status is status


@pytest.mark.parametrize("status", [2, 99, -1, 0])
def test_neither_name_nor_status_known(status: int) -> None:
    assert error_class_for("ErrorOfTheFuture", status) is RemoteAgentError


@pytest.mark.parametrize("name", ["Exception", "ValueError", "SystemExit", "GenesisError", "Status"])
def test_a_name_from_the_wire_reaches_nothing_outside_the_table(name: str) -> None:
    assert error_class_for(name, Status.UNAVAILABLE) is not vars(errors).get(name)
    assert issubclass(error_class_for(name, Status.UNAVAILABLE), GenesisError)


@pytest.mark.parametrize("error", LEAVES)
def test_an_error_is_never_ok_in_the_reply_header(error: type[GenesisError]) -> None:
    assert remote_exception_for(error("x")) is not RemoteExceptionCode.OK


def test_remote_exceptions_say_what_dds_rpc_can_say() -> None:
    codes = {name: remote_exception_for(error("x")) for name, error in ERRORS_BY_NAME.items()}
    assert codes["FunctionNotFound"] is RemoteExceptionCode.UNKNOWN_OPERATION
    assert codes["InvalidArguments"] is codes["MessageTooLarge"] is RemoteExceptionCode.INVALID_ARGUMENT
    assert codes["Overloaded"] is codes["RateLimited"] is RemoteExceptionCode.OUT_OF_RESOURCES
    assert codes["RemoteAgentError"] is codes["NotAuthorised"] is RemoteExceptionCode.UNKNOWN_EXCEPTION


def test_a_request_timeout_is_a_timeout_error() -> None:
    assert issubclass(RequestTimeout, TimeoutError)
    assert issubclass(RequestTimeout, asyncio.TimeoutError)
    assert [error.__name__ for error in LEAVES if issubclass(error, TimeoutError)] == ["RequestTimeout"]


@pytest.mark.parametrize("error", TREE)
def test_attributes(error: type[GenesisError]) -> None:
    full = error("what", target="a1", request_id="00:1", elapsed_seconds=1.5, retry_after_seconds=0.25)
    assert (str(full), full.args) == ("what", ("what",))
    assert (full.target, full.request_id, full.elapsed_seconds, full.retry_after_seconds) == ("a1", "00:1", 1.5, 0.25)
    bare = error("what")
    assert (bare.target, bare.request_id, bare.elapsed_seconds, bare.retry_after_seconds) == ("", "", 0.0, None)


def test_lost_and_unavailable_are_told_apart() -> None:
    """After the one something may have been executed, after the other nothing has."""
    assert not issubclass(AgentLost, errors.AgentUnavailable)
    assert not issubclass(errors.AgentUnavailable, AgentLost)


def test_what_a_caller_may_catch_is_public() -> None:
    hidden = {error.__name__ for error in TREE} - set(genesis_lib.__all__)
    assert hidden == {"DecodeError"}
    assert issubclass(errors.DecodeError, genesis_lib.BusError)


@pytest.mark.parametrize("error", TREE)
def test_every_error_says_what_it_means(error: type[GenesisError]) -> None:
    assert error.__doc__
