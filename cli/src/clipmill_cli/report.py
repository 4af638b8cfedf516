"""report.html: the clips beside their scores and a timeline of the source. Opens from disk, needs no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment

from clipmill.audio.v1.audio_pb2 import Word
from clipmill_cli.results import ClipRecord, EventRecord, FeatureRecord, ResultRecord
from clipmill_cli.table import clock

# Words nearer than this are drawn as one stretch of speech.
SPEECH_GAP_S = 1.0


@dataclass(frozen=True)
class Stretch:
    """A part of the timeline, in per cent of the source's length."""

    left: float
    width: float


def speech(words: list[Word], duration_s: float) -> list[Stretch]:
    """Where somebody speaks, for drawing."""
    stretches: list[tuple[float, float]] = []
    for word in words:
        if stretches and word.start_s - stretches[-1][1] < SPEECH_GAP_S:
            stretches[-1] = (stretches[-1][0], word.end_s)
        else:
            stretches.append((word.start_s, word.end_s))
    return [_stretch(start, end, duration_s) for start, end in stretches]


def _stretch(start_s: float, end_s: float, duration_s: float) -> Stretch:
    return Stretch(100 * start_s / duration_s, 100 * (end_s - start_s) / duration_s)


def _pieces(clip: ClipRecord) -> list[tuple[float, float]]:
    return [(piece.start_s, piece.end_s) for piece in clip.pieces] or [(clip.start_s, clip.end_s)]


def strongest(clip: ClipRecord, most: int = 8) -> list[FeatureRecord]:
    """The features that moved the score most, either way."""
    moved = (f for f in clip.features if abs(f.added) >= 0.05)
    return sorted(moved, key=lambda f: -abs(f.added))[:most]


def report(result: ResultRecord, words: list[Word], events: Sequence[EventRecord] = ()) -> str:
    """The page's HTML; `events` are of the whole source. Every text is escaped: a title may hold anything."""
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["clock"] = clock
    template = environment.from_string((files("clipmill_cli") / "templates/report.html.j2").read_text("utf-8"))
    duration = max(result.source.duration_s, 0.001)
    return template.render(
        result=result,
        speech=speech(words, duration),
        events=[(event, _stretch(event.start_s, event.end_s, duration)) for event in events],
        spans=[(clip, _stretch(start_s, end_s, duration)) for clip in result.clips for start_s, end_s in _pieces(clip)],
        pieces={clip.rank: _pieces(clip) for clip in result.clips},
        strongest={clip.rank: strongest(clip) for clip in result.clips},
    )
