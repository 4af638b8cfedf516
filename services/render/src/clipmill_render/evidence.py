"""What a finished clip shows and sounds like, beside what was meant: looked for in what was decoded of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipmill_render import commands
from clipmill_render.domain.graph import Timing
from clipmill_render.domain.loudness import MAX_GAIN_DB, TOLERANCE_LU, Gain, Measured

# Captions are looked for in so many frames: in the middle of the longest ones.
WITNESSES = 2
# A pixel that a caption covers differs so much from the still without it (of 255), and this share of the frame does at
# least: a caption of two letters has ten times as many, what the encoder changes is a hundredth.
DIFFERS = 60
LEAST_SHARE = 0.0003
# The sound's place is sought within this.
FARTHEST_S = 1.0
QUIET = 1e-4

Floats = NDArray[np.float32]
_EVENT = re.compile(r"^Dialogue: \d+,(\d+):(\d+):([\d.]+),(\d+):(\d+):([\d.]+),(?:[^,]*,){6}(.*)$", re.MULTILINE)


def caption_frames(ass: str, timing: Timing) -> list[int]:
    """Frames in which a caption of the ASS file stands, ascending; none where it has none."""
    found = []
    for hours, minutes, seconds, hours2, minutes2, seconds2, text in _EVENT.findall(ass):
        start_s = 3600 * int(hours) + 60 * int(minutes) + float(seconds)
        end_s = 3600 * int(hours2) + 60 * int(minutes2) + float(seconds2)
        letters = len(re.sub(r"{[^}]*}|\\[Nnh]|\s", "", text))
        found.append((letters, min(int((start_s + end_s) / 2 * timing.fps), timing.count - 1)))
    return sorted({frame for letters, frame in sorted(found, reverse=True)[:WITNESSES] if letters})


def captions_seen(shown: Sequence[NDArray[np.uint8]], stills: Sequence[Path]) -> bool:
    """True when every frame `shown` (its luma, 16 to 235) differs from its still, taken before captions were drawn."""
    from PIL import Image

    for frame, still in zip(shown, stills, strict=True):
        with Image.open(still) as picture:
            plain = np.asarray(picture.convert("L"), np.int32)
        plain = 16 + plain * 219 // 255
        if plain.shape != frame.shape or (np.abs(frame - plain) > DIFFERS).mean() < LEAST_SHARE:
            return False
    return True


def sound_lag_s(folder: Path) -> float:
    """How much later the clip's sound comes than it was meant to; 0 in silence. Of what result_command wrote."""
    heard, meant = (np.fromfile(folder / name, "<f4") for name in (commands.HEARD, commands.MEANT))
    if not len(heard) or not len(meant) or max(np.abs(meant).max(), np.abs(heard).max()) < QUIET:
        return 0.0
    size = 1 << (len(heard) + len(meant) - 1).bit_length()
    common = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(meant, size)), size)
    farthest = min(round(FARTHEST_S * commands.COMPARED_HZ), size // 2 - 1)
    near = np.concatenate([common[-farthest:], common[: farthest + 1]])
    return float(int(near.argmax()) - farthest) / commands.COMPARED_HZ


def loudness_missed(result: Measured, gain: Gain, target_lufs: float) -> bool:
    """True when `gain` should have brought the sound to the target, and did not; what is too quiet or too uneven for
    that is told to the user instead (LOUDNESS_MISSED).
    """
    if result.is_silent:
        return gain.gain_db > 0
    below = gain.limited or gain.gain_db >= MAX_GAIN_DB
    off = result.loudness_lufs - target_lufs
    return off > TOLERANCE_LU or (off < -TOLERANCE_LU and not below)
