"""From cuts and looks to the shots of a part."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from clipmill_vision.domain.palette import Colour, colour_sums, palette_of
from clipmill_vision.domain.phash import earlier_alike, phash
from clipmill_vision.domain.saliency import Salience, SaliencyFinder, mean_of
from clipmill_vision.domain.screen import is_drawn
from clipmill_vision.domain.text_areas import Text
from clipmill_vision.domain.thumbnail import Plane, plane_change

# A picture is black when so much of it is darker than DARK (both as ffmpeg's blackdetect has them).
DARK, DARK_SHARE = 0.1, 0.98


@dataclass(frozen=True)
class Look:
    """What was measured in one frame; what was not is None."""

    time_s: float
    # Mean luma, 0 to 1.
    brightness: float | None = None
    # Mean absolute change of luma since the sample before, 0 to 1.
    motion: float | None = None
    # See `laplacian_variance`.
    sharpness: float | None = None
    is_black: bool = False
    # See `phash` and `colour_sums`.
    phash: int | None = None
    colours: NDArray[np.float64] | None = None
    salience: Salience | None = None
    is_drawn: bool | None = None


@dataclass(frozen=True)
class Shot:
    """A half-open range on the video's clock, and the means of its looks."""

    start_s: float
    end_s: float
    begins_at_seam: bool
    motion: float = 0.0
    brightness: float = 0.0
    sharpness: float = 0.0
    palette: tuple[Colour, ...] = ()
    # The sharpest picture that was looked at: its time and hash; None where none was.
    keyframe_s: float | None = None
    phash: int | None = None
    # The number of the first earlier shot whose keyframe looks the same.
    looks_like: int | None = None
    salience: Salience | None = None
    # A slide, a shared screen or a title.
    is_screen: bool = False
    # Where something is written in the keyframe; None where nobody looked.
    text: Text | None = None


@dataclass
class Looks:
    """Gathers the looks of a part's frames, which come in order of time."""

    all: list[Look] = field(default_factory=list)
    # Where something is written, in pictures of some of these times.
    text: dict[float, Text] = field(default_factory=dict)
    _last: Plane | None = None
    _saliency: SaliencyFinder = field(default_factory=SaliencyFinder)

    def add(self, time_s: float, luma: Plane, *, full_range: bool) -> None:
        # Video levels go from 16 to 235; full-range ones from 0 to 255.
        low, span = (0.0, 255.0) if full_range else (16.0, 219.0)
        brightness = min(max((float(luma.mean()) - low) / span, 0.0), 1.0)
        is_comparable = self._last is not None and self._last.shape == luma.shape
        motion = plane_change(self._last, luma) / 255 if self._last is not None and is_comparable else None
        self._last = luma
        is_black = np.count_nonzero(luma <= low + DARK * span) >= DARK_SHARE * luma.size
        self.all.append(Look(time_s, brightness, motion, is_black=bool(is_black)))

    def add_picture(self, time_s: float, picture: NDArray[np.uint8], *, is_new_shot: bool) -> float:
        """`picture`: RGB, height x width x 3, upright; its sharpness."""
        green = picture[:, :, 1]
        sharpness = laplacian_variance(green)
        self.all.append(
            Look(
                time_s,
                sharpness=sharpness,
                phash=phash(green),
                colours=colour_sums(picture),
                salience=self._saliency.of(green, is_new_shot=is_new_shot),
                is_drawn=is_drawn(green),
            )
        )
        return sharpness


def laplacian_variance(luma: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian (the 4-neighbour kernel) of 8-bit luma: low for a blurred picture.

    J. L. Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000.
    """
    if min(luma.shape) < 3:
        return 0.0
    x = luma.astype(np.int16)
    inner = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:] - 4 * x[1:-1, 1:-1]
    return float(inner.var(dtype=np.float64))


def shots_of(start_s: float, end_s: float, boundaries: Sequence[float], looks: Looks, *, seam: bool) -> list[Shot]:
    """The part's shots: in order, not overlapping, covering [start_s, end_s).

    `boundaries` in any order, those outside of the part count not; `looks` in order of time; `seam` says that the
    part's beginning is not the video's.
    """
    edges = [start_s, *sorted({b for b in boundaries if start_s < b < end_s}), end_s]
    times = [look.time_s for look in looks.all]
    shots = []
    for number, (begin, end) in enumerate(pairwise(edges)):
        # Frames at a boundary belong to the shot that begins there.
        inside = looks.all[_first_from(times, begin) : _first_from(times, end)]
        shot = _shot(begin, end, inside, seam=seam and number == 0)
        shots.append(shot if shot.keyframe_s is None else replace(shot, text=looks.text.get(shot.keyframe_s)))
    alike = earlier_alike([shot.phash for shot in shots])
    return [replace(shot, looks_like=like) for shot, like in zip(shots, alike, strict=True)]


def _first_from(times: Sequence[float], at: float) -> int:
    return bisect_right(times, at - 1e-9)


def _shot(begin: float, end: float, looks: Sequence[Look], *, seam: bool) -> Shot:
    samples = [look for look in looks if look.brightness is not None]
    # The first sample's motion is the cut itself.
    motion = _mean([look.motion for look in samples[1:]])
    pictures = [look for look in looks if look.sharpness is not None]
    key = max(pictures, key=lambda look: look.sharpness or 0.0, default=None)
    colours = [look.colours for look in pictures if look.colours is not None]
    return Shot(
        begin,
        end,
        seam,
        motion,
        _mean([look.brightness for look in looks]),
        _mean([look.sharpness for look in looks]),
        tuple(palette_of(np.sum(colours, axis=0))) if colours else (),
        None if key is None else key.time_s,
        None if key is None else key.phash,
        salience=mean_of([look.salience for look in pictures if look.salience is not None]),
        is_screen=_mean([look.is_drawn for look in pictures]) > 0.5,
    )


def _mean(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else 0.0
