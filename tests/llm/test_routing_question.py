"""The question put to the model: every agent stays on it, within the budget."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genesis_lib.errors import ClassifierError
from genesis_lib.llm.routing import MAX_ENUM_VALUES, ask_again, ask_for_agent, read_answer
from genesis_lib.messages import AgentInfo

WEATHER = AgentInfo(
    "w1",
    "Weather",
    description="Forecasts, “everywhere”",
    agent_type="specialized",
    capabilities=("current_weather", "forecast"),
    specializations=("météo",),
    classification_tags=("rain", "sun"),
)
GENERAL = AgentInfo("g1", "General", default_capable=True)
BOTH = {"w1": WEATHER, "g1": GENERAL}
texts = st.text(st.characters(codec="utf-8"), max_size=300)


def document(question: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(question.messages[1].content)
    return parsed


def test_the_whole_card_goes_out() -> None:
    question = ask_for_agent("rain?", BOTH, 10_000)
    assert document(question) == {
        "agents": [
            {"label": "a1", "name": "General", "agent_type": "general", "default_capable": True},
            {
                "label": "a2",
                "name": "Weather",
                "description": "Forecasts, “everywhere”",
                "agent_type": "specialized",
                "specializations": "météo",
                "capabilities": "current_weather, forecast",
                "classification_tags": "rain, sun",
            },
        ],
        "request": "rain?",
    }
    assert question.ids_by_label == {"a1": "g1", "a2": "w1"}
    assert question.schema["properties"]["agent"]["enum"] == ["a1", "a2", "none"]


def test_plain_dicts_read_the_same() -> None:
    plain = {agent_id: {**info, "capabilities": list(info.capabilities)} for agent_id, info in BOTH.items()}
    assert ask_for_agent("rain?", plain, 10_000).messages == ask_for_agent("rain?", BOTH, 10_000).messages


@settings(max_examples=60, deadline=None)
@given(
    request=st.text(st.characters(codec="utf-8"), max_size=5000),
    cards=st.lists(st.tuples(texts, texts, st.lists(texts, max_size=3)), min_size=1, max_size=8),
    budget=st.integers(5000, 9000),
)
def test_any_texts_stay_within_the_budget(request: str, cards: list[tuple[str, str, list[str]]], budget: int) -> None:
    agents = {
        f"id{number}": {"name": name, "description": description, "capabilities": capabilities}
        for number, (name, description, capabilities) in enumerate(cards)
    }
    question = ask_for_agent(request, agents, budget)
    assert len(question.messages[1].content) <= budget
    names = [agents[agent_id]["name"] for agent_id in question.ids_by_label.values()]
    assert all(card["name"][:63] == name[:63] for card, name in zip(document(question)["agents"], names, strict=True))
    assert set(question.ids_by_label.values()) == set(agents)


def test_only_the_long_texts_are_cut_and_all_to_one_length() -> None:
    agents = {f"id{n}": {"name": f"Agent {n}", "description": "d" * 100 * (n + 1)} for n in range(10)}
    sent = document(ask_for_agent("short", agents, 3000))["agents"]
    assert [card["name"] for card in sent] == [f"Agent {n}" for n in range(10)]
    lengths = [len(card["description"]) for card in sent]
    assert lengths[0] == 100
    assert len(set(lengths[-5:])) == 1
    assert all(card["description"].endswith("…") for card in sent[-5:])


def test_an_endless_request_leaves_room_for_the_agents() -> None:
    question = ask_for_agent("\x00" * 1_000_000, BOTH, 2000)
    assert len(question.messages[1].content) <= 2000
    assert len(document(question)["request"]) > 50
    assert document(question)["agents"] == document(ask_for_agent("", BOTH, 2000))["agents"]
    assert document(question)["request"].endswith("…")


def test_thousands_of_agents_are_all_on_offer() -> None:
    agents = {f"id{n:05}": {"name": f"Agent {n}", "description": "d" * 1000} for n in range(3000)}
    question = ask_for_agent("which?", agents, 60_000)
    assert [card["name"] for card in document(question)["agents"]] == [agent["name"] for agent in agents.values()]
    assert "enum" not in question.schema["properties"]["agent"]
    assert read_answer('{"reason": "", "agent": "a3000"}', question).agent_id == "id02999"


@pytest.mark.parametrize(("agents", "with_enum"), [(MAX_ENUM_VALUES - 1, True), (MAX_ENUM_VALUES, False)])
def test_the_enum_keeps_to_openai_s_limit(agents: int, with_enum: bool) -> None:
    question = ask_for_agent("which?", {f"id{n}": {"name": "A"} for n in range(agents)}, 60_000)
    assert ("enum" in question.schema["properties"]["agent"]) is with_enum


def test_half_a_surrogate_pair_on_a_card_does_no_harm() -> None:
    question = ask_for_agent("which?", {"x": {"name": "A\ud800", "capabilities": None}}, 2000)
    assert question.messages[1].content.encode()
    assert document(question)["agents"][0]["name"] == "A?"


@pytest.mark.parametrize(("label", "agent_id"), [("a1", "g1"), ("a2", "w1"), ("none", None)])
def test_a_valid_answer_is_mapped_back(label: str, agent_id: str | None) -> None:
    answer = read_answer(json.dumps({"reason": "because", "agent": label}), ask_for_agent("rain?", BOTH, 2000))
    assert (answer.agent_id, answer.reason) == (agent_id, "because")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "JSON"),
        ("a2", "JSON"),
        ("null", "object"),
        ('{"agent": "a2"}', "reason"),
        ('{"reason": "r", "agent": "w1"}', "'w1' is no label"),
        ('{"reason": "r", "agent": 2}', "agent"),
        ('{"reason": "r", "agent": "a2", "also": "a1"}', "also"),
        ('{"reason": "r", "agent": "' + "x" * 5000 + '"}', "no label"),
    ],
)
def test_an_invalid_answer_says_what_is_wrong(text: str, word: str) -> None:
    with pytest.raises(ClassifierError, match=word) as caught:
        read_answer(text, ask_for_agent("rain?", BOTH, 2000))
    assert len(str(caught.value)) < 300


def test_asking_again_stays_short() -> None:
    wrong, told = ask_again("x" * 100_000, "agent: 'x' is no label of the list")
    assert (wrong.role, told.role) == ("assistant", "user")
    assert len(wrong.content) < 1000
    assert "'x' is no label" in told.content
