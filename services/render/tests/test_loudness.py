"""Loudness is brought to the target, as far as that can be done without clipping or raising noise."""

from __future__ import annotations

from clipmill_render.commands import measured
from clipmill_render.domain.loudness import Gain, Measured, corrected, gain_for
from hypothesis import given
from hypothesis import strategies as st

SUMMARY = """[Parsed_ebur128_0 @ 0x1] Summary:

  Integrated loudness:
    I:         {loudness} LUFS
    Threshold: -33.2 LUFS

  True peak:
    Peak:       {peak} dBFS
"""


def test_a_quiet_sound_with_room_above_is_just_made_louder():
    assert gain_for(Measured(-20.0, -9.0), -14) == Gain(6.0, limited=False)


def test_the_target_is_the_task_s():
    assert gain_for(Measured(-20.0, -9.0), -16) == Gain(4.0, limited=False)
    assert corrected(Gain(16.0, limited=True), Measured(-15.5, -1.5), -16) == Gain(15.5, limited=True)


def test_peaks_that_would_clip_are_limited():
    assert gain_for(Measured(-30.0, -3.0), -14) == Gain(16.0, limited=True)


def test_what_the_limiter_took_is_given_back():
    assert corrected(Gain(16.0, limited=True), Measured(-15.5, -1.5), -14) == Gain(17.5, limited=True)


def test_silence_stays_silence():
    assert gain_for(Measured(-70.0, -70.0), -14) == Gain(0.0, limited=False)


@given(st.floats(-70, 0), st.floats(-70, 3))
def test_no_gain_is_larger_than_noise_allows_or_clips_without_a_limiter(loudness: float, peak: float):
    gain = gain_for(Measured(loudness, peak), -14)
    assert gain.gain_db <= 30.0
    assert gain.limited or gain.gain_db == 0 or peak + gain.gain_db <= -1.0


def test_the_meter_s_summary_is_read():
    assert measured(SUMMARY.format(loudness="-23.1", peak="-4.0")) == Measured(-23.1, -4.0)
    assert measured(SUMMARY.format(loudness="-70.0", peak="-inf")) == Measured(-70.0, -70.0)
