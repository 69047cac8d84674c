from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import run

POLICY = """\
default = "deny"

[[rule]]
effect = "allow"
callers = ["billing", "shop-*"]
targets = ["Books"]
functions = ["add"]

[[rule]]
effect = "allow"
callers = ["@unannounced"]
capabilities = ["audit"]
"""


@pytest.fixture(autouse=True)
def _files() -> None:
    Path("good.toml").write_text(POLICY, encoding="utf-8")
    Path("bad.toml").write_text(POLICY.replace("functions =", "function ="), encoding="utf-8")


async def test_check_of_a_policy() -> None:
    outcome = await run("policy", "check", "good.toml")
    assert (outcome.status, outcome.stderr) == (0, "")
    assert outcome.stdout == "good.toml  fine  2 rules, default deny\n"
    outcome = await run("policy", "check", "good.toml", "--json")
    assert outcome.status == 0
    assert outcome.json == {"file": "good.toml", "valid": True, "rules": 2, "default": "deny"}


async def test_check_of_what_is_none() -> None:
    outcome = await run("policy", "check", "bad.toml")
    assert (outcome.status, outcome.stderr) == (1, "")
    assert outcome.stdout.startswith("bad.toml:7  wrong  unknown key 'function'; known are effect, ")
    outcome = await run("policy", "check", "bad.toml", "--json")
    assert outcome.status == 1
    assert (outcome.json["valid"], outcome.json["line"]) == (False, 7)
    assert "unknown key 'function'" in outcome.json["reason"]


async def test_check_of_a_file_that_is_not_there() -> None:
    outcome = await run("policy", "check", "nowhere.toml")
    assert outcome.status == 1
    assert outcome.stdout.startswith("nowhere.toml  wrong  it cannot be read")
    assert (await run("policy", "check", "nowhere.toml", "--json")).json["line"] is None


@pytest.mark.parametrize(
    ("arguments", "allowed", "rule"),
    [
        (("--caller", "billing", "--target", "x", "--service", "Books", "--function", "add"), True, 1),
        (("--caller", "shop-1", "--target", "x", "--name", "Books", "--function", "add"), True, 1),
        (("--caller", "shop-1", "--target", "Books"), False, None),
        (("--target", "x", "--capability", "tax", "--capability", "audit"), True, 2),
        (("--target", "x", "--caller", "@unannounced", "--capability", "audit", "--function", "add"), True, 2),
        (("--target", "x", "--caller", "billing", "--capability", "audit"), False, None),
    ],
)
async def test_explain(arguments: tuple[str, ...], allowed: bool, rule: int | None) -> None:
    outcome = await run("policy", "explain", "good.toml", *arguments, "--json")
    assert outcome.status == 0
    assert (outcome.json["allowed"], outcome.json["rule"]) == (allowed, rule)


async def test_explain_in_words() -> None:
    outcome = await run(
        "policy", "explain", "good.toml", "--caller", "shop-1", "--target", "Books", "--function", "add"
    )
    assert outcome.stdout == "allowed by rule 1: allow; callers billing, shop-*; targets Books; functions add\n"
    outcome = await run("policy", "explain", "good.toml", "--target", "Books")
    assert outcome.stdout == "denied: no rule applies, and the default is deny\n"


async def test_explain_with_a_bad_file_is_2() -> None:
    outcome = await run("policy", "explain", "bad.toml", "--target", "x")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("genesis: access policy bad.toml, line 7: unknown key 'function'")


@pytest.mark.parametrize(
    "arguments",
    [("policy",), ("policy", "check"), ("policy", "explain", "good.toml"), ("policy", "guess", "good.toml")],
)
async def test_bad_usage_is_2(arguments: tuple[str, ...]) -> None:
    outcome = await run(*arguments)
    assert (outcome.status, outcome.stdout) == (2, "")
