"""The parts of a recording in a folder, each announced by a file beside it when it is whole. Runs in the child."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from clipmill.common.v1.common_pb2 import TimeRange, Warning  # noqa: A004 - the message's name
from clipmill.media.v1.media_pb2 import MediaInfo, RecordedPart
from clipmill.work.v1.work_pb2 import Stage

if TYPE_CHECKING:
    # It brings numpy, and the service reads this module, too.
    from clipmill_ingest.domain.parts import Span

NAMES = {Stage.STAGE_AUDIO: "sound", Stage.STAGE_VISION: "picture"}


def announced(folder: Path, stage: Stage.ValueType, number: int) -> Path:
    """The file that says that a part is whole."""
    return folder / f"{NAMES[stage]}-{number:05d}.part"


def media(folder: Path, stage: Stage.ValueType, number: int) -> Path:
    return folder / f"{NAMES[stage]}-{number:05d}.media"


class Parts:
    """Counts the parts of each stage. What there is to warn of travels with the next part of the picture."""

    def __init__(self, folder: Path, sounds: int, pictures: int) -> None:
        self._folder = folder
        self._next = {Stage.STAGE_AUDIO: sounds, Stage.STAGE_VISION: pictures}
        self.source_start_s = 0.0
        self.warnings: list[Warning] = []

    def sound_path(self) -> Path:
        return media(self._folder, Stage.STAGE_AUDIO, self._next[Stage.STAGE_AUDIO])

    def picture_path(self) -> Path:
        return media(self._folder, Stage.STAGE_VISION, self._next[Stage.STAGE_VISION])

    def add_sound(self, span: Span) -> None:
        self._add(Stage.STAGE_AUDIO, RecordedPart(info=MediaInfo(duration_s=span.end_s)), span)

    def add_picture(self, span: Span, info: MediaInfo) -> None:
        self._add(Stage.STAGE_VISION, RecordedPart(info=info, warnings=self.warnings), span)
        self.warnings = []

    def _add(self, stage: Stage.ValueType, part: RecordedPart, span: Span) -> None:
        part.stage, part.number, part.source_start_s = stage, self._next[stage], self.source_start_s
        part.part.CopyFrom(TimeRange(start_s=span.start_s, end_s=span.end_s))
        self._next[stage] += 1
        path = announced(self._folder, stage, part.number)
        # Whoever looks sees it whole or not at all.
        partial = path.with_suffix(".new")
        partial.write_bytes(part.SerializeToString())
        partial.rename(path)
