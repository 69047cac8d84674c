"""Agents that the tests of the face run in other processes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from genesis_lib import GenesisAgent, GenesisError, MonitoredAgent, genesis_function


class Probe(GenesisAgent):
    """Announces the card it was given; looks and calls on behalf of a test.

    Its messages are commands: "know ID" waits until the agent was announced to its process, "lose ID" until it is not
    any more, "see" answers with what it discovered, "ask TARGET TEXT" passes the text on, and so forth. What is no
    command comes back as it is.
    """

    def __init__(self, agent_name: str = "Probe", card: dict[str, Any] | None = None, **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, **options)
        self._card = card or {}
        self._executed = 0

    def get_agent_capabilities(self) -> dict[str, Any]:
        return self._card

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        self._executed += 1
        command, _, rest = request["message"].partition(" ")
        match command:
            case "lose":
                agents = self.app.directory.agents
                return {"message": str(await self.app.directory.wait_for(lambda: rest not in agents, 20))}
            case "see":
                seen = {agent_id: dict(info) for agent_id, info in self.discovered_agents.items()}
                return {"message": json.dumps(seen, default=dict)}
            case "know":
                agents = self.app.directory.agents
                return {"message": str(await self.app.directory.wait_for(lambda: rest in agents, 20))}
            case "ask":
                target, _, text = rest.partition(" ")
                reply = await self.request_agent(target, text, request["conversation_id"], 20, wait=True)
                return {key: reply[key] for key in ("message", "status", "metadata", "attachments")}
            case "cast":
                replies = await self.broadcast_to_agents(rest, timeout_seconds=20)
                return {
                    "message": json.dumps(
                        {
                            agent_id: type(reply).__name__ if isinstance(reply, GenesisError) else reply["message"]
                            for agent_id, reply in replies.items()
                        }
                    )
                }
            case "connect":
                return {"message": str(await self.connect_to_agent(rest))}
            case "wait":
                return {"message": str(await self.wait_for_agent(rest, 20))}
            case "connections":
                return {"message": json.dumps(list(self.agent_connections))}
            case "update":
                self._card = json.loads(rest)
                await self.update_capabilities()
                return {"message": "updated"}
            case "fail":
                raise ValueError("as asked")
            case "executed":
                return {"message": str(self._executed)}
        return {"message": request["message"], "metadata": {**request["metadata"], "answered_by": self.app.agent_id}}


class InterfacesOnly(GenesisAgent):
    """Built without agent communication. Waits, when asked, until it knows an agent, and tries to call it."""

    def __init__(self, **options: Any) -> None:
        super().__init__("InterfacesOnly", "Inward", **options)

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        command, _, target = request["message"].partition(" ")
        if command == "know":
            known = await self.app.directory.wait_for(lambda: target in self.app.directory.agents, 20)
            return {"message": str(known)}
        if command == "call":
            try:
                await self.request_agent(target, "hello")
            except GenesisError as error:
                return {"message": type(error).__name__}
        return {"message": request["message"], "metadata": {"asked_by": request["source_agent_id"]}}


class Gate(GenesisAgent):
    """Holds every request with its message until as many wait as it was told; "open" lets all go that wait."""

    def __init__(self, agent_name: str = "Gate", card: dict[str, Any] | None = None, parties: int = 1000) -> None:
        super().__init__(agent_name, "GateService", enable_agent_communication=True)
        self._card = card or {}
        self._parties = parties
        self._waiting = 0
        self._changed = asyncio.Condition()
        self._opened = False

    def get_agent_capabilities(self) -> dict[str, Any]:
        return self._card

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        async with self._changed:
            if request["message"] == "waiting":
                await self._changed.wait_for(lambda: self._waiting > 0)
                return {"message": str(self._waiting)}
            self._waiting += 1
            self._opened = self._opened or request["message"] == "open"
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._opened or self._waiting >= self._parties)
        return {"message": f"{self._waiting} met"}


class MeetsAtGate(GenesisAgent):
    """Answers a request when the agent called Gate has let it through."""

    def __init__(self, **options: Any) -> None:
        super().__init__("MeetsAtGate", "Meeting", enable_agent_communication=True, **options)

    def get_agent_capabilities(self) -> dict[str, Any]:
        return {"capabilities": ["meet"]}

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": (await self.request_agent("Gate", request["message"], wait=True))["message"]}


class Fails(GenesisAgent):
    """Raises."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Fails", enable_agent_communication=True, **options)

    def get_agent_capabilities(self) -> dict[str, Any]:
        return {"capabilities": ["meet"]}

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("not today")


