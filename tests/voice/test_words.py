"""Words as they are spoken, and word errors."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genesis_lib.voice.words import WordEdit, WordErrors, comparable_words, spell_out, spoken_words, word_errors

SENTENCES = st.lists(st.sampled_from(["the", "order", "has", "not", "arrived", "yet", "please", "thanks"])).map(
    " ".join
)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("order 4711", "order four seven one one"),
        ("order A4711B", "order a four seven one one b"),
        ("0800 555 1234", "zero eight zero zero five hundred fifty five one two three four"),
        ("in 1999 and 2024", "in nineteen ninety nine and twenty twenty four"),
        ("1500 or 4,711", "one thousand five hundred or four thousand seven hundred eleven"),
        ("a quarter is 0.25", "a quarter is zero point two five"),
        ("the 2nd and the 42nd", "the second and the forty second"),
        ("$20 or €1,234.50", "twenty dollars or one thousand two hundred thirty four euros fifty cents"),
        ("£3.01", "three pounds one penny"),
        ("at 3:30 p.m.", "at three thirty p m"),
        ("at 15:00", "at fifteen o'clock"),
        ("3:05pm", "three oh five p m"),
        ("50% off & more", "fifty percent off and more"),
        ("Don\u2019t SHOUT -- please!", "don't shout please"),
        ("4-7-1-1", "four seven one one"),
        ("...", ""),
    ],
)
def test_text_is_read_as_it_is_spoken(written: str, spoken: str) -> None:
    assert " ".join(spoken_words(written)) == spoken


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I'm sure it's gone, can't you see?", "i am sure it is gone can not you see"),
        ("We'll call at 3 PM", "we will call at three p.m."),
        ("OK, Mr. Smith", "okay mister smith"),
        ("They won't; they cannot", "they will not they can not"),
        ("order 4711", "order four, seven, one, one"),
    ],
)
def test_ways_to_write_the_same_words_compare_equal(one: str, other: str) -> None:
    assert comparable_words(one) == comparable_words(other)


def test_a_possessive_is_no_contraction() -> None:
    assert comparable_words("Anna's order") == ["anna's", "order"]


@given(st.text())
def test_any_text_is_spelled_out_without_digits(text: str) -> None:
    assert not re.search(r"\d", spell_out(text))


@given(st.text(alphabet="abcd019 .,:$%'apmnth-"))
def test_words_of_words_are_the_same_words(text: str) -> None:
    words = comparable_words(text)
    assert comparable_words(" ".join(words)) == words


@given(st.text(alphabet=st.characters(categories=["L", "P", "Z"])))
def test_without_numbers_spelling_out_twice_changes_no_more(text: str) -> None:
    assert spell_out(spell_out(text)) == spell_out(text)


def test_each_edit_is_told() -> None:
    errors = word_errors("Hello my dear old customer is here", "hello our dear customer is here today")
    assert errors == WordErrors(
        7,
        (
            WordEdit("substitution", "my", "our"),
            WordEdit("deletion", "old", ""),
            WordEdit("insertion", "", "today"),
        ),
    )
    assert errors.rate == 3 / 7


def test_nothing_spoken_and_something_heard_is_an_error() -> None:
    assert word_errors("", "").rate == 0
    assert word_errors("", "what was that").rate == 3
    assert word_errors("what was that", "").rate == 1


@given(SENTENCES)
def test_what_was_heard_well_has_no_errors(sentence: str) -> None:
    assert word_errors(sentence, sentence.upper() + "!").edits == ()


@given(SENTENCES, SENTENCES)
def test_errors_are_bounded_and_the_same_both_ways(one: str, other: str) -> None:
    there, back = word_errors(one, other), word_errors(other, one)
    lengths = len(comparable_words(one)), len(comparable_words(other))
    assert len(there.edits) == len(back.edits)
    assert abs(lengths[0] - lengths[1]) <= len(there.edits) <= max(lengths)


@given(st.lists(st.tuples(SENTENCES, SENTENCES)))
def test_errors_of_utterances_add_up(pairs: list[tuple[str, str]]) -> None:
    parts = [word_errors(spoken, heard) for spoken, heard in pairs]
    total = sum(parts, WordErrors())
    assert total.spoken_words == sum(part.spoken_words for part in parts)
    assert len(total.edits) == sum(len(part.edits) for part in parts)
