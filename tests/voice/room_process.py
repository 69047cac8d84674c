"""`python -m tests.voice.room_process`: a participant of a voice room that does what it reads on stdin and reports what it
hears on stdout, in JSON lines."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from dataclasses import asdict
from typing import Any

from genesis_lib.dds.open import open_participant
from genesis_lib.dds.port import Participant
from genesis_lib.settings import load_settings
from genesis_lib.voice.room import HeardUtterance, VoiceRoom
from tests.voice.tones import pieces, tone


def report(event: str, **members: Any) -> None:
    sys.stdout.write(json.dumps({"event": event, **members}) + "\n")
    sys.stdout.flush()


def described(heard: HeardUtterance) -> dict[str, Any]:
    """An utterance without its audio, which is told by its digest."""
    audio = {"pcm": hashlib.sha256(heard.pcm).hexdigest(), "silent": not any(heard.pcm), "bytes": len(heard.pcm)}
    return asdict(heard) | audio


class _Process:
    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self._answers: list[float] = []
        self._background: list[asyncio.Task[None]] = []

    async def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        match command["do"]:
            case "join":
                me = command["id"]
                self._room = await VoiceRoom(
                    self._participant, command["room"], me, me.title(), pace=command["pace"]
                ).join()
                self._start(self._hear())
                self._start(self._await_end())
                return {"found": await self._room.wait_for_participant(30)}
            case "answer":
                self._answers = command["hertz"]
            case "say":
                self._start(self._say(command["hertz"], command["seconds"]))
            case "interrupt":
                self._start(self._interrupt(command["after"]))
            case "mute":
                self._room.muted = True
            case "hang up":
                await self._room.hang_up(command["reason"])
            case "leave":
                await self._room.leave()
            case "stand still":
                _stand_still(command["seconds"])
            case "now":
                return {"now": self._room.now}
        return {}

    async def close(self) -> None:
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._room.leave()
        await self._participant.close()

    def _start(self, work: Any) -> None:
        self._background.append(asyncio.create_task(work))

    async def _say(self, hertz: float, seconds: float) -> None:
        said = await self._room.say(pieces(tone(hertz, seconds)))
        report("said", name="room", **asdict(said))

    async def _interrupt(self, after_seconds: float) -> None:
        await self._room.wait_for_speech(after_seconds)
        self._room.interrupt()

    async def _hear(self) -> None:
        async for heard in self._room.utterances():
            report("heard", name="room", **described(heard))
            if self._answers:
                await self._say(self._answers.pop(0), 0.5)

    async def _await_end(self) -> None:
        report("ended", name="room", reason=await self._room.ended)


def _stand_still(duration_seconds: float) -> None:
    """With everything that runs on this event loop."""
    time.sleep(duration_seconds)


async def main() -> None:
    """Obey until stdin ends."""
    commands = asyncio.StreamReader(limit=2**26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    process = _Process(await open_participant(load_settings()))
    report("done")
    while line := await commands.readline():
        report("done", **await process.obey(json.loads(line)))
    await process.close()


if __name__ == "__main__":
    asyncio.run(main())
