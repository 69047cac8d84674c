"""Pronunciations for words that a recogniser's dictionary lacks."""

from __future__ import annotations

from genesis_lib.voice.speech.espeak import phonemes

# Phonemes of espeak-ng's American English, and those of the CMU Pronouncing Dictionary that sound most like them.
_ARPABET = {
    "a": "AA", "aɪ": "AY", "aɪə": "AY AH", "aɪɚ": "AY ER", "aʊ": "AW", "b": "B", "d": "D", "dʒ": "JH", "eɪ": "EY", "f": "F",
    "h": "HH", "i": "IY", "iə": "IY AH", "iː": "IY", "j": "Y", "k": "K", "l": "L", "m": "M", "n": "N", "n̩": "AH N",
    "o": "OW", "oʊ": "OW", "oː": "AO", "oːɹ": "AO R", "p": "P", "r": "R", "s": "S", "t": "T", "tʃ": "CH", "u": "UW", "uː": "UW",
    "v": "V", "w": "W", "x": "K", "z": "Z", "æ": "AE", "ð": "DH", "ŋ": "NG", "ɐ": "AH", "ɑː": "AA", "ɑːɹ": "AA R",
    "ɑ̃": "AA N", "ɔ": "AO", "ɔɪ": "OY", "ɔː": "AO", "ɔːɹ": "AO R", "ə": "AH", "əl": "AH L", "ɚ": "ER", "ɛ": "EH",
    "ɛɹ": "EH R", "ɛː": "EH", "ɜː": "ER", "ɡ": "G", "ɡʲ": "G", "ɪ": "IH", "ɪɹ": "IH R", "ɪː": "IY", "ɬ": "L", "ɹ": "R", "ɾ": "T",
    "ʃ": "SH", "ʊ": "UH", "ʊɹ": "UH R", "ʌ": "AH", "ʒ": "ZH", "ʔ": "T", "θ": "TH", "ᵻ": "IH",
}  # fmt: skip


def arpabet(word: str) -> str:
    """How a word is pronounced, as phonemes of the CMU Pronouncing Dictionary between blanks.
    Of letters that English does not have it takes the names.

    Raises:
        VoiceError: the package `espeakng-loader` is missing.
    """
    return " ".join(_ARPABET[phoneme] for phoneme in phonemes(word) if phoneme in _ARPABET)
