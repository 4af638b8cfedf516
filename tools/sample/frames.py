"""Frames: who is where in which shot, how heads move, and where the faces are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from people import MOUTH_LEVELS, Box, Image, Sprite, cut_out, sprite
from scenes import HEIGHT, WIDTH, close_background, put_table, slide, studio
from script_text import ShotKind, Speaker
from timeline import FPS, Timeline, dissolve

Envelopes = Mapping[Speaker, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Place:
    """A person in a shot: enlargement of the photograph, and where the middle of the face rests, in pixels."""

    speaker: Speaker
    scale: float
    x: float
    y: float


PLACES: dict[ShotKind, tuple[Place, ...]] = {
    "wide": (Place("host", 1.38, 390, 340), Place("guest", 0.78, 900, 330)),
    "close_host": (Place("host", 3.0, 560, 330),),
    "close_guest": (Place("guest", 1.6, 700, 372),),
    "slide": (),
}
CLOSE_LEFT: dict[ShotKind, int] = {"close_host": 40, "close_guest": 560}
"""First column of the wall that a close shot shows."""

SWAY: dict[Speaker, tuple[float, float]] = {"host": (0.0, 0.23), "guest": (1.7, 0.19)}
"""Phase in radians and frequency in Hz of each person's sway."""


class Camera:
    """Draws frames of the timeline and says where the faces are in them."""

    def __init__(self, timeline: Timeline, envelopes: Envelopes) -> None:
        self._timeline = timeline
        kernel = np.hanning(FPS)
        self._mouths = {s: np.round(e * (MOUTH_LEVELS - 1)).astype(int) for s, e in envelopes.items()}
        self._lively = {s: np.convolve(e, kernel / kernel.sum(), "same") for s, e in envelopes.items()}
        cuts = {speaker: cut_out(speaker) for speaker in envelopes}
        self._sprites = {p: sprite(p.speaker, cuts[p.speaker], p.scale) for places in PLACES.values() for p in places}
        wall = studio()
        self._stills: dict[ShotKind, Image] = {"wide": wall, "slide": slide()}
        self._stills |= {kind: close_background(wall, left) for kind, left in CLOSE_LEFT.items()}

    def frame(self, index: int) -> Image:
        """The frame as it is seen, 720 x 1280 BGR."""
        number = self._shot_at(index)
        shot = self._timeline.shots[number]
        picture = self._draw(shot.kind, index)
        mixed = dissolve(shot)
        if mixed and index in mixed:
            weight = (index - mixed.start + 1) / (len(mixed) + 1)
            before = self._draw(self._timeline.shots[number - 1].kind, index)
            picture = cv2.addWeighted(before, 1 - weight, picture, weight, 0)
        return picture

    def faces(self, index: int) -> dict[Speaker, Box]:
        """Face boxes in fractions of the frame. In a dissolve they are those of the shot that is seen more."""
        number = self._shot_at(index)
        shot = self._timeline.shots[number]
        mixed = dissolve(shot)
        if mixed and index < mixed.start + len(mixed) // 2:
            shot = self._timeline.shots[number - 1]
        boxes: dict[Speaker, Box] = {}
        for place in PLACES[shot.kind]:
            x0, y0, x1, y1 = self._sprites[place].face
            corners = np.array([[x0, y0, 1], [x1, y0, 1], [x0, y1, 1], [x1, y1, 1]])
            at = corners @ self._pose(place, index).T
            (left, top), (right, bottom) = at.min(axis=0), at.max(axis=0)
            boxes[place.speaker] = (left / WIDTH, top / HEIGHT, right / WIDTH, bottom / HEIGHT)
        return boxes

    def _shot_at(self, index: int) -> int:
        return next(i for i, shot in enumerate(self._timeline.shots) if index < shot.end_frame)

    def _draw(self, kind: ShotKind, index: int) -> Image:
        picture = self._stills[kind].copy()
        for place in PLACES[kind]:
            self._put(picture, place, index)
        if kind == "wide":
            put_table(picture)
        return picture

    def _put(self, picture: Image, place: Place, index: int) -> None:
        """Mix a person into the picture, in place: premultiplied colour plus what is left of the background."""
        person: Sprite = self._sprites[place]
        pose = self._pose(place, index)
        height, width = person.backdrop.shape[:2]
        corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]]) @ pose.T
        left, top = np.clip(np.floor(corners.min(axis=0)).astype(int) - 1, 0, (WIDTH, HEIGHT))
        right, bottom = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, (WIDTH, HEIGHT))
        pose[:, 2] -= (left, top)
        size = (int(right - left), int(bottom - top))
        level = person.levels[int(self._mouths[place.speaker][index])]
        colour = cv2.warpAffine(level, pose, size, flags=cv2.INTER_LINEAR)
        rest = cv2.warpAffine(person.backdrop, pose, size, flags=cv2.INTER_LINEAR, borderValue=(255, 255, 255))
        region = picture[top:bottom, left:right]
        cv2.add(cv2.multiply(region, rest, scale=1 / 255), colour, dst=region)

    def _pose(self, place: Place, index: int) -> npt.NDArray[np.float64]:
        """Sprite pixels to frame pixels (2 x 3): a slow sway and tilt, and nods that grow while the person speaks."""
        phase, frequency = SWAY[place.speaker]
        at = 2 * np.pi * frequency * index / FPS + phase
        x0, y0, x1, y1 = self._sprites[place].face
        size = y1 - y0
        lively = 0.3 + float(self._lively[place.speaker][index])
        angle = np.radians(1.4) * np.sin(0.7 * at + 1)
        dx = 0.05 * size * np.sin(at)
        dy = size * (0.012 * np.sin(1.3 * at) + 0.02 * lively * np.sin(4.1 * at))
        cos, sin = np.cos(angle), np.sin(angle)
        pivot = np.array([(x0 + x1) / 2, y1 + size])  # heads tilt about the neck
        rest = np.array([place.x + dx, place.y + dy + 1.5 * size])
        turn = np.array([[cos, -sin], [sin, cos]])
        return np.hstack([turn, (rest - turn @ pivot)[:, None]])
