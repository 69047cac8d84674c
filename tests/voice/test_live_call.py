"""What listening pages are told, and that they cannot do harm: real sockets, no browser."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest

from genesis_lib.dds.port import Participant
from genesis_lib.errors import ConfigError
from genesis_lib.voice.audio import FRAME_BYTES, FRAME_SAMPLES, SILENCE
from genesis_lib.voice.live_call import AUDIO_HEADER, MOST_PARTICIPANTS, LiveCall
from genesis_lib.voice.live_page import ListeningPage
from genesis_lib.voice.messages import (
    INTERRUPTED,
    ControlKind,
    TranscriptSource,
    VoiceControl,
    VoiceFrame,
    VoiceTranscript,
)
from genesis_lib.voice.room import VoiceRoom
from tests.contract.recorder import PATIENCE_SECONDS
from tests.voice.tones import pieces, tone

ROOM = "desk 1"
ADA, BEN = "ada-1", "ben-1"
MOST_PAGES = 32
# 8 MB: more than the operating system keeps for a reader that does not read, and the page.
MANY_FRAMES = 12_000


def frame(media_time: int, *, who: str = ADA, utterance_id: int = 1) -> VoiceFrame:
    return VoiceFrame(ROOM, who, utterance_id, media_time // FRAME_SAMPLES, media_time, SILENCE)


def control(
    kind: ControlKind, media_time: int = 0, *, who: str = ADA, utterance_id: int = 1, text: str = ""
) -> VoiceControl:
    return VoiceControl(ROOM, who, kind, media_time, utterance_id, text=text)


def transcript(
    source: TranscriptSource, text: str, *, by: str, start: int = 0, utterance_id: int = 1
) -> VoiceTranscript:
    return VoiceTranscript(ROOM, utterance_id, ADA, by, source, text, start, start + 16_000)


class Told:
    """A call, and what was told of it."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.audio: list[bytes] = []
        self.call = LiveCall(ROOM, self.messages.append, self.audio.append)

    def known(self, kind: str) -> list[dict[str, Any]]:
        """What somebody is told who comes now."""
        return [one for one in self.call.everything()["news"] if one["type"] == kind]


@pytest.fixture
async def told() -> Told:
    return Told()


async def test_frames_past_the_end_of_their_utterance_are_not_played(told: Told) -> None:
    told.call.control(control(ControlKind.UTTERANCE_START))
    for media_time in (0, 320, 640):
        told.call.frame(frame(media_time))
    told.call.control(control(ControlKind.UTTERANCE_END, 960, text=INTERRUPTED))
    for media_time in (320 + 640, 320 + 960):
        told.call.frame(frame(media_time))
    told.call.frame(frame(1600, utterance_id=2))
    assert [AUDIO_HEADER.unpack_from(audio) for audio in told.audio] == [
        (0, 1, 0), (320, 1, 0), (640, 1, 0), (1600, 2, 0)
    ]  # fmt: skip
    assert {len(audio) for audio in told.audio} == {AUDIO_HEADER.size + FRAME_BYTES}
    (utterance,) = told.known("utterance")
    assert (utterance["start"], utterance["end"], utterance["interrupted"]) == (0, 960, True)


async def test_words_are_marked_where_they_were_heard_otherwise(told: Told) -> None:
    told.call.transcript(transcript(TranscriptSource.HEARD, "will it", by=BEN))
    told.call.transcript(transcript(TranscriptSource.HEARD, "train", by=BEN, start=8000))
    assert told.known("utterance")[0]["spoken"] is None
    told.call.transcript(transcript(TranscriptSource.SPOKEN, "Will it rain?", by=ADA))
    told.call.transcript(transcript(TranscriptSource.HEARD, "what I hear of myself", by=ADA))
    (utterance,) = told.known("utterance")
    assert utterance["spoken"] == [("Will", False), ("it", False), ("rain?", True)]
    assert utterance["heard"] == [{"by": 1, "words": [("will", False), ("it", False), ("train", True)]}]