class OnlyProcessRequest(GenesisAgent):
    """Overrides `process_request` and nothing else."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Hook", enable_agent_communication=True, **options)

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": f"process_request: {request['message']}"}


class BothHooks(OnlyProcessRequest):
    """Overrides both, and hands on from one to the other."""

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        reply = await super().process_agent_request({**request, "message": request["message"].upper()})
        return {**reply, "metadata": {"entered": "process_agent_request"}}


class OnlyProcessAgentRequest(GenesisAgent):
    """Overrides `process_agent_request` and answers with all that a hook is told."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Hook", enable_agent_communication=True, **options)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        told = {key: value for key, value in request.items() if key not in ("attachments", "metadata")}
        return {
            "message": json.dumps(told),
            "metadata": {"heard": request["metadata"]},
            "attachments": request["attachments"],
            "conversation_id": f"{request['conversation_id']}/answered" if request["conversation_id"] else "",
        }


class StreamsFromProcessRequest(GenesisAgent):
    """`process_request` as an async generator."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Hook", enable_agent_communication=True, **options)

    async def process_request(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override]
        for word in request["message"].split():
            yield {"message": word, "metadata": {word: True}}


class StreamsFromProcessAgentRequest(GenesisAgent):
    """`process_agent_request` as an async generator."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Hook", enable_agent_communication=True, **options)

    async def process_agent_request(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override]
        for word in request["message"].split():
            yield {"message": word, "metadata": {word: True}}


class Counter(GenesisAgent):
    """Keeps a count for each conversation."""

    def __init__(self, agent_name: str = "Counter", **options: Any) -> None:
        super().__init__(agent_name, "Counting", enable_agent_communication=True, **options)
        self._counts: dict[str, int] = {}

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        conversation_id = request["conversation_id"]
        self._counts[conversation_id] = self._counts.get(conversation_id, 0) + int(request["message"])
        return {"message": str(self._counts[conversation_id]), "metadata": {"heard_in": conversation_id}}


