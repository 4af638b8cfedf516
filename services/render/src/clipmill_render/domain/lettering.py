"""A look of captions in pixels of the clip."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from clipmill.clips.v1.clips_pb2 import CaptionArea, CaptionLook
from clipmill_render.domain.captions import SpokenWord

# Pictographs, flags, and what joins or colours them.
_EMOJI = re.compile("[\u200d\u20e3\u2600-\u27bf\u2b00-\u2bff\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f]+")
# The apps draw over a video's top edge, too.
TOP = {True: 0.12, False: 0.06}
BOX_PADDING_OF_EM = 0.25


@dataclass(frozen=True)
class Lettering:
    """Where captions may stand, and how large they are; `look` says the rest.

    The margins keep text off what the apps draw over a video: in a vertical one about the lowest fifth, the top and a
    strip at the right.
    """

    width: int
    height: int
    em: int
    side_margin: int
    bottom_margin: int
    top_margin: int
    look: CaptionLook

    @property
    def outline(self) -> int:
        """Pixels around each letter."""
        wide = round(self.em * self.look.outline)
        return max(1, wide) if self.look.outline_colour and self.look.outline > 0 else 0

    @property
    def padding(self) -> int:
        """Pixels between the letters and the edge of their box."""
        return round(self.em * BOX_PADDING_OF_EM) if self.look.box_colour else 0

    @property
    def text_width(self) -> int:
        """Pixels for a line, without its outline."""
        return self.width - 2 * self.side_margin - 2 * self.outline


def lettering_for(width: int, height: int, look: CaptionLook, area: CaptionArea | None = None) -> Lettering:
    """A whole `look` for an output of `width` x `height`: vertical, square or wide; `area` says what to keep off."""
    ratio = width / height
    size, side, bottom = (0.085, 0.12, 0.25) if ratio < 0.8 else (0.07, 0.08, 0.10)
    if ratio > 1.3:
        size, side, bottom = 0.07, 0.15, 0.08
    if area is not None:
        side, bottom = area.side, area.bottom
    return Lettering(
        width,
        height,
        round(min(width, height) * size * look.size),
        round(width * side),
        round(height * bottom),
        round(height * TOP[ratio < 0.8]),
        look,
    )


def lettered(words: Iterable[SpokenWord], look: CaptionLook) -> Iterator[SpokenWord]:
    """`words` as the look writes them; one that is nothing but an emoji may be gone."""
    for word in words:
        text = word.text if look.emoji else _EMOJI.sub("", word.text).strip()
        if text:
            yield replace(word, text=text.upper() if look.uppercase else text)
