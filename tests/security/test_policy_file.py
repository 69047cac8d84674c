"""F2: policy files, and what is said of those that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesis_lib import AccessPolicy, AccessRule, ConfigError
from genesis_lib.security.policy_file import PolicyFileError, load_policy, parse_policy

PATH = Path("policy.toml")
GOOD = """\
# Who may use the books.
default = "deny"

[[rule]]
effect = "allow"
callers = ["billing", "shop-*"]
targets = ["Books"]
functions = ["add"]

[[rule]]
effect = "allow"
callers = [
    "@unannounced",  # people
]
capabilities = ["audit"]
"""


def refusal(text: str | bytes) -> PolicyFileError:
    content = text.encode() if isinstance(text, str) else text
    with pytest.raises(PolicyFileError) as raised:
        parse_policy(content, PATH)
    return raised.value


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_policy(path) == AccessPolicy(
        "deny",
        [
            AccessRule("allow", callers=["billing", "shop-*"], targets=["Books"], functions=["add"]),
            AccessRule("allow", callers=["@unannounced"], capabilities=["audit"]),
        ],
    )


def test_a_policy_without_rules() -> None:
    assert parse_policy(b'default = "allow"', PATH) == AccessPolicy("allow")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "default is missing"),
        ("# nothing\n\n", 1, "default is missing"),
        ('\n\ndefault = "permit"\n', 3, "'permit'"),
        ("default = true\n", 1, "True"),
        ('default = "deny"\ndefalt = "x"\n', 2, "unknown key 'defalt'; known are default, rule"),
        ('default = "deny"\n\n[other]\na = 1\n', 3, "unknown key 'other'"),
        ('default = "deny"\n\n[rule]\neffect = "allow"\n', 3, "[[rule]]"),
        ('default = "deny"\nrule = "allow"\n', 2, "[[rule]]"),
        ('default = "deny"\nrule = [\n  1,\n]\n', 2, "[[rule]]"),
        (GOOD + "\n[[rule]]\n", 17, "effect is missing"),
        (GOOD + '\n[[rule]]\ncallers = ["a"]\n', 17, "effect is missing"),
        (GOOD + '\n[[rule]]\neffect = "refuse"\n', 18, "'refuse'"),
        (GOOD + '\n[[rule]]\neffect = ["allow"]\n', 18, "['allow']"),
        (GOOD.replace("functions =", "function ="), 8, "unknown key 'function'; known are effect, callers"),
        (GOOD.replace('["Books"]', "[]"), 7, "targets is an empty list"),
        (GOOD.replace('["Books"]', '"Books"'), 7, "targets has to be a list of patterns, this is 'Books'"),
        (GOOD.replace('["add"]', '["add", 7]'), 8, "no pattern: 7"),
        (GOOD.replace('["add"]', '["add", "@all"]'), 8, "'@all'"),
        (GOOD.replace('"@unannounced"', '"The Shop"'), 12, "agent ids or @unannounced, never names"),
        (GOOD.replace('"@unannounced"', '""'), 12, "no pattern: ''"),
        (GOOD.replace('["audit"]', "{ audit = true }"), 15, "capabilities has to be a list"),
        ("-default = 1\n", 1, "unknown key '-default'"),
        ('default = "deny"\n\n"a, b" = 1\n', 3, "unknown key 'a, b'"),
        # No TOML at all.
        ('default = "deny"\nrule = ' + "1" * 5_000, 2, "4300 digits"),
        (GOOD.replace("effect = ", "effect "), 5, "Expected '='"),
        (GOOD.replace('["Books"]', '["Books"'), 8, "Unclosed array"),
        (GOOD + '\n[[rule]]\neffect = "allow', 18, "Unterminated string"),
        (GOOD + '\n[[rule]]\neffect = """allow\n\n', 18, "Unterminated string"),
        ('default = "deny"\ndefault = "deny"\n', 2, "Cannot overwrite"),
        (b'default = "deny"\n\n# caf\xe9\n', 3, "not UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str | bytes, line: int, words: str) -> None:
    error = refusal(text)
    assert words in error.reason
    assert error.line == line
    assert str(error).startswith(f"access policy policy.toml, line {line}: ")
    assert "(at " not in error.reason


def test_the_line_of_a_mistake_below_a_text_that_looks_like_rules() -> None:
    text = 'default = "deny"\n[[rule]]\neffect = "allow"\ntargets = ["""\n[[rule]]\neffect = "deny"\n"""]\n'
    assert refusal(text + '[[rule]]\neffect = "nothing"\n').line == 9
    assert refusal(text + "functions = []\n").line == 8


def test_windows_line_ends() -> None:
    assert refusal(GOOD.replace('["Books"]', "[]").replace("\n", "\r\n")).line == 7


def test_nesting_without_end_is_refused() -> None:
    assert "nested" in refusal("default = " + "[" * 100_000).reason


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(PolicyFileError, match="cannot be read") as raised:
            load_policy(path)
        assert raised.value.line is None
        assert str(path) in str(raised.value)
        assert isinstance(raised.value, ConfigError)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_content_is_a_policy_or_refused_with_a_line_of_it(content: bytes) -> None:
    line: int | None = 1
    try:
        parse_policy(content, PATH)
    except PolicyFileError as error:
        line = error.line
    assert line in range(1, content.count(b"\n") + 2)


filler = st.lists(st.sampled_from(["\n", "# effect = [[rule]]\n", "   \n"]), max_size=3).map("".join)
good_rule = st.tuples(
    st.sampled_from(["allow", "deny"]),
    st.lists(st.sampled_from(["a", "b*", "@unannounced"]), min_size=1),
    st.booleans(),
)


def write_rule(rule: tuple[str, list[str], bool], between: str) -> str:
    effect, callers, wide = rule
    items = ",\n  ".join(map(json.dumps, callers)) if wide else ", ".join(map(json.dumps, callers))
    return f'[[rule]]\n{between}effect = "{effect}"\n{between}callers = [{items}]\n'


@given(st.lists(good_rule, max_size=6), st.lists(good_rule, max_size=3), filler)
def test_the_line_is_right_wherever_the_mistake_stands(
    before: list[tuple[str, list[str], bool]], after: list[tuple[str, list[str], bool]], between: str
) -> None:
    head = f'{between}default = "deny"\n' + "".join(write_rule(rule, between) for rule in before)
    bad = f'[[rule]]\neffect = "deny"\n{between}targets = [\n'
    tail = "\n]\n" + "".join(write_rule(rule, between) for rule in after)
    assert refusal(head + bad + tail).line == (head + bad).count("\n")
