"""espeak-ng as a Speaker: formant synthesis, no weights, over a hundred languages. Its library is GPLv3."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import takewhile
from typing import Any

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import SAMPLE_BYTES
from genesis_lib.voice.speech.libraries import load
from genesis_lib.voice.speech.ports import VoiceStyle
from genesis_lib.voice.speech.resampling import Resampler
from genesis_lib.voice.speech.threads import Emit, pieces_from_thread
from genesis_lib.voice.words import spell_out

DEFAULT_VOICE = "en-us+f5"

# Names and values of espeak-ng's speak_lib.h.
_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_RATE, _VOLUME, _PITCH = 1, 2, 3
_PHONEMES_IPA = 2
_PHONEME_SEPARATOR = "_"
_STRESS_MARKS = str.maketrans("", "", "\u02c8\u02cc")
_BUFFER_MILLISECONDS = 60

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)

# The library keeps one voice and one synthesis for the whole process.
_lock = threading.Lock()


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class _Library:
    """`voices` and `variants` map names in lower case to what the library calls them."""

    calls: Any
    sample_rate: int
    voices: Mapping[str, str]
    variants: Mapping[str, str]


class EspeakSpeaker:
    """Speaks with espeak-ng. A voice is a language, or a language and a variant: "en-us", "en-gb+m3".

    Constructing one blocks while libraries are loaded; `open_speaker` does it in a thread.

    Raises:
        VoiceError: a package of the extra `voice` is missing.
    """

    def __init__(self) -> None:
        for module in ("numpy", "soxr", "num2words"):
            load(module, "voice")
        with _lock:
            self._library = _load_library()

    async def speak(self, text: str, style: VoiceStyle) -> AsyncIterator[bytes]:
        """See Speaker. Numbers are spoken as `words.spell_out` reads them, where the voice is English."""
        voice = style.voice or DEFAULT_VOICE
        identifier = _identifier(self._library, voice)
        if voice.lower().startswith("en"):
            text = spell_out(text)

        def produce(emit: Emit) -> None:
            with _lock:
                _synthesise(self._library, text, identifier, style, emit)

        async with aclosing(pieces_from_thread(produce)) as pieces:
            async for piece in pieces:
                yield piece

    def voices(self) -> list[str]:
        """The languages, by their tags. Each goes with every one of `variants`."""
        return sorted(self._library.voices)

    def variants(self) -> list[str]:
        """What can stand after the "+"."""
        return sorted(self._library.variants.values())

    async def close(self) -> None:
        """Nothing to give back: the library stays loaded in the process."""


def phonemes(word: str) -> list[str]:
    """How American English pronounces a word, in the International Phonetic Alphabet, without stress marks.

    Raises:
        VoiceError: the package `espeakng-loader` is missing.
    """
    with _lock:
        library = _load_library()
        library.calls.espeak_SetVoiceByName(library.voices["en-us"].encode())
        text = ctypes.c_char_p(word.encode())
        mode = _PHONEMES_IPA | ord(_PHONEME_SEPARATOR) << 8
        spoken = library.calls.espeak_TextToPhonemes(ctypes.byref(text), _CHARS_UTF8, mode).decode()
    parts = spoken.translate(_STRESS_MARKS).replace(" ", _PHONEME_SEPARATOR).split(_PHONEME_SEPARATOR)
    return [phoneme for phoneme in parts if phoneme]


@cache
def _load_library() -> _Library:
    loader = load("espeakng_loader", "voice")
    calls = ctypes.CDLL(loader.get_library_path())
    calls.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    calls.espeak_TextToPhonemes.restype = ctypes.c_char_p
    data = loader.get_data_path().encode()
    sample_rate = calls.espeak_Initialize(_OUTPUT_SYNCHRONOUS, _BUFFER_MILLISECONDS, data, _DONT_EXIT)
    if sample_rate < 0:
        raise VoiceError(f"espeak-ng cannot use its data in {loader.get_data_path()}: install espeakng-loader again")
    voices = {language.lower(): identifier for identifier, language in _listed(calls, None)}
    variants = [identifier.removeprefix("!v/") for identifier, _ in _listed(calls, _Voice(languages=b"variant"))]
    return _Library(calls, sample_rate, voices, {variant.lower(): variant for variant in variants})


def _listed(calls: Any, kind: _Voice | None) -> list[tuple[str, str]]:
    """Identifiers of voices with the tags of their languages."""
    listed = calls.espeak_ListVoices(None if kind is None else ctypes.byref(kind))
    voices = (entry.contents for entry in takewhile(bool, listed))
    # One byte of priority stands before the tag.
    return [(voice.identifier.decode(), voice.languages[1:].decode()) for voice in voices]


def _identifier(library: _Library, voice: str) -> str:
    """espeak-ng falls back to another voice in silence, so its name is looked up first."""
    language, plus, variant = voice.lower().partition("+")
    if language not in library.voices:
        raise _no_such(voice, language, list(library.voices))
    if plus and variant not in library.variants:
        raise _no_such(voice, variant, list(library.variants.values()))
    return library.voices[language] + (f"+{library.variants[variant]}" if plus else "")


def _no_such(voice: str, part: str, known: list[str]) -> VoiceError:
    similar = ", ".join(get_close_matches(part, known, 5, 0.3)) or ", ".join(sorted(known)[:5])
    return VoiceError(f"espeak-ng has no voice {voice!r}: it does not know {part!r}. There is, for example: {similar}")


def _synthesise(library: _Library, text: str, identifier: str, style: VoiceStyle, emit: Emit) -> None:
    calls = library.calls
    resampler = Resampler(library.sample_rate)

    def on_audio(audio: int | None, count: int, _events: int | None) -> int:
        piece = resampler.feed(ctypes.string_at(audio, count * SAMPLE_BYTES)) if audio else b""
        return 0 if emit(piece) else 1

    if calls.espeak_SetVoiceByName(identifier.encode()) != 0:
        raise VoiceError(f"espeak-ng cannot load the voice {identifier}: install espeakng-loader again")
    for parameter, value in ((_RATE, style.words_per_minute), (_PITCH, style.pitch), (_VOLUME, style.volume)):
        calls.espeak_SetParameter(parameter, value, 0)
    callback = _Callback(on_audio)
    calls.espeak_SetSynthCallback(callback)
    octets = text.replace("\0", " ").encode("utf-8", "replace")
    status = calls.espeak_Synth(octets, len(octets) + 1, 0, 1, 0, _CHARS_UTF8, None, None)
    if status != 0:
        raise VoiceError(f"espeak-ng could not speak {text[:100]!r}: status {status}")
    emit(resampler.finish())
