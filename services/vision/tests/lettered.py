"""Pictures with text, and where it is: lines rendered over photographs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import distribution

from clipmill_vision.domain.text_areas import TextArea
from PIL import Image, ImageDraw, ImageFont

LINES = (
    "Revenue grew in every region", "Costs fell", "The line that moves", "Hiring follows demand", "Q3 2026: +14 %",
    "Dr. Ada Byron, mathematician", "BREAKING NEWS", "subscribe for more", "www.example.org/talk", "So what is next?",
)  # fmt: skip
# Pixels of a picture that is 720 high: 4.4 % of it and more.
SIZES = (32, 40, 56, 80)
PLATE_PIXELS = 12


@dataclass(frozen=True)
class Line:
    """In pixels, as drawn."""

    x0: float
    y0: float
    x1: float
    y1: float
    size: int


def lettered(photo: Image.Image, seed: int, sizes: Sequence[int] = SIZES) -> tuple[Image.Image, list[Line]]:
    """The photograph with one to three lines on it: plain, outlined or on a plate, anywhere."""
    chance = random.Random(seed)
    picture = photo.copy()
    draw = ImageDraw.Draw(picture, "RGBA")
    lines: list[Line] = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        size, style = chance.choice(sizes), chance.choice(("plain", "outline", "outline", "light plate", "dark plate"))
        face = chance.choice(("Regular", "Bold"))
        path = distribution("font-roboto").locate_file(f"font_roboto/files/Roboto-{face}.ttf")
        font, text = ImageFont.truetype(str(path), size), chance.choice(LINES)
        length = font.getlength(text)
        if length > picture.width - 100:
            continue
        x = chance.uniform(40, picture.width - 40 - length)
        y = chance.uniform(30, picture.height - 30 - 1.3 * size)
        x0, y0, x1, y1 = draw.textbbox((x, y), text, font=font)
        if any(x0 < o.x1 + 40 and o.x0 < x1 + 40 and y0 < o.y1 + 40 and o.y0 < y1 + 40 for o in lines):
            continue
        if "plate" in style:
            plate = (x0 - PLATE_PIXELS, y0 - PLATE_PIXELS, x1 + PLATE_PIXELS, y1 + PLATE_PIXELS)
            draw.rectangle(plate, fill=(250, 250, 250, 255) if style == "light plate" else (10, 20, 60, 200))
        colour = (20, 20, 20) if style == "light plate" else chance.choice(((255, 255, 255), (255, 230, 0)))
        draw.text(
            (x, y), text, font=font, fill=colour, stroke_width=max(1, size // 16) * (style == "outline"), stroke_fill=0
        )
        lines.append(Line(x0, y0, x1, y1, size))
    return picture, lines


@dataclass
class Counts:
    """Of lines: how many there are, and were found. Of areas: how many are told, and lie where no line is."""

    lines: int = 0
    found: int = 0
    areas: int = 0
    false: int = 0

    def add(self, truth: Sequence[Line], areas: Sequence[TextArea], width: int, height: int) -> None:
        """A line is found when half of it is covered; an area is false when less than half of it is."""
        told = [Line(a.x0 * width, a.y0 * height, a.x1 * width, a.y1 * height, 0) for a in areas]
        around = [Line(t.x0 - 14, t.y0 - 14, t.x1 + 14, t.y1 + 14, 0) for t in truth]
        self.lines += len(truth)
        self.found += sum(2 * sum(_common(line, box) for box in told) >= _common(line, line) for line in truth)
        self.areas += len(told)
        self.false += sum(2 * sum(_common(box, line) for line in around) < _common(box, box) for box in told)


def _common(a: Line, b: Line) -> float:
    return max(0.0, min(a.x1, b.x1) - max(a.x0, b.x0)) * max(0.0, min(a.y1, b.y1) - max(a.y0, b.y0))
