"""The talk on the clock: when each word, sentence, turn, event and shot is, in seconds from the first frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from script_text import (
    DISSOLVE_FRAMES,
    FIRST_SHOT,
    SENTENCE_GAP_S,
    TALK,
    TURN_GAP_S,
    EventKind,
    Line,
    Pause,
    ShotKind,
    Speaker,
    Transition,
)
from speech import RATE, Spoken
from word_times import WordTime

FPS = 25
WHOLE_FRAMES = 8
"""The length is a multiple of 8 frames (0.32 s), which is 15 AAC frames of 1024 samples: both streams end together."""

END_S = 0.5
SHORTEST_EVENT_S = 1.0


@dataclass(frozen=True)
class Sentence:
    """A sentence from the start of its first word to the end of its last, its words on the clock, and its samples."""

    speaker: Speaker
    text: str
    start_s: float
    end_s: float
    words: tuple[WordTime, ...]
    spoken: Spoken
    audio_start_s: float
    """When the first sample of `spoken` sounds; samples reach a little beyond the words on both sides."""


@dataclass(frozen=True)
class Span:
    """A turn of a speaker, or an event."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Shot:
    """Frames [start_frame, end_frame). A shot that a dissolve leads into starts at the first mixed frame."""

    kind: ShotKind
    start_frame: int
    end_frame: int
    transition: Transition


@dataclass(frozen=True)
class Timeline:
    """Everything that happens in the video."""

    frames: int
    sentences: tuple[Sentence, ...]
    turns: tuple[Span, ...]
    events: tuple[Span, ...]
    shots: tuple[Shot, ...]

    @property
    def duration_s(self) -> float:
        """Length of the video in seconds."""
        return self.frames / FPS


def lay_out(spoken: Sequence[Spoken]) -> Timeline:
    """Place the sentences, given in the order of TALK's lines, with TALK's pauses, events and shots."""
    voices = iter(spoken)
    sentences: list[Sentence] = []
    events: list[Span] = []
    starts: list[tuple[int, ShotKind, Transition]] = [(0, FIRST_SHOT, "cut")]
    now_s = 0.0
    before: Line | Pause | None = None
    for part in TALK:
        if isinstance(part, Pause):
            if part.duration_s >= SHORTEST_EVENT_S:
                events.append(_event(part.kind, now_s, part.duration_s))
            if part.shot:
                starts.append((round((now_s + 0.2) * FPS), part.shot, "cut"))
            now_s += part.duration_s
        else:
            sentence = _place(part, next(voices), now_s + _gap_s(part, before))
            sentences.append(sentence)
            if part.shot:
                starts.append((round((sentence.start_s - part.shot_lead_s) * FPS), part.shot, part.transition))
            now_s = sentence.end_s
        before = part
    frames = math.ceil((now_s + END_S) * FPS / WHOLE_FRAMES) * WHOLE_FRAMES
    ends = [start for start, _, _ in starts[1:]] + [frames]
    shots = tuple(Shot(kind, start, end, how) for (start, kind, how), end in zip(starts, ends, strict=True))
    return Timeline(frames, tuple(sentences), _turns(sentences), tuple(events), shots)


def dissolve(shot: Shot) -> range | None:
    """Frames in which this shot and the one before it are mixed, or None after a cut."""
    return range(shot.start_frame, shot.start_frame + DISSOLVE_FRAMES) if shot.transition == "dissolve" else None


def _gap_s(line: Line, before: Line | Pause | None) -> float:
    if line.gap_s is not None:
        return line.gap_s
    same_speaker = isinstance(before, Line) and before.speaker == line.speaker
    return SENTENCE_GAP_S if same_speaker else TURN_GAP_S


def _place(line: Line, spoken: Spoken, at_s: float) -> Sentence:
    """The sentence with its first word at `at_s`, moved to a whole sample so that the truth is exact."""
    first = spoken.words[0].start_s
    audio_start_s = round((at_s - first) * RATE) / RATE
    words = tuple(WordTime(w.text, w.start_s + audio_start_s, w.end_s + audio_start_s) for w in spoken.words)
    return Sentence(line.speaker, line.text, words[0].start_s, words[-1].end_s, words, spoken, audio_start_s)


def _event(kind: EventKind, start_s: float, duration_s: float) -> Span:
    return Span(kind, start_s, start_s + duration_s)


def _turns(sentences: Sequence[Sentence]) -> tuple[Span, ...]:
    turns: list[Span] = []
    for sentence in sentences:
        if turns and turns[-1].name == sentence.speaker:
            turns[-1] = Span(sentence.speaker, turns[-1].start_s, sentence.end_s)
        else:
            turns.append(Span(sentence.speaker, sentence.start_s, sentence.end_s))
    return tuple(turns)
