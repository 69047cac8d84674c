"""The requirements are kept: every done one is proven by tests that exist, every planned one is named in the README."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.requirements import REQUIREMENTS, Requirement

ROOT = Path(__file__).parents[1]
LAST = {"A": 14, "B": 4, "C": 2, "D": 2, "E": 5, "F": 3, "G": 7, "H": 3, "I": 2}
IDS = [f"{letter}{number}" for letter, last in LAST.items() for number in range(1, last + 1)]
DONE = [requirement for requirement in REQUIREMENTS if requirement.state == "done"]
# Names that start an operating-system process: the fixture of genesis_lib.testing, or the standard library's.
STARTERS = {"agent_process", "start_agent_process", "create_subprocess_exec", "subprocess", "Popen"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_every_requirement_is_listed_once_in_order() -> None:
    assert [requirement.id for requirement in REQUIREMENTS] == IDS


def test_every_requirement_is_said_in_words() -> None:
    assert [requirement.id for requirement in REQUIREMENTS if len(requirement.text.split()) < 4] == []


@cache
def functions(path: Path) -> dict[str, Function]:
    """The functions of a file by name."""
    if not path.is_file():
        return {}
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return {node.name: node for node in tree.body if isinstance(node, Function)}


@pytest.mark.parametrize("requirement", DONE, ids=lambda requirement: requirement.id)
def test_what_is_done_is_proven_by_tests_that_exist(requirement: Requirement) -> None:
    assert requirement.tests, f"{requirement.id} is done and names no tests"
    assert len(set(requirement.tests)) == len(requirement.tests)
    missing = []
    for test in requirement.tests:
        file, _, name = test.partition("::")
        if name not in functions(ROOT / file):
            missing.append(test)
    assert missing == []


def within_reach(file: Path, name: str) -> Iterator[str]:
    """The names a test uses: its own, and those of the fixtures and helpers behind them, in its file and conftest.py."""
    known = {**functions(file.parent / "conftest.py"), **functions(file)}
    open_names, seen = [name], {name}
    while open_names:
        function = known.get(open_names.pop())
        if function is None:
            continue
        for node in ast.walk(function):
            used = {ast.Name: "id", ast.arg: "arg", ast.Attribute: "attr"}.get(type(node))
            identifier = getattr(node, used) if used else None
            if identifier is not None and identifier not in seen:
                seen.add(identifier)
                open_names.append(identifier)
                yield identifier


@pytest.mark.parametrize("requirement", DONE, ids=lambda requirement: requirement.id)
def test_what_is_done_is_proven_across_processes(requirement: Requirement) -> None:
    across = [
        test
        for test in requirement.tests
        if STARTERS.intersection(within_reach(ROOT / test.partition("::")[0], test.partition("::")[2]))
    ]
    assert across, f"no test of {requirement.id} starts a process"


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda requirement: requirement.id)
def test_what_is_planned_names_no_tests(requirement: Requirement) -> None:
    assert requirement.state in ("done", "planned")
    if requirement.state == "planned":
        assert requirement.tests == ()


def test_the_readme_lists_what_is_planned() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"<!-- planned -->(.*?)<!-- /planned -->", readme, re.DOTALL)
    assert section is not None, "README.md has no list between <!-- planned --> and <!-- /planned -->"
    listed = re.findall(r"\b[A-I]\d+\b", section[1])
    planned = [requirement.id for requirement in REQUIREMENTS if requirement.state == "planned"]
    assert sorted(listed) == sorted(planned)
