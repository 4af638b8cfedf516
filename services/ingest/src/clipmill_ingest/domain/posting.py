"""The rules of a place that clips are posted to, and what they make of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clipmill.clips.v1.clips_pb2 import Aspect, CaptionArea, ClipOptions

_ASPECTS = {"9:16": Aspect.ASPECT_9_16, "1:1": Aspect.ASPECT_1_1, "16:9": Aspect.ASPECT_16_9}


@dataclass(frozen=True)
class Rules:
    """One table of platforms.toml, which says what each is."""

    aspect: str
    min_s: float
    max_s: float
    shortest_s: float
    longest_s: float
    loudness_lufs: float
    caption_side: float
    caption_bottom: float

    def __post_init__(self) -> None:
        if self.aspect not in _ASPECTS or not 0 < self.shortest_s <= self.min_s < self.max_s <= self.longest_s:
            raise ValueError(f"{self} does not hold together")

    def defaults(self) -> ClipOptions:
        """What a request means that says no more than the platform."""
        return ClipOptions(
            aspect=_ASPECTS[self.aspect], min_s=self.min_s, max_s=self.max_s, loudness_lufs=self.loudness_lufs
        )

    def fitted(self, options: ClipOptions) -> ClipOptions:
        """`options`, completed, with the area of captions where the picture has the platform's shape."""
        if options.aspect == _ASPECTS[self.aspect] and not options.HasField("caption_area"):
            options.caption_area.CopyFrom(CaptionArea(side=self.caption_side, bottom=self.caption_bottom))
        return options

    def fault_of(self, name: str, options: ClipOptions) -> tuple[str, str] | None:
        """What the platform would not take, and what to do."""
        if options.min_s >= self.shortest_s and options.max_s <= self.longest_s:
            return None
        return (
            f"{name} takes clips of {self.shortest_s:g} to {self.longest_s:g} s, not of {options.min_s:g} to "
            f"{options.max_s:g} s.",
            "Ask for a length within that, or leave the platform out.",
        )


Platforms = Mapping[str, Rules]
