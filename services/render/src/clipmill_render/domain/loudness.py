"""How much louder a clip is made, by EBU R128."""

from __future__ import annotations

from dataclasses import dataclass

# Where the task says no other.
USUAL_LUFS = -14.0
TRUE_PEAK_DB = -1.0
# The limiter sees samples and not what lies between them, so it is given four times as many; and it stops earlier,
# because AAC adds some tenths of a decibel.
LIMITER_DB = -2.0
RATE_HZ, OVERSAMPLED_HZ = 48000, 192000
# Beyond this, what is raised is noise.
MAX_GAIN_DB = 30.0
# R128's absolute gate: nothing louder than this was found.
SILENCE_LUFS = -69.0
TOLERANCE_LU = 1.0


@dataclass(frozen=True)
class Measured:
    """Integrated loudness and peak of a sound: the source's true peak, of what is made of it the samples'."""

    loudness_lufs: float
    peak_db: float

    @property
    def is_silent(self) -> bool:
        return self.loudness_lufs <= SILENCE_LUFS


@dataclass(frozen=True)
class Gain:
    """A gain, and whether peaks must be limited after it."""

    gain_db: float
    limited: bool

    @property
    def filters(self) -> str:
        return self._filters(f"aresample={OVERSAMPLED_HZ}", f"aresample={RATE_HZ}")

    @property
    def quick_filters(self) -> str:
        """What makes it as loud as `filters` do (to a tenth of a LU), at a quarter of the cost, and lets peaks pass."""
        return self._filters()

    def _filters(self, before: str = "", after: str = "") -> str:
        volume = f"volume={self.gain_db:.3f}dB"
        if not self.limited:
            return volume
        limiter = f"alimiter=limit={10 ** (LIMITER_DB / 20):.4f}:attack=5:release=50:level=0:latency=1"
        return ",".join(filter(None, (volume, before, limiter, after)))


def gain_for(source: Measured, target_lufs: float) -> Gain:
    """The gain that brings `source` to the target; silence stays silence."""
    if source.is_silent:
        return Gain(0.0, False)
    gain = min(target_lufs - source.loudness_lufs, MAX_GAIN_DB)
    return Gain(gain, source.peak_db + gain > TRUE_PEAK_DB)


def corrected(gain: Gain, result: Measured, target_lufs: float) -> Gain:
    """The gain after its result was measured: the limiter takes loudness away, which is given back once."""
    if result.is_silent:
        return gain
    return Gain(min(gain.gain_db + target_lufs - result.loudness_lufs, MAX_GAIN_DB), gain.limited)
