"""Agents that answer in ways they should not."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

from genesis_lib import Attachment, GenesisAgent
from genesis_lib.errors import Status
from genesis_lib.messages import AgentReply, AgentRequest
from genesis_lib.monitoring.monitor import Monitor
from genesis_lib.rpc.replier import Handler, Send


class _Unprintable(Exception):
    def __str__(self) -> str:
        raise _Unprintable


class _Panic(BaseException):
    """As extensions raise it: no Exception."""


class _Circle(dict[str, Any]):
    """A dict that holds itself."""

    def __init__(self) -> None:
        super().__init__()
        self["me"] = self


WRONG_SHAPES: dict[str, Any] = {
    "text": "just text",
    "none": None,
    "list": [{"message": "x"}],
    "empty": {},
    "message missing": {"status": 0},
    "message number": {"message": 7},
    "message bytes": {"message": b"x"},
    "message none": {"message": None},
    "unknown key": {"message": "x", "mesage": "y"},
    "unknown keys of all kinds": {"message": "x", 1: 2, None: 3, ("a",): 4},
    "status text": {"message": "x", "status": "0"},
    "status bool": {"message": "x", "status": True},
    "status float": {"message": "x", "status": 0.0},
    "status none": {"message": "x", "status": None},
    "status huge": {"message": "x", "status": 2**31},
    "metadata list": {"message": "x", "metadata": [1]},
    "metadata text": {"message": "x", "metadata": "{}"},
    "conversation number": {"message": "x", "conversation_id": 7},
    "attachments number": {"message": "x", "attachments": 7},
    "attachments text": {"message": "x", "attachments": "ab"},
    "attachments dict": {"message": "x", "attachments": {"a": b"b"}},
    "attachments bytes": {"message": "x", "attachments": [b"b"]},
}

# What passes the check of the shape and then cannot go on the wire.
NOT_FOR_THE_WIRE: dict[str, Any] = {
    "surrogate": {"message": "\ud800"},
    "nul": {"message": "a\0b"},
    "metadata set": {"message": "x", "metadata": {"a": {1}}},
    "metadata nan": {"message": "x", "metadata": {"a": float("nan")}},
    "metadata bytes": {"message": "x", "metadata": {"a": b""}},
    "metadata surrogate": {"message": "x", "metadata": {"a": "\udfff"}},
    "metadata circle": {"message": "x", "metadata": _Circle()},
    "attachment text": {"message": "x", "attachments": [Attachment("a", "b", "c")]},  # type: ignore[arg-type]
    "attachment name number": {"message": "x", "attachments": [Attachment(7, "b", b"")]},  # type: ignore[arg-type]
    "attachment name surrogate": {"message": "x", "attachments": [Attachment("\ud800", "b", b"")]},
    "conversation surrogate": {"message": "x", "conversation_id": "\ud800"},
}

# Right, if not of the very type.
UNUSUAL_BUT_RIGHT: dict[str, Any] = {
    "status enum": {"message": "x", "status": Status.NOT_FOUND},
    "metadata counter": {"message": "x", "metadata": Counter("aab")},
    "attachments tuple": {"message": "x", "attachments": (Attachment("a", "b", b"c"),)},
    "nothing but none": {"message": "x", "metadata": None, "attachments": None, "conversation_id": None},
}


class Faulty(GenesisAgent):
    """Answers as its message says: with a value from the tables above, or by one of the faults below."""

    def __init__(self, agent_name: str = "Faulty", **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, "FaultyService", **options)

    async def process_agent_request(self, request: dict[str, Any]) -> Any:
        message = request["message"]
        for table in (WRONG_SHAPES, NOT_FOR_THE_WIRE, UNUSUAL_BUT_RIGHT):
            if message in table:
                return table[message]
        match message:
            case "raise":
                raise ValueError("no such thing \ud800 \0 ä")
            case "raise long":
                raise ValueError("x" * 1_000_000)
            case "raise unprintable":
                raise _Unprintable
            case "raise group":
                raise ExceptionGroup("several", [ValueError("one"), KeyError("two")])
            case "raise timeout":
                raise TimeoutError("a timeout of its own")
            case "raise stop":
                raise StopAsyncIteration("stop")
            case "raise base":
                raise _Panic("it panicked")
            case "raise base group":
                raise BaseExceptionGroup("several", [_Panic("one"), ValueError("two")])
            case "exit":
                sys.exit(3)
            case "cancel":
                raise asyncio.CancelledError
            case "cancel own task":
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
                await asyncio.sleep(0)
            case "too large":
                return {"message": "x" * 10_000_000}
            case "too large an attachment":
                return {"message": "x", "attachments": [Attachment("a", "b", bytes(10_000_000))]}
            case "hang":
                await asyncio.Event().wait()
            case "generator attachments":
                return {"message": "x", "attachments": (Attachment("a", "b", b"") for _ in range(2))}
            case "mapping":
                return MappingProxyType({"message": "x"})
        return {"message": "fine", "attachments": request["attachments"], "metadata": request["metadata"]}


class FaultyWithin(Faulty):
    """Its middleware panics, outside of the hook, at "panic"."""

    def _make_monitor(self) -> Monitor:
        return _PanickingMonitor()


class _PanickingMonitor(Monitor):
    def __init__(self) -> None:
        self.server_middleware = (_panic,)


async def _panic(handler: Handler, request: AgentRequest, send: Send) -> AgentReply:
    if request.message == "panic":
        raise _Panic("it panicked")
    return await handler(request, send)


class Stalling(GenesisAgent):
    """Stands still at "stall FIFO", until somebody closes the other end."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Stalling", "StallingService", **options)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        verb, _, path = request["message"].partition(" ")
        if verb == "stall":
            Path(path).read_bytes()  # noqa: ASYNC240  the fault: an agent that blocks its event loop
        return {"message": "fine"}


