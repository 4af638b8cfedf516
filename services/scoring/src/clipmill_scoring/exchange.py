"""What crosses between the service and its child processes. Light: the service imports it at start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipmill.audio.v1.audio_pb2 import AudioAnalysis
from clipmill.clips.v1.clips_pb2 import ScoringTask
from clipmill.models.v1.models_pb2 import PinnedVersion
from clipmill.vision.v1.vision_pb2 import VisionAnalysis

if TYPE_CHECKING:
    from clipmill_scoring.domain.choose import Choice


@dataclass(frozen=True)
class Request:
    task: ScoringTask
    audio: list[AudioAnalysis]
    vision: list[VisionAnalysis]
    # True when the candidates are to be kept, too.
    keeps_candidates: bool = False
    # The table of the clip scorer's version that the job has; empty for the weights set by hand.
    weights: bytes = b""


@dataclass(frozen=True)
class Chosen:
    choice: Choice
    # True when the sentence encoder took part.
    sentences_compared: bool
    # A serialized CandidateTable; empty unless it was asked for.
    candidates: bytes = b""
    # A serialized clipmill.audio.v1.Diarization; empty where voices were not told apart.
    diarization: bytes = b""
    # A serialized clipmill.vision.v1.Cast; empty where nobody is seen.
    cast: bytes = b""
    # Of shots that were described: start, end in seconds, and the text.
    described: tuple[tuple[float, float, str], ...] = ()
    # A serialized PassageSample; empty unless candidates were asked for, or where something else was.
    sample: bytes = b""


def scorer_of(task: ScoringTask) -> PinnedVersion | None:
    """The version of the clip scorer that the task's job has; None for the weights set by hand."""
    return next((pinned for pinned in task.pinned if pinned.model == "clip_scorer"), None)
