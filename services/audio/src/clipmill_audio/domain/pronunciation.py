"""How a written word is said, for the aligner: numbers in words, and a guess from the letters for names.

Only times hang on this, never text: an approximate pronunciation places a word far better than none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SIGNS = {"%": "percent", "&": "and", "+": "plus", "=": "equals", "@": "at", "°": "degrees"}
_CURRENCIES = {"$": "dollars", "£": "pounds", "€": "euros"}
_PIECES = re.compile(r"[a-z]+(?:'[a-z]+)*|\d+(?:,\d{3})*(?:\.\d+)?|[%&+=@°$£€]")

# Letters to ARPAbet sounds, longest first: how each is said most often in English.
_SOUNDS = {
    "tion": "SH AH N", "sion": "ZH AH N", "ough": "AO", "augh": "AO", "eigh": "EY", "tch": "CH", "sch": "SH",
    "igh": "AY", "ing": "IH NG", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W", "gh": "G", "ck": "K",
    "ng": "NG", "qu": "K W", "kn": "N", "wr": "R", "ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW",
    "oi": "OY", "oy": "OY", "ai": "EY", "ay": "EY", "au": "AO", "aw": "AO", "oa": "OW", "ie": "IY", "ei": "EY",
    "er": "ER", "ir": "ER", "ur": "ER", "ar": "AA R", "or": "AO R", "a": "AE", "b": "B", "c": "K", "d": "D",
    "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH", "k": "K", "l": "L", "m": "M", "n": "N",
    "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH", "v": "V", "w": "W", "x": "K S",
    "y": "IY", "z": "Z",
}  # fmt: skip


def spoken(text: str, known: Callable[[str], bool]) -> list[str]:
    """The words said for one written word: "1,200" -> one thousand two hundred, "well-made" -> well made.

    `known` says whether the dictionary has a word; capitals that it does not know are said letter by letter. Empty
    when nothing in `text` can be said (a dash, another script).
    """
    folded = unicodedata.normalize("NFKD", text.replace("’", "'").replace("ß", "ss"))
    folded = "".join(letter for letter in folded if not unicodedata.combining(letter))
    said: list[str] = []
    currency: list[str] = []
    for piece in _PIECES.findall(folded.casefold()):
        if piece[0].isdigit():
            said += number_words(piece)
        elif piece in _CURRENCIES:
            currency = [_CURRENCIES[piece]]
        elif piece in _SIGNS:
            said.append(_SIGNS[piece])
        elif not known(piece) and len(piece) <= 5 and piece.upper() in folded:
            said += list(piece.replace("'", ""))
        else:
            said.append(piece)
    return said + currency


def sounds(word: str) -> str:
    """A guess at a word's sounds from its letters a-z, as ARPAbet separated by blanks; "" without a letter."""
    letters = re.sub(r"([b-df-np-z])\1", r"\1", word.replace("'", ""))
    if len(letters) > 3 and letters.endswith("e"):
        letters = letters[:-1]
    found: list[str] = []
    at = 0
    while at < len(letters):
        for length in (4, 3, 2, 1):
            if sound := _SOUNDS.get(letters[at : at + length]):
                found.append(sound)
                at += length
                break
        else:
            at += 1
    return " ".join(found)


def number_words(digits: str) -> list[str]:
    """A number in English words; four digits from 1100 to 2099 as a year is said; beyond a billion digit by digit."""
    whole, _, fraction = digits.replace(",", "").partition(".")
    if "," not in digits and not fraction and len(whole) == 4 and "1100" <= whole <= "2099" and whole[1:3] != "00":
        said = _cardinal(int(whole[:2])) + _end_of_year(int(whole[2:]))
    elif len(whole) > 9 or (len(whole) > 1 and whole.startswith("0")):
        said = [_ONES[int(digit)] for digit in whole]
    else:
        said = _cardinal(int(whole))
    return said + (["point", *(_ONES[int(digit)] for digit in fraction)] if fraction else [])


def _end_of_year(rest: int) -> list[str]:
    if rest == 0:
        return ["hundred"]
    return ["oh", _ONES[rest]] if rest < 10 else _cardinal(rest)


def _cardinal(number: int) -> list[str]:
    if number < 20:
        return [_ONES[number]]
    if number < 100:
        return [_TENS[number // 10 - 2], *(_cardinal(number % 10) if number % 10 else [])]
    for size, name in ((1_000_000, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            return [*_cardinal(number // size), name, *(_cardinal(number % size) if number % size else [])]
    raise AssertionError(number)
