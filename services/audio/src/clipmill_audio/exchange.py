"""What crosses between the service and its child processes. Light: the service imports it at start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from clipmill.audio.v1.audio_pb2 import AudioAnalysis
from clipmill_audio.domain.engines import Choice, Engine
from clipmill_audio.domain.timed import Span


@dataclass(frozen=True)
class Reached:
    """An engine and where it is: a folder of weights, or an address with its key."""

    engine: Engine
    folder: Path | None = None
    url: str = ""
    key: SecretStr = field(default=SecretStr(""), repr=False)
    timeout_s: float = 0.0


@dataclass(frozen=True)
class Part:
    """What to hear: a range, in seconds, of a speech sound; by one of these engines, in a language or "auto"."""

    speech: Path
    range: Span
    engines: Sequence[Reached]
    language: str = "auto"
    best: bool = False
    # The given transcript's bytes; None: its words are recognised.
    transcript: bytes | None = None
    # True: voices are told apart.
    voices: bool = False
    # Names as they are to be written.
    vocabulary: Sequence[str] = ()
    # When the sound's first sample is, on the clock of the range.
    speech_start_s: float = 0.0


@dataclass(frozen=True)
class Earlier:
    """An earlier video's analysis of a range of its speech sound, which may be this range of this one; `Moved` or None
    is the answer. A moment here is about `offset_s` later than there."""

    speech: Path
    range: Span
    other_speech: Path
    other_range: Span
    offset_s: float
    analysis: AudioAnalysis


@dataclass(frozen=True)
class Moved:
    """The analysis on this video's clock, the exact offset, and how far speech stands above the rest of this sound."""

    analysis: AudioAnalysis
    offset_s: float
    above_rest_db: float | None


@dataclass(frozen=True)
class Recording:
    """A file with sound, to be read into `target` as the import's speech sound is: 16 kHz mono FLAC."""

    path: Path
    target: Path


@dataclass(frozen=True)
class Sound:
    """What a recording holds: its length, its track, and stretches that cover it, cut where nobody speaks."""

    duration_s: float
    track: int
    sample_rate_hz: int
    channels: int
    # The share of its samples at full scale.
    clipped: float
    stretches: tuple[Span, ...]


@dataclass(frozen=True)
class Heard:
    """The analysis without language and models, the reasons to doubt its words, how far speech stands above the rest of
    the sound, in dB, where that is known, and how many of the words English lacks or say again what was just said.

    `choice` is who heard it, `language` in which language; `detected` is how sure the model is that told the language,
    None where none did.
    """

    analysis: AudioAnalysis
    doubts: Sequence[str]
    above_rest_db: float | None
    unknown_words: int
    repeated_words: int
    choice: Choice
    language: str
    detected: float | None = None
    # What of a given transcript does not fit, each in a clause; None without one.
    unfit: Sequence[str] | None = None
