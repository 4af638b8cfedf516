"""Places the words of a given transcript in the sound: by the words that were heard there, and between those by forced
alignment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from clipmill_audio.domain.doubt import FASTEST_PER_S
from clipmill_audio.domain.given import TranscriptError, words_of
from clipmill_audio.domain.placing import FITS_AT, Matches, lacking, matches
from clipmill_audio.domain.seams import plain
from clipmill_audio.domain.sentences import may_end
from clipmill_audio.domain.timed import HeardWord, Span
from clipmill_audio.domain.timing import time_words

# A text with fewer full stops a word has none that mean anything: the recogniser's are taken.
FEWEST_STOPS = 1 / 60
# What is aligned at a time: the aligner's time and memory grow with it.
LONGEST_S = 30.0
# Beside the first and the last word that was heard, each of the others takes at most so long.
LONGEST_WORD_S = 0.7
SHOWN_WORDS = 8

# Texts said in a span of the sound to their places on its clock, or None each.
Align = Callable[[Sequence[str], Span], Sequence[Span | None]]


@dataclass(frozen=True)
class Placed:
    """The transcript's words with their times, and what of it does not fit, each in a sentence."""

    words: list[HeardWord]
    notes: list[str]


def place_words(content: bytes, heard: Sequence[HeardWord], within: Span, align: Align) -> Placed:
    """The transcript's words in the sound `within` which `heard` was recognised.

    Errors: INPUT_TRANSCRIPT_UNREADABLE, INPUT_TRANSCRIPT_EMPTY, INPUT_TRANSCRIPT_MISFIT.
    """
    texts = words_of(content)
    found = matches([plain(text) for text in texts], [plain(word.text) for word in heard])
    if found.anchored < FITS_AT:
        raise _misfit(found, len(heard))
    words: list[HeardWord] = []
    notes: list[str] = []
    borrows_stops = sum(map(may_end, texts)) < FEWEST_STOPS * len(texts)
    for is_found, run in groupby(range(len(texts)), key=lambda i: found.heard[i] is not None):
        mine = list(run)
        if is_found:
            words += [_as_given(texts[i], heard[found.heard[i] or 0], borrows_stops=borrows_stops) for i in mine]
            continue
        after = found.heard[mine[-1] + 1] if mine[-1] + 1 < len(texts) else None
        room = _room(words, heard[after] if after is not None else None, len(mine), within)
        said = [texts[i] for i in mine]
        if len(said) > FASTEST_PER_S * room.length_s + 1:
            notes.append(f"{len(said)} words of the transcript are not said there ({_shown(said)})")
        else:
            words += time_words(said, align(said, room) if room.length_s <= LONGEST_S else [None] * len(said), room)
    for first, stop in lacking(found.heard, len(heard)):
        notes.append(
            f"what is said from {heard[first].start_s:.0f} to {heard[stop - 1].end_s:.0f} s is not in the transcript"
        )
    return Placed(words, notes)


def _as_given(text: str, heard: HeardWord, *, borrows_stops: bool) -> HeardWord:
    """A heard word, written as the transcript has it."""
    if borrows_stops and may_end(heard.text):
        text += heard.text[-1]
    return replace(heard, text=text, confidence=None, cut_after=False)


def _room(before: Sequence[HeardWord], after: HeardWord | None, count: int, within: Span) -> Span:
    """Where words that were not heard are said: between their neighbours; at the edges, beside the one there is."""
    begin_s = before[-1].end_s if before else within.start_s
    end_s = after.start_s if after else within.end_s
    if not before:
        begin_s = max(begin_s, end_s - LONGEST_WORD_S * count)
    elif after is None:
        end_s = min(end_s, begin_s + LONGEST_WORD_S * count)
    return Span(begin_s, max(begin_s, end_s))


def _shown(words: Sequence[str]) -> str:
    return '"' + " ".join(words[:SHOWN_WORDS]) + ('"' if len(words) <= SHOWN_WORDS else ' ..."')


def _misfit(found: Matches, heard: int) -> TranscriptError:
    why = f"only {found.anchored:.0%} of the {heard} words that are heard are in it" if heard else "nobody speaks"
    return TranscriptError(
        "INPUT_TRANSCRIPT_MISFIT",
        f"The transcript that was given is not this video's: {why}.",
        "Give the transcript of this video, in the language that is spoken, or leave out --transcript.",
    )
