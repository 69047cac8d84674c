"""Makes what people read of a recording: `transcript.vtt`, `figures.json` and `index.html`."""

from __future__ import annotations

import json
from pathlib import Path

from genesis_lib.errors import VoiceError
from genesis_lib.voice.captured import read_captured
from genesis_lib.voice.figures import CallFigures, figures_of
from genesis_lib.voice.page import page_html
from genesis_lib.voice.recording import AUDIO_FILE
from genesis_lib.voice.vtt import web_vtt
from genesis_lib.voice.waveform import peaks

VTT_FILE = "transcript.vtt"
FIGURES_FILE = "figures.json"
PAGE_FILE = "index.html"


def write_documents(directory: Path) -> CallFigures:
    """Make the documents of a recording anew from `events.jsonl` and `call.wav`; after a crash, from what there is of them.
    Blocks: call it in a thread.

    Raises:
        VoiceError: there is no recording in the directory, the documents cannot be written, or packages are missing.
    """
    call = read_captured(directory)
    figures = figures_of(call)
    documents = {
        VTT_FILE: web_vtt(call),
        FIGURES_FILE: json.dumps(figures.as_json(), indent=2, ensure_ascii=False) + "\n",
        PAGE_FILE: page_html(call, figures, peaks(directory / AUDIO_FILE, call.duration)),
    }
    for name, text in documents.items():
        _replace(directory / name, text)
    return figures


def _replace(path: Path, text: str) -> None:
    """Write a file, all of it or nothing."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.write_text(text, encoding="utf-8", errors="replace")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise VoiceError(f"{path} cannot be written: {error.strerror}") from error
