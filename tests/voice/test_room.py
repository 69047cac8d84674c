"""A voice room between two processes on loopback. Tones stand for speech."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import struct
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from genesis_lib.dds.cdr import codec
from genesis_lib.dds.port import Participant
from genesis_lib.errors import ConfigError, VoiceError
from genesis_lib.voice.audio import FRAME_SAMPLES, SILENCE, samples, samples_in
from genesis_lib.voice.hearing import LONGEST_UTTERANCE_FRAMES
from genesis_lib.voice.listener import RoomListener
from genesis_lib.voice.messages import ControlKind, TranscriptSource, VoiceControl, VoiceFrame, VoiceTranscript
from genesis_lib.voice.pacing import Frames, Pacer, paced
from genesis_lib.voice.room import HeardUtterance, VoiceRoom
from genesis_lib.voice.wire import CONTROL_TOPIC, FRAME_TOPIC, encode_control, encode_frame, room_partition
from tests.contract.peers import Peer
from tests.contract.recorder import PATIENCE_SECONDS
from tests.log_watch import LogWatch
from tests.voice.tones import pieces, tone

fast = pytest.mark.parametrize("pace", ["fast"], indirect=True)
realtime = pytest.mark.parametrize("pace", ["realtime"], indirect=True)

ROOM = "Tea & Biscuits?"
ANNA, BEN = "anna", "ben"


@pytest.fixture(params=["fast", "realtime"])
def pace(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
async def room(participant: Participant, pace: Any) -> AsyncIterator[VoiceRoom]:
    """Anna's place in the room, in this process."""
    joined = await VoiceRoom(participant, ROOM, ANNA, "Anna", pace=pace).join()
    yield joined
    await joined.leave()


@pytest.fixture
async def ben(room: VoiceRoom, pace: str) -> AsyncIterator[Peer]:
    """Ben, in another process and in the room."""
    peer = await Peer("tests.voice.room_process").start()
    found, _ = await asyncio.gather(
        peer.do("join", room=ROOM, id=BEN, pace=pace), room.wait_for_participant(PATIENCE_SECONDS)
    )
    assert found["found"] == ANNA
    yield peer
    await peer.end()


@pytest.fixture
async def phone(room: VoiceRoom) -> AsyncIterator[Peer]:
    """Another process that only writes what the test makes."""
    peer = await Peer().start()
    partition = room_partition(ROOM)
    await peer.writer("frames", FRAME_TOPIC, partition=partition)
    await peer.writer("controls", CONTROL_TOPIC, partition=partition)
    await asyncio.gather(peer.matched("frames"), peer.matched("controls"))
    yield peer
    await peer.end()


async def said(peer: Peer, count: int = 1) -> dict[str, Any]:
    """What came of the last thing that Ben said."""
    await peer.until(lambda: len(peer.of("said", "room")) >= count)
    return peer.of("said", "room")[-1]


async def heard_by(peer: Peer, count: int = 1) -> dict[str, Any]:
    await peer.until(lambda: len(peer.of("heard", "room")) >= count)
    return peer.of("heard", "room")[-1]


async def end_at(peer: Peer) -> str:
    await peer.until(lambda: bool(peer.of("ended", "room")))
    return str(peer.of("ended", "room")[0]["reason"])


async def next_of(utterances: AsyncIterator[HeardUtterance]) -> HeardUtterance:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await anext(utterances)


async def endless(goes_on: asyncio.Event) -> AsyncIterator[bytes]:
    """Speech that begins and never ends; `goes_on` is set when some of it has been heard, if anybody listens."""
    yield tone(200, 0.5)
    goes_on.set()
    await asyncio.get_running_loop().create_future()


def digest(pcm: bytes) -> str:
    return hashlib.sha256(pcm).hexdigest()


