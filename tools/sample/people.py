"""The two people: photographs cut out of their backgrounds, with mouths that open.

Coordinates of faces and lips were read off the photographs by hand, in pixels as the packages ship them.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files

import cv2
import numpy as np
import numpy.typing as npt
from script_text import Speaker
from speech import SEED

Image = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1."""

MOUTH_LEVELS = 8
"""How many steps a mouth has between closed and open."""


@dataclass(frozen=True)
class Photo:
    """A photograph in a package and where things are in it, in pixels.

    `face` goes from the hairline to the chin. The lips meet on a curve from corner to corner: `mouth` is the left
    corner's x, the right corner's x, and y at the corners and in the middle. `opening` is how far the lower lip falls.
    `crop` is the part that is used; inside it, `person` holds ellipses (centre x, centre y, radius x, radius y) that
    surely belong to the person, `around` ones outside of which nothing does.
    """

    package: str
    path: str
    crop: tuple[int, int, int, int]
    face: Box
    mouth: tuple[float, float, float, float]
    opening: float
    person: tuple[tuple[int, int, int, int], ...]
    around: tuple[tuple[int, int, int, int], ...]


PHOTOS: dict[Speaker, Photo] = {
    "host": Photo(
        "skimage", "data/astronaut.png", (0, 0, 372, 345), (183, 78, 268, 180), (203, 246, 142, 149), 9,
        person=((226, 92, 60, 60), (224, 165, 34, 30), (212, 238, 76, 48), (200, 340, 140, 90)),
        around=((226, 88, 78, 76), (224, 165, 46, 40), (211, 222, 99, 76), (190, 400, 185, 200)),
    ),
    "guest": Photo(
        "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (0, 0, 512, 600), (190, 140, 338, 332),
        (228, 306, 280, 277), 14,
        person=((264, 220, 92, 105), (264, 95, 92, 60), (262, 520, 200, 170)),
        around=((264, 215, 122, 150), (266, 95, 112, 82), (262, 600, 262, 290)),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Sprite:
    """A person at one size: an image per mouth level, premultiplied by alpha, and what is left of the background.

    The latter is 255 - alpha in three channels. `face` is in the sprite's pixels.
    """

    levels: tuple[Image, ...]
    backdrop: Image
    face: Box


def cut_out(speaker: Speaker) -> tuple[Image, Image]:
    """The photograph (BGR) and the person's alpha, both of the photograph's crop."""
    photo = PHOTOS[speaker]
    with (files(photo.package) / photo.path).open("rb") as file:
        whole = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
    x0, y0, x1, y1 = photo.crop
    image = whole[y0:y1, x0:x1]
    mask = np.full(image.shape[:2], cv2.GC_BGD, np.uint8)
    for value, ellipses in ((cv2.GC_PR_FGD, photo.around), (cv2.GC_FGD, photo.person)):
        for cx, cy, rx, ry in ellipses:
            cv2.ellipse(mask, (cx - x0, cy - y0), (rx, ry), 0, 0, 360, int(value), -1)
    cv2.setRNGSeed(SEED)
    cv2.grabCut(image, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    person = np.where((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
    person = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(person)
    person[labels != 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA]))] = 0
    person = cv2.erode(person, np.ones((3, 3), np.uint8))
    return image, cv2.GaussianBlur(person, (0, 0), 1.2)


def open_mouth(image: Image, photo: Photo, amount: float) -> Image:
    """`image` (the photograph's crop) with the lower lip moved down and the dark of the mouth above it.

    `amount` is 0 (as photographed) to 1. Below the lip line y0 a pixel comes from y0 + (y - y0 - d) * h / (h - d),
    where d is the opening in its column and h the distance to the chin: the lip moves by d, the edge of the chin stays.
    """
    left, right, corner_y, middle_y = photo.mouth
    y, x = np.mgrid[0 : image.shape[0], 0 : image.shape[1]].astype(np.float32)
    across = (x - (left + right) / 2) / ((right - left) / 2)
    lip_y = middle_y + (corner_y - middle_y) * np.minimum(across**2, 1)
    fall = photo.opening * amount * np.clip(1 - across**2, 0, None) ** 0.7
    below, reach = y - lip_y, photo.face[3] + 4 - lip_y
    source = np.where((below > 0) & (below < reach), lip_y + np.maximum(below - fall, 0) * reach / (reach - fall), y)
    moved = cv2.remap(image, x, source.astype(np.float32), cv2.INTER_LINEAR)
    inside = np.clip(np.minimum(below + 0.5, fall - below + 0.5), 0, 1) * (fall > 0.3)
    dark = np.array([28, 22, 58], np.float32)  # BGR of the inside of a mouth
    return np.round(moved * (1 - inside[..., None]) + dark * inside[..., None]).astype(np.uint8)


def sprite(speaker: Speaker, cut: tuple[Image, Image], scale: float) -> Sprite:
    """The person enlarged `scale` times."""
    photo, (image, alpha) = PHOTOS[speaker], cut
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    big_alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_CUBIC)
    alpha3 = cv2.merge([big_alpha] * 3)
    levels = []
    for level in range(MOUTH_LEVELS):
        big = cv2.resize(open_mouth(image, photo, level / (MOUTH_LEVELS - 1)), size, interpolation=cv2.INTER_CUBIC)
        levels.append(cv2.multiply(big, alpha3, scale=1 / 255))
    x0, y0 = photo.crop[:2]
    fx0, fy0, fx1, fy1 = photo.face
    face = ((fx0 - x0) * scale, (fy0 - y0) * scale, (fx1 - x0) * scale, (fy1 - y0) * scale)
    return Sprite(tuple(levels), 255 - alpha3, face)
