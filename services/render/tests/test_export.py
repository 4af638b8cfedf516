"""An editor finds the same frames: an edit that is written is read again as it was, at any frame rate."""

from __future__ import annotations

import re
from fractions import Fraction

import opentimelineio as otio
import pytest
from clipmill_render.domain.export import Edit, edl_of, otio_of
from clipmill_render.domain.timeline import Span

RATES = [Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001), Fraction(60000, 1001), Fraction(60)]
PIECES = (Span(3.5, 7.25), Span(3599.98, 3601.3))


def edit(rate: Fraction, *, has_sound: bool = True) -> Edit:
    return Edit("Why queues lie", "file:///videos/my%20talk.mp4", rate, round(4000 * rate), has_sound, PIECES)


@pytest.mark.parametrize("rate", RATES)
def test_opentimelineio_reads_the_edit_as_it_was_written(rate: Fraction):
    timeline = otio.adapters.read_from_string(otio_of(edit(rate)), "otio_json")
    assert [track.kind for track in timeline.tracks] == ["Video", "Audio"]
    for track in timeline.tracks:
        clips = list(track.find_clips())
        found = [(c.source_range.start_time.value, c.source_range.end_time_exclusive().value) for c in clips]
        assert found == edit(rate).cuts
        assert {c.media_reference.target_url for c in clips} == {"file:///videos/my%20talk.mp4"}
        assert {c.source_range.start_time.rate for c in clips} == {float(rate)}
        length_s = track.duration().to_seconds()
        assert length_s == pytest.approx(sum(piece.length_s for piece in PIECES), abs=2 / float(rate))
    assert Fraction(timeline.metadata["clipmill"]["rate"]) == rate


@pytest.mark.parametrize("rate", RATES)
def test_an_edl_has_the_same_frames_and_no_gap(rate: Fraction):
    events = re.findall(r"^\d{3}  AX       AA/V  C        (\S+) (\S+) (\S+) (\S+)$", edl_of(edit(rate)), re.M)

    def frame(timecode: str) -> int:
        hours, minutes, seconds, frames = (int(part) for part in timecode.split(":"))
        assert frames < round(rate)
        return ((hours * 60 + minutes) * 60 + seconds) * round(rate) + frames

    numbers = [tuple(frame(timecode) for timecode in event) for event in events]
    assert [(first, end) for first, end, _, _ in numbers] == edit(rate).cuts
    assert [start for _, _, start, _ in numbers] == [0, numbers[0][3]]
    assert all(end - first == to - start for first, end, start, to in numbers)


def test_a_source_without_sound_has_a_picture_only():
    silent = edit(Fraction(25), has_sound=False)
    assert len(otio.adapters.read_from_string(otio_of(silent), "otio_json").tracks) == 1
    assert "AA/V" not in edl_of(silent)
