"""What goes wrong in a hook is in its agent's log, with the traceback that its caller does not get."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from genesis_lib import GenesisAgent, GenesisInterface, RemoteAgentError


class Clumsy(GenesisAgent):
    """Fails as it is told."""

    def __init__(self) -> None:
        super().__init__("Clumsy", enable_agent_communication=True)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["message"]:
            case "raise":
                raise ZeroDivisionError("what is left of nothing")
            case "wrong shape":
                return {"answer": 42}
            case "not for the wire":
                return {"message": "", "metadata": {"not": {"for", "JSON"}}}
        return {"message": "fine"}


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("raise", "Clumsy failed"),
        ("wrong shape", "Clumsy returned the wrong shape: unknown key 'answer'"),
        ("not for the wire", "returned the wrong shape: metadata cannot be written as JSON"),
    ],
)
async def test_its_agent_logs_it(
    genesis_domain: int, caplog: pytest.LogCaptureFixture, message: str, problem: str
) -> None:
    async with Clumsy(), GenesisInterface() as bus:
        with caplog.at_level(logging.WARNING), pytest.raises(RemoteAgentError):
            await bus.request_agent("Clumsy", message)
    (record,) = [record for record in caplog.records if problem in record.getMessage()]
    assert record.levelno == logging.WARNING
    assert ("what is left of nothing" in caplog.text) == (message == "raise")
    assert ("Traceback" in caplog.text) == (message == "raise")


async def test_who_fails_all_the_time_does_not_fill_it(genesis_domain: int, caplog: pytest.LogCaptureFixture) -> None:
    async with Clumsy(), GenesisInterface() as bus:
        for _ in range(100):
            with pytest.raises(RemoteAgentError):
                await bus.request_agent("Clumsy", "raise")
    assert len([record for record in caplog.records if "Clumsy failed" in record.getMessage()]) < 50
