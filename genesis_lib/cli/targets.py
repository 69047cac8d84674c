"""From `MODULE:CLASS` on a command line to an agent."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from genesis_lib.errors import ConfigError

if TYPE_CHECKING:
    from genesis_lib.agent import GenesisAgent


def make_agent(target: str) -> GenesisAgent:
    """Import the class and make one of it. To be called while an event loop runs, so that a module that starts agents by
    itself when it is imported fails at that instead of being served twice.

    Raises:
        ConfigError: there is no such module or class, it is no agent, or it needs arguments.
    """
    from genesis_lib.agent import GenesisAgent

    place, separator, name = target.rpartition(":")
    if not separator or not place or not name:
        raise ConfigError(f"{target!r} names no class: give MODULE:CLASS or path/to/file.py:CLASS")
    with _told(f"(while {place} was imported)"):
        module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    found = getattr(module, name, None)
    if found is None:
        raise ConfigError(f"{place} has no class {name!r}; it has {_agents_in(module)}")
    if not (isinstance(found, type) and issubclass(found, GenesisAgent)):
        raise ConfigError(f"{target} is no agent class: it has to be a subclass of GenesisAgent or MonitoredAgent")
    needed = [
        parameter.name
        for parameter in inspect.signature(found).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if needed:
        raise ConfigError(
            f"{target} cannot be made without arguments: it needs {', '.join(needed)}. Give these defaults, or name a"
            " subclass whose __init__ fills them in."
        )
    with _told(f"(while {target} was made)"):
        agent: GenesisAgent = found()  # type: ignore[call-arg]  # checked just above
        return agent


@contextmanager
def _told(circumstance: str) -> Iterator[None]:
    """Add to whatever somebody else's code raises what it was doing."""
    try:
        yield
    except Exception as error:
        error.add_note(circumstance)
        if isinstance(error, RuntimeError) and "asyncio.run()" in str(error):
            error.add_note("It runs agents when it is imported: put that under `if __name__ == '__main__':`.")
        raise


def _import_module(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise
        raise ConfigError(
            f"there is no module {error.name!r} here or installed: run from the folder that holds it, or give"
            " path/to/file.py:CLASS"
        ) from error


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"there is no file {path}")
    path = path.resolve()
    name = str(path)  # no other module can have it
    if name in sys.modules:
        return sys.modules[name]
    sys.path.insert(0, str(path.parent))
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is no Python file")
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _agents_in(module: ModuleType) -> str:
    from genesis_lib.agent import GenesisAgent

    names = [
        name
        for name, member in vars(module).items()
        if isinstance(member, type) and issubclass(member, GenesisAgent) and member.__module__ == module.__name__
    ]
    return ", ".join(names) or "no agents"
