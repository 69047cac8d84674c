"""Agents that the contract's tests run in other processes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from genesis_lib import GenesisAgent, GenesisError, MonitoredAgent
from genesis_lib.context import current_call


class _Diary:
    """What happened in an agent, and somebody who waits for it."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._changed = asyncio.Condition()

    async def note(self, what: str) -> None:
        self.counts[what] += 1
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(condition)


class Worker(GenesisAgent):
    """Obeys the first word of its message and keeps a diary of it.

    - run LABEL: note "ran LABEL" and return.
    - block LABEL: note "started LABEL", wait for the release; note "finished LABEL" or "cancelled LABEL".
    - release LABEL: let it finish.
    - leave LABEL TARGET: leave a task running that waits for the release, calls TARGET and notes "called LABEL on the path ...".
    - await COUNT EVENT: return when the diary has the event this many times.
    - diary: return it as metadata.
    - echo ...: return message, metadata, attachments and what else the request carried.
    - status NUMBER: return this status.
    """

    def __init__(self, agent_name: str = "Worker", **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, "WorkerService", **options)
        self._diary = _Diary()
        self._left: list[asyncio.Task[None]] = []

    async def process_agent_request(self, request: dict[str, Any]) -> dict[str, Any]:
        verb, _, rest = request["message"].partition(" ")
        match verb:
            case "run":
                await self._diary.note(f"ran {rest}")
                return {"message": f"{rest} done"}
            case "block":
                return await self._block(rest)
            case "release":
                await self._diary.note(f"released {rest}")
            case "leave":
                self._left.append(asyncio.create_task(self._call_later(*rest.split())))
            case "await":
                count, _, event = rest.partition(" ")
                await self._diary.until(lambda: self._diary.counts[event] >= int(count))
            case "diary":
                return {"message": "", "metadata": dict(self._diary.counts)}
            case "status":
                return {"message": "as told", "status": int(rest), "metadata": {"told": rest}}
            case "echo":
                return self._echo(request)
        return {"message": "done"}

    async def _call_later(self, label: str, target: str) -> None:
        await self._diary.until(lambda: self._diary.counts[f"released {label}"] > 0)
        try:
            reply = await self.request_agent(target, f"echo {label}")
            await self._diary.note(f"called {label} on the path {' '.join(reply['metadata']['call_path'])}")
        except GenesisError as error:
            await self._diary.note(f"called {label} and got {type(error).__name__}")

    async def _block(self, label: str) -> dict[str, Any]:
        await self._diary.note(f"started {label}")
        try:
            await self._diary.until(lambda: self._diary.counts[f"released {label}"] > 0)
        except asyncio.CancelledError:
            # Noting it takes turns of the loop, which a task being cancelled still has.
            await self._diary.note(f"cancelled {label}")
            raise
        await self._diary.note(f"finished {label}")
        return {"message": f"{label} finished"}

    def _echo(self, request: dict[str, Any]) -> dict[str, Any]:
        context = current_call.get()
        assert context is not None
        return {
            "message": request["message"],
            "conversation_id": request["conversation_id"],
            "metadata": {
                "metadata": request["metadata"],
                "conversation_id": request["conversation_id"],
                "source_agent_id": request["source_agent_id"],
                "request_id": request["request_id"],
                "timeout_seconds": request["timeout_seconds"],
                "call_path": list(context.call_path),
            },
            "attachments": request["attachments"],
        }


class MonitoredWorker(Worker, MonitoredAgent):
    """A Worker that is monitored."""


class Streamer(GenesisAgent):
    """Streams; keeps a diary.

    - count NUMBER: as many parts. With a trailing "!" it raises after them.
    - endless LABEL [SIZE]: parts until the caller leaves; note "produced LABEL" for each, "closed LABEL" then.
    - produced LABEL: how many that are so far, in one part.
    - await COUNT EVENT: one part, when the diary has the event this many times.
    - pair TEXT: two parts with metadata, an attachment and a status each.
    """

    def __init__(self, agent_name: str = "Streamer", **options: Any) -> None:
        options.setdefault("enable_agent_communication", True)
        super().__init__(agent_name, "StreamerService", **options)
        self._diary = _Diary()

    async def process_agent_request(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:  # type: ignore[override]
        verb, _, rest = request["message"].partition(" ")
        match verb:
            case "count":
                for number in range(int(rest.rstrip("!"))):
                    yield {"message": f"{number} "}
                if rest.endswith("!"):
                    raise RuntimeError("the stream broke off")
            case "endless":
                label, _, size = rest.partition(" ")
                try:
                    while True:
                        await self._diary.note(f"produced {label}")
                        yield {"message": "x" * int(size or 1)}
                finally:
                    await self._diary.note(f"closed {label}")
            case "produced":
                yield {"message": str(self._diary.counts[f"produced {rest}"])}
            case "await":
                count, _, event = rest.partition(" ")
                await self._diary.until(lambda: self._diary.counts[event] >= int(count))
                yield {"message": str(self._diary.counts[event])}
            case "pair":
                attachments = request["attachments"]
                yield {"message": rest, "metadata": {"a": 1, "b": 1}, "attachments": attachments}
                yield {"message": rest, "metadata": {"b": 2}, "status": 5, "attachments": attachments}
