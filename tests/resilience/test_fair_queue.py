"""The fair queue: each owner has its turn, the one with the most gives way."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesis_lib.rpc.fair_queue import FairQueue


class Item(NamedTuple):
    """An owner's item, by number."""

    owner: str
    number: int


Queue = FairQueue[str, Item]


def filled(*owners: str) -> Queue:
    """A queue with an item for each owner named, in this order."""
    queue: Queue = FairQueue()
    for number, owner in enumerate(owners):
        queue.put(owner, Item(owner, number))
    return queue


def drained(queue: Queue) -> list[Item]:
    return [queue.take() for _ in range(len(queue))]


def test_one_owner_is_served_in_order() -> None:
    assert [item.number for item in drained(filled("a", "a", "a"))] == [0, 1, 2]


def test_owners_have_their_turns() -> None:
    owners = [item.owner for item in drained(filled("a", "a", "a", "a", "b", "b", "c"))]
    assert owners == ["a", "b", "c", "a", "b", "a", "a"]


def test_who_comes_again_has_its_turn_after_the_others() -> None:
    queue = filled("a", "b", "b")
    assert queue.take().owner == "a"
    queue.put("a", Item("a", 9))
    assert [item.owner for item in drained(queue)] == ["b", "a", "b"]


def test_what_is_removed_is_not_taken() -> None:
    queue = filled("a", "a", "b")
    queue.remove(Item("a", 0))
    queue.remove(Item("b", 2))
    assert drained(queue) == [Item("a", 1)]


def test_what_is_not_there() -> None:
    queue = filled("a")
    with pytest.raises(KeyError):
        queue.remove(Item("a", 1))
    queue.take()
    with pytest.raises(KeyError, match="empty"):
        queue.take()


def test_the_newest_item_of_the_owner_with_the_most_gives_way() -> None:
    queue = filled("a", "b", "b", "b", "a")
    assert queue.who_gives_way_to("c") == Item("b", 3)
    assert queue.who_gives_way_to("a") is None  # it would have three then, and b two
    assert queue.who_gives_way_to("b") is None


def test_the_newest_item_of_the_owner_with_the_largest_makes_room() -> None:
    queue: Queue = FairQueue()
    for number, (owner, size) in enumerate([("a", 50), ("b", 30), ("b", 30), ("c", 1), ("c", 1), ("c", 1)]):
        queue.put(owner, Item(owner, number), size)
    assert queue.size == 113
    assert queue.who_makes_room_for("d", 59) == Item("b", 2)
    assert queue.who_makes_room_for("d", 60) is None
    assert queue.who_makes_room_for("a", 9) == Item("b", 2)
    assert queue.who_makes_room_for("a", 10) is None
    assert queue.who_makes_room_for("b", 0) is None
    queue.remove(Item("b", 2))
    assert queue.size == 83
    assert queue.who_makes_room_for("d", 40) == Item("a", 0)
    drained(queue)
    assert queue.size == 0
    assert queue.who_makes_room_for("a", 0) is None


def test_nobody_gives_way_to_one_who_would_have_as_many() -> None:
    queue = filled("a", "b", "c")
    assert queue.who_gives_way_to("d") is None
    assert FairQueue[str, Item]().who_gives_way_to("a") is None


class Model:
    """The same, by looking through lists."""

    def __init__(self) -> None:
        self.items: dict[str, list[Item]] = {}
        self.turns: list[str] = []

    def put(self, item: Item) -> None:
        self.items.setdefault(item.owner, []).append(item)
        if item.owner not in self.turns:
            self.turns.append(item.owner)

    def remove(self, item: Item) -> None:
        self.items[item.owner].remove(item)
        if not self.items[item.owner]:
            self.turns.remove(item.owner)

    def take(self) -> Item:
        owner = self.turns.pop(0)
        self.turns.append(owner)
        item = self.items[owner][0]
        self.remove(item)
        return item

    def all(self) -> list[Item]:
        return [item for items in self.items.values() for item in items]

    def count(self, owner: str) -> int:
        return len(self.items.get(owner, ()))


OWNERS = "abcde"
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.sampled_from(OWNERS)),
        st.tuples(st.just("put"), st.just("a")),  # somebody floods
        st.tuples(st.just("take"), st.just("")),
        st.tuples(st.just("remove"), st.integers(0, 1000)),
    ),
    max_size=120,
)


@given(STEPS)
def test_it_does_what_the_model_does(steps: list[tuple[str, str | int]]) -> None:
    queue, model = FairQueue[str, Item](), Model()
    for number, (step, argument) in enumerate(steps):
        there = model.all()
        if step == "put":
            item = Item(str(argument), number)
            queue.put(item.owner, item)
            model.put(item)
        elif there and step == "take":
            assert queue.take() == model.take()
        elif there:
            item = there[int(argument) % len(there)]
            queue.remove(item)
            model.remove(item)
        assert len(queue) == len(model.all())
        most = max((model.count(owner) for owner in OWNERS), default=0)
        for owner in OWNERS:
            victim = queue.who_gives_way_to(owner)
            assert (victim is not None) == (model.count(owner) + 1 < most)
            if victim is not None:
                assert model.count(victim.owner) == most
                assert victim == model.items[victim.owner][-1]
    assert [queue.take() for _ in range(len(queue))] == [model.take() for _ in range(len(model.all()))]


@given(st.lists(st.sampled_from("aaaaab"), max_size=300), st.integers(1, 20))
def test_whoever_floods_every_owner_keeps_its_share(owners: list[str], bound: int) -> None:
    """Bounded as the executor bounds it: an owner loses nothing as long as it has no more than its even share."""
    queue: Queue = FairQueue()
    kept: dict[str, set[Item]] = {"a": set(), "b": set()}
    for number, owner in enumerate(owners):
        item = Item(owner, number)
        if len(queue) >= bound:
            victim = queue.who_gives_way_to(owner)
            if victim is None:
                assert len(kept[owner]) >= bound // 2
                continue
            assert len(kept[victim.owner]) > bound / 2
            queue.remove(victim)
            kept[victim.owner].remove(victim)
        queue.put(owner, item)
        kept[owner].add(item)
        assert len(queue) <= bound
    assert set(drained(queue)) == kept["a"] | kept["b"]
