"""What a file is made of: an intro, the clip and an outro, one fading into the next."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from clipmill_render.domain.graph import Timing

# Long enough to be seen as a fade; the clip's first and last moments are under it.
FADE_S = 0.3
# Less could not be faded at both of its ends.
LEAST_FRAMES = 4


@dataclass(frozen=True)
class Assembly:
    """The file in frames of the clip's rate: `intro` and `outro` are 0 where there is none."""

    clip: Timing
    intro: int = 0
    outro: int = 0

    @property
    def fade(self) -> int:
        """Frames of each crossfade."""
        shortest = min(part for part in (self.intro, self.clip.count, self.outro) if part)
        return max(1, min(round(FADE_S * self.clip.fps), shortest // 3))

    @property
    def begins(self) -> int:
        """The frame of the file in which the clip begins."""
        return self.intro - self.fade if self.intro else 0

    @property
    def outro_begins(self) -> int:
        return self.begins + self.clip.count - (self.fade if self.outro else 0)

    @property
    def begins_s(self) -> float:
        return self.begins / self.clip.fps

    @property
    def whole(self) -> Timing:
        """The file's frames."""
        return Timing(self.outro_begins + (self.outro or 0), self.clip.rate, self.clip.fps)

    @property
    def is_plain(self) -> bool:
        """True when the clip is all of it."""
        return not (self.intro or self.outro)


def frames_of(length_s: float, timing: Timing) -> int:
    """A card's frames."""
    return max(LEAST_FRAMES, round(length_s * Fraction(timing.rate)))