async def test_a_lost_participant_ends_the_call_and_what_it_was_saying(told: Told) -> None:
    told.call.control(control(ControlKind.JOIN, text="Ada"))
    told.call.control(control(ControlKind.UTTERANCE_START, 1600))
    told.call.frame(frame(3200))
    told.call.gone(ADA)
    (ended,), (utterance,), (ada,) = (told.known(kind) for kind in ("ended", "utterance", "participant"))
    assert ended["reason"] == "Ada was lost: its process ended or the network to it broke"
    assert utterance["end"] >= 3200
    assert ada == {"type": "participant", "number": 0, "name": "Ada", "present": False}
    told.call.gone(ADA)
    told.call.gone("nobody")
    assert told.known("ended") == [ended]


async def test_whoever_comes_back_as_another_process_has_utterances_of_its_own(told: Told) -> None:
    for start in (0, 16_000):
        told.call.control(control(ControlKind.UTTERANCE_START, start))
        told.call.control(control(ControlKind.UTTERANCE_END, start + 3200))
    assert [(one["start"], one["end"]) for one in told.known("utterance")] == [(0, 3200), (16_000, 19_200)]


async def test_a_call_begins_anew_only_when_all_have_left(told: Told) -> None:
    for who in (ADA, BEN):
        told.call.control(control(ControlKind.JOIN, who=who, text=who))
    told.call.control(control(ControlKind.HANG_UP, text="done"))
    told.call.control(control(ControlKind.LEAVE))
    told.call.control(control(ControlKind.JOIN, who="late-1", text="Late"))
    assert [one["reason"] for one in told.known("ended")] == ["done"]
    for who in (BEN, "late-1"):
        told.call.control(control(ControlKind.LEAVE, who=who))
    told.call.control(control(ControlKind.JOIN, who="next-1", text="Next"))
    assert told.known("ended") == []
    assert [one["name"] for one in told.known("participant")] == ["Next"]


async def test_a_room_full_of_noise_is_remembered_in_bounds(told: Told) -> None:
    for number in range(3000):
        told.call.control(control(ControlKind.JOIN, who=f"crowd-{number}", text="x"))
        told.call.control(control(ControlKind.UTTERANCE_START, number, who="crowd-0", utterance_id=number))
        told.call.transcript(transcript(TranscriptSource.HEARD, "x", by="crowd-1", start=number, utterance_id=9999))
        told.call.bus_call("crowd-0", "Echo", number, 0.1)
    assert len(told.known("participant")) == MOST_PARTICIPANTS
    assert len(told.known("utterance")) == 1000
    assert len(told.known("bus_call")) == 1000
    assert len(json.dumps(told.call.everything())) < 500_000


@pytest.fixture
async def page(participant: Participant) -> AsyncIterator[ListeningPage]:
    async with ListeningPage(participant, ROOM, {}) as served:
        yield served


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def port_of(page: ListeningPage) -> int:
    return int(page.url.rstrip("/").rpartition(":")[2])


async def test_other_sites_do_not_hear_the_call(page: ListeningPage, session: aiohttp.ClientSession) -> None:
    for headers in ({"Origin": "https://elsewhere.example"}, {"Host": f"elsewhere.example:{port_of(page)}"}):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await session.ws_connect(f"{page.url}socket", headers=headers)
        async with session.get(page.url, headers=headers) as answer:
            assert answer.status == 403
    async with session.ws_connect(f"{page.url}socket", headers={"Origin": page.url.rstrip("/")}) as own:
        assert (await own.receive_json())["type"] == "room"


async def test_only_loopback_is_served(page: ListeningPage) -> None:
    with socket.socket() as other_address:
        assert other_address.connect_ex(("127.0.0.2", port_of(page))) == errno.ECONNREFUSED


