"""Runs the examples of a page from top to bottom, as a reader would who types all of them.

- ` ```python file=NAME ` (or any other language with file=) is saved; whether it works shows where it is used.
- ` ```python ` runs as in `python -m asyncio`: with top-level await, and all names of the blocks above.
- ` ```text output ` is what the block above it prints.
- ` ```console ` holds commands after `$ ` and what they print; `status=N` is the exit status of the last one.
- ` ```console any-order ` prints at least these lines, in whatever order.
- ` ```console background ` holds one command that goes on until the end of the page; `agents=N` of its agents are awaited.

In what is printed, `...` stands for any text; numbers, durations, ids and widths of columns need not be the same, and this
host is called box1.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import io
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from genesis_lib import GenesisInterface
from genesis_lib.testing import ScriptedModelServer, WeatherServer
from genesis_lib.testing.model_script import routing_script
from tests.docs.pages import Block, blocks, directives

PATIENCE_SECONDS = 60
_MODULE = "docs_page"
_VARIABLE = re.compile(r"[0-9a-f]{32}|\d+(\.\d+)?( m?s\b)?")


class PageRun:
    """A page being run, in a folder of its own, on a domain of its own."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._module = ModuleType(_MODULE)
        self._printed = ""
        self.saved: dict[str, Block] = {}
        self.executed: list[str] = []

    @property
    def module(self) -> ModuleType:
        """Where the names of the Python blocks live."""
        return self._module

    async def run(self, block: Block) -> None:
        if "file" in block.words:
            path = self._folder / block.words["file"]
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            self.saved[block.words["file"]] = block
        elif block.language == "python":
            self.executed.append(block.text)
            self._printed = await self._python(block)
        elif block.language == "console" and "background" in block.words:
            self.executed.append(block.text)
            await self._stack.enter_async_context(self._background(block))
        elif block.language == "console":
            self.executed.append(block.text)
            await self._console(block)
        elif "output" in block.words:
            expect(block.text, self._printed, block)

    async def _python(self, block: Block) -> str:
        code = compile(
            "\n" * block.line + block.text,
            str(block.page),
            "exec",
            flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
            dont_inherit=True,
        )
        with redirect_stdout(io.StringIO()) as printed:
            async with asyncio.timeout(PATIENCE_SECONDS):
                result = eval(code, vars(self._module))
                if inspect.isawaitable(result):
                    await result
        return printed.getvalue()

    async def _console(self, block: Block) -> None:
        commands = _commands(block)
        for number, (command, expected) in enumerate(commands, start=1):
            process = await self._start(command)
            async with asyncio.timeout(PATIENCE_SECONDS):
                printed, _ = await process.communicate()
            text = printed.decode()
            wanted = int(block.words.get("status", "0")) if number == len(commands) else 0
            assert process.returncode == wanted, f"{block}: $ {command}\n{text}\nexit status {process.returncode}"
            expect(expected, text, block)

    @asynccontextmanager
    async def _background(self, block: Block) -> AsyncIterator[None]:
        [(command, expected)] = _commands(block)
        async with GenesisInterface("documents") as bus:
            await bus.find_general_agents()  # lets it look around
            awaited = len(bus.discovered_agents) + int(block.words.get("agents", "1"))
            process = await self._start(f"exec {command}")
            came = await bus.app.directory.wait_for(lambda: len(bus.discovered_agents) >= awaited, PATIENCE_SECONDS)
        try:
            assert came, f"{block}: $ {command} brought no agents"
            yield
        finally:
            process.send_signal(signal.SIGINT)
            async with asyncio.timeout(PATIENCE_SECONDS):
                printed, _ = await process.communicate()
        text = printed.decode()
        assert process.returncode == 0, f"{block}: $ {command}\n{text}\nexit status {process.returncode} after Ctrl-C"
        expect(expected, text, block)

    async def _start(self, command: str) -> asyncio.subprocess.Process:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
        return await asyncio.create_subprocess_shell(
            command,
            cwd=self._folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


async def run_page(page: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every block of the page; raises what the examples raise, AssertionError where they print something else."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    async with AsyncExitStack() as stack:
        for what, *arguments in directives(page):
            await _set_up(what, arguments, stack, monkeypatch)
        run = PageRun(folder, stack)
        monkeypatch.setitem(sys.modules, _MODULE, run.module)
        for block in blocks(page):
            await run.run(block)
    for name, block in run.saved.items():
        used = any(Path(name).stem in text for text in run.executed)
        assert used or not name.endswith(".py"), f"{block}: {name} is saved and never used"


async def _set_up(what: str, arguments: list[str], stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch) -> None:
    match what:
        case "model":
            rules: dict[str, str] = dict(rule.split("=") for rule in arguments)
            model = await stack.enter_async_context(ScriptedModelServer(script=routing_script(rules)))
            monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
        case "weather":
            weather = await stack.enter_async_context(WeatherServer())
            monkeypatch.setenv("OPENWEATHERMAP_BASE_URL", weather.base_url)
            monkeypatch.setenv("OPENWEATHERMAP_API_KEY", weather.api_key)
        case _:
            raise AssertionError(f"no such directive: {what}")


def expect(expected: str, printed: str, block: Block) -> None:
    """Compare what a block promises with what was printed."""
    given = _comparable(printed.replace(socket.gethostname(), "box1"))
    promised = expected.splitlines() if "any-order" in block.words else [expected]
    for part in promised:
        lines = given.splitlines() if "any-order" in block.words else [given]
        fits = any(_pattern(part).fullmatch(each) for each in lines)
        assert fits, f"{block} promises:\n{part}\nbut it is:\n{printed}"


def _pattern(expected: str) -> re.Pattern[str]:
    return re.compile(".*?".join(map(re.escape, re.split(r" ?\.\.\. ?", _comparable(expected)))), re.DOTALL)


def _comparable(text: str) -> str:
    lines = (re.sub(r" +", " ", line).strip() for line in _VARIABLE.sub("0", text).strip().splitlines())
    return "\n".join(lines)


def _commands(block: Block) -> list[tuple[str, str]]:
    """The commands of a console block, each with what it prints."""
    found: list[tuple[str, Any]] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return [(command, "\n".join(printed)) for command, printed in found]
