"""An OpenAI-compatible speech server on loopback: says prepared audio, hears prepared words."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web


@dataclass
class SpeechServer:
    """Serves /v1/audio/speech and /v1/audio/transcriptions while it is entered.

    Attributes:
        speech: PCM at 24 kHz, sent in pieces of an odd length; with `cut` the connection breaks half-way.
        transcript: what every upload is said to contain.
        status: of every answer.
        requests: the bodies of requests for speech.
        uploads: the forms of requests for transcription, the file as PCM.
    """

    speech: bytes = b""
    transcript: str = ""
    status: int = 200
    cut: bool = False
    requests: list[dict[str, Any]] = field(default_factory=list)
    uploads: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/v1"

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_post("/v1/audio/speech", self._speak)
        application.router.add_post("/v1/audio/transcriptions", self._transcribe)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._runner.cleanup()

    async def _speak(self, http: web.Request) -> web.StreamResponse:
        self.keys.append(http.headers["Authorization"])
        self.requests.append(await http.json())
        if self.status != 200:
            return self._refused()
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
        await response.prepare(http)
        for start in range(0, len(self.speech), 1001):
            await response.write(self.speech[start : start + 1001])
            if self.cut and start > len(self.speech) / 2 and http.transport is not None:
                http.transport.abort()
                break
        return response

    async def _transcribe(self, http: web.Request) -> web.Response:
        if self.status != 200:
            await http.read()
            return self._refused()
        form = dict(await http.post())
        file = form["file"]
        assert isinstance(file, web.FileField)
        with wave.open(io.BytesIO(file.file.read())) as wav:
            assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (16_000, 1, 2)
            self.uploads.append({**form, "file": wav.readframes(wav.getnframes())})
        return web.json_response({"text": self.transcript})

    def _refused(self) -> web.Response:
        return web.json_response({"error": {"message": "this is what is wrong"}}, status=self.status)
