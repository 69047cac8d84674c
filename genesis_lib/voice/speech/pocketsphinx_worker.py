"""The process that PocketSphinx decodes in: it holds Python's lock while it works, and would stop the event loop.

Standard input has one line, the sentences to expect as a JSON list, then utterances, each after its length (4 octets, big
endian). Standard output has a line of JSON for each: first `{"error": ""}` when the decoder is ready, or what is in
its way, then `{"text": ..., "confidence": ...}` for every utterance. The process ends with its input.
"""

from __future__ import annotations

import json
import sys
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from operator import mul
from pathlib import Path
from typing import Any

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import FRAME_BYTES, FRAME_SECONDS, SAMPLE_RATE
from genesis_lib.voice.speech.libraries import load
from genesis_lib.voice.speech.pronunciation import arpabet
from genesis_lib.voice.words import spoken_words

LENGTH_BYTES = 4

_BLOCK_BYTES = 5 * FRAME_BYTES
_DICTIONARY = "en-us/cmudict-en-us.dict"
_PAUSE = bytes(10 * FRAME_BYTES)

# Shorter than what VoiceActivity uses, so that a single "yes" counts.
_WINDOW_SECONDS, _SPEECH_SHARE = 0.2, 0.6

# As a ratio of powers: 3 dB.
_STEADY = 2


def open_decoder(sentences: Sequence[str]) -> Any:
    """A decoder that expects these sentences and what can be made of their words, or any English when there are none.

    Raises:
        VoiceError: a package is missing.
    """
    pocketsphinx = load("pocketsphinx", "voice")
    expected = [" ".join(words) for words in map(spoken_words, sentences) if words]
    if not expected:
        return pocketsphinx.Decoder(samprate=SAMPLE_RATE, loglevel="FATAL")
    with tempfile.TemporaryDirectory() as folder:
        model, dictionary = Path(folder, "model"), Path(folder, "dictionary")
        with model.open("w", encoding="utf-8") as file:
            counted = load("pocketsphinx.lm", "voice").ArpaBoLM(text="\n".join(expected), add_start=True)
            counted.compute()
            counted.write(file)
        # With the whole dictionary the decoder takes seconds to open.
        words = set(" ".join(expected).split())
        dictionary.write_text("".join(_pronunciations(pocketsphinx, words)), encoding="utf-8")
        return pocketsphinx.Decoder(samprate=SAMPLE_RATE, lm=str(model), dict=str(dictionary), loglevel="FATAL")


def recognise(decoder: Any, pcm: bytes) -> tuple[str, float]:
    """Text and confidence of an utterance; no text when no voice is in it."""
    if not _has_speech(pcm):
        return "", 1.0
    blocks = list(_blocks(_PAUSE + pcm + _PAUSE, _BLOCK_BYTES))
    # Once through without a search, to measure the voice: else the first utterance is heard worse than those after it.
    decoder.set_cmn(decoder.config["cmninit"])
    for no_search in (True, False):
        decoder.start_utt()
        for block in blocks:
            decoder.process_raw(block, no_search=no_search)
        decoder.end_utt()
    hypothesis = decoder.hyp()
    if hypothesis is None or not hypothesis.hypstr:
        return "", 1.0
    # Of one word in the mean: the probability of a whole utterance falls with its length.
    return hypothesis.hypstr, min(1.0, decoder.get_prob() ** (1 / len(hypothesis.hypstr.split())))


def _pronunciations(pocketsphinx: Any, words: set[str]) -> Iterator[str]:
    """Lines of a dictionary: a word, "(2)" and so on where it is not the first pronunciation, and phonemes."""
    missing = set(words)
    with Path(pocketsphinx.get_model_path(_DICTIONARY)).open(encoding="utf-8") as lines:
        for line in lines:
            word = line.split(" ", 1)[0].partition("(")[0]
            if word in words:
                missing.discard(word)
                yield line
    for word in sorted(missing):
        yield f"{word} {arpabet(word)}\n"


def _has_speech(pcm: bytes) -> bool:
    frames = [frame for frame in _blocks(pcm, FRAME_BYTES) if len(frame) == FRAME_BYTES]
    return not _is_steady(frames) and _has_voice(frames)


def _is_steady(frames: Sequence[bytes]) -> bool:
    """Is this as loud in its quiet parts as in its loud ones, like noise or a hum? In speech they are 20 dB apart and more."""
    powers = sorted(power for power in map(_power, frames) if power)
    return not powers or powers[len(powers) * 9 // 10] < _STEADY * powers[len(powers) // 10]


def _power(frame: bytes) -> int:
    samples = array("h", frame)
    return sum(map(mul, samples, samples))


def _has_voice(frames: Sequence[bytes]) -> bool:
    pocketsphinx = load("pocketsphinx", "voice")
    endpointer = pocketsphinx.Endpointer(
        _WINDOW_SECONDS, _SPEECH_SHARE, pocketsphinx.Vad.STRICT, SAMPLE_RATE, FRAME_SECONDS
    )
    for frame in (*frames, *_blocks(_PAUSE, FRAME_BYTES)):
        endpointer.process(frame)
        if endpointer.in_speech:
            return True
    return False


def _blocks(pcm: bytes, size: int) -> Iterator[bytes]:
    return (pcm[start : start + size] for start in range(0, len(pcm), size))


def _main() -> None:
    read = sys.stdin.buffer
    try:
        decoder = open_decoder(json.loads(read.readline()))
    except VoiceError as error:
        _answer({"error": str(error)})
        return
    _answer({"error": ""})
    while length := read.read(LENGTH_BYTES):
        text, confidence = recognise(decoder, read.read(int.from_bytes(length)))
        _answer({"text": text, "confidence": confidence})


def _answer(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _main()
