"""The page of a call, in a real browser."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from genesis_lib.voice.audio import samples
from genesis_lib.voice.documents import write_documents
from genesis_lib.voice.recording import Recording
from tests.voice.browser import TROUBLE, Page, browser_page, events, text_of
from tests.voice.recorded import CUSTOMER, ROOM, SUPPORT, TALK, feed_audio, feed_transcripts, record_call

READY = """new Promise(ready => {
  const audio = document.querySelector("audio");
  if (audio.readyState > 0 || audio.error) ready(); else audio.onloadedmetadata = audio.onerror = ready;
})"""
TIME = "document.querySelector('audio').currentTime"
CURRENT = "[...document.querySelectorAll('.utterance[aria-current]')].map(one => one.dataset.start)"


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with browser_page(tmp_path / "profile") as opened:
        await opened.emulate(1280, 900)
        yield opened


async def show_call(page: Page, folder: Path) -> None:
    await page.open((folder / "index.html").as_uri())
    await page.evaluate(READY)


@pytest.fixture
async def call(page: Page, tmp_path: Path) -> Page:
    """The page of a recorded call."""
    await record_call(tmp_path / "call")
    write_documents(tmp_path / "call")
    await show_call(page, tmp_path / "call")
    return page


async def test_nothing_is_asked_from_elsewhere_and_nothing_goes_wrong(call: Page, tmp_path: Path) -> None:
    asked = {event["request"]["url"] for event in events(call, "Network.requestWillBeSent")}
    assert {url for url in asked if not url.startswith("data:")} == {
        (tmp_path / "call" / name).as_uri() for name in ("index.html", "call.wav")
    }
    assert events(call, *TROUBLE) == []


async def test_what_was_said_and_heard_is_text(call: Page) -> None:
    assert await text_of(call, ".said") == [spoken for _, _, _, spoken, _ in TALK]
    assert await text_of(call, ".heard mark") == ["whether"]
    assert await text_of(call, ".tag") == ["interrupted"]
    assert await call.evaluate("document.querySelectorAll('.said b').length") == 0
    assert "WeatherAgent" in (await text_of(call, ".bus-call"))[0]


async def test_the_timeline_shows_turns_gaps_overlaps_and_bus_calls_in_their_place(call: Page) -> None:
    assert await call.evaluate(
        """[".turn", ".gap", ".overlap", ".interruption", ".bus"].map(kind => document.querySelectorAll(kind).length)"""
    ) == [len(TALK), 3, 1, 1, 1]
    x, width = await call.evaluate(
        """(() => { const line = document.querySelector("#timeline").getBoundingClientRect();
             const turn = document.querySelectorAll(".customer .turn")[1].getBoundingClientRect();
             return [(turn.left - line.left) / line.width, turn.width / line.width]; })()"""
    )
    assert x == pytest.approx(9.0 / 16, abs=0.005)
    assert width == pytest.approx(2.8 / 16, abs=0.005)


async def test_the_sound_plays_and_the_page_reads_along(call: Page) -> None:
    assert await call.evaluate("document.querySelector('audio').duration") == 16
    await call.press(" ", " ")
    await call.evaluate(
        f"new Promise(done => {{ (function wait() {{ {TIME} > 0.6 ? done() : requestAnimationFrame(wait) }})() }})"
    )
    assert await call.evaluate(CURRENT) == ["0.500"]
    await call.press(" ", " ")
    assert await call.evaluate("document.querySelector('audio').paused")


async def test_a_click_on_an_utterance_goes_there(call: Page) -> None:
    await call.evaluate("document.querySelectorAll('.utterance')[2].click()")
    assert await call.evaluate(TIME) == pytest.approx(6.4)
    assert await call.evaluate(CURRENT) == ["6.400"]


async def test_while_both_speak_both_are_read(call: Page) -> None:
    await call.evaluate("seek(9.2)")
    assert await call.evaluate(CURRENT) == ["6.400", "9.000"]


async def test_a_click_on_the_timeline_goes_there(call: Page) -> None:
    box = await call.evaluate(
        "(b => [b.left, b.top, b.width, b.height])(document.querySelector('#timeline').getBoundingClientRect())"
    )
    await call.click(box[0] + box[2] * 0.75, box[1] + box[3] / 2)
    assert await call.evaluate(TIME) == pytest.approx(12, abs=0.05)


async def test_it_works_by_keyboard(call: Page) -> None:
    for key, at in (("ArrowRight", 5.0), ("ArrowRight", 10.0), ("ArrowLeft", 5.0)):
        await call.press(key)
        assert await call.evaluate(TIME) == pytest.approx(at)
    await call.press("j", "j")
    assert await call.evaluate("document.activeElement.dataset.start") == "6.400"
    await call.press("k", "k")
    assert await call.evaluate(TIME) == pytest.approx(3.5)
    await call.evaluate("document.querySelector('#timeline').focus()")
    await call.press("End")
    assert await call.evaluate("document.activeElement.getAttribute('aria-valuenow')") == "16.0"
    await call.press("Home")
    assert await call.evaluate(TIME) == 0
    await call.press("+", "+")
    assert await call.evaluate(
        "document.querySelector('#timeline').offsetWidth > document.querySelector('#window').offsetWidth"
    )


@pytest.mark.parametrize(("width", "colours"), [(1280, "light"), (1280, "dark"), (380, "light")])
async def test_it_fits_in_light_and_dark(call: Page, width: int, colours: str) -> None:
    await call.emulate(width, 900, colours)
    root = "document.documentElement"
    assert await call.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    ground, ink = await call.evaluate(
        "['backgroundColor', 'color'].map(name => getComputedStyle(document.body)[name].match(/\\d+/)[0] * 1)"
    )
    assert (ground > 200 > 100 > ink) if colours == "light" else (ink > 200 > 100 > ground)
    assert (await call.picture()).startswith(b"\x89PNG")


async def test_a_browser_reads_all_cues_of_the_transcript(page: Page, tmp_path: Path) -> None:
    await record_call(tmp_path)
    write_documents(tmp_path)
    cues = await page.evaluate(
        f"""new Promise((read, fail) => {{
          const bytes = Uint8Array.from(atob("{base64.b64encode((tmp_path / "transcript.vtt").read_bytes()).decode()}"),
                                        (char) => char.charCodeAt(0));
          const video = document.createElement("video");
          const track = document.createElement("track");
          track.onerror = () => fail(new Error("no WebVTT"));
          track.onload = () => read([...track.track.cues].map((cue) => [cue.startTime, cue.endTime,
                                     cue.getCueAsHTML().firstElementChild.title, cue.getCueAsHTML().textContent]));
          track.src = URL.createObjectURL(new Blob([bytes], {{type: "text/vtt"}}));
          video.append(track);
          document.body.append(video);
          track.track.mode = "hidden";
        }})"""
    )
    names = {CUSTOMER: "Ada Berger", SUPPORT: "Ben Weiss"}
    assert cues == [[start, end, names[who], spoken] for who, start, end, spoken, _ in TALK]


async def test_without_its_sound_the_page_says_so_and_still_shows_the_call(page: Page, tmp_path: Path) -> None:
    await record_call(tmp_path / "call")
    write_documents(tmp_path / "call")
    (tmp_path / "call" / "call.wav").unlink()
    await show_call(page, tmp_path / "call")
    assert await page.evaluate("document.querySelector('#trouble').checkVisibility()")
    await page.evaluate("document.querySelectorAll('.utterance')[2].click()")
    assert await page.evaluate(CURRENT) == ["6.400"]


async def test_a_recording_that_broke_off_has_a_page(page: Page, tmp_path: Path) -> None:
    recording = Recording(tmp_path / "call", ROOM, "nobody", SUPPORT)
    feed_audio(recording)
    feed_transcripts(recording)
    await recording.close("")
    lines = (tmp_path / "call" / "events.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "call" / "events.jsonl").write_text("".join(lines[:-1]))
    write_documents(tmp_path / "call")
    await show_call(page, tmp_path / "call")
    assert await text_of(page, ".outcome") == ["Incomplete the recording breaks off without an end"]
    assert len(await text_of(page, ".utterance")) == 3
    assert samples(await page.evaluate("document.querySelector('audio').duration")) == samples(14.0)


async def test_a_call_in_which_nothing_happened_has_a_page(page: Page, tmp_path: Path) -> None:
    await Recording(tmp_path / "call", ROOM, "a", "b").close("nobody came", success=False)
    write_documents(tmp_path / "call")
    await show_call(page, tmp_path / "call")
    assert await text_of(page, ".outcome") == ["Failed nobody came"]
    assert await text_of(page, ".transcript") == ["\nNobody said anything.\n    "]
    assert events(page, "Runtime.exceptionThrown") == []
