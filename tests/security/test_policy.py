"""F2: what a policy decides. Pure: no file, no bus."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesis_lib import AccessPolicy, AccessRule, AgentInfo, ConfigError
from genesis_lib.security.policy import MESSAGE, UNANNOUNCED, Decision

LEDGER = AgentInfo("ledger-1", "The Ledger", service_name="Books_ledger-1", capabilities=("accounting", "audit"))

ids = st.sampled_from(["billing", "billing-2", "Billing", "shop", "@evil", ""])
functions = st.sampled_from(["", "add", "add_all", "remove"])
patterns = st.sampled_from(["billing", "billing*", "*", "[bs]*", "sh?p"])
rules = st.builds(
    AccessRule,
    st.sampled_from(["allow", "deny"]),
    callers=st.none() | st.lists(patterns | st.just(UNANNOUNCED), min_size=1, max_size=3),
    functions=st.none() | st.lists(st.sampled_from(["add", "add*", "*", MESSAGE]), min_size=1, max_size=2),
    targets=st.none() | st.lists(st.sampled_from(["ledger-?", "The Ledger", "Books", "other"]), min_size=1, max_size=2),
    capabilities=st.none() | st.lists(st.sampled_from(["audit", "acc*", "weather"]), min_size=1, max_size=2),
)
policies = st.builds(AccessPolicy, st.sampled_from(["allow", "deny"]), st.lists(rules, max_size=5))


def allows(rule: AccessRule, caller: str = "billing", function: str = "", target: AgentInfo = LEDGER) -> bool:
    return AccessPolicy("deny", [rule]).decide(caller, target, function).allowed


def named(patterns: Any, texts: list[str], keyword: str) -> bool:
    """What a list of patterns means, said in another way than the library does."""
    if patterns is None:
        return True
    return any(
        text == pattern if keyword and keyword in (text, pattern) else fnmatchcase(text, pattern)
        for text in texts
        for pattern in patterns
    )


@given(policies, ids, functions)
def test_the_first_rule_that_applies_decides(policy: AccessPolicy, caller: str, function: str) -> None:
    expected = Decision(policy.default == "allow", None)
    for number, rule in reversed(list(enumerate(policy.rules, start=1))):
        if (
            named(rule.callers, [caller or UNANNOUNCED], UNANNOUNCED)
            and named(rule.functions, [function or MESSAGE], MESSAGE)
            and named(rule.targets, [LEDGER.agent_id, LEDGER.name, "Books"], "")
            and named(rule.capabilities, ["accounting", "audit"], "")
        ):
            expected = Decision(rule.effect == "allow", number)
    assert policy.decide(caller, LEDGER, function) == expected


@given(policies, rules, ids, functions)
def test_a_rule_after_the_one_that_decides_changes_nothing(
    policy: AccessPolicy, more: AccessRule, caller: str, function: str
) -> None:
    decision = policy.decide(caller, LEDGER, function)
    if decision.rule is not None:
        assert AccessPolicy(policy.default, [*policy.rules, more]).decide(caller, LEDGER, function) == decision


@given(ids, functions)
def test_a_rule_that_names_nothing_applies_to_everything(caller: str, function: str) -> None:
    assert AccessPolicy("allow", [AccessRule("deny")]).decide(caller, LEDGER, function) == (False, 1)


def test_without_rules_the_default_decides() -> None:
    assert AccessPolicy("allow").decide("billing", LEDGER) == (True, None)
    assert AccessPolicy("deny").decide("billing", LEDGER) == (False, None)


def test_everything_that_a_rule_names_has_to_fit() -> None:
    rule = AccessRule(
        "allow", callers=["billing"], targets=["ledger-1"], functions=["add"], capabilities=["accounting"]
    )
    assert allows(rule, "billing", "add")
    assert not allows(rule, "shop", "add")
    assert not allows(rule, "billing", "remove")
    assert not allows(rule, "billing", "")
    assert not allows(rule, "billing", "add", AgentInfo("ledger-2", "x", capabilities=("accounting",)))
    assert not allows(rule, "billing", "add", AgentInfo("ledger-1", "x"))


def test_case_counts() -> None:
    assert not allows(AccessRule("allow", callers=["Billing"]))
    assert not allows(AccessRule("allow", targets=["the ledger"]))


@pytest.mark.parametrize("pattern", ["ledger-1", "ledger-?", "The Ledger", "The*", "Books", "B*", "[lL]edger*"])
def test_a_target_is_its_id_its_name_or_its_base_service_name(pattern: str) -> None:
    assert allows(AccessRule("allow", targets=[pattern]))


@pytest.mark.parametrize("pattern", ["ledger", "Ledger", "Books_ledger-1", "accounting", "ledger-1\n"])
def test_a_pattern_is_for_the_whole_name(pattern: str) -> None:
    assert not allows(AccessRule("allow", targets=[pattern]))


def test_who_announced_nothing_is_matched_by_the_keyword_only() -> None:
    assert not allows(AccessRule("allow", callers=["*"]), "")
    assert allows(AccessRule("allow", callers=[UNANNOUNCED]), "")
    assert not allows(AccessRule("allow", callers=[UNANNOUNCED]), "billing")
    assert allows(AccessRule("allow", callers=["*", UNANNOUNCED]), "")


def test_messages_are_matched_by_the_keyword_only() -> None:
    assert not allows(AccessRule("allow", functions=["*"]), function="")
    assert allows(AccessRule("allow", functions=[MESSAGE]), function="")
    assert not allows(AccessRule("allow", functions=[MESSAGE]), function="add")


def test_one_capability_that_fits_is_enough() -> None:
    assert allows(AccessRule("allow", capabilities=["weather", "aud*"]))
    assert not allows(AccessRule("allow", capabilities=["*"]), target=AgentInfo("a", "without any"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"effect": "permit"}, "effect has to be .* 'permit'"),
        ({"effect": "Allow"}, "'Allow'"),
        ({"effect": None}, "None"),
        ({"effect": "deny", "callers": []}, "callers is an empty list"),
        ({"effect": "deny", "targets": ()}, "targets is an empty list"),
        ({"effect": "deny", "functions": "add"}, "functions has to be a list of patterns, this is 'add'"),
        ({"effect": "deny", "capabilities": 7}, "capabilities has to be a list"),
        ({"effect": "deny", "targets": ["a", 7]}, "no pattern: 7"),
        ({"effect": "deny", "targets": [" "]}, "no pattern: ' '"),
        ({"effect": "deny", "callers": ["The Ledger"]}, "agent ids .* never names.*'The Ledger'"),
        ({"effect": "deny", "callers": ["@everybody"]}, "'@everybody'"),
        ({"effect": "deny", "functions": ["@hook"]}, "functions are names or @message"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        AccessRule(**arguments)


def test_a_policy_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(ConfigError, match="default has to be"):
        AccessPolicy("maybe")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="list of AccessRule"):
        AccessPolicy("deny", AccessRule("allow"))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="list of AccessRule"):
        AccessPolicy("deny", [{"effect": "allow"}])  # type: ignore[list-item]


def test_a_policy_cannot_be_changed() -> None:
    callers = ["billing"]
    rule = AccessRule("allow", callers=callers)
    rules = [rule]
    policy = AccessPolicy("deny", rules)
    callers.append("shop")
    rules.clear()
    assert policy.decide("billing", LEDGER) == (True, 1)
    assert policy.decide("shop", LEDGER) == (False, None)
    with pytest.raises(FrozenInstanceError):
        policy.default = "allow"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        rule.effect = "deny"  # type: ignore[misc]


def test_equal_rules_make_equal_policies() -> None:
    assert AccessPolicy("deny", [AccessRule("allow", ["a"])]) == AccessPolicy("deny", (AccessRule("allow", ("a",)),))
    assert str(AccessPolicy("deny", [AccessRule("allow")])) == "1 rule, default deny"
