"""Writes docs/api.md from signatures and docstrings: `python docs/generate_api.py`. With --check it only says whether the
file is up to date."""

from __future__ import annotations

import enum
import inspect
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from genesis_lib.settings import Settings

PAGE = Path(__file__).with_name("api.md")
WIDTH = 100

INTRODUCTION = """\
# API reference

Made from the docstrings by `docs/generate_api.py`. Names without a module are imported from `genesis_lib`. Durations are
seconds and sizes are bytes unless a name says otherwise.
"""

CONTENT: dict[str, tuple[str, ...]] = {
    "Agents": (
        "GenesisAgent",
        "MonitoredAgent",
        "AgentCommunicationMixin",
        "GenesisApp",
        "genesis_function",
        "run_until_signal",
    ),
    "Interfaces": ("GenesisInterface", "MonitoredInterface"),
    "Conversations": ("AgentConversation",),
    "Routing": ("AgentClassifier", "Classification"),
    "Data": ("AgentInfo", "FunctionInfo", "Attachment"),
    "Access policies": ("AccessPolicy", "AccessRule"),
    "Settings": ("Settings", "load_settings"),
    "Errors": ("GenesisError",),
    "Monitoring": (
        "genesis_lib.events:EventKind",
        "genesis_lib.events:EventType",
        "genesis_lib.events:Severity",
        "genesis_lib.events:MonitoringEvent",
        "genesis_lib.events:ComponentStatus",
        "genesis_lib.monitoring.wire:decode_event",
        "genesis_lib.monitoring.wire:decode_status",
    ),
    "Agents ready to run": (
        "genesis_lib.agents.weather:OpenWeatherMapAgent",
        "genesis_lib.agents.general:SmartGeneralAgent",
    ),
    "Language models": (
        "genesis_lib.llm.port:ChatModel",
        "genesis_lib.llm.port:ChatMessage",
        "genesis_lib.llm.port:ChatCompletion",
        "genesis_lib.llm.port:Tool",
        "genesis_lib.llm.port:ToolCall",
        "genesis_lib.llm.openai:OpenAIChatModel",
    ),
    "Voice rooms": (
        "genesis_lib.voice.room:VoiceRoom",
        "genesis_lib.voice.speaking:Utterance",
        "genesis_lib.voice.hearing:HeardUtterance",
        "genesis_lib.voice.sounds:Sound",
        "genesis_lib.voice.statistics:RoomStatistics",
        "genesis_lib.voice.listener:RoomListener",
        "genesis_lib.voice.live_page:ListeningPage",
        "genesis_lib.voice.messages:VoiceFrame",
        "genesis_lib.voice.messages:VoiceControl",
        "genesis_lib.voice.messages:VoiceTranscript",
        "genesis_lib.voice.messages:ControlKind",
    ),
    "Recordings of calls": (
        "genesis_lib.voice.recording:Recording",
        "genesis_lib.voice.recorder:CallRecorder",
        "genesis_lib.voice.recorder:CallWatcher",
        "genesis_lib.voice.documents:write_documents",
        "genesis_lib.voice.captured:read_captured",
        "genesis_lib.voice.captured:CapturedCall",
        "genesis_lib.voice.captured:CapturedUtterance",
        "genesis_lib.voice.captured:CapturedBusCall",
        "genesis_lib.voice.figures:figures_of",
        "genesis_lib.voice.figures:CallFigures",
        "genesis_lib.voice.figures:Durations",
        "genesis_lib.voice.figures:WordError",
    ),
    "Voice calls": (
        "genesis_lib.voice.production:produce",
        "genesis_lib.voice.venue:Production",
        "genesis_lib.voice.production:CallResult",
        "genesis_lib.voice.venue:Venue",
        "genesis_lib.voice.agent:VoiceAgent",
        "genesis_lib.voice.livekit.worker:LiveKitVoiceAgent",
        "genesis_lib.voice.livekit.orchestrator:LiveKitVenue",
        "genesis_lib.voice.livekit.order:CallOrder",
    ),
    "Voice personas and scenarios": (
        "genesis_lib.voice.persona:load_persona",
        "genesis_lib.voice.persona:list_personas",
        "genesis_lib.voice.persona:Persona",
        "genesis_lib.voice.persona:PersonaVoice",
        "genesis_lib.voice.persona:Manner",
        "genesis_lib.voice.persona:PersonaFileError",
        "genesis_lib.voice.scenario:load_scenario",
        "genesis_lib.voice.scenario:list_scenarios",
        "genesis_lib.voice.scenario:Scenario",
        "genesis_lib.voice.scenario:Part",
        "genesis_lib.voice.scenario:Step",
        "genesis_lib.voice.scenario:AgentCall",
        "genesis_lib.voice.scenario:Reading",
        "genesis_lib.voice.scenario:SuccessCondition",
        "genesis_lib.voice.scenario:ScenarioFileError",
        "genesis_lib.voice.script:sentences",
        "genesis_lib.voice.success:unmet",
        "genesis_lib.voice.success:Outcome",
        "genesis_lib.voice.rehearsal:rehearse",
        "genesis_lib.voice.rehearsal:Rehearsal",
        "genesis_lib.voice.brain:Brain",
        "genesis_lib.voice.brain:Bus",
        "genesis_lib.voice.brain:BusCall",
        "genesis_lib.voice.brain:Thought",
        "genesis_lib.voice.brain:Turn",
        "genesis_lib.voice.brains.open:open_brain",
        "genesis_lib.voice.brains.scripted:ScriptedBrain",
        "genesis_lib.voice.brains.model:ModelBrain",
    ),
    "Speech": (
        "genesis_lib.voice.speech.open:open_speaker",
        "genesis_lib.voice.speech.open:open_recogniser",
        "genesis_lib.voice.speech.open:open_voice_activity",
        "genesis_lib.voice.speech.open:available",
        "genesis_lib.voice.speech.open:Engine",
        "genesis_lib.voice.speech.ports:Speaker",
        "genesis_lib.voice.speech.ports:Recogniser",
        "genesis_lib.voice.speech.ports:VoiceActivity",
        "genesis_lib.voice.speech.ports:VoiceStyle",
        "genesis_lib.voice.speech.ports:Recognition",
        "genesis_lib.voice.words:word_errors",
        "genesis_lib.voice.words:WordErrors",
        "genesis_lib.voice.words:WordEdit",
        "genesis_lib.voice.words:comparable_words",
        "genesis_lib.voice.words:spoken_words",
        "genesis_lib.voice.words:spell_out",
    ),
    "LiveKit sessions": (
        "genesis_lib.voice.livekit.tts:GenesisTTS",
        "genesis_lib.voice.livekit.stt:GenesisSTT",
        "genesis_lib.voice.livekit.stt:as_heard",
        "genesis_lib.voice.livekit.llm:GenesisLLM",
        "genesis_lib.voice.livekit.llm:BrainAgent",
        "genesis_lib.voice.livekit.llm:turns_of",
        "genesis_lib.voice.livekit.tools:bus_tools",
        "genesis_lib.voice.livekit.session_call:SessionCall",
    ),
    "Testing": (
        "genesis_lib.testing:free_domain",
        "genesis_lib.testing:start_agent_process",
        "genesis_lib.testing:AgentProcess",
        "genesis_lib.testing:ScriptedModelServer",
        "genesis_lib.testing.model_script:Answer",
        "genesis_lib.testing.model_script:ChatRequest",
        "genesis_lib.testing.model_script:routing_script",
        "genesis_lib.testing.model_script:echo_script",
        "genesis_lib.testing:WeatherServer",
        "genesis_lib.testing.weather_server:Fault",
    ),
}

_SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises):$")
_ENTRY = re.compile(r"([\w*, ]+): (.*)")


class _Verbatim:
    """Stands in a signature for an annotation or default, as it is written."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def render() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    parts += [f"- [{title}](#{title.lower().replace(' ', '-')})" for title in CONTENT]
    for title, names in CONTENT.items():
        parts.append(f"\n## {title}\n")
        for name in names:
            parts += _describe(name)
        if title == "Errors":
            parts += _errors()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


def _describe(name: str) -> Iterator[str]:
    module, _, attribute = name.rpartition(":")
    found = getattr(import_module(module or "genesis_lib"), attribute)
    yield f"### {attribute}\n"
    if module:
        yield f"`from {module} import {attribute}`\n"
    if not inspect.isclass(found):
        yield _code(f"{_prefix(found)}{attribute}", found)
        yield _prose(found)
        return
    if issubclass(found, enum.Enum):
        yield _prose(found)
        yield "\n".join(f"- `{member.name}` = {member.value!r}" for member in found) + "\n"
        return
    fields = hasattr(found, "model_fields")
    if not getattr(found, "_is_protocol", False) and not fields and inspect.signature(found).parameters:
        yield _code(attribute, found)
    yield _bases(found)
    yield _prose(found)
    if fields and found is Settings:
        yield "The fields are those of [the settings page](how-to/settings.md).\n"
    elif fields:
        yield "The fields are those of [such files](how-to/voice-scenarios.md).\n"
    for member_name, member in vars(found).items():
        if not member_name.startswith("_"):
            yield from _member(attribute, member_name, member)


def _member(owner: str, name: str, member: Any) -> Iterator[str]:
    if isinstance(member, property):
        returns = inspect.signature(member.fget).return_annotation if member.fget else ""
        yield f"#### {owner}.{name}\n"
        yield f"```py\n{name}: {returns}\n```\n"
        yield _prose(member)
    elif inspect.isfunction(member) and member.__doc__ and not member.__doc__.startswith("See GenesisAgent"):
        yield f"#### {owner}.{name}\n"
        yield _code(f"{_prefix(member)}{name}", member)
        yield _prose(member)


def _errors() -> Iterator[str]:
    errors = import_module("genesis_lib.errors")
    yield "[Errors](errors.md) says for each what to do. Their classes, and what they derive from:\n"
    for name in sorted(errors.ERRORS_BY_NAME):
        cls = errors.ERRORS_BY_NAME[name]
        bases = ", ".join(f"`{base.__name__}`" for base in cls.__bases__)
        yield f"- `{name}` ({bases}): {' '.join((inspect.getdoc(cls) or '').split())}"


def _prefix(function: Any) -> str:
    return "await " if inspect.iscoroutinefunction(function) else ""


def _bases(cls: type) -> str:
    public = set(import_module("genesis_lib").__all__)
    parents = [
        base for base in cls.__mro__[1:] if base.__module__.startswith("genesis_lib") and base.__name__ in public
    ]
    # The nearest ones on the page; a base that is not public is skipped over.
    names = [
        each.__name__ for each in parents if not any(issubclass(near, each) for near in parents if near is not each)
    ]
    section = "errors" if issubclass(cls, Exception) else ""
    return f"Derives from {', '.join(f'[{name}](#{section or name.lower()})' for name in names)}.\n" if names else ""


def _code(name: str, found: Any) -> str:
    """Name and signature; one parameter a line where one line is too short."""
    signature = inspect.signature(found)
    parameters = [_plain(p) for p in signature.parameters.values() if p.name != "self"]
    returns = "" if inspect.isclass(found) else _Verbatim(str(signature.return_annotation))
    plain = inspect.Signature(parameters)
    tail = f" -> {returns}" if returns else ""
    line = f"{name}{plain}{tail}"
    if len(line) > WIDTH:
        line = "\n".join([f"{name}(", *(f"    {part}," for part in _spread(parameters)), f"){tail}"])
    return f"```py\n{line}\n```\n"


def _spread(parameters: list[inspect.Parameter]) -> Iterator[str]:
    keyword_only = False
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            keyword_only = True
            yield "*"
        yield str(parameter)


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    if parameter.annotation is not parameter.empty:
        parameter = parameter.replace(annotation=_Verbatim(str(parameter.annotation)))
    if isinstance(parameter.default, enum.Enum):
        parameter = parameter.replace(default=_Verbatim(str(parameter.default)))
    elif inspect.isfunction(parameter.default):
        parameter = parameter.replace(default=_Verbatim(parameter.default.__name__))
    return parameter


def _prose(found: Any) -> str:
    """A docstring as Markdown: its sections become lists."""
    lines: list[str] = []
    section = ""
    for line in (inspect.getdoc(found) or "").splitlines():
        heading = _SECTION.fullmatch(line)
        if heading is not None:
            section = heading[1]
            lines += ["", f"**{section}**", ""]
        elif line and not line.startswith(" "):
            section = ""
            lines.append(line)
        elif section and (entry := _ENTRY.fullmatch(line[4:])) and not line.startswith(" " * 5):
            lines.append(f"- `{entry[1]}`: {entry[2]}" if section != "Returns" else line[4:])
        else:
            lines.append(
                line.strip() if not section else f"  {line.strip()}".rstrip() if line.startswith(" " * 5) else line[4:]
            )
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def main() -> str | None:
    """Write the page, or check it; what is wrong, for `sys.exit`."""
    page = render()
    if "--check" in sys.argv[1:]:
        current = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        return None if page == current else "docs/api.md is not up to date: run `python docs/generate_api.py`"
    PAGE.write_text(page, encoding="utf-8")
    return None


if __name__ == "__main__":
    sys.exit(main())
