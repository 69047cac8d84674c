"""Arguments checked against a JSON Schema that somebody else announced, in bounded time.

A schema can take its reader's time: a regular expression that backtracks for hours, references that double at every
level. So regular expressions are not looked at here and the number of steps is bounded. What is left open is checked by
the agent that offers the function: it checks everything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import Any

from genesis_lib.errors import InvalidArguments, describe

_MOST_STEPS = 5_000  # about 100 ms
_MOST_PARTS = 1_000  # of a schema, about 250 ms
_CACHED_SCHEMAS = 256
# Keywords that would have other code look at the schema: regular expressions, and other validators of jsonschema.
_NOT_CHECKED_HERE = {"patternProperties", "$schema"}
_steps_left: ContextVar[int] = ContextVar("steps_left", default=_MOST_STEPS)


class _TooManySteps(Exception):
    """The rest is left to the agent."""


def check_arguments(schema: Mapping[str, Any], name: str, arguments: Mapping[str, Any]) -> None:
    """Check arguments against an announced JSON Schema, before anything is sent.

    Raises:
        InvalidArguments: they do not satisfy it, or the schema itself is none.
    """
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    try:
        validator, fault = _validator_for(json.dumps(schema))
        _steps_left.set(_MOST_STEPS)
        problem = best_match(validator.iter_errors(dict(arguments))) if validator is not None else None
    except _TooManySteps:
        return
    except (Unresolvable, RecursionError, ArithmeticError, ValueError) as error:
        raise InvalidArguments(f"{name}: the announced schema cannot be used: {describe(error)}") from error
    if fault:
        raise InvalidArguments(f"{name}: the announced schema is no JSON Schema: {fault}")
    if problem is not None:
        where = f" in {problem.json_path}" if problem.path else ""
        raise InvalidArguments(f"{name}: {problem.message}{where}")


@lru_cache(_CACHED_SCHEMAS)
def _validator_for(text: str) -> tuple[Any, str]:
    """The validator for a schema, None when the agent alone checks; and what is wrong with the schema, "" when nothing is."""
    from jsonschema import Draft202012Validator, FormatChecker, SchemaError
    from referencing import Registry

    schema = json.loads(text)
    if not _is_checked_here(schema):
        return None, ""
    try:
        Draft202012Validator.check_schema(schema, format_checker=FormatChecker(()))  # one format is regular expressions
    except SchemaError as error:
        return None, error.message
    # With a registry of its own, a schema somebody announced cannot make this process fetch anything.
    return _bounded_validator()(schema, registry=Registry()), ""


def _is_checked_here(schema: object) -> bool:
    parts, count = [schema], 0
    while parts and count < _MOST_PARTS:
        count += 1
        match parts.pop():
            case dict() as part:
                if not _NOT_CHECKED_HERE.isdisjoint(part):
                    return False
                parts.extend(part.values())
            case list() as part:
                parts.extend(part)
    return not parts


@cache
def _bounded_validator() -> Any:
    """The validator class of JSON Schema 2020-12 without `pattern`, and with a count of its steps."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    keywords = {name: _counted(check) for name, check in Draft202012Validator.VALIDATORS.items()}
    return extend(Draft202012Validator, {**keywords, "pattern": _nothing})  # type: ignore[no-untyped-call]


def _counted(check: Callable[..., Iterator[Any] | None]) -> Callable[..., Iterator[Any]]:
    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        left = _steps_left.get()
        if not left:
            raise _TooManySteps
        _steps_left.set(left - 1)
        yield from check(validator, value, instance, schema) or ()

    return counted


def _nothing(validator: Any, value: Any, instance: Any, schema: Any) -> None:
    return None
