"""Who speaks of those who are seen is taken from the job's cast, and the window goes there."""

from __future__ import annotations

import numpy as np
import pytest
from clipmill_render.domain.clock import seen_in
from clipmill_render.domain.crop import crop_path
from clipmill_render.domain.faces import Face, Shot
from clipmill_render.domain.layout import layout_for
from clipmill_render.domain.speakers import Turn, turns_in

from clipmill.clips.v1.clips_pb2 import ASPECT_9_16
from clipmill.common.v1.common_pb2 import PROFILE_FAST, TimeRange
from clipmill.vision.v1.vision_pb2 import Cast, FaceSample, FaceTrack, FaceTurn, VisionAnalysis

SHOT = Shot(0.0, 12.0)
VERTICAL = layout_for(ASPECT_9_16, PROFILE_FAST, 1280, 720)


def part(start_s: float, *tracks_s: tuple[float, ...]) -> VisionAnalysis:
    """Of 100 s, with a track for each list of times."""
    return VisionAnalysis(
        part=TimeRange(start_s=start_s, end_s=start_s + 100),
        face_tracks=[
            FaceTrack(track=n, samples=[FaceSample(time_s=t) for t in times]) for n, times in enumerate(tracks_s)
        ],
    )


def turn(start_s: float, end_s: float, part_start_s: float, track: int) -> FaceTurn:
    return FaceTurn(
        range=TimeRange(start_s=start_s, end_s=end_s), part_start_s=part_start_s, track=track, confidence=0.9
    )


def test_turns_are_on_the_clips_clock_of_its_own_tracks_and_cut_to_it() -> None:
    clip = TimeRange(start_s=90, end_s=112)
    seen = seen_in(clip, [part(0, (20.0,), (95.0,)), part(100, (104.0, 111.0))])
    cast = Cast(turns=[turn(15, 25, 0, 0), turn(80, 96, 0, 1), turn(103, 120, 100, 0)])
    assert turns_in(clip, seen, cast) == [Turn(0, 6, 0, 0.9), Turn(13, 22, 1, 0.9)]
    assert turns_in(clip, seen, None) == []


def faces(x: float, size: float = 0.1) -> list[Face]:
    return [Face(n / 2, x - size / 2, 0.3, x + size / 2, 0.3 + size, 0.9) for n in range(24)]


def test_the_window_goes_to_the_speaker_at_once_and_not_over_the_wall_between() -> None:
    tracks, turns = [faces(0.3, 0.15), faces(0.7)], [Turn(1.0, 5.9, 1, 0.9), Turn(6.0, 12.0, 0, 0.9)]
    middles = crop_path(VERTICAL, [SHOT], tracks, turns).frames(300, 25)
    assert middles[:150] == pytest.approx(0.7)
    assert middles[150:] == pytest.approx(0.3)


def test_without_a_word_on_who_speaks_the_larger_face_is_shown() -> None:
    assert crop_path(VERTICAL, [SHOT], [faces(0.3, 0.15), faces(0.7)]).frames(300, 25) == pytest.approx(0.3)


def test_between_speakers_who_sit_close_the_window_does_not_jump() -> None:
    tracks, turns = [faces(0.45), faces(0.55)], [Turn(0.0, 5.9, 0, 0.9), Turn(6.0, 12.0, 1, 0.9)]
    assert np.ptp(crop_path(VERTICAL, [SHOT], tracks, turns).frames(300, 25)) == 0


def test_a_speaker_in_one_shot_says_nothing_of_the_next() -> None:
    shots = [Shot(0.0, 6.0), Shot(6.0, 12.0)]
    middles = crop_path(VERTICAL, shots, [faces(0.3, 0.15), faces(0.7)], [Turn(0.0, 6.0, 1, 0.9)]).frames(300, 25)
    assert middles[:150] == pytest.approx(0.7)
    assert middles[150:] == pytest.approx(0.3)
