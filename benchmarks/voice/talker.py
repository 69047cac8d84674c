"""`python -m benchmarks.voice.talker ROOM ID TURNS [--first]`: one side of a call that neither synthesises nor recognises.

It answers each utterance it hears with prepared audio, at once, so that what is left of a response gap is the room's. Says
READY when the other side is there, begins at a line on standard input, and answers with what it measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import struct
import sys
from collections.abc import AsyncIterator

from benchmarks.stack import READY, run
from genesis_lib.dds.open import open_participant
from genesis_lib.settings import load_settings
from genesis_lib.voice.audio import SAMPLE_RATE, samples, seconds
from genesis_lib.voice.room import VoiceRoom

_UTTERANCE_SECONDS = 1.5
_PATIENCE_SECONDS = 30


def _prepared() -> bytes:
    tone = (
        round(12_000 * math.sin(2 * math.pi * 440 * each / SAMPLE_RATE)) for each in range(samples(_UTTERANCE_SECONDS))
    )
    return b"".join(struct.pack("<h", value) for value in tone)


async def _audio(pcm: bytes) -> AsyncIterator[bytes]:
    yield pcm


async def _talk(room_name: str, name: str, turns: int, *, first: bool) -> None:
    participant = await open_participant(load_settings())
    room = await VoiceRoom(participant, room_name, name, name).join()
    await room.wait_for_participant(_PATIENCE_SECONDS)
    print(READY, flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    pcm = _prepared()
    gaps: list[float] = []
    if first:
        await room.say(_audio(pcm))
    async for heard in room.utterances():
        said = await room.say(_audio(pcm))
        gaps.append(seconds(said.start - heard.end))
        if first and len(gaps) == turns:
            await room.hang_up("done")
    counted = room.statistics
    await room.leave()
    await participant.close()
    answer = {
        "gaps": gaps,
        "frames_sent": counted.frames_sent,
        "frames_not_played": counted.frames_late + counted.frames_lost,
        "frames_awaited": counted.frames_awaited,
    }
    print(json.dumps(answer), flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.voice.talker", description=__doc__)
    parser.add_argument("room")
    parser.add_argument("id")
    parser.add_argument("turns", type=int)
    parser.add_argument("--first", action="store_true", help="says the first words, and hangs up after the last")
    arguments = parser.parse_args()
    run(_talk(arguments.room, arguments.id, arguments.turns, first=arguments.first), uvloop=False)


if __name__ == "__main__":
    main()
