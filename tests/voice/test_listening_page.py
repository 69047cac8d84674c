"""Listening in: two other processes talk, a real browser hears them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Literal

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.dds.port import Participant
from genesis_lib.testing.fixtures import StartAgentProcess
from genesis_lib.voice.audio import samples
from genesis_lib.voice.live_page import ListeningPage
from genesis_lib.voice.messages import TranscriptSource, VoiceTranscript
from genesis_lib.voice.room import VoiceRoom
from tests.agents_for_tests import Echo
from tests.voice.browser import TROUBLE, Page, browser_page, events, text_of
from tests.voice.talkers import Talker
from tests.voice.tones import pieces, tone

ROOM = "Desk <b>1</b>"
ADA, BEN = "ada-1", "ben-1"

# Notes the pitches that each voice has in what goes to the loudspeakers, in their order.
LISTEN = """
var pitches = [];
(function listen() {
  audio.voices.slice(0, 2).forEach((voice, number) => {
    voice.smoothingTimeConstant = 0;
    const levels = new Float32Array(voice.frequencyBinCount);
    voice.getFloatFrequencyData(levels);
    const loudest = levels.indexOf(Math.max(...levels));
    if (levels[loudest] < -40) return;
    const pitch = [number, Math.round(loudest * RATE / voice.fftSize / 100) * 100];
    if (!pitches.some((known) => String(known) === String(pitch))) pitches.push(pitch);
  });
  setTimeout(listen, 10);
})()
"""
STATE = "stateOf.textContent.trim().replace(/\\s+/g, ' ')"


@pytest.fixture
async def bus(genesis_domain: int) -> AsyncIterator[GenesisInterface]:
    async with GenesisInterface("listener") as interface:
        yield interface


@pytest.fixture
async def listening(bus: GenesisInterface) -> AsyncIterator[ListeningPage]:
    async with ListeningPage(bus.app.participant, ROOM, bus.app.directory.agents) as page:
        yield page


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Page]:
    async with browser_page(tmp_path / "profile") as opened:
        await opened.emulate(1280, 900)
        yield opened


@pytest.fixture
async def page(browser: Page, listening: ListeningPage) -> Page:
    await browser.open(listening.url)
    await until(browser, "hearing() && connected")
    return browser


async def until(page: Page, condition: str) -> None:
    await page.evaluate(
        f"new Promise(done => {{ (function wait() {{ ({condition}) ? done() : setTimeout(wait, 10) }})() }})"
    )


async def test_a_room_with_nobody_in_it_is_waited_for(
    page: Page, listening: ListeningPage, participant: Participant
) -> None:
    assert await page.evaluate(STATE) == "Waiting nobody is in this room yet"
    assert await text_of(page, "h1") == [ROOM]
    assert await text_of(page, "#nothing") == ["Nobody has said anything yet."]
    room = await VoiceRoom(participant, ROOM, ADA, "Ada").join()
    await until(page, f"{STATE} === 'Live Ada'")
    assert room.participants == {}
    await room.leave()
    await until(page, f"{STATE} === 'Ended Ada left'")
    await page.evaluate("1")  # collects what happened meanwhile
    assert events(page, *TROUBLE) == []
    asked = {event["request"]["url"] for event in events(page, "Network.requestWillBeSent")}
    files = ("", "page.css", "live.css", "live.js", "live_player.js")
    assert {url for url in asked if not url.startswith("data:")} <= {listening.url + name for name in files}


@pytest.mark.parametrize("pace", ["realtime", "fast"])
async def test_two_agents_are_heard_and_read_while_they_talk(
    page: Page, bus: GenesisInterface, agent_process: StartAgentProcess, pace: Literal["realtime", "fast"]
) -> None:
    await page.evaluate(LISTEN)
    for arguments in ({"agent_name": "Ada", "agent_id": ADA}, {"agent_name": "Ben", "agent_id": BEN}):
        await agent_process(Talker, arguments)
    await agent_process(Echo)
    await bus.wait_for_agent("Echo")
    for who, hertz in ((BEN, [600.0, 1200.0]), (ADA, [400.0, 1000.0, 1600.0])):
        await bus.wait_for_agent(who)
        await bus.call_function(
            who,
            "take_part",
            room=ROOM,
            pace=pace,
            hertz=hertz,
            asks="Echo" * (who == BEN),
            opens=who == ADA,
            seconds=0.8,
        )
    await until(page, "pitches.length === 5")
    await until(page, f"{STATE} === 'Ended out of tones'")
    ada, ben = await page.evaluate(
        "['Ada', 'Ben'].map(name => [...people.values()].findIndex(one => one.name === name))"
    )
    pitches = [[ada, 400], [ben, 600], [ada, 1000], [ben, 1200], [ada, 1600]]
    assert await page.evaluate("pitches") == pitches
    await until(page, "document.querySelectorAll('.heard').length === 5")
    assert await text_of(page, ".utterance .who b") == ["Ada", "Ben", "Ada", "Ben", "Ada"]
    assert await text_of(page, ".said") == ["tone 1", "tone 1", "tone 2", "tone 2", "tone 3"]
    assert await text_of(page, ".heard") == [
        f"\N{CHECK MARK} {name} heard the same" for name in ("Ben", "Ada") * 2 + ("Ben",)
    ]
    assert [row.split(" called ")[0] for row in await text_of(page, ".bus-call")] == ["Ben", "Ben"]
    assert await text_of(page, ".bus-call b") == ["Echo", "Echo"]


@pytest.fixture
async def ada(participant: Participant) -> AsyncIterator[VoiceRoom]:
    room = await VoiceRoom(participant, ROOM, ADA, "Ada").join()
    yield room
    await room.leave()


async def say(room: VoiceRoom, hertz: float, seconds: float) -> None:
    await room.say(pieces(tone(hertz, seconds)))


async def test_a_muted_voice_speaks_and_is_not_heard(page: Page, ada: VoiceRoom) -> None:
    await page.evaluate(LISTEN)
    ada.muted = True
    speaking = asyncio.create_task(say(ada, 400, 1))
    await until(page, "document.querySelector('.person.speaks small')?.textContent === 'speaks'")
    await speaking
    await until(page, "!document.querySelector('.person.speaks')")
    assert await page.evaluate("pitches") == []
    ada.muted = False
    await say(ada, 600, 1)
    await until(page, "String(pitches) === '0,600'")


async def test_sound_is_switched_by_keyboard_and_button(page: Page, ada: VoiceRoom) -> None:
    await page.evaluate(LISTEN)
    await page.press(" ", " ")
    await until(page, "!hearing() && sound.ariaPressed === 'false'")
    assert "press Space" in (await text_of(page, "#hint"))[0]
    await say(ada, 400, 0.5)
    assert await page.evaluate("people.get(0).peaks.size") > 0
    await page.evaluate("sound.click()")
    await until(page, "hearing() && sound.ariaPressed === 'true'")
    await say(ada, 800, 1)
    await until(page, "String(pitches) === '0,800'")
    await page.press("-", "-")
    assert await page.evaluate("audio.volume.gain.value") == pytest.approx(0.9)


async def test_what_was_misheard_and_cut_is_marked(page: Page, ada: VoiceRoom) -> None:
    speaking = asyncio.create_task(say(ada, 400, 30))
    await until(page, "document.querySelector('.dots') && document.querySelector('.utterance.now')")
    speaking.cancel()
    await until(page, "document.querySelector('.tag')?.textContent === 'interrupted'")
    for who, source, text in (
        (ADA, TranscriptSource.SPOKEN, "Will it rain & <i>storm</i>?"),
        (BEN, TranscriptSource.HEARD, "will it rain and swarm"),
    ):
        ada.publish_transcript(VoiceTranscript(ROOM, 1, ADA, who, source, text, 0, 16_000))
    await until(page, "document.querySelector('.heard')")
    assert (await text_of(page, ".said"))[0] == "Will it rain & <i>storm</i>?"
    assert await text_of(page, ".heard") == [f"{BEN} heard: will it rain and swarm"]
    assert await text_of(page, ".heard mark") == ["swarm"]


async def test_several_pages_and_one_that_comes_late(
    page: Page, listening: ListeningPage, ada: VoiceRoom, tmp_path: Path
) -> None:
    await say(ada, 400, 0.5)
    async with browser_page(tmp_path / "other") as other:
        await other.open(listening.url)
        await until(other, "hearing() && document.querySelector('.utterance')")
        for each in (page, other):
            await each.evaluate(LISTEN)
        await say(ada, 800, 1)
        for each in (page, other):
            await until(each, "String(pitches.at(-1)) === '0,800'")


async def test_a_second_call_in_the_room_begins_with_a_blank_page(page: Page, participant: Participant) -> None:
    for number, name in enumerate(("Ada", "Cid")):
        room = await VoiceRoom(participant, ROOM, f"person-{number}", name).join()
        await say(room, 400, 0.2)
        await room.hang_up("all is said")
        await until(page, f"{STATE} === 'Ended all is said' && nameOf(0) === '{name}'")
        await room.leave()
        await until(page, "!people.get(0).present")
        assert await text_of(page, ".utterance .who b") == [name]


async def test_a_long_call_is_joined_without_a_layout_for_each_line(browser: Page, listening: ListeningPage) -> None:
    for number in range(1000):
        start, end = samples(2 * number), samples(2 * number + 1)
        text = f"sentence {number}"
        listening.call.transcript(VoiceTranscript(ROOM, number, ADA, ADA, TranscriptSource.SPOKEN, text, start, end))
    await browser.send("Performance.enable")
    await browser.open(listening.url)
    await until(browser, "rows.length === 1000")
    metrics = (await browser.send("Performance.getMetrics"))["metrics"]
    (layouts,) = (metric["value"] for metric in metrics if metric["name"] == "LayoutCount")
    assert 0 < layouts < 1000
    await until(browser, "rows.at(-1).row.getBoundingClientRect().bottom <= innerHeight")
    assert (await text_of(browser, "#transcript li:last-child .said")) == ["sentence 999"]


async def test_when_the_server_goes_the_page_says_so_and_comes_back(
    browser: Page, bus: GenesisInterface, participant: Participant
) -> None:
    agents = bus.app.directory.agents
    async with AsyncExitStack() as first:
        served = await first.enter_async_context(ListeningPage(bus.app.participant, ROOM, agents))
        url, port = served.url, int(served.url.rstrip("/").rpartition(":")[2])
        await browser.open(url)
        await until(browser, "connected")
        await first.aclose()
    await until(browser, f"{STATE} === 'No connection trying again'")
    async with ListeningPage(bus.app.participant, ROOM, agents, port):
        await until(browser, "connected")
        room = await VoiceRoom(participant, ROOM, ADA, "Ada").join()
        await until(browser, f"{STATE} === 'Live Ada'")
        await room.leave("enough")
        await until(browser, f"{STATE} === 'Ended enough'")
    await until(browser, "!connected")
    assert await browser.evaluate(STATE) == "Ended enough"
    async with ListeningPage(bus.app.participant, ROOM, agents, port):
        room = await VoiceRoom(participant, ROOM, BEN, "Ben").join()
        await until(browser, f"{STATE} === 'Live Ben'")
        await room.leave()


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (1280, "dark"), (380, "light")])
async def test_it_fits_in_light_and_dark(page: Page, ada: VoiceRoom, width: int, colours: str) -> None:
    await say(ada, 400, 0.5)
    await page.emulate(width, 900, colours)
    root = "document.documentElement"
    assert await page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    ground, ink = await page.evaluate(
        "['backgroundColor', 'color'].map(name => getComputedStyle(document.body)[name].match(/\\d+/)[0] * 1)"
    )
    assert (ground > 200 > 100 > ink) if colours == "light" else (ink > 200 > 100 > ground)
    assert (await page.picture()).startswith(b"\x89PNG")
