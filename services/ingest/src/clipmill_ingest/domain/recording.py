"""What is wrong with a sound as it was recorded: too quiet, clipped, on one side only, or out of phase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Of full scale. A limiter stays below it, and lossy coding makes of clipped peaks what lies around it.
CLIPPED_AT = 0.997
# Mastered speech touches full scale in less than one sample of ten thousand.
CLIPPED_SHARE = 2e-3
# Stereo that a mixer made is hardly ever so contrary; a wire that was connected the wrong way round always is.
CONTRARY = -0.5
# A side this much below the other is not heard, and one below this level is empty.
ONE_SIDED_DB = 35.0
EMPTY_DB = -60.0
# Speech is recorded at -30 to -15 dB, its loudest moments are 10 dB above that. A talk may be silent most of its time.
QUIET_DB = -40.0
LOUDEST_PERCENT = 98


@dataclass(frozen=True)
class Fault:
    """Something that the user could mend in the recording; `message` goes on from "The sound of <name>"."""

    code: str
    message: str


class Channels:
    """Sums over samples of all channels, from which the faults follow."""

    def __init__(self, count: int) -> None:
        self._products = np.zeros((count, count))
        self._samples = 0
        self._clipped = 0

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Take in a block of [channels, samples], full scale 1."""
        self._products += block @ block.T
        self._samples += block.shape[1]
        self._clipped += int(np.count_nonzero((np.abs(block) >= CLIPPED_AT).any(axis=0)))

    @property
    def count(self) -> int:
        return len(self._products)

    @property
    def level_db(self) -> npt.NDArray[np.float64]:
        """Root mean square of each channel, in dB of full scale."""
        power: npt.NDArray[np.float64] = np.diagonal(self._products) / max(self._samples, 1)
        return 10 * np.log10(power + 1e-12)

    @property
    def is_out_of_phase(self) -> bool:
        """True for a stereo sound whose sides cancel each other when they are added."""
        if len(self._products) != 2 or self.level_db.min() < EMPTY_DB or self._is_one_sided:
            return False
        (left, both), (_, right) = self._products
        return bool(both / np.sqrt(left * right) < CONTRARY)

    @property
    def _is_one_sided(self) -> bool:
        level_db = self.level_db
        return len(level_db) == 2 and bool(np.ptp(level_db) > ONE_SIDED_DB) and level_db.max() > EMPTY_DB

    def faults(self, heard_db: npt.NDArray[np.float32]) -> list[Fault]:
        """`heard_db`: the level of each short step of what the recogniser will hear."""
        found = []
        clipped = self._clipped / max(self._samples, 1)
        if clipped > CLIPPED_SHARE:
            found.append(Fault("SOUND_CLIPPED", f"is clipped in {clipped:.1%} of its time: it was recorded too loud"))
        if self._is_one_sided:
            side = ("left", "right")[int(np.argmax(self.level_db))]
            found.append(Fault("SOUND_ONE_SIDED", f"is on the {side} side only, in the clips too"))
        if self.is_out_of_phase:
            found.append(
                Fault(
                    "SOUND_OUT_OF_PHASE",
                    "has its sides out of phase: it vanishes where it is played by one speaker, as on telephones; "
                    "words were heard from the left side alone",
                )
            )
        loud_db = float(np.percentile(heard_db, LOUDEST_PERCENT)) if len(heard_db) else EMPTY_DB
        if loud_db < QUIET_DB:
            found.append(
                Fault("SOUND_QUIET", f"is very quiet ({loud_db:.0f} dB at its loudest): words may have been missed")
            )
        return found
