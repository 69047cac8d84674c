"""What every subcommand takes, and the settings that follow from it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from genesis_lib.settings import ResolvedSettings, Settings

_LAST_DOMAIN = 232

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Invocation:
    """The options that may stand before or after the subcommand's name."""

    domain: int | None = None
    interfaces: str | None = None
    debug: bool = False
    json: bool = False

    @property
    def debugging(self) -> bool:
        """Whoever called wants to see traces."""
        return self.debug or os.environ.get("GENESIS_LOG_LEVEL", "").upper() == "DEBUG"

    def resolve(self) -> ResolvedSettings:
        """The settings in force and their origins.

        Raises:
            ConfigError: a setting is wrong.
        """
        from genesis_lib.settings import resolve_settings

        return resolve_settings(
            domain_id=self.domain, interfaces=self.interfaces, log_level="DEBUG" if self.debug else None
        )

    def settings(self) -> Settings:
        """The settings in force, logging to stderr set up as they say.

        Raises:
            ConfigError: a setting is wrong, or names a network interface that is not there.
        """
        from genesis_lib.cli.networks import missing_names
        from genesis_lib.errors import ConfigError

        settings = self.resolve().settings
        self.log_as(settings)
        for missing in missing_names(settings.interfaces):
            raise ConfigError(missing)
        return settings

    def log_as(self, settings: Settings) -> None:
        """Log to stderr, as much as the settings say."""
        import logging

        logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
        logging.getLogger("genesis_lib").setLevel(settings.log_level)

    def environment(self) -> dict[str, str]:
        """The options as environment variables, for agents that read their own settings."""
        from genesis_lib.settings import variable_for

        given = {
            "domain_id": self.domain,
            "interfaces": self.interfaces,
            "log_level": "DEBUG" if self.debug else None,
        }
        return {variable_for(name): str(value) for name, value in given.items() if value is not None}


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None and value is not False and parameter.name is not None:
        setattr(context.find_object(Invocation), parameter.name, value)


class Domain(click.IntRange):
    """The number of a DDS domain."""

    name = "domain number"

    def __init__(self) -> None:
        super().__init__(0, _LAST_DOMAIN)


def common_options(function: F) -> F:
    """Add --domain, --interfaces and --debug; they end up in the Invocation."""
    for option in (
        click.option(
            "--debug", is_flag=True, expose_value=False, callback=_remember, help="Log everything, show traces."
        ),
        click.option(
            "--interfaces",
            metavar="NAMES",
            expose_value=False,
            callback=_remember,
            help="Network interfaces, comma-separated; lo keeps all on this machine.  [GENESIS_INTERFACES]",
        ),
        click.option(
            "--domain",
            type=Domain(),
            metavar="N",
            expose_value=False,
            callback=_remember,
            help="DDS domain.  [GENESIS_DOMAIN_ID]",
        ),
    ):
        function = option(function)
    return function


def json_option(description: str) -> Callable[[F], F]:
    """Add --json; errors are JSON objects then too."""
    return click.option("--json", is_flag=True, expose_value=False, callback=_remember, help=description)


class Seconds(click.FloatRange):
    """A duration: above 0, at most a day."""

    name = "number of seconds"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=86_400)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return seconds
