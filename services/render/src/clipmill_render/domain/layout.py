"""Sizes: which window of the picture is kept, and how large it is written."""

from __future__ import annotations

from dataclasses import dataclass

from clipmill.clips.v1.clips_pb2 import ASPECT_1_1, ASPECT_9_16, ASPECT_16_9, Aspect
from clipmill.common.v1.common_pb2 import PROFILE_BEST, Profile

RATIOS = {ASPECT_9_16: 9 / 16, ASPECT_1_1: 1.0, ASPECT_16_9: 16 / 9}
# Beyond twice its pixels a picture only looks worse and costs more.
MAX_ENLARGEMENT = 2.0
SHORT_SIDE_FAST = 720
SHORT_SIDE_BEST = 1080


@dataclass(frozen=True)
class Layout:
    """The window that is kept, as fractions of the shown picture, and the size it is written in.

    One of `window_width` and `window_height` is 1: the window is the largest of its shape, and it can move along
    the other axis only. `enlargement` is output pixels over source pixels; `limited` is true when the source is too
    small for the size that the profile asks for.
    """

    window_width: float
    window_height: float
    width: int
    height: int
    enlargement: float
    limited: bool

    @property
    def horizontal(self) -> bool:
        """True when the window moves sideways (or not at all)."""
        return self.window_height == 1.0

    @property
    def window(self) -> float:
        """The window's size along the axis on which it moves, as a fraction of the picture."""
        return self.window_width if self.horizontal else self.window_height

    @property
    def shown_width(self) -> float:
        """The whole picture's, in square pixels of the source."""
        return self.width / (self.window_width * self.enlargement)

    @property
    def shown_height(self) -> float:
        return self.height / (self.window_height * self.enlargement)

    @property
    def is_whole(self) -> bool:
        """True when nothing of the picture is cut off."""
        return self.window_width == 1.0 and self.window_height == 1.0


def layout_for(aspect: Aspect.ValueType, profile: Profile.ValueType, shown_width: int, shown_height: int) -> Layout:
    """The layout for a picture of `shown_width` x `shown_height` square pixels.

    The short side is 720 pixels (profile fast) or 1080 (best), less where that would enlarge the picture more than
    twice. The aspect `source` keeps the picture's shape and never enlarges it.
    """
    shown = shown_width / shown_height
    ratio = RATIOS.get(aspect, shown)
    wide = min(1.0, ratio / shown)
    high = min(1.0, shown / ratio)
    short = min(shown_width * wide, shown_height * high)
    wanted = (SHORT_SIDE_BEST if profile == PROFILE_BEST else SHORT_SIDE_FAST) / short
    most = MAX_ENLARGEMENT if aspect in RATIOS else 1.0
    factor = min(wanted, most)
    return Layout(
        window_width=wide,
        window_height=high,
        width=even(shown_width * wide * factor),
        height=even(shown_height * high * factor),
        enlargement=factor,
        limited=aspect in RATIOS and wanted > most,
    )


def even(pixels: float) -> int:
    """Chroma is stored for squares of two by two pixels."""
    return max(2, 2 * round(pixels / 2))
