"""One settings model, filled from keyword arguments, then `GENESIS_*` variables, then a TOML file, then defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from genesis_lib.errors import ConfigError

DEFAULT_FILE = Path("genesis.toml")


def _split(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Settings(BaseModel):
    """Everything that can be set. Durations are seconds, sizes are bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)

    domain_id: int = Field(0, ge=0, le=232, description="DDS domain; agents on different domains never meet")
    dds: Literal["cyclone", "connext"] = Field("cyclone", description="the DDS product")
    interfaces: Names = Field(
        (), description="network interfaces to use, comma-separated; lo keeps all on this machine"
    )
    peers: Names = Field((), description="addresses of peers where there is no multicast, comma-separated")
    lease_seconds: float = Field(1.0, ge=0.1, le=3600, description="after this silence a process counts as gone")
    settle_seconds: float = Field(1.0, ge=0, le=60, description="how long to look before AgentNotFound")
    request_timeout_seconds: float = Field(10.0, gt=0, description="deadline of a request that names none")
    connect_timeout_seconds: float = Field(5.0, gt=0, description="time for the DDS match with an agent")
    retry_attempts: int = Field(
        3, ge=1, le=100, description="how often a request is sent at most, where it cannot have run; 1 is never again"
    )
    retry_backoff_seconds: float = Field(0.05, gt=0, description="longest wait before the second attempt, then doubled")
    retry_max_backoff_seconds: float = Field(2.0, gt=0, description="longest wait between two attempts")
    breaker_failures: int = Field(5, ge=1, description="failures in a row after which an agent is left alone")
    breaker_open_seconds: float = Field(2.0, gt=0, description="for how long, unless it announces itself anew")
    pool_idle_seconds: float = Field(60.0, gt=0, description="an unused connection is closed after this long")
    grace_seconds: float = Field(5.0, ge=0, description="on shutdown, time for running requests to finish")
    max_concurrency: int = Field(256, ge=1, description="requests one agent runs at the same time")
    max_queue: int = Field(4096, ge=1, description="requests that wait before an agent says Overloaded")
    rate_limit: float | None = Field(
        None, gt=0, le=1_000_000, description="requests a second one agent takes from all callers together"
    )
    rate_burst: int | None = Field(
        None, ge=1, le=1_000_000, description="of these so many at once, one second's worth by default"
    )
    rate_limit_per_caller: float | None = Field(
        None, gt=0, le=1_000_000, description="requests a second one agent takes from each caller"
    )
    rate_burst_per_caller: int | None = Field(
        None, ge=1, le=1_000_000, description="of these so many at once, one second's worth by default"
    )
    max_hops: int = Field(16, ge=1, le=1000, description="agents a chain of calls may go through before it is refused")
    max_message_bytes: int = Field(64 * 2**20, ge=1024, description="largest request or reply, attachments included")
    policy_file: str = Field("", description="TOML file that says who may call whom and what; none lets everybody")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "WARNING", description="what the genesis command logs"
    )
    model_name: str = Field("gpt-4o-mini", description="language model for routing and for agents that name none")
    openai_api_key: str = Field("", description="key of the model endpoint", repr=False)
    openai_base_url: str = Field("", description="OpenAI-compatible endpoint")
    openweathermap_api_key: str = Field("", description="key for live weather; none for sample data", repr=False)
    openweathermap_base_url: str = Field("", description="another endpoint of the OpenWeatherMap API")
    voice_speaker: str = Field("espeak", description="what voice agents speak with")
    voice_recogniser: str = Field("pocketsphinx", description="what voice agents hear with")
    voice_activity: str = Field("pocketsphinx", description="what tells voice agents that somebody speaks")
    livekit_url: str = Field("", description="LiveKit server, ws:// or wss://")
    livekit_api_key: str = Field("", description="key for the LiveKit server")
    livekit_api_secret: str = Field("", description="secret of that key", repr=False)
    model_timeout_seconds: float = Field(20.0, gt=0, description="deadline of one question to the model")


_OWN_VARIABLES = {
    name: name.upper()
    for name in (
        "openai_api_key",
        "openai_base_url",
        "openweathermap_api_key",
        "openweathermap_base_url",
        "livekit_url",
        "livekit_api_key",
        "livekit_api_secret",
    )
}
SECRETS = frozenset({"openai_api_key", "openweathermap_api_key", "livekit_api_secret"})


def variable_for(name: str) -> str:
    """The environment variable that sets this field."""
    return _OWN_VARIABLES.get(name, f"GENESIS_{name.upper()}")


@dataclass(frozen=True, slots=True)
class ResolvedSettings:
    """Settings, and for each field where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


def resolve_settings(environ: Mapping[str, str] | None = None, **arguments: Any) -> ResolvedSettings:
    """Read every source and say where each value came from.

    Args:
        environ: the environment, `os.environ` by default. `GENESIS_CONFIG` names the TOML file; without it
            `genesis.toml` in the working directory is read when it is there.
        arguments: fields of Settings; None means not given.

    Raises:
        ConfigError: a value is out of range, a name is unknown, or the file cannot be read.
    """
    env = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    path = Path(env["GENESIS_CONFIG"]) if env.get("GENESIS_CONFIG") else DEFAULT_FILE
    for name, value in _read_file(path, required=bool(env.get("GENESIS_CONFIG"))).items():
        values[name], origins[name] = value, str(path)
    for name in Settings.model_fields:
        variable = variable_for(name)
        if env.get(variable):
            values[name], origins[name] = env[variable], variable
    for name, value in arguments.items():
        if value is not None:
            values[name], origins[name] = value, "argument"
    try:
        return ResolvedSettings(Settings.model_validate(values), origins)
    except ValidationError as error:
        # Without its cause: that one shows the values, secrets too.
        raise ConfigError("; ".join(_explain(problem, origins) for problem in error.errors())) from None


def load_settings(**arguments: Any) -> Settings:
    """The settings in force; see `resolve_settings`."""
    return resolve_settings(**arguments).settings


def _read_file(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if required:
            raise ConfigError(f"the settings file {path} (GENESIS_CONFIG) does not exist") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"the settings file {path} cannot be read: {error}") from error


def _explain(problem: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    value = "" if name in SECRETS else f" ({problem['input']!r})"
    return f"setting {name}{value} from {origins.get(name, 'unknown source')}: {problem['msg']}"
