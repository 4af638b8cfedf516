"""The set and the slide: still pictures of 1280 x 720, drawn here."""

from __future__ import annotations

from importlib.resources import files

import cv2
import numpy as np
from people import Image
from PIL import Image as Drawing
from PIL import ImageDraw, ImageFont
from script_text import SLIDE_ROWS, SLIDE_TITLE

WIDTH, HEIGHT = 1280, 720
TABLE_TOP = 590
"""The row where the table of the wide shot begins; people go behind it."""


def studio() -> Image:
    """The wall behind the table: dark green with wooden slats, two lamps and their light."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    wall = np.empty((HEIGHT, WIDTH, 3), np.float32)
    wall[:] = (78, 84, 58)
    slats = ((x % 64) < 26) & (np.abs(x - WIDTH / 2) < 230)
    wall[slats] = (62, 96, 138)
    cv2.rectangle(wall, (60, 120), (250, 300), (120, 138, 150), -1)
    cv2.rectangle(wall, (74, 134), (236, 286), (92, 70, 50), -1)
    for lamp_x in (330, 950):
        cv2.circle(wall, (lamp_x, 150), 26, (190, 225, 250), -1)
    light = sum(np.exp(-((x - lx) ** 2 + (y - 150) ** 2) / (2 * 240**2)) for lx in (330, 950))
    wall *= (0.55 + 0.6 * light)[..., None]
    return cv2.GaussianBlur(np.clip(wall, 0, 255).astype(np.uint8), (0, 0), 3)


def close_background(wall: Image, left: int) -> Image:
    """What is behind a person in a close shot: the wall from column `left` on, enlarged and out of focus."""
    part = wall[60:420, left : left + 640]
    return cv2.GaussianBlur(cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), (0, 0), 14)


def put_table(frame: Image) -> None:
    """Draw the table over the lower part of a wide shot, in place."""
    shade = np.linspace(1, 0.55, HEIGHT - TABLE_TOP)[:, None, None]
    frame[TABLE_TOP:] = (np.array([52, 82, 120]) * shade).astype(np.uint8)
    frame[TABLE_TOP : TABLE_TOP + 6] = (96, 132, 170)


def slide() -> Image:
    """A full-screen slide: a title and a bar per row of SLIDE_ROWS."""
    page = Drawing.new("RGB", (WIDTH, HEIGHT), (244, 241, 234))
    draw = ImageDraw.Draw(page)
    draw.text((90, 70), SLIDE_TITLE, font=_font(64), fill=(30, 44, 60))
    widest = max(number for _, number in SLIDE_ROWS)
    for row, (label, number) in enumerate(SLIDE_ROWS):
        y = 220 + row * 115
        draw.text((90, y), label, font=_font(44), fill=(30, 44, 60))
        end = 390 + 660 * number // widest
        draw.rectangle((390, y, end, y + 56), fill=(196, 78, 52) if number == widest else (54, 112, 132))
        draw.text((end + 20, y), str(number), font=_font(44), fill=(30, 44, 60))
    return cv2.cvtColor(np.asarray(page), cv2.COLOR_RGB2BGR)


def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which Matplotlib ships."""
    with (files("matplotlib") / "mpl-data/fonts/ttf/DejaVuSans.ttf").open("rb") as file:
        return ImageFont.truetype(file, size)