@fast
async def test_four_turns_alternate_and_are_heard_sample_for_sample(room: VoiceRoom, ben: Peer) -> None:
    await ben.do("answer", hertz=[500, 600])
    hearing = room.utterances()
    media_time = 0
    for number, (hertz, answer) in enumerate([(300, 500), (400, 600)], 1):
        mine = await room.say(pieces(tone(hertz, 0.71)))
        assert (mine.start, mine.end - mine.start, mine.interrupted) == (media_time, samples(0.71), False)
        at_ben = await heard_by(ben, number)
        assert (at_ben["start"], at_ben["end"], at_ben["pcm"]) == (mine.start, mine.end, digest(tone(hertz, 0.71)))
        theirs = await next_of(hearing)
        assert (theirs.speaker_id, theirs.ended_by, theirs.interrupted) == (BEN, "control", False)
        assert theirs.pcm == tone(answer, 0.5)
        assert samples_in(theirs.pcm) == theirs.end - theirs.start
        assert mine.end <= theirs.start < mine.end + FRAME_SAMPLES
        media_time = room.now
        assert theirs.end <= media_time < theirs.end + FRAME_SAMPLES
    assert (room.statistics.frames_lost, room.statistics.frames_concealed, room.statistics.frames_late) == (0, 0, 0)


@realtime
async def test_a_turn_each_in_real_time(room: VoiceRoom, ben: Peer) -> None:
    await ben.do("answer", hertz=[500])
    audio = tone(300, 0.4)
    mine = await room.say(pieces(audio))
    at_ben = await heard_by(ben)
    assert (at_ben["start"], at_ben["end"], at_ben["ended_by"]) == (mine.start, mine.end, "control")
    assert mine.end - mine.start >= samples_in(audio)
    theirs = await next_of(room.utterances())
    assert theirs.start >= mine.end
    assert room.now >= theirs.end
    assert room.statistics.frames_sent == 20


def stand_still(duration_seconds: float) -> None:
    """With everything that runs on this event loop."""
    time.sleep(duration_seconds)


async def half_and_half(audio: bytes, at_half_time: Callable[[], object]) -> AsyncIterator[bytes]:
    half = len(audio) // 4 * 2
    yield audio[:half]
    at_half_time()
    yield audio[half:]


async def say_while_it_stands_still(room: VoiceRoom, ben: Peer, audio: bytes, duration_seconds: float) -> None:
    """Ben stands still, from the middle of it on."""
    stalls: list[asyncio.Task[Any]] = []

    def stall() -> None:
        stalls.append(asyncio.create_task(ben.do("stand still", seconds=duration_seconds)))

    await room.say(half_and_half(audio, stall))
    await asyncio.gather(*stalls)


@realtime
async def test_a_speaker_that_stands_still_is_heard_whole(room: VoiceRoom, ben: Peer) -> None:
    audio = tone(300, 2)
    mine = await room.say(half_and_half(audio, lambda: stand_still(0.4)))
    assert mine.end - mine.start == samples(2)
    assert room.statistics.frames_skipped == 0
    assert (await heard_by(ben))["pcm"] == digest(audio)


@realtime
async def test_a_speaker_that_stands_still_for_longer_skips_that_time(room: VoiceRoom, ben: Peer) -> None:
    mine = await room.say(half_and_half(tone(300, 0.4), lambda: stand_still(1.2)))
    at_ben = await heard_by(ben)
    assert (at_ben["start"], at_ben["end"], at_ben["bytes"]) == (mine.start, mine.end, 2 * (mine.end - mine.start))
    assert mine.end - mine.start == samples(0.4) + room.statistics.frames_skipped * FRAME_SAMPLES
    assert room.statistics.frames_skipped >= 40
    assert room.statistics.frames_sent == 20


@realtime
async def test_a_listener_that_stands_still_hears_all_of_it(room: VoiceRoom, ben: Peer) -> None:
    audio = tone(300, 2)
    await say_while_it_stands_still(room, ben, audio, 0.4)
    assert (await heard_by(ben))["pcm"] == digest(audio)


@fast
async def test_a_listener_that_stands_still_in_a_fast_room_hears_all_of_it(room: VoiceRoom, ben: Peer) -> None:
    """For longer than the speaker waits: what is left comes all at once."""
    audio = tone(300, 8)
    await say_while_it_stands_still(room, ben, audio, 2.5)
    assert (await heard_by(ben))["pcm"] == digest(audio)


