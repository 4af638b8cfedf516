"""What crosses between the service and its child processes. Light: the service imports it at start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from clipmill.audio.v1.audio_pb2 import AudioAnalysis
from clipmill_audio.domain.timed import Span


@dataclass(frozen=True)
class Part:
    """What to hear: a range, in seconds, of a speech sound."""

    speech: Path
    range: Span


@dataclass(frozen=True)
class Heard:
    """The analysis without language and models, the reasons to doubt its words, how far speech stands above the rest of
    the sound, in dB, where that is known, and how many of the words English lacks or say again what was just said."""

    analysis: AudioAnalysis
    doubts: Sequence[str]
    above_rest_db: float | None
    unknown_words: int = 0
    repeated_words: int = 0
