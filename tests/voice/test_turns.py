"""The floor: machines that hear each other late, but in order, agree on it and never wait for ever."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from hypothesis import example, given, settings
from hypothesis import strategies as st

from genesis_lib.voice.messages import ControlKind
from genesis_lib.voice.turns import FloorMachine, Say

IDS = ("anna", "ben", "carl")


class Line:
    """Participants on links with a delay for each pair: time passes in steps, what is sent arrives in order."""

    def __init__(self, ids: Sequence[str], delays: Sequence[int]) -> None:
        self.machines = {name: FloorMachine(name) for name in ids}
        pairs = [(sender, hearer) for sender in ids for hearer in ids if sender != hearer]
        self.delay = dict(zip(pairs, delays, strict=False))
        self._links: dict[tuple[str, str], deque[tuple[int, Say]]] = {pair: deque() for pair in pairs}
        self.time = 0
        self.starts = dict.fromkeys(ids, 0)
        self.together = self.longest_together = 0

    def send(self, sender: str, messages: Sequence[Say]) -> None:
        for message in messages:
            self.starts[sender] += message.kind is ControlKind.UTTERANCE_START
            for (origin, hearer), link in self._links.items():
                if origin == sender:
                    link.append((self.time + self.delay[origin, hearer], message))

    def step(self) -> None:
        """Let one unit of time pass, then deliver what is due."""
        holding = [name for name, machine in self.machines.items() if machine.speaks]
        self.together = self.together + 1 if len(holding) > 1 else 0
        self.longest_together = max(self.longest_together, self.together)
        self.time += 1
        for (origin, hearer), link in self._links.items():
            while link and link[0][0] <= self.time:
                self._deliver(origin, hearer, link.popleft()[1])

    def settle(self) -> None:
        """Let time pass until nothing is on its way."""
        while any(self._links.values()):
            self.step()

    def _deliver(self, origin: str, hearer: str, message: Say) -> None:
        machine = self.machines[hearer]
        match message.kind:
            case ControlKind.UTTERANCE_START:
                answer = machine.started(origin)
            case ControlKind.UTTERANCE_END:
                answer = machine.ended(origin)
            case ControlKind.FLOOR_GRANT:
                answer = machine.granted(message.target_id)
            case ControlKind.FLOOR_REQUEST:
                answer = machine.requested(origin) if message.target_id == hearer else ()
            case ControlKind.INTERRUPT:
                answer = machine.interrupted(origin) if message.target_id == hearer else ()
            case _:
                raise AssertionError(message)
        self.send(hearer, answer)

    def do(self, name: str, what: str) -> None:
        machine = self.machines[name]
        if what == "want" and not machine.wants and not machine.speaks:
            self.send(name, machine.want())
        elif what == "give up" and machine.wants:
            machine.give_up()
        elif what == "finish" and machine.speaks:
            self.send(name, machine.finish())
        elif what == "interrupt":
            self.send(name, machine.interrupt())

    def wind_down(self) -> None:
        """Whoever speaks finishes, until nobody wants to speak any more."""
        for _ in range(20):
            self.settle()
            self.check_agreement()
            for name in self.machines:
                self.do(name, "finish")
        self.settle()

    def check_agreement(self) -> None:
        assert len({machine.holder for machine in self.machines.values()}) == 1


actions = st.lists(
    st.tuples(
        st.sampled_from(IDS),
        st.sampled_from(["want", "want", "finish", "interrupt", "give up"]),
        st.integers(0, 12),
    ),
    max_size=40,
)


def play(line: Line, script: Sequence[tuple[str, str, int]]) -> None:
    for name, what, pause in script:
        if name in line.machines:
            line.do(name, what)
        for _ in range(pause):
            line.step()


@settings(max_examples=500, deadline=None)
@given(actions, st.lists(st.integers(1, 6), min_size=2, max_size=2))
def test_two_agree_and_never_wait_for_ever(script: list[tuple[str, str, int]], delays: list[int]) -> None:
    line = Line(IDS[:2], delays)
    play(line, script)
    line.wind_down()
    assert line.longest_together <= max(delays)
    assert {machine.holder for machine in line.machines.values()} == {""}
    assert not any(machine.wants for machine in line.machines.values())


@example([("ben", "want", 9), ("anna", "want", 9), ("anna", "give up", 0), ("carl", "want", 9)], [1] * 6)
@settings(max_examples=500, deadline=None)
@given(actions, st.lists(st.integers(1, 6), min_size=6, max_size=6))
def test_three_agree_and_never_wait_for_ever(script: list[tuple[str, str, int]], delays: list[int]) -> None:
    line = Line(IDS, delays)
    play(line, script)
    line.wind_down()
    assert {machine.holder for machine in line.machines.values()} == {""}
    assert not any(machine.wants for machine in line.machines.values())


def two() -> tuple[Line, FloorMachine, FloorMachine]:
    line = Line(IDS[:2], [1, 1])
    return line, line.machines["anna"], line.machines["ben"]


def test_of_two_that_start_at_once_the_lower_id_yields() -> None:
    line, anna, ben = two()
    line.do("anna", "want")
    line.do("ben", "want")
    assert (anna.holder, ben.holder) == ("anna", "ben")
    line.settle()
    assert (anna.holder, ben.holder) == ("ben", "ben")


def test_who_asked_for_the_floor_gets_it_although_the_holder_wants_it_again() -> None:
    line, anna, ben = two()
    line.do("ben", "want")
    line.settle()
    line.do("anna", "want")
    line.settle()
    line.do("ben", "finish")
    line.do("ben", "want")
    line.settle()
    assert anna.speaks
    assert ben.wants
    line.do("anna", "finish")
    line.settle()
    assert ben.speaks


def test_who_waits_asks_whoever_starts() -> None:
    anna = FloorMachine("anna")
    anna.granted("ben")
    assert anna.want() == (Say(ControlKind.FLOOR_REQUEST, "ben"),)
    assert anna.started("carl") == (Say(ControlKind.FLOOR_REQUEST, "carl"),)


def test_the_floor_is_not_kept_for_who_does_not_want_it_any_more() -> None:
    line, anna, ben = two()
    line.do("ben", "want")
    line.settle()
    line.do("anna", "want")
    line.do("anna", "give up")
    line.settle()
    line.do("ben", "finish")
    line.do("ben", "want")
    line.settle()
    assert ben.speaks
    assert not anna.speaks


def test_an_interruption_hands_over_the_floor() -> None:
    line, anna, _ = two()
    line.do("ben", "want")
    line.settle()
    line.do("anna", "interrupt")
    line.do("anna", "want")
    line.settle()
    assert anna.speaks
    assert line.starts == {"anna": 1, "ben": 1}


def test_who_leaves_takes_its_claims_along() -> None:
    line, anna, ben = two()
    line.do("ben", "want")
    line.settle()
    line.do("anna", "want")
    line.settle()
    line.send("anna", anna.left("ben"))
    assert anna.speaks
    line.send("ben", ben.left("anna"))
    line.do("ben", "finish")
    assert ben.want() == (Say(ControlKind.UTTERANCE_START),)


def test_a_voice_without_controls_holds_the_floor_while_it_is_heard() -> None:
    anna = FloorMachine("anna")
    assert anna.want() == (Say(ControlKind.UTTERANCE_START),)
    assert anna.voice_started("phone") == (Say(ControlKind.UTTERANCE_END, interrupted=True),)
    assert anna.want() == ()
    assert anna.ended("phone") == (Say(ControlKind.UTTERANCE_START),)


def test_a_voice_without_controls_is_spoken_over() -> None:
    anna = FloorMachine("anna")
    anna.voice_started("phone")
    assert anna.want() == ()
    assert anna.interrupt() == (Say(ControlKind.UTTERANCE_START),)