@realtime
async def test_a_latecomer_takes_over_the_time_of_the_room(room: VoiceRoom, pace: str) -> None:
    ben = await Peer("tests.voice.room_process").start()
    before = room.now
    await ben.do("join", room=ROOM, id=BEN, pace=pace)
    at_ben = (await ben.do("now"))["now"]
    assert before <= at_ben <= room.now
    await ben.end()


async def test_barging_in_cuts_the_speaker_and_says_where(room: VoiceRoom, ben: Peer, pace: str) -> None:
    await ben.do("say", hertz=700, seconds=20)
    assert await room.wait_for_speech(0.5) == BEN
    room.interrupt()
    mine = await room.say(pieces(tone(200, 0.2)))
    assert not mine.interrupted
    at_ben, here = await said(ben), await next_of(room.utterances())
    assert at_ben["interrupted"]
    assert here.interrupted
    assert (here.start, here.end) == (at_ben["start"], at_ben["end"])
    assert samples(0.5) <= here.end - here.start < samples(20)
    assert mine.start >= here.end
    if pace == "fast":
        assert here.end - here.start == samples(0.5)
        assert here.pcm == tone(700, 0.5)


async def test_being_interrupted(room: VoiceRoom, ben: Peer) -> None:
    await ben.do("interrupt", after=0.3)
    mine = await room.say(pieces(tone(200, 20)))
    assert mine.interrupted
    at_ben = await heard_by(ben)
    assert (at_ben["start"], at_ben["end"], at_ben["interrupted"]) == (mine.start, mine.end, True)
    assert samples(0.3) <= mine.end - mine.start < samples(20)
    assert room.floor_holder == ""


async def test_breaking_off_what_one_says(room: VoiceRoom, ben: Peer) -> None:
    room.break_off()
    goes_on = asyncio.Event()
    saying = asyncio.create_task(room.say(endless(goes_on)))
    await goes_on.wait()
    room.break_off()
    mine = await saying
    assert mine.interrupted
    at_ben = await heard_by(ben)
    assert (at_ben["start"], at_ben["end"], at_ben["interrupted"]) == (mine.start, mine.end, True)
    assert room.floor_holder == ""


@realtime
async def test_sounds_come_while_they_are_played_and_silence_between_them(room: VoiceRoom, ben: Peer) -> None:
    sounds, silent, spoken = room.sounds(), 0, []
    await ben.do("say", hertz=500, seconds=0.4)
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for sound in sounds:
            if sound.speaker_id:
                spoken.append(sound)
            else:
                silent += 1
                assert (sound.data, sound.utterance_id) == (SILENCE, 0)
                if spoken:
                    break
    assert silent > 1
    assert {(sound.speaker_id, sound.utterance_id) for sound in spoken} == {(BEN, 1)}
    # Playout may have stood still and waited; and Ben too, for so long that there is silence in what he says.
    times = sorted({sound.media_time for sound in spoken})
    assert times == list(range(times[0], times[-1] + FRAME_SAMPLES, FRAME_SAMPLES))
    assert len(times) >= 20
    assert sum(sound.data in tone(500, 0.4) for sound in spoken if any(sound.data)) > 15
    await ben.do("hang up", reason="enough")
    assert {sound.speaker_id async for sound in sounds} <= {""}


@fast
async def test_a_fast_room_has_no_sounds(room: VoiceRoom) -> None:
    with pytest.raises(VoiceError, match="real time"):
        room.sounds()


async def test_who_wants_to_speak_waits_for_the_other_to_end(room: VoiceRoom, ben: Peer) -> None:
    await ben.do("say", hertz=300, seconds=0.4)
    await room.wait_for_speech(0.1)
    mine = await room.say(pieces(tone(200, 0.1)))
    theirs = await next_of(room.utterances())
    assert not theirs.interrupted
    assert mine.start >= theirs.end


