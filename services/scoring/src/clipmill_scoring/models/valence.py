"""What words feel like: the lexicon of VADER (Hutto and Gilbert 2014; MIT), -4 to 4, of the package vaderSentiment."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import files

from clipmill_scoring.domain.words import Valences

PACKAGE = "vaderSentiment"


@lru_cache(maxsize=1)
def valences() -> Valences:
    """Each word that the lexicon judges, in lower case, and its mean rating by ten people."""
    # Its code is not imported: it brings a web client.
    lexicon = next(file for file in files(PACKAGE) or () if file.name == "vader_lexicon.txt")
    lines = (line.split("\t") for line in lexicon.read_text("utf-8").splitlines())
    return {word.lower(): float(mean) for word, mean, *_ in lines if word[:1].isalpha()}