class Converses(GenesisAgent):
    """Holds a conversation of its own with a Counter for each request: the numbers in the message, one a turn."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Converses", enable_agent_communication=True, **options)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        conversation = self.conversation("Counter")
        replies = [await conversation.send(number, wait=True) for number in request["message"].split()]
        return {
            "message": replies[-1]["message"],
            "metadata": {
                "conversation_id": conversation.conversation_id,
                "heard_in": [reply["metadata"]["heard_in"] for reply in replies],
                "history": [turn["message"] for turn in conversation.message_history],
                "initiator_id": conversation.initiator_id,
            },
        }


class BatchItems(GenesisAgent):
    """Answers each number with its half, refuses odd ones with a status of its own, and fails on what is no number."""

    def __init__(self, **options: Any) -> None:
        super().__init__("BatchItems", enable_agent_communication=True, **options)
        self._rpcs: set[str] = set()

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        self._rpcs.add(request["request_id"])
        if request["message"] == "rpcs":
            return {"message": str(len(self._rpcs))}
        half, odd = divmod(int(request["message"]), 2)
        heard = {"heard": request["metadata"], "conversation_id": request["conversation_id"]}
        return {"message": "odd", "status": 3, "metadata": heard} if odd else {"message": str(half), "metadata": heard}


class MonitoredRelay(MonitoredAgent):
    """Passes "TARGET TEXT" on by `send_agent_request_monitored`."""

    def __init__(self, **options: Any) -> None:
        super().__init__("MonitoredRelay", "Relaying", enable_agent_communication=True, **options)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        target, _, text = request["message"].partition(" ")
        reply = await self.send_agent_request_monitored(target, text, request["conversation_id"], 20, wait=True)
        return {"message": "None" if reply is None else reply["message"]}


class MonitoredEcho(MonitoredAgent):
    """Says what it heard, fails when that is "fail"."""

    def __init__(self, **options: Any) -> None:
        super().__init__("MonitoredEcho", enable_agent_communication=True, **options)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["message"] == "fail":
            raise ValueError("as asked")
        return {"message": request["message"]}


class Specialist(GenesisAgent):
    """Answers with its name, which its card makes good for something."""

    def __init__(self, agent_name: str, card: dict[str, Any] | None = None, **options: Any) -> None:
        super().__init__(agent_name, enable_agent_communication=True, **options)
        self._card = card or {}

    def get_agent_capabilities(self) -> dict[str, Any]:
        return self._card

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": f"{self.agent_name} on {request['message']}", "metadata": {"heard": request["metadata"]}}


class Router(Specialist):
    """Routes to the agent that fits best, and answers as a Specialist when nobody does."""

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        command, _, agent_id = request["message"].partition(" ")
        if command == "know":
            agents = self.app.directory.agents
            return {"message": str(await self.app.directory.wait_for(lambda: agent_id in agents, 20))}
        return await self.process_request_with_routing(request)


class HandsOn(GenesisAgent):
    """Returns another agent's reply as its own, as it is."""

    def __init__(self, **options: Any) -> None:
        super().__init__("HandsOn", enable_agent_communication=True, **options)

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self.request_agent("Hook", request["message"], wait=True)


class Point(BaseModel):
    """A result that pydantic writes."""

    x: float
    y: float


@dataclass
class Range:
    """A parameter with structure."""

    low: int
    high: int


class Toolbox(GenesisAgent):
    """Offers functions of many shapes, and counts what is executed."""

    def __init__(self, **options: Any) -> None:
        super().__init__("Toolbox", enable_agent_communication=True, **options)
        self._executed = 0

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": str(self._executed)}

    @genesis_function
    async def add(self, a: int, b: int = 1) -> int:
        """Add two whole numbers."""
        self._executed += 1
        return a + b

    @genesis_function
    async def middle(self, of: Range, axis: Literal["x", "y"] = "x") -> Point:
        """The middle of a range, on one axis."""
        middle = (of.low + of.high) / 2
        return Point(x=middle, y=0) if axis == "x" else Point(x=0, y=middle)

    @genesis_function
    async def words(self, text: str) -> dict[str, list[str]]:
        """The words of a text."""
        return {"words": text.split()}

    @genesis_function
    async def nothing(self) -> None:
        """Return nothing."""

    @genesis_function
    async def fail(self, why: str) -> str:
        """Raise."""
        raise LookupError(why)


class UnusualTools(GenesisAgent):
    """Offers functions whose parameters have names of other uses, and functions whose results are not what they say."""

    def __init__(self, **options: Any) -> None:
        super().__init__("UnusualTools", enable_agent_communication=True, **options)

    async def process_request(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"message": "unused"}

    @genesis_function
    async def names(
        self,
        _id: int,
        model_config: dict[str, int],
        schema: str = "",
        json: str = "",
        copy: str = "",
        alias: int = 0,
        argument_0: int = 0,
    ) -> dict[str, Any]:
        """The arguments."""
        return {name: value for name, value in locals().items() if name != "self"}

    @genesis_function
    async def number(self) -> int:
        return "not a number"  # type: ignore[return-value]

    @genesis_function
    async def point(self) -> Point:
        return {"x": 1.0}  # type: ignore[return-value]

    @genesis_function
    async def nested(self) -> Point:
        return Point.model_construct(x="left", y=0.0)

    @genesis_function
    async def unspeakable(self) -> Any:
        return object()