async def test_a_port_that_is_taken(participant: Participant, page: ListeningPage) -> None:
    with pytest.raises(ConfigError, match=f"port {port_of(page)} of 127.0.0.1 cannot be had: Address already in use"):
        await ListeningPage(participant, ROOM, {}, port_of(page)).__aenter__()


async def test_a_room_that_cannot_be_called_that_leaves_nothing_open(
    participant: Participant, page: ListeningPage, session: aiohttp.ClientSession
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(ConfigError, match="the room's name"):
        await ListeningPage(participant, "x" * 200, {}, port).__aenter__()
    with pytest.raises(aiohttp.ClientConnectorError):
        await session.get(f"http://127.0.0.1:{port}/")


async def test_those_in_the_room_see_nobody_else(
    participant: Participant, page: ListeningPage, session: aiohttp.ClientSession
) -> None:
    async with session.ws_connect(f"{page.url}socket") as listener, asyncio.timeout(PATIENCE_SECONDS):
        room = await VoiceRoom(participant, ROOM, ADA, "Ada").join()
        said = await room.say(pieces(tone(300, 0.2)))
        heard = [
            AUDIO_HEADER.unpack_from(message.data)[0]
            async for message in _until_ended(listener, room)
            if message.type is aiohttp.WSMsgType.BINARY
        ]
        assert (heard[0], heard[-1] + FRAME_SAMPLES) == (said.start, said.end)
        # All that were sent, in order: slots are left out only where this process stood still for long.
        assert heard == sorted(set(heard))
        assert len(heard) == room.statistics.frames_sent == 10
        assert room.participants == {}
        await room.leave()


async def _until_ended(listener: aiohttp.ClientWebSocketResponse, room: VoiceRoom) -> AsyncIterator[aiohttp.WSMessage]:
    await room.hang_up("done")
    async for message in listener:
        yield message
        if message.type is aiohttp.WSMsgType.TEXT and message.json() == {"type": "ended", "reason": "done"}:
            return


async def test_a_listener_that_reads_nothing_is_cut_off(page: ListeningPage, session: aiohttp.ClientSession) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket() as idle:
        idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        idle.setblocking(False)
        await loop.sock_connect(idle, ("127.0.0.1", port_of(page)))
        request = (
            f"GET /socket HTTP/1.1\r\nHost: 127.0.0.1:{port_of(page)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        await loop.sock_sendall(idle, request.encode())
        assert (await loop.sock_recv(idle, 12)) == b"HTTP/1.1 101"
        async with session.ws_connect(f"{page.url}socket") as reader, asyncio.timeout(PATIENCE_SECONDS):
            assert (await reader.receive_json())["type"] == "room"
            for number in range(MANY_FRAMES):
                page.call.frame(frame(number * FRAME_SAMPLES))
                message = await reader.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    message = await reader.receive()
                assert AUDIO_HEADER.unpack_from(message.data)[0] == number * FRAME_SAMPLES
            sent = 0
            while piece := await loop.sock_recv(idle, 2**20):
                sent += len(piece)
        assert 0 < sent < MANY_FRAMES * FRAME_BYTES


async def test_so_many_listeners_and_no_more(page: ListeningPage, session: aiohttp.ClientSession) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MOST_PAGES):
            one = await stack.enter_async_context(session.ws_connect(f"{page.url}socket"))
            await one.receive_json()
        with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
            await session.ws_connect(f"{page.url}socket")


async def test_a_page_that_talks_too_much_is_hung_up_on(page: ListeningPage, session: aiohttp.ClientSession) -> None:
    async with session.ws_connect(f"{page.url}socket") as talker, session.ws_connect(f"{page.url}socket") as other:
        for one in (talker, other):
            await one.receive_json()
        await talker.send_str("x" * 2000)
        assert (await talker.receive()).type is aiohttp.WSMsgType.CLOSE
        assert talker.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
        await other.send_str("hello")
        assert not other.closed
