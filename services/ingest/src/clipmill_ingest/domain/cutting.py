"""Where a sound that still goes on is cut into parts, and where its picture is: what has passed alone decides.

The same content is cut in the same places however fast it comes, so that what was analysed before is known again.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# A part of the sound is at least half as long as at most. Short parts tell soon what was said.
SOUND_S = 15.0
# A pause is this long, and all of it so far below the speech: about as many as there are sentences, and few within one.
PAUSE_S = 0.3
PAUSE_DB = 25.0
PICTURE_S = 30.0
# Parts grow with the stream, so that its job keeps fewer than 1,000 of them in four hours.
SOUND_SHARE = 0.005
PICTURE_SHARE = 0.02


def sound_s(elapsed_s: float) -> tuple[float, float]:
    """The shortest and the longest part of the sound that begins at `elapsed_s`."""
    longest_s = max(SOUND_S, SOUND_SHARE * elapsed_s)
    return longest_s / 2, longest_s


def picture_s(elapsed_s: float) -> float:
    """How long a part of the picture is that begins at `elapsed_s`; it goes on to the next keyframe."""
    return max(PICTURE_S, PICTURE_SHARE * elapsed_s)


def sound_cut(level_db: npt.NDArray[np.float32], step_s: float, elapsed_s: float) -> int | None:
    """At which step to end a part that began at `elapsed_s`, of which these levels are known; None: not yet.

    `level_db[i]` is the level of [i * step_s, (i + 1) * step_s) of the part, in dB of full scale.
    """
    shortest_s, longest_s = sound_s(elapsed_s)
    window, first = round(PAUSE_S / step_s), round(shortest_s / step_s)
    if len(level_db) < first + window:
        return None
    known = level_db[: round(longest_s / step_s)]
    loudest = np.lib.stride_tricks.sliding_window_view(known, window).max(axis=1)[first:]
    pauses = np.flatnonzero(loudest <= np.percentile(known, 95) - PAUSE_DB)
    if len(pauses):
        return first + int(pauses[0]) + window // 2
    if len(level_db) * step_s < longest_s:
        return None
    return first + int(np.argmin(loudest)) + window // 2
