"""Who may call whom: rules over callers, targets, functions and capabilities. Pure: nothing is read or sent here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from typing import Literal, NamedTuple, get_args

from genesis_lib.errors import ConfigError
from genesis_lib.messages import AgentInfo

UNANNOUNCED = "@unannounced"
MESSAGE = "@message"

Effect = Literal["allow", "deny"]
_EFFECTS = get_args(Effect)
_ID_PATTERN = re.compile(r"[A-Za-z0-9_.*?!\[\]-]+")


class PolicyError(ConfigError):
    """A rule or a policy cannot be used as it stands. `member` names what is wrong in it."""

    def __init__(self, member: str, reason: str) -> None:
        super().__init__(reason)
        self.member = member


class Decision(NamedTuple):
    """What a policy says of one request. `rule` counts from 1; None when the default decided."""

    allowed: bool
    rule: int | None

    def __str__(self) -> str:
        return "the default" if self.rule is None else f"rule {self.rule}"


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One rule. It applies to a request when everything it names does; what it leaves out (None) is any.

    Patterns are those of a shell (`*`, `?`, `[abc]`), and case counts.

    Args:
        effect: "allow" or "deny".
        callers: patterns of agent ids; "@unannounced" stands for callers that announced no agent (interfaces, foreign
            programs), which no pattern matches.
        targets: patterns of the called agent's id, name or base service name.
        functions: patterns of function names; "@message" stands for requests to the agent's hook (messages, streams and
            batches), which no pattern matches.
        capabilities: patterns of capabilities; the called agent announces at least one that matches.

    Raises:
        ConfigError: the effect is neither, or a list is empty or holds what is no such pattern.
    """

    effect: Effect
    callers: Sequence[str] | None = None
    targets: Sequence[str] | None = None
    functions: Sequence[str] | None = None
    capabilities: Sequence[str] | None = None
    _compiled: tuple[re.Pattern[str] | None, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_effect("effect", self.effect)
        members = ("callers", "targets", "functions", "capabilities")
        for member in members:
            object.__setattr__(self, member, _checked_patterns(member, getattr(self, member)))
        for caller in self.callers or ():
            if caller != UNANNOUNCED and not _ID_PATTERN.fullmatch(caller):
                raise PolicyError(
                    "callers", f"callers are agent ids or {UNANNOUNCED}, never names, and no id is like {caller!r}"
                )
        for function in self.functions or ():
            if function.startswith("@") and function != MESSAGE:
                raise PolicyError("functions", f"functions are names or {MESSAGE}, and no name is like {function!r}")
        keywords = {"callers": UNANNOUNCED, "functions": MESSAGE}
        compiled = tuple(_compile(getattr(self, member), keywords.get(member, "")) for member in members)
        object.__setattr__(self, "_compiled", compiled)

    def applies(self, caller_id: str, target: AgentInfo, function: str) -> bool:
        """Whether the rule is about this request; arguments as of `AccessPolicy.decide`."""
        callers, targets, functions, capabilities = self._compiled
        return (
            (callers is None or callers.match(caller_id or UNANNOUNCED) is not None)
            and (functions is None or functions.match(function or MESSAGE) is not None)
            and _any_matches(targets, (target.agent_id, target.name, target.base_service_name))
            and _any_matches(capabilities, target.capabilities)
        )


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Rules in order: the first one that applies decides, the default when none does.

    Args:
        default: "allow" or "deny".
        rules: the first one first.

    Raises:
        ConfigError: the default is neither, or one of the rules is no AccessRule.
    """

    default: Effect
    rules: Sequence[AccessRule] = ()

    def __post_init__(self) -> None:
        _check_effect("default", self.default)
        if isinstance(self.rules, AccessRule) or not all(isinstance(rule, AccessRule) for rule in self.rules):
            raise PolicyError("rules", "rules have to be a list of AccessRule")
        object.__setattr__(self, "rules", tuple(self.rules))

    def decide(self, caller_id: str, target: AgentInfo, function: str = "") -> Decision:
        """Whether a request is allowed, and what decided.

        Args:
            caller_id: the id of the agent that calls, "" for a caller that announced none.
            target: the agent that is called.
            function: the function that is called, "" for the agent's own hook.
        """
        for number, rule in enumerate(self.rules, start=1):
            if rule.applies(caller_id, target, function):
                return Decision(rule.effect == "allow", number)
        return Decision(self.default == "allow", None)

    def __str__(self) -> str:
        count = len(self.rules)
        return f"{count} rule{'s' * (count != 1)}, default {self.default}"


def _check_effect(member: str, value: object) -> None:
    if value not in _EFFECTS:
        raise PolicyError(member, f'{member} has to be "allow" or "deny", this is {value!r}')


def _checked_patterns(member: str, value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise PolicyError(member, f"{member} has to be a list of patterns, this is {value!r}")
    if not value:
        raise PolicyError(member, f"{member} is an empty list, which nobody matches: leave it out for any")
    for pattern in value:
        if not isinstance(pattern, str) or not pattern.strip():
            raise PolicyError(member, f"{member} has to be a list of patterns, this is no pattern: {pattern!r}")
    return tuple(value)


def _compile(patterns: Iterable[str] | None, keyword: str) -> re.Pattern[str] | None:
    if patterns is None:
        return None
    not_the_keyword = rf"(?!{re.escape(keyword)}\Z)" if keyword else ""
    return re.compile(
        "|".join(
            re.escape(pattern) + r"\Z" if pattern == keyword else not_the_keyword + translate(pattern)
            for pattern in patterns
        )
    )


def _any_matches(patterns: re.Pattern[str] | None, texts: Iterable[str]) -> bool:
    return patterns is None or any(patterns.match(text) for text in texts)
