"""JSON Schemas that take their reader's time, or its mind: announced with a function, read by its callers."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genesis_lib import InvalidArguments
from genesis_lib.rpc.argument_check import check_arguments

_LONG = "a" * 60 + "!"  # a backtracking match of (a+)+$ takes 2**60 steps
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def doubling(levels: int) -> dict[str, Any]:
    """References to references, two at each level."""
    definitions: dict[str, Any] = {str(n): {"allOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": {**definitions, str(levels): {"type": "object"}}, "$ref": "#/$defs/0"}


SLOW: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "pattern": ({"properties": {"a": {"pattern": "(a+)+$"}}}, {"a": _LONG}),
    "pattern of names": ({"propertyNames": {"pattern": "(a+)+$"}}, {_LONG: 1}),
    "pattern properties": ({"patternProperties": {"(a+)+$": {}}, "additionalProperties": False}, {_LONG: 1}),
    "unevaluated": (
        {"allOf": [{"patternProperties": {"(a+)+$": {}}}], "unevaluatedProperties": False},
        {_LONG: 1},
    ),
    "of another dialect": ({"properties": {"a": {"$schema": _DIALECT, "pattern": "(a+)+$"}}}, {"a": _LONG}),
    "by a reference to a dialect": (
        {"$schema": _DIALECT, "properties": {"a": {"pattern": "(a+)+$", "properties": {"a": {"$ref": "#"}}}}},
        {"a": _LONG},
    ),
    "doubling references": (doubling(60), {}),
    "many parts": ({"allOf": [True] * 3000}, {}),
}
WRONG: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no schema": ({"type": "nonsense"}, {}),
    "recursion": ({"$dynamicRef": "#"}, {}),
    "recursion by a name": ({"$anchor": "x", "$ref": "#x"}, {}),
    "an address that is none": ({"$id": "http://[", "properties": {"a": {"$ref": "x"}}}, {"a": 1}),
    "a divisor beyond floats": ({"properties": {"a": {"multipleOf": 10**400}}}, {"a": 0.5}),
    "a reference to nowhere": ({"$ref": "#/nowhere"}, {}),
}

_PROGRAM = """
import json, sys
from genesis_lib.rpc.argument_check import check_arguments
check_arguments(*json.loads(sys.argv[1]))
"""


@pytest.mark.parametrize("case", list(SLOW))
def test_what_would_take_long_is_left_to_the_agent(case: str) -> None:
    """In a process of its own, since it would never return otherwise."""
    schema, arguments = SLOW[case]
    command = [sys.executable, "-c", _PROGRAM, json.dumps([schema, "evil", arguments])]
    subprocess.run(command, check=True, timeout=60)


@pytest.mark.parametrize("case", list(WRONG))
def test_what_cannot_be_used_is_said_to_be_so(case: str) -> None:
    schema, arguments = WRONG[case]
    with pytest.raises(InvalidArguments, match="the announced schema"):
        check_arguments(schema, "evil", arguments)


def test_the_rest_is_checked_beside_a_pattern() -> None:
    schema = {"properties": {"pattern": {"type": "string", "pattern": "^x$"}}, "required": ["pattern"]}
    check_arguments(schema, "search", {"pattern": "y"})
    with pytest.raises(InvalidArguments, match="required"):
        check_arguments(schema, "search", {})
    with pytest.raises(InvalidArguments, match=r"in \$\.pattern"):
        check_arguments(schema, "search", {"pattern": 7})


_KEYWORDS = [
    *("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "$ref", "$dynamicRef", "$defs", "$id", "$anchor"),
    *("$dynamicAnchor", "type", "enum", "const", "properties", "required", "additionalProperties", "propertyNames"),
    *(
        "items",
        "prefixItems",
        "contains",
        "minContains",
        "uniqueItems",
        "minimum",
        "multipleOf",
        "maxLength",
        "pattern",
    ),
    *("patternProperties", "unevaluatedProperties", "unevaluatedItems", "dependentRequired", "dependentSchemas", "a"),
]
_words = st.sampled_from(["#", "#/$defs/a", "a", "object", "string", "array", "(a+)+$", "http://[", "x:y", "//", "%"])
_plain = st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats() | _words
_schemas = st.dictionaries(
    st.sampled_from(_KEYWORDS),
    st.recursive(
        _plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYWORDS), inner, max_size=4),
        max_leaves=12,
    ),
    max_size=4,
)
_arguments = st.dictionaries(
    st.just("a"),
    st.recursive(
        _plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("a"), inner), max_leaves=5
    ),
    max_size=1,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schema=_schemas, arguments=_arguments)
def test_any_schema_gives_a_verdict(schema: dict[str, Any], arguments: dict[str, Any]) -> None:
    with suppress(InvalidArguments):
        check_arguments(schema, "any", arguments)
