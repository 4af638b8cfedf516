"""Which engine hears: what was asked for, what is there, and, left to choose, the best of these for this sound.

The order rests on published word error rates (English: Moonshine tiny 12.7 %, Whisper tiny 12.8 %, base 10.3 %, small
8.6 %, large-v3 7.4 % on the same sets); none of Whisper's was measured with this project.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from clipmill_audio.domain.language import AUTO, ENGLISH, LanguageUnsupportedError
from clipmill_audio.domain.noise import LITTLE_DB
from clipmill_shared.errors import ClipmillError

Kind = Literal["moonshine", "whisper", "openai"]

# The names that `--asr whisper:NAME` takes, the best first, and how many of them are for English alone.
SIZES = (
    *("large-v3", "large-v3-turbo", "large-v2", "large-v1", "distil-large-v3", "medium", "medium.en", "small"),
    *("small.en", "distil-small.en", "base", "base.en", "tiny", "tiny.en"),
)
DEFAULT_SIZE = "small"
# Where speed counts: what hears about as fast as it is spoken on two cores comes first, the slower after it.
FAST_ORDER = ("small", "small.en", "distil-small.en", "base", "base.en", "tiny", "tiny.en")
# Hears English worse than the engine that is always there.
NO_BETTER = ("tiny", "tiny.en")


@dataclass(frozen=True)
class Engine:
    """An engine that is at hand. `size` of Whisper; `name` and `version` as the result names them."""

    kind: Kind
    name: str
    version: str
    size: str = ""

    @property
    def asked_as(self) -> str:
        """What `--asr` says to have this one."""
        return f"{self.kind}:{self.size}" if self.size else self.kind

    def knows(self, language: str) -> bool:
        """Whether it can transcribe a language (ISO 639-1); `auto`: whether it hears which one it is."""
        english_only = self.kind == "moonshine" or self.size.endswith(".en") or self.size.startswith("distil")
        return not english_only or language == ENGLISH


@dataclass(frozen=True)
class Choice:
    """An engine, and why this one, as a clause."""

    engine: Engine
    why: str


@dataclass(frozen=True)
class Asked:
    """`--asr`, taken apart: "auto", or an engine, of Whisper maybe with its size."""

    kind: Kind | Literal["auto"]
    size: str = ""

    @classmethod
    def of(cls, text: str) -> Asked:
        """ClipmillError INVALID_OPTIONS for what is no engine."""
        kind, colon, size = (text or AUTO).partition(":")
        if kind == "whisper" and (size in SIZES or not colon):
            return cls("whisper", size)
        plain: dict[str, Asked] = {"auto": cls("auto"), "moonshine": cls("moonshine"), "openai": cls("openai")}
        if kind in plain and not colon:
            return plain[kind]
        raise ClipmillError(
            "INVALID_OPTIONS",
            f"{text[:40]!r} is no engine for transcription.",
            f"Say auto, moonshine, openai, whisper or whisper:SIZE, of {', '.join(SIZES)}.",
        )


def usable(engines: Sequence[Engine], asked: Asked, language: str) -> list[Engine]:
    """Those of `engines` that were asked for and may know `language`; LanguageUnsupportedError when there is none.

    `auto` sends no sound to another address unless nothing here knows the language.
    """
    of_kind = [engine for engine in engines if asked.kind in (AUTO, engine.kind) and asked.size in ("", engine.size)]
    spoken = language or AUTO
    able = [engine for engine in of_kind if engine.knows(spoken) or (spoken == AUTO and engine.knows(ENGLISH))]
    if asked.kind == AUTO:
        able = [engine for engine in able if engine.kind != "openai"] or able
    if not able:
        raise LanguageUnsupportedError(spoken)
    return able


def listener(engines: Sequence[Engine], language: str) -> Engine | None:
    """Who tells which language is spoken before one is chosen; None where nobody can, or it is said already."""
    if language not in ("", AUTO):
        return None
    able = [engine for engine in engines if engine.kind == "whisper" and engine.knows(AUTO)]
    return max(able, key=lambda engine: SIZES.index(engine.size), default=None)


def choose(engines: Sequence[Engine], language: str, *, best: bool, above_rest_db: float | None) -> Choice:
    """One of `engines` for speech in `language`, by the profile and by how far speech stands above the noise, in dB.

    A language that nobody knows (`auto`) is taken for English.
    """
    spoken = ENGLISH if language in ("", AUTO) else language
    able = [engine for engine in engines if engine.knows(spoken)]
    if not able:
        raise LanguageUnsupportedError(spoken)
    if len(able) == 1:
        return Choice(able[0], f"the only one here that knows {spoken}" if len(engines) > 1 else "")
    whispers = sorted((engine for engine in able if engine.kind == "whisper"), key=lambda e: _rank(e, best=best))
    moonshine = next((engine for engine in able if engine.kind == "moonshine"), None)
    better = [engine for engine in whispers if engine.size not in NO_BETTER]
    noisy = above_rest_db is not None and above_rest_db < LITTLE_DB
    if moonshine is None:
        return Choice((whispers or able)[0], f"the best here for {spoken} and this profile")
    if better and best:
        return Choice(better[0], "English, profile best: the most accurate one here")
    if better and noisy:
        return Choice(better[0], f"English only {above_rest_db:.0f} dB above the noise: a larger model errs less")
    why = "the others here are no better" if best or noisy else "profile fast: the quickest here"
    return Choice(moonshine, f"English, {why}")


def _rank(engine: Engine, *, best: bool) -> int:
    if not best and engine.size in FAST_ORDER:
        return FAST_ORDER.index(engine.size)
    return len(FAST_ORDER) + SIZES.index(engine.size)
