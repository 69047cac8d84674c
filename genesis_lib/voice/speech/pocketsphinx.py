"""PocketSphinx as a Recogniser and as VoiceActivity: everything is in its package, English only.

With the sentences to expect it understands nearly every word of a clear voice; without them two in five are wrong.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any, Self

from genesis_lib.errors import VoiceError
from genesis_lib.voice.audio import FRAME_SECONDS, SAMPLE_RATE
from genesis_lib.voice.speech.libraries import load
from genesis_lib.voice.speech.pocketsphinx_worker import LENGTH_BYTES
from genesis_lib.voice.speech.ports import Recognition

_WORKER = "genesis_lib.voice.speech.pocketsphinx_worker"
_WINDOW_SECONDS, _SPEECH_SHARE = 0.3, 0.9


class PocketsphinxRecogniser:
    """Decodes one utterance after the other in a process of its own. Made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def start(cls, sentences: Sequence[str]) -> Self:
        """Start the process and wait until it is ready.

        Raises:
            VoiceError: a package of the extra `voice` is missing, or the process ended.
        """
        pipe = asyncio.subprocess.PIPE
        # In a session of its own, so that Ctrl-C at the terminal reaches the agent alone.
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", _WORKER, stdin=pipe, stdout=pipe, start_new_session=True
        )
        recogniser = cls(process)
        try:
            ready = await recogniser._exchange(json.dumps(list(sentences)).encode() + b"\n")
        except asyncio.CancelledError:
            process.kill()
            raise
        if ready["error"]:
            await recogniser.close()
            raise VoiceError(ready["error"])
        return recogniser

    async def recognise(self, pcm: bytes) -> Recognition:
        """See Recogniser."""
        # Shielded: when the caller gives up, the answer is still read before the next utterance is sent.
        return Recognition(**await asyncio.shield(self._exchange(len(pcm).to_bytes(LENGTH_BYTES) + pcm)))

    async def close(self) -> None:
        """End the process."""
        async with self._one_at_a_time:
            await self._end()

    async def _exchange(self, octets: bytes) -> dict[str, Any]:
        reader, writer = self._process.stdout, self._process.stdin
        assert reader is not None
        assert writer is not None
        async with self._one_at_a_time:
            try:
                writer.write(octets)
                await writer.drain()
                answer = await reader.readline()
            except ConnectionError:
                answer = b""
            if not answer:
                await self._end()
                raise VoiceError(
                    f"PocketSphinx's process ended with status {self._process.returncode}: open the recogniser again"
                )
        decoded: dict[str, Any] = json.loads(answer)
        return decoded

    async def _end(self) -> None:
        """Let the process end with its input."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.communicate()


class PocketsphinxVoiceActivity:
    """Says that somebody speaks when most of the last 0.3 s was speech. Steady loud noise can pass for it.

    Raises:
        VoiceError: the package `pocketsphinx` is missing.
    """

    def __init__(self) -> None:
        self._pocketsphinx: Any = load("pocketsphinx", "voice")
        self.reset()

    def feed(self, frame: bytes) -> bool:
        """See VoiceActivity."""
        self._endpointer.process(frame)
        return bool(self._endpointer.in_speech)

    def reset(self) -> None:
        """See VoiceActivity."""
        self._endpointer = self._pocketsphinx.Endpointer(
            _WINDOW_SECONDS, _SPEECH_SHARE, self._pocketsphinx.Vad.STRICT, SAMPLE_RATE, FRAME_SECONDS
        )

    async def close(self) -> None:
        """Nothing to give back."""