class FaultyStreamer(GenesisAgent):
    """Streams one good part, then does what its message says."""

    def __init__(self, agent_name: str = "FaultyStreamer", **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, "FaultyStreamerService", **options)

    async def process_agent_request(self, request: dict[str, Any]) -> AsyncIterator[Any]:  # type: ignore[override]
        yield {"message": "good"}
        match request["message"]:
            case "shape":
                yield "just text"
            case "wire":
                yield {"message": "\ud800"}
            case "large":
                yield {"message": "x" * 10_000_000}
            case "raise":
                raise ValueError("broke off")
            case "cancel":
                raise asyncio.CancelledError
            case "status":
                yield {"message": "x", "status": "bad"}


class WithCapabilities(GenesisAgent):
    """Announces what it is given, unchecked."""

    def __init__(self, capabilities: Any, **options: Any) -> None:
        super().__init__("WithCapabilities", "CapabilityService", **options)
        self._announced = capabilities

    def get_agent_capabilities(self) -> Any:
        return self._announced

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": "fine"}


class Observer(GenesisAgent):
    """Says what it sees of the bus: "agents" and "functions" list ids, "wait ID" waits for an agent, "wait-function NAME" for a
    function."""

    def __init__(self, agent_name: str = "Observer", **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, "ObserverService", **options)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        verb, _, rest = request["message"].partition(" ")
        match verb:
            case "wait":
                return {"message": str(await self.wait_for_agent(rest, 10))}
            case "wait-function":
                functions = self.app.directory.functions
                seen = await self.app.directory.wait_for(lambda: any(name == rest for _, name in functions), 10)
                return {"message": str(seen)}
            case "agents":
                return {"message": "", "metadata": {"ids": list(self.discovered_agents)}}
            case "functions":
                return {"message": "", "metadata": {"ids": [list(key) for key in self.discovered_functions]}}
        return {"message": request["message"], "metadata": {"echo": request["metadata"]}}
