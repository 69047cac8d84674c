"""Where what was heard differs from what was spoken, word by word, for showing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from genesis_lib.voice.words import comparable_words, word_errors


class Word(NamedTuple):
    """A word as it is written, and whether the other side has it, too."""

    text: str
    differs: bool


def differences(spoken: str, heard: str) -> tuple[list[Word], list[Word]]:
    """The words of both, marked where they differ in more than spelling.

    Raises:
        VoiceError: the packages that compare words are missing.
    """
    if not word_errors(spoken, heard).edits:
        return _marked(spoken.split(), ()), _marked(heard.split(), ())
    ours, theirs = _Written(spoken), _Written(heard)
    matcher = SequenceMatcher(None, ours.words, theirs.words, autojunk=False)
    lost: set[int] = set()
    made_up: set[int] = set()
    for tag, from_spoken, to_spoken, from_heard, to_heard in matcher.get_opcodes():
        if tag != "equal":
            lost.update(ours.tokens[from_spoken:to_spoken])
            made_up.update(theirs.tokens[from_heard:to_heard])
    return _marked(ours.text, lost), _marked(theirs.text, made_up)


class _Written:
    """A text as written, and the words it sounds like, with the position in the text that each comes from."""

    def __init__(self, text: str) -> None:
        self.text = text.split()
        sounds = list(self._sounds())
        self.words = [word for word, _ in sounds]
        self.tokens = [position for _, position in sounds]

    def _sounds(self) -> Iterator[tuple[str, int]]:
        for position, token in enumerate(self.text):
            for word in comparable_words(token):
                yield word, position


def _marked(text: Sequence[str], differing: set[int] | tuple[()]) -> list[Word]:
    return [Word(word, position in differing) for position, word in enumerate(text)]