async def test_a_killed_participant_ends_the_call(room: VoiceRoom, ben: Peer) -> None:
    ben.send_signal(signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert "Ben was lost" in await room.ended
    assert room.participants == {}
    with pytest.raises(VoiceError, match="Ben was lost"):
        await room.say(pieces(tone(200, 0.1)))
    assert [heard async for heard in room.utterances()] == []


async def test_a_participant_that_is_killed_while_it_speaks_ends_the_call(room: VoiceRoom, ben: Peer) -> None:
    await ben.do("say", hertz=300, seconds=60)
    await room.wait_for_speech(0.1)
    ben.send_signal(signal.SIGKILL)
    with pytest.raises(VoiceError, match="Ben was lost"):
        await room.say(pieces(tone(200, 0.1)))


@fast
async def test_hanging_up_ends_the_call_on_both_sides(room: VoiceRoom, ben: Peer) -> None:
    await ben.do("hang up", reason="all is said")
    assert await end_at(ben) == "all is said"
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await room.ended == "all is said"
    with pytest.raises(VoiceError, match="all is said"):
        await room.wait_for_speech(1)


async def test_hanging_up_while_the_other_speaks_cuts_it(room: VoiceRoom, ben: Peer) -> None:
    await ben.do("say", hertz=300, seconds=20)
    await room.wait_for_speech(0.2)
    await room.hang_up("enough")
    assert (await said(ben))["interrupted"]
    assert await end_at(ben) == "enough"


@fast
async def test_leaving_ends_the_call_of_the_other(room: VoiceRoom, ben: Peer) -> None:
    await ben.do("leave")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await room.ended == "Ben left"


async def test_of_a_muted_participant_silence_is_heard(room: VoiceRoom, ben: Peer) -> None:
    await ben.do("mute")
    await ben.do("say", hertz=300, seconds=0.4)
    heard = await next_of(room.utterances())
    assert samples_in(heard.pcm) == heard.end - heard.start >= samples(0.4)
    assert not any(heard.pcm)
    assert room.statistics.frames_received == 0
    assert room.statistics.frames_concealed > 0


@fast
async def test_what_is_said_to_nobody_is_said(room: VoiceRoom) -> None:
    mine = await room.say(pieces(tone(200, 0.1)))
    assert (mine.end - mine.start, mine.interrupted) == (samples(0.1), False)


@fast
async def test_saying_nothing_takes_no_time_and_no_floor(room: VoiceRoom) -> None:
    mine = await room.say(pieces(b""))
    assert mine.start == mine.end
    assert room.statistics.frames_sent == 0


@fast
async def test_who_stops_saying_gives_the_floor_back(room: VoiceRoom, ben: Peer) -> None:
    saying = asyncio.create_task(room.say(endless(goes_on := asyncio.Event())))
    await goes_on.wait()
    saying.cancel()
    await asyncio.wait({saying})
    assert saying.cancelled()
    assert (await heard_by(ben))["interrupted"]
    await ben.do("say", hertz=300, seconds=0.1)
    assert not (await said(ben))["interrupted"]


@fast
async def test_audio_that_fails_ends_the_utterance_and_is_raised(room: VoiceRoom, ben: Peer) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield tone(200, 0.5)
        raise VoiceError("the engine broke")

    with pytest.raises(VoiceError, match="the engine broke"):
        await room.say(broken())
    assert (await heard_by(ben))["interrupted"]
    assert room.floor_holder == ""


@fast
async def test_an_endless_utterance_is_refused_after_two_minutes(room: VoiceRoom, ben: Peer) -> None:
    with pytest.raises(VoiceError, match="longer than 120 s"):
        await room.say(pieces(SILENCE * 6001))
    assert samples(119) < (await heard_by(ben))["end"] <= samples(120)


@fast
async def test_nobody_comes(room: VoiceRoom) -> None:
    with pytest.raises(VoiceError, match="nobody came into voice room Tea & Biscuits"):
        await room.wait_for_participant(0.1)


class Energy:
    """A detector that hears what is loud."""

    def feed(self, frame: bytes) -> bool:
        loudest: int = max(map(abs, struct.unpack(f"<{FRAME_SAMPLES}h", frame)))
        return loudest > 1000

    def reset(self) -> None: ...

    async def close(self) -> None: ...


async def talk(phone: Peer, audio: bytes, pace: str) -> None:
    """Send frames and nothing else; none is left out, however late."""
    pacer = Pacer(time.monotonic, LONGEST_UTTERANCE_FRAMES) if pace == "realtime" else None
    async for slot, frame in paced(Frames(pieces(audio)), pacer):
        voice = VoiceFrame(ROOM, "phone", 0, slot, slot * FRAME_SAMPLES, frame.data)
        await phone.write("frames", encode_frame(voice))


async def test_without_controls_voice_activity_tells_when_somebody_speaks(participant: Participant, pace: Any) -> None:
    room = await VoiceRoom(participant, ROOM, ANNA, "Anna", pace=pace, voice_activity=Energy()).join()
    phone = await Peer().start()
    await phone.writer("frames", FRAME_TOPIC, partition=room_partition(ROOM))
    await phone.matched("frames")
    await talk(phone, SILENCE * 20 + tone(440, 0.6) + SILENCE * 60, pace)
    heard = await next_of(room.utterances())
    assert (heard.speaker_id, heard.ended_by) == ("phone", "voice activity")
    if pace == "fast":  # in real time frames that were written late are silence
        assert heard.pcm == SILENCE * 10 + tone(440, 0.6)
        assert (heard.start, heard.end) == (10 * FRAME_SAMPLES, 20 * FRAME_SAMPLES + samples(0.6))
    assert room.participants == {"phone": "phone"}
    assert room.floor_holder == ""
    await phone.leave()
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert "phone was lost" in await room.ended
    await room.leave()
    await phone.end()


async def test_a_voice_without_controls_that_breaks_off_has_ended(room: VoiceRoom, phone: Peer, pace: str) -> None:
    await talk(phone, tone(440, 0.2), pace)
    heard = await next_of(room.utterances())
    assert heard.ended_by == "voice activity"
    assert 0 < heard.end - heard.start <= samples(0.2)


async def test_a_voice_without_controls_barges_in(room: VoiceRoom, phone: Peer, pace: str) -> None:
    saying = asyncio.create_task(room.say(endless(goes_on := asyncio.Event())))
    await goes_on.wait()
    await talk(phone, tone(440, 0.2), pace)
    assert (await saying).interrupted


class Broken(Energy):
    """A detector that fails."""

    def feed(self, frame: bytes) -> bool:
        raise VoiceError("the detector broke")


async def test_playout_that_fails_ends_the_call(participant: Participant, log_watch: LogWatch) -> None:
    room = await VoiceRoom(participant, ROOM, ANNA, "Anna", voice_activity=Broken()).join()
    phone = await Peer().start()
    await phone.writer("frames", FRAME_TOPIC, partition=room_partition(ROOM))
    await phone.matched("frames")
    await talk(phone, tone(440, 0.1), "realtime")
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await room.ended == "playout failed: VoiceError: the detector broke"
    await log_watch.until("nothing is played any more in voice room", ROOM)
    await room.leave()
    await phone.end()


def control(who: str, kind: ControlKind, media_time: int = 0, utterance_id: int = 1) -> bytes:
    return encode_control(VoiceControl(ROOM, who, kind, media_time, utterance_id))


async def test_an_utterance_whose_end_is_never_told_ends_with_the_next(room: VoiceRoom, phone: Peer) -> None:
    await phone.write("controls", control("phone", ControlKind.UTTERANCE_START))
    await phone.write("controls", control("phone", ControlKind.UTTERANCE_START, samples(0.1), utterance_id=2))
    await phone.write("controls", control("phone", ControlKind.UTTERANCE_END, samples(0.2), utterance_id=2))
    utterances = room.utterances()
    first, second = await next_of(utterances), await next_of(utterances)
    assert (first.utterance_id, first.start, first.end, first.interrupted) == (1, 0, samples(0.1), True)
    assert (second.utterance_id, second.start, second.end, second.interrupted) == (2, samples(0.1), samples(0.2), False)


@fast
async def test_of_two_that_start_at_once_the_one_with_the_lower_id_yields(room: VoiceRoom, phone: Peer) -> None:
    saying = asyncio.create_task(room.say(endless(goes_on := asyncio.Event())))
    await goes_on.wait()
    await phone.write("controls", control("aaron", ControlKind.UTTERANCE_START))
    await phone.write("controls", control("zoe", ControlKind.UTTERANCE_START))
    mine = await saying
    assert mine.interrupted
    assert room.floor_holder == "zoe"


@fast
async def test_who_is_cut_before_the_first_word_says_nothing(room: VoiceRoom) -> None:
    """Zoe ends, and starts anew before what waited for its end has run: one batch of messages can hold both."""

    def zoe(kind: ControlKind, utterance_id: int) -> None:
        room._on_control(VoiceControl(ROOM, "zoe", kind, 0, utterance_id), 1)

    waits = asyncio.Event()

    async def audio() -> AsyncIterator[bytes]:
        waits.set()
        yield tone(200, 0.2)

    zoe(ControlKind.UTTERANCE_START, 1)
    saying = asyncio.create_task(room.say(audio()))
    await waits.wait()
    zoe(ControlKind.UTTERANCE_END, 1)
    zoe(ControlKind.UTTERANCE_START, 2)
    mine = await saying
    assert mine.interrupted
    assert mine.start == mine.end
    assert room.statistics.frames_sent == 0


@fast
async def test_what_nobody_should_send_is_refused_and_the_room_goes_on(
    room: VoiceRoom, ben: Peer, phone: Peer, log_watch: LogWatch
) -> None:
    await phone.write("frames", codec("VoiceFrame").encode(ROOM, "mallory", 1, 0, 0, 48_000, 0, b"too short"))
    await phone.write("controls", codec("VoiceControl").encode(ROOM, "mallory", 99, 0, 1, "", ""))
    for kind in ControlKind:
        if kind not in (ControlKind.LEAVE, ControlKind.HANG_UP):
            await phone.write("controls", control("mallory", kind, 2**53 - 1))
    await phone.write("controls", control("mallory", ControlKind.UTTERANCE_END, 2**53 - 1))
    mine = await room.say(pieces(tone(200, 0.1)))
    assert not mine.interrupted
    await log_watch.until("refused a sample in voice room", "48000 Hz")
    await log_watch.until("refused a sample in voice room", "99 is not a valid ControlKind")


@fast
async def test_a_listener_hears_all_and_is_no_participant(room: VoiceRoom, ben: Peer, participant: Participant) -> None:
    frames: dict[int, VoiceFrame] = {}
    controls: list[ControlKind] = []
    ben_is_known = asyncio.Event()
    transcripts: asyncio.Queue[VoiceTranscript] = asyncio.Queue()
    gone: asyncio.Queue[str] = asyncio.Queue()

    def note(control: VoiceControl) -> None:
        controls.append(control.kind)
        if control.participant_id == BEN:
            ben_is_known.set()

    early = VoiceTranscript(ROOM, 1, ANNA, ANNA, TranscriptSource.SPOKEN, "before", 0, 1)
    room.publish_transcript(early)
    listener = await RoomListener(
        participant,
        ROOM,
        on_frame=lambda frame: frames.__setitem__(frame.sequence, frame),
        on_control=note,
        on_transcript=transcripts.put_nowait,
        on_gone=gone.put_nowait,
    ).open()
    assert await transcripts.get() == early
    await ben_is_known.wait()
    audio = tone(300, 2)
    await room.say(pieces(audio))
    await heard_by(ben)
    assert b"".join(frames[sequence].data for sequence in sorted(frames)) == audio
    spoken = [kind for kind in controls if kind in (ControlKind.UTTERANCE_START, ControlKind.UTTERANCE_END)]
    assert spoken == [ControlKind.UTTERANCE_START, ControlKind.UTTERANCE_END]
    assert room.participants == {BEN: "Ben"}
    ben.send_signal(signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await gone.get() == BEN
    await listener.close()


async def test_a_participant_needs_an_id(participant: Participant) -> None:
    with pytest.raises(ConfigError, match="participant_id"):
        VoiceRoom(participant, ROOM, "", "Anna")
