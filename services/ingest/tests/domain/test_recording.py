"""What a recording's channels say of it."""

import numpy as np
import pytest
from clipmill_ingest.domain.recording import Channels

RNG = np.random.default_rng(7)
VOICE = (0.1 * RNG.standard_normal(48_000)).astype(np.float32)
OTHER = (0.1 * RNG.standard_normal(48_000)).astype(np.float32)
LOUD = np.full(500, -20.0, np.float32)


def codes(*channels: np.ndarray, heard_db: np.ndarray = LOUD) -> list[str]:
    """The faults of a sound that comes in two pieces."""
    whole = np.stack(channels)
    met = Channels(len(whole))
    for piece in np.array_split(whole, 2, axis=1):
        met.add(piece)
    return [fault.code for fault in met.faults(heard_db)]


@pytest.mark.parametrize(
    "channels",
    [(VOICE,), (VOICE, VOICE), (VOICE, OTHER), (VOICE, 0.1 * VOICE), (VOICE, 0.3 * OTHER - 0.1 * VOICE), (VOICE,) * 6],
)
def test_a_sound_recording_has_no_fault(channels):
    assert codes(*channels) == []


def test_clipped():
    assert codes(np.clip(5 * VOICE, -1, 1)) == ["SOUND_CLIPPED"]
    # Lossy coding leaves clipped peaks around full scale.
    assert codes(np.clip(5 * VOICE, -1, 1) * np.float32(1.02)) == ["SOUND_CLIPPED"]


def test_one_clap_at_full_scale_is_not_clipping():
    once = VOICE.copy()
    once[1000:1040] = 1
    assert codes(once) == []


@pytest.mark.parametrize(("channels", "side"), [((VOICE, 0 * VOICE), "left"), ((0.001 * OTHER, VOICE), "right")])
def test_one_side(channels, side):
    met = Channels(2)
    met.add(np.stack(channels))
    (fault,) = met.faults(LOUD)
    assert fault.code == "SOUND_ONE_SIDED"
    assert side in fault.message


def test_out_of_phase():
    assert codes(VOICE, -VOICE) == ["SOUND_OUT_OF_PHASE"]
    assert codes(VOICE, -0.5 * VOICE + 0.1 * OTHER) == ["SOUND_OUT_OF_PHASE"]
    # A silent file's sides are nothing, not contrary.
    assert codes(1e-5 * VOICE, -1e-5 * VOICE) == []


def test_quiet_is_judged_by_the_loudest_moments():
    assert codes(VOICE, heard_db=np.full(500, -50.0, np.float32)) == ["SOUND_QUIET"]
    mostly_silent = np.concatenate((np.full(450, -90.0), np.full(50, -25.0))).astype(np.float32)
    assert codes(VOICE, heard_db=mostly_silent) == []
