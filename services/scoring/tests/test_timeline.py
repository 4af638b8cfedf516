"""The parts' analyses become one timeline."""

import math

from clipmill_scoring.domain import timeline
from clipmill_scoring.domain.timeline import merge

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Loudness, Word
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.vision.v1.vision_pb2 import FaceSample, FaceTrack, Passage, Shot, VisionAnalysis


def shot(start_s: float, end_s: float, *, seam: bool = False, motion: float = 0.0) -> Shot:
    return Shot(range=TimeRange(start_s=start_s, end_s=end_s), begins_at_seam=seam, motion=motion, sharpness=1)


def test_words_of_all_parts_come_in_order_and_within_the_video():
    parts = [
        AudioAnalysis(language="en", words=[Word(text="one", start_s=1, end_s=2)]),
        AudioAnalysis(
            language="en",
            words=[Word(text="two.", start_s=4, end_s=5.5, ends_sentence=True), Word(text="late", start_s=6, end_s=7)],
        ),
    ]

    merged = merge(5.2, parts, [])

    assert merged.words == (timeline.Word("one", 1, 2, False), timeline.Word("two.", 4, 5.2, True))
    assert merged.language == "en"


def test_a_cut_at_a_seam_stays_a_cut():
    parts = [VisionAnalysis(shots=[shot(0, 6)], cut_at_end=True), VisionAnalysis(shots=[shot(6, 9, seam=True)])]
    assert [(s.start_s, s.end_s) for s in merge(9, [], parts).shots] == [(0, 6), (6, 9)]


def test_a_shot_that_a_seam_divided_is_one_shot_again():
    parts = [
        VisionAnalysis(shots=[shot(0, 4), shot(4, 6, motion=0.1)]),
        VisionAnalysis(shots=[shot(6, 7, seam=True, motion=0.4), shot(7, 9)]),
        VisionAnalysis(shots=[shot(9, 12)]),
    ]

    merged = merge(12, [], parts)

    assert [(s.start_s, s.end_s) for s in merged.shots] == [(0, 4), (4, 7), (7, 9), (9, 12)]
    assert math.isclose(merged.shots[1].motion, 0.2)


def test_loudness_is_the_voices_alone():
    part = AudioAnalysis(
        speech=[TimeRange(start_s=1, end_s=2)],
        loudness=Loudness(start_s=0, step_s=0.5, rms_db=[-50, -50, -20, -10, -50]),
    )

    level = merge(2.5, [part], []).loudness_db

    assert level is not None
    assert [value for value in level.values if not math.isnan(value)] == [-20, -10]
    assert list(level.values[2:4]) == [-20, -10]


def test_faces_are_counted_over_time():
    track = FaceTrack(track=1, samples=[FaceSample(time_s=1), FaceSample(time_s=2)])

    faces = merge(4, [], [VisionAnalysis(face_tracks=[track, track])]).faces

    assert faces is not None
    assert faces.values.tolist() == [0] * 5 + [2] * 6 + [0] * 9


def test_what_was_not_analysed_is_absent():
    merged = merge(4, [], [])

    assert (merged.words, merged.shots, merged.loudness_db, merged.faces) == ((), (), None, None)


def test_black_and_frozen_passages_are_still_and_fades_are_not():
    def passage(kind, start_s, end_s):
        return Passage(kind=kind, range=TimeRange(start_s=start_s, end_s=end_s))

    seen = VisionAnalysis(
        passages=[
            passage(Passage.KIND_FROZEN, 4, 6),
            passage(Passage.KIND_BLACK, 1, 2),
            passage(Passage.KIND_BLACK, 5, 7),
            passage(Passage.KIND_FADE_TO_BLACK, 8, 9),
        ]
    )

    assert merge(10, [], [seen]).still == ((1, 2), (4, 7))


def test_the_largest_face_gives_the_height():
    def track(start_s, end_s, height):
        return FaceTrack(samples=[FaceSample(time_s=t, y0=0.1, y1=0.1 + height) for t in (start_s, end_s)])

    level = merge(2, [], [VisionAnalysis(face_tracks=[track(0, 0.9, 0.2), track(0.45, 1.5, 0.5)])]).face_height

    assert level is not None
    assert [round(float(h), 3) for h in level.values] == [0.2, 0.2, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0, 0]
