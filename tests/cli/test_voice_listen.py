"""`genesis voice listen`, `run --listen` and `token`."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from genesis_lib.voice.live_call import AUDIO_HEADER
from tests.cli.command import finish, run, start

SECRET = "a-secret-of-at-least-thirty-two-characters"
LIVEKIT = {"LIVEKIT_URL": "ws://127.0.0.1:7880", "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": SECRET}
PATIENCE_SECONDS = 60


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_listen_serves_a_page_until_a_signal(genesis_domain: int, number: signal.Signals) -> None:
    process = await start("voice", "listen", "desk 1 & <2>")
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert "<h1>desk 1 &amp; &lt;2&gt;</h1>" in await answer.text()
        async with session.ws_connect(f"{url}socket") as listener:
            assert await listener.receive_json() == {"type": "room", "room": "desk 1 & <2>", "news": []}
            process.send_signal(number)
            outcome = await finish(process)
            assert (await listener.receive()).type is aiohttp.WSMsgType.CLOSE
    assert (outcome.status, outcome.stdout) == (0, "")
    assert outcome.stderr == f"room desk 1 & <2> of domain {genesis_domain}; Ctrl-C ends it\n"


async def test_a_port_in_use_is_one_clear_error(genesis_domain: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        outcome = await run("voice", "listen", "desk", "--port", str(port))
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr == (
        f"genesis: port {port} of 127.0.0.1 cannot be had: Address already in use; take another one, or 0 for any that is"
        " free\n"
    )


@pytest.mark.parametrize("arguments", [(), ("",), ("x" * 129,), ("desk", "--port", "65536"), ("desk", "--port", "web")])
async def test_bad_usage_is_2(genesis_domain: int, arguments: tuple[str, ...]) -> None:
    outcome = await run("voice", "listen", *arguments)
    assert (outcome.status, outcome.stdout) == (2, "")


async def test_a_call_can_be_listened_to_while_it_runs(tmp_path: Path) -> None:
    process = await start(
        "voice", "run", "weather", "--pace", "fast", "--listen", "--json", "--out", str(tmp_path / "call")
    )
    assert process.stderr is not None
    url = (await process.stderr.readline()).decode().removeprefix("  Listen in: ").strip()
    said: dict[int, dict[str, object]] = {}
    called, reasons, speakers = [], [], set()
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{url}socket", max_msg_size=0) as listener,
    ):
        async for message in listener:
            if message.type is aiohttp.WSMsgType.BINARY:
                speakers.add(AUDIO_HEADER.unpack_from(message.data)[2])
                continue
            told = json.loads(message.data)
            for news in told["news"] if told["type"] == "room" else [told]:
                if news["type"] == "utterance":
                    said[news["number"]] = news
                elif news["type"] == "bus_call":
                    called.append(news["target"])
                elif news["type"] == "ended":
                    reasons.append(news["reason"])
    outcome = await finish(process)
    assert outcome.status == 0
    figures = outcome.json["figures"]
    assert len(said) == sum(figures["utterances"].values())
    assert all(one["spoken"] for one in said.values())
    assert [number for number, one in said.items() if not one["heard"]] in ([], [max(said)])  # that one hung up
    assert (called, reasons, speakers) == (["WeatherExpert"], ["the weather is known"], {0, 1})


@pytest.mark.parametrize("listen_only", [False, True])
async def test_token_lets_a_person_in(listen_only: bool) -> None:
    from livekit import api

    arguments = ("voice", "token", "desk 1", "--identity", "Ann", *["--listen-only"] * listen_only)
    url, token = (await run(*arguments, environment=LIVEKIT)).stdout.splitlines()
    assert url == LIVEKIT["LIVEKIT_URL"]
    claims = api.TokenVerifier("key", SECRET, leeway=timedelta(seconds=5)).verify(token)
    assert claims.identity == "Ann"
    assert claims.video is not None
    assert (claims.video.room, claims.video.room_join, claims.video.can_subscribe) == ("desk 1", True, True)
    assert claims.video.can_publish is claims.video.can_publish_data is not listen_only
    assert claims.video.hidden is listen_only


async def test_token_as_json() -> None:
    answer = (await run("voice", "token", "desk", "--identity", "Ann", "--json", environment=LIVEKIT)).json
    assert {name: value for name, value in answer.items() if name != "token"} == {
        "url": LIVEKIT["LIVEKIT_URL"],
        "room": "desk",
        "identity": "Ann",
    }


@pytest.mark.parametrize(("room", "identity"), [("", "Ann"), ("desk", "")])
async def test_token_for_nobody_or_nowhere(room: str, identity: str) -> None:
    outcome = await run("voice", "token", room, "--identity", identity, environment=LIVEKIT)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr == "genesis: a LiveKit room, and whoever enters it, need a name each\n"


async def test_token_without_credentials_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in LIVEKIT:
        monkeypatch.delenv(name, raising=False)
    outcome = await run("voice", "token", "desk", "--identity", "Ann")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert all(name in outcome.stderr for name in LIVEKIT)
