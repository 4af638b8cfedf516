"""A live source as it is told: how far it is, what was said, and candidates, each once."""

from __future__ import annotations

import re

import click

from clipmill.clips.v1.clips_pb2 import ClipHead
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.jobs.v1.jobs_pb2 import LiveProgress

_UNITS_S = {"s": 1, "m": 60, "h": 3600}


def seconds_of(_context: click.Context, _option: click.Parameter, told: str | None) -> float:
    """A duration of 90, 90s, 10m or 2h in seconds; 0 where none was said."""
    if told is None:
        return 0.0
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", told)
    if not found or not float(found[1]):
        raise click.BadParameter(f"{told!r} is no duration; say 90, 10m or 2h.")
    return float(found[1]) * _UNITS_S[found[2] or "s"]


class LiveNews:
    """What is new in each snapshot, as lines for people."""

    def __init__(self) -> None:
        self._said = 0
        self._shown: set[str] = set()

    def of(self, live: LiveProgress) -> list[str]:
        news = []
        for line in live.lines:
            if line.number >= self._said:
                self._said = line.number + 1
                news.append(f"{span(line.range)}  {line.text}")
        for clip in live.candidates:
            if clip.clip_id not in self._shown:
                self._shown.add(clip.clip_id)
                news.append(_candidate(clip))
        return news


def standing(live: LiveProgress) -> str:
    """How far it is, in a line."""
    ended = "ended at" if live.ended else "recorded"
    return f"Live       {ended} {clock(live.recorded_s)}, heard {clock(live.heard_s)}, seen {clock(live.seen_s)}"


def clock(time_s: float) -> str:
    """m:ss, or h:mm:ss."""
    minutes, seconds = divmod(int(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def span(of: TimeRange) -> str:
    return f"[{clock(of.start_s)}-{clock(of.end_s)}]"


def _candidate(clip: ClipHead) -> str:
    # Said each time: it may not be among the clips that are made in the end.
    return f"Candidate {span(clip.range)} {clip.score:.0f}: {clip.title}"
