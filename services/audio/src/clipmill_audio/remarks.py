"""What a caller should know of a sound, whoever heard it."""

from __future__ import annotations

from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill_audio.domain.noise import LITTLE_DB

NAME = "audio"
NOISY = "SOUND_NOISY"


def noise_warnings(part: TimeRange, above_rest_db: float | None) -> list[Caution]:
    """One where speech stands little above the rest of the part's sound."""
    if above_rest_db is None or above_rest_db >= LITTLE_DB:
        return []
    message = (
        f"From {part.start_s:.0f} to {part.end_s:.0f} s speech stands only {above_rest_db:.0f} dB above "
        "noise or music: expect wrong words."
    )
    return [Caution(code=NOISY, message=message, part=NAME)]
