"""Which font draws what: the look's own, and where it lacks a glyph, one of the others that are here."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Marks that no font need draw: joiners, directions, variation selectors.
_UNDRAWN = ("Cf", "Mn", "Cc")


@dataclass(frozen=True)
class Font:
    """A font of a package: its family as it names itself, its file, and its em as a share of the size that ASS asks
    for, which counts the ascent and descent that the font has for Windows.
    """

    family: str
    package: str
    file: str
    em_of_size: float


@dataclass(frozen=True)
class Run:
    """A stretch of text in one font."""

    font: Font
    text: str


class Typeface:
    """The look's font, with `others` for what it lacks.

    `covers` says whether a font has a glyph, `width` how wide a text is drawn, in pixels.
    """

    def __init__(
        self,
        main: Font,
        others: Sequence[Font],
        covers: Callable[[Font, str], bool],
        width: Callable[[Font, str], float],
    ) -> None:
        self.main = main
        self._fonts = (main, *others)
        self._covers = covers
        self._width = width
        # Captions ask for the same runs of words again and again.
        self.width = lru_cache(maxsize=10_000)(self._measured)

    def runs(self, text: str) -> list[Run]:
        """`text` in order of its characters, without those that no font has."""
        whole = next((font for font in self._fonts if self._covers_all(font, text)), None)
        if whole is not None:
            return [Run(whole, text)]
        runs: list[Run] = []
        for character in text:
            fonts = ([runs[-1].font] if runs else []) + list(self._fonts)
            font = next((font for font in fonts if self._covers_all(font, character)), None)
            if font is None:
                continue
            if runs and runs[-1].font == font:
                runs[-1] = Run(font, runs[-1].text + character)
            else:
                runs.append(Run(font, character))
        return runs

    def lacking(self, texts: Iterable[str]) -> list[str]:
        """The characters that no font has, each once, in order."""
        characters = dict.fromkeys(character for text in texts for character in text)
        return [c for c in characters if not any(self._covers_all(font, c) for font in self._fonts)]

    def fonts_of(self, texts: Iterable[str]) -> list[Font]:
        """The fonts that draw `texts`, each once; always the main one."""
        return list(dict.fromkeys([self.main, *(run.font for text in texts for run in self.runs(text))]))

    def _covers_all(self, font: Font, text: str) -> bool:
        return all(unicodedata.category(c) in _UNDRAWN or c == " " or self._covers(font, c) for c in text)

    def _measured(self, text: str) -> float:
        return sum(self._width(run.font, run.text) for run in self.runs(text))


def scripts_of(characters: Iterable[str]) -> list[str]:
    """The scripts of characters by the first word of their names: "BENGALI"."""
    return list(dict.fromkeys(unicodedata.name(character, "UNKNOWN").split()[0] for character in characters))
