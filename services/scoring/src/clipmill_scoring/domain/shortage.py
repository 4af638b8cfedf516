"""Why there are fewer clips than asked for, and which option would change it. Every remedy has been tried."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from clipmill_scoring.domain.candidates import Candidates
from clipmill_scoring.domain.ranges import Ranges, longest_s
from clipmill_scoring.domain.selection import most_disjoint


@dataclass(frozen=True)
class Ask:
    """What is wanted: at most `clips` clips, each `min_s` to `max_s` seconds long, about something, inside `ranges`.

    `genre` is one of genres.GENRES, or none.
    """

    clips: int
    min_s: float
    max_s: float
    about: str = ""
    ranges: Ranges = ()
    genre: str = ""


@dataclass(frozen=True)
class Shortage:
    """`remedy` is an option as on the command line; where none would give more, to ask for as many as there are."""

    code: str
    message: str
    remedy: str


# What `--max` may say at most.
LONGEST_CLIP_S = 600
# Gives the candidates of the same video for other durations.
Retry = Callable[[float, float], Candidates]


def repeating(ask: Ask, got: int, with_repeats: int) -> Shortage | None:
    """The reason why `got` is less than `ask.clips` where there were `with_repeats` clips if repeats cost nothing."""
    if got >= ask.clips or with_repeats <= got:
        return None
    more = with_repeats - got
    return Shortage(
        "NO_ROOM_WITHOUT_REPEATS",
        f"{got} of the {ask.clips} clips asked for: {more} more would mostly say again what these say.",
        f"--clips {got}",
    )


def nothing_more_about(ask: Ask, got: int) -> Shortage | None:
    """The reason why `got` is less than `ask.clips` where the others were not about what was asked for."""
    if got >= ask.clips:
        return None
    if got == 0:
        return Shortage("NOTHING_ABOUT", f"Nothing that is said is about {ask.about!r}.", "other words for --about")
    return Shortage(
        "NO_MORE_ABOUT",
        f"{got} of the {ask.clips} clips asked for: nothing else is half as much about {ask.about!r}.",
        f"--clips {got}",
    )


def shortage(ask: Ask, got: int, duration_s: float, has_words: bool, retry: Retry, *, room: int = 0) -> Shortage | None:
    """The reason why `got` is less than `ask.clips`, or None when it is not.

    `room`: how many there would be if it were not asked how sure it is that they begin and end with sentences.
    """
    if got >= ask.clips:
        return None
    what = "sentence or run of sentences" if has_words else "shot or run of shots"
    remedy, possible = _try_options(ask, got, duration_s, retry)
    then = f" With {remedy} there would be room for {possible}." if possible > got else ""
    if duration_s < ask.min_s:
        return Shortage(
            "VIDEO_TOO_SHORT",
            f"The video lasts {duration_s:.1f} s, and a clip was to last at least {ask.min_s:g} s.{then}",
            remedy,
        )
    if (longest := longest_s(ask.ranges, duration_s)) < ask.min_s:
        lasts = f"lasts {longest:.1f} s" if longest > 0 else f"lies within the video, which ends at {duration_s:.1f} s"
        return Shortage(
            "RANGE_TOO_SHORT",
            f"A clip was to last at least {ask.min_s:g} s, and {'the longest' if longest > 0 else 'no'} range {lasts}."
            f"{then}",
            remedy,
        )
    if got == 0:
        return Shortage("NO_CLIP_IN_RANGE", f"No {what} lasts from {ask.min_s:g} to {ask.max_s:g} s.{then}", remedy)
    if most_disjoint_of(retry(ask.min_s, ask.max_s)) > got:
        return Shortage(
            "FEWER_SCORE_MORE",
            f"{got} of the {ask.clips} clips asked for: more would fit, but only smaller ones with a lower total score."
            f"{then}",
            remedy,
        )
    if room > got:
        return Shortage(
            "SENTENCE_ENDS_UNSURE",
            f"{got} of the {ask.clips} clips asked for: more would begin or end where it is not sure that a sentence "
            f"does.{then}",
            remedy,
        )
    return Shortage(
        "NO_ROOM_WITHOUT_OVERLAP",
        f"{got} of the {ask.clips} clips asked for: no more of {ask.min_s:g} to {ask.max_s:g} s fit into the video "
        f"without overlap.{then}",
        remedy,
    )


def most_disjoint_of(these: Candidates) -> int:
    return most_disjoint(these.start_s, these.end_s)


def _try_options(ask: Ask, got: int, duration_s: float, retry: Retry) -> tuple[str, int]:
    """The mildest option that gives more clips, and how many it makes room for (at most those asked for)."""

    def room(min_s: float, max_s: float) -> int:
        return min(most_disjoint_of(retry(min_s, max_s)), ask.clips)

    # A smaller minimum adds candidates, so room grows as it falls: the largest one is found by halving. (Where shots
    # give way to sentences it may shrink; then a milder value may be missed, but what is returned was tried.)
    whole = math.ceil(ask.min_s) - 1
    best = room(1.0, ask.max_s) if whole >= 1 else 0
    if best > max(got, room(ask.min_s, ask.max_s)):
        low, high = 1, whole
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if room(float(middle), ask.max_s) >= best else (low, middle - 1)
        return f"--min {low}", best
    longest = min(math.ceil(duration_s), LONGEST_CLIP_S)
    if longest > ask.max_s and (best := room(ask.min_s, float(longest))) > got:
        low, high = math.floor(ask.max_s) + 1, longest
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if room(ask.min_s, float(middle)) >= best else (middle + 1, high)
        return f"--max {low}", best
    return (f"--clips {got}" if got else "a wider --range" if ask.ranges else "a longer video"), got
