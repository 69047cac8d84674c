"""Functions that are called by name: found by their decorator, described by JSON Schema, checked on both sides."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError

from genesis_lib.errors import ConfigError, FunctionNotFound, InvalidArguments
from genesis_lib.rpc.wrong_shape import wrong_shape

_MARK = "__genesis_function__"
_RESERVED = {"timeout_seconds"}

F = TypeVar("F", bound=Callable[..., Coroutine[Any, Any, Any]])


def genesis_function(function: F) -> F:
    """Offer an agent's coroutine method as a function on the bus.

    Its name, docstring and type hints become the FunctionCapability; arguments are checked against the JSON Schema of the
    hints by the caller and by the agent. The result has to fit its type hint, and JSON.

    Raises:
        ConfigError: it is no coroutine function, takes `*args`, `**kwargs` or positional-only parameters, or a parameter
            has a reserved name (`timeout_seconds`).
    """
    if not inspect.iscoroutinefunction(function):
        raise ConfigError(f"genesis_function {function.__qualname__} has to be an 'async def' method")
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ConfigError(f"genesis_function {function.__qualname__}: {parameter} cannot be passed by name")
        if parameter.name in _RESERVED:
            raise ConfigError(
                f"genesis_function {function.__qualname__}: the name {parameter.name} is taken by call_function"
            )
    setattr(function, _MARK, True)
    return function


@dataclass(frozen=True, slots=True)
class OfferedFunction:
    """One function of one agent, bound and ready to be called."""

    name: str
    description: str
    parameter_schema: Mapping[str, Any]
    _parameters: Mapping[str, str]
    _arguments: TypeAdapter[Any]
    _result: TypeAdapter[Any]
    _bound: Callable[..., Coroutine[Any, Any, Any]]

    def check(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the type hints want them.

        Raises:
            InvalidArguments: they do not fit.
        """
        try:
            checked = self._arguments.validate_python(dict(arguments))
        except ValidationError as error:
            raise InvalidArguments(f"{self.name}: {explain(error)}") from error
        return {parameter: getattr(checked, field) for field, parameter in self._parameters.items()}

    async def call(self, checked: Mapping[str, Any], who: str) -> str:
        """Run the function with checked arguments; returns its result as JSON.

        Raises:
            RemoteAgentError: the result does not fit its type hint, or JSON; names `who`.
        """
        result = await self._bound(**checked)
        try:
            data = self._result.dump_python(self._result.validate_python(result), mode="json", warnings="error")
            return json.dumps(data, ensure_ascii=False, allow_nan=False)
        except (ValueError, PydanticSerializationError) as error:
            problem = explain(error) if isinstance(error, ValidationError) else str(error)
            raise wrong_shape(who, problem) from error


def offered_functions(owner: object) -> dict[str, OfferedFunction]:
    """The functions of this object that carry the decorator, by name.

    Raises:
        ConfigError: a type hint is missing or has no JSON Schema.
    """
    found: dict[str, OfferedFunction] = {}
    for name, _ in inspect.getmembers(type(owner), lambda member: getattr(member, _MARK, False)):
        found[name] = _offer(name, getattr(owner, name))
    return found


def lookup(functions: Mapping[str, OfferedFunction], name: str, agent_name: str) -> OfferedFunction:
    """The function of this name.

    Raises:
        FunctionNotFound: there is none; says which there are.
    """
    if name not in functions:
        offers = ", ".join(sorted(functions)) or "none"
        raise FunctionNotFound(f"{agent_name} has no function {name!r}; it offers: {offers}", target=agent_name)
    return functions[name]


def explain(error: ValidationError) -> str:
    """A validation error in one line."""
    return "; ".join(f"{'.'.join(map(str, problem['loc'])) or 'value'}: {problem['msg']}" for problem in error.errors())


def _offer(name: str, bound: Callable[..., Coroutine[Any, Any, Any]]) -> OfferedFunction:
    try:
        signature = inspect.signature(bound, eval_str=True)
    except NameError as error:
        raise ConfigError(f"genesis_function {bound.__qualname__}: a type hint cannot be resolved: {error}") from error
    fields: dict[str, Any] = {}
    parameters: dict[str, str] = {}  # by field; pydantic has its own uses for some names, as _id and model_config
    for number, parameter in enumerate(signature.parameters.values()):
        if parameter.annotation is parameter.empty:
            raise ConfigError(f"genesis_function {bound.__qualname__}: parameter {parameter.name} needs a type hint")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[f"argument_{number}"] = (parameter.annotation, Field(default, alias=parameter.name))
        parameters[f"argument_{number}"] = parameter.name
    returns = Any if signature.return_annotation is signature.empty else signature.return_annotation
    try:
        arguments = TypeAdapter(create_model(name, __config__=ConfigDict(extra="forbid"), **fields))
        schema = arguments.json_schema()
        result: TypeAdapter[Any] = TypeAdapter(returns)
    except PydanticUserError as error:
        raise ConfigError(
            f"genesis_function {bound.__qualname__}: its type hints have no JSON Schema: {error}"
        ) from error
    return OfferedFunction(name, inspect.getdoc(bound) or "", schema, parameters, arguments, result, bound)
