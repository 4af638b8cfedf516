"""The parts' analyses become one timeline."""

import math

from clipmill_scoring.domain import timeline
from clipmill_scoring.domain.timeline import merge

from clipmill.audio.v1.audio_pb2 import AudioAnalysis, Diarization, Loudness, Phrase, SoundEvent, Word
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.vision.v1.vision_pb2 import FaceSample, FaceTrack, Passage, Shot, TextArea, TextAreas, VisionAnalysis


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


def test_a_sentence_end_is_as_sure_as_was_heard_and_sure_where_nobody_doubts_it():
    words = [Word(text="One.", end_s=1, ends_sentence=True, end_confidence=0.25), Word(text="Two.", start_s=2, end_s=3)]
    merged = merge(4, [AudioAnalysis(words=words)], [])

    assert [word.end_sure for word in merged.words] == [0.25, 1.0]


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


def test_who_faces_the_camera_is_told_of_the_largest_face_and_unknown_where_nobody_says():
    def track(height, *samples):
        return FaceTrack(samples=[FaceSample(time_s=t, y1=height, facing=facing) for t, facing in samples])

    small = track(0.2, (0.1, False), (0.9, False))
    large = track(0.5, (0.5, True), (0.9, False), (1.3, None))
    level = merge(2, [], [VisionAnalysis(face_tracks=[small, large])]).facing

    assert level is not None
    assert level.values[:6].tolist() == [0, 0, 1, 1, 0, 0]
    assert all(math.isnan(told) for told in level.values[6:])


def test_a_phrases_pitch_is_told_in_semitones_and_is_absent_where_nothing_is_voiced():
    def phrase(start_s, **pitch):
        return Phrase(range=TimeRange(start_s=start_s, end_s=start_s + 1), words_per_s=3, **pitch)

    parts = [
        AudioAnalysis(phrases=[phrase(0, pitch_hz=130, pitch_low_hz=100, pitch_high_hz=200)]),
        AudioAnalysis(phrases=[phrase(5)]),
    ]

    voiced, whispered = merge(9, parts, []).phrases

    assert voiced == timeline.Phrase(0, 1, 3, 12)
    assert (whispered.start_s, math.isnan(whispered.pitch_range)) == (5, True)


def test_music_that_a_seam_divides_is_one_and_silence_is_none():
    def event(kind, start_s, end_s):
        return SoundEvent(kind=kind, range=TimeRange(start_s=start_s, end_s=end_s))

    parts = [
        AudioAnalysis(events=[event(SoundEvent.KIND_SILENCE, 0, 2), event(SoundEvent.KIND_MUSIC, 27, 30)]),
        AudioAnalysis(events=[event(SoundEvent.KIND_MUSIC, 30, 33), event(SoundEvent.KIND_MUSIC, 50, 52)]),
    ]

    assert merge(60, parts, []).music == ((27, 33),)
    assert merge(60, [AudioAnalysis()], []).music == ()
    assert merge(60, [], []).music is None


def test_overlaps_are_known_only_where_voices_are_told_apart_surely():
    told = Diarization(overlaps=[TimeRange(start_s=1, end_s=2)])

    assert merge(9, [], [], told).overlaps == ((1, 2),)
    assert merge(9, [], [], Diarization(overlaps=told.overlaps, doubt="alike")).overlaps is None
    assert merge(9, [], []).overlaps is None


def test_a_shot_is_written_on_where_one_of_its_pieces_is():
    def looked(start_s, end_s, areas=None):
        found = shot(start_s, end_s, seam=start_s % 2 == 1)
        if areas is not None:
            found.text_areas.CopyFrom(TextAreas(areas=[TextArea()] * areas))
        return found

    parts = [
        VisionAnalysis(shots=[looked(0, 1, 2)]),
        VisionAnalysis(shots=[looked(1, 2, 0), looked(2, 3, 0)]),
        VisionAnalysis(shots=[looked(3, 4), looked(4, 5)]),
        VisionAnalysis(shots=[looked(5, 6, 1), looked(6, 7)]),
    ]

    assert [s.is_written for s in merge(7, [], parts).shots] == [True, False, True, None]
