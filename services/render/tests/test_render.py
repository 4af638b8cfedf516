"""Real renders of small videos: the right pictures at the right times, the right sound, the right shape."""

from __future__ import annotations

import itertools
from fractions import Fraction

import av
import numpy as np
import pytest

from clipmill.audio.v1.audio_pb2 import Word
from clipmill.clips.v1 import clips_pb2 as clips
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.vision.v1.vision_pb2 import Cast, FaceSample, FaceTrack, FaceTurn, Shot, VisionAnalysis


def shown_numbers(clip) -> list[int]:
    return [round((grey - 16) / 3) for grey in clip.greys]


def faces(x: float, times_s: np.ndarray, track: int = 1) -> FaceTrack:
    samples = [FaceSample(time_s=t, x0=x - 0.05, y0=0.2, x1=x + 0.05, y1=0.4, confidence=0.9) for t in times_s]
    return FaceTrack(track=track, samples=samples)


def said(*texts: str) -> list[Word]:
    return [Word(text=text, start_s=0.4 * n, end_s=0.4 * n + 0.35) for n, text in enumerate(texts)]


@pytest.mark.parametrize(("container", "start_s"), [("mp4", 0.0), ("mkv", 3.2), ("mp4", 2.0), ("ts", 0.0), ("ts", 7.0)])
def test_a_clip_shows_the_source_s_frames_from_its_start_on_wherever_the_source_s_clock_begins(
    make_clip, film, container, start_s
):
    clip = make_clip(film(container=container, start_s=start_s), 1.0, 2.2)
    assert shown_numbers(clip) == list(range(25, 55))


def test_a_clip_that_begins_between_two_frames_is_exact_to_half_a_frame(make_clip, film):
    clip = make_clip(film(), 1.01, 2.01)
    assert shown_numbers(clip) == list(range(25, 50))


def test_variable_frame_rate_becomes_steady_and_each_picture_keeps_its_time(make_clip, film):
    # 25 pictures a second for a second, then one of a second and a half, then 25 a second again.
    times = [*np.arange(25) / 25, *(2.5 + np.arange(25) / 25)]
    clip = make_clip(film(times_s=times), 1.5, 3.2)
    fps = len(clip.pictures) / clip.result.duration_s
    expected = [24 if 1.5 + n / fps < 2.5 else 25 + int((n / fps - 1.0) * 25 + 1e-6) for n in range(len(clip.pictures))]
    assert np.abs(np.subtract(shown_numbers(clip), expected)).max() <= 1
    assert shown_numbers(clip)[0] == 24


def test_sound_and_picture_stay_together(make_clip, film):
    clip = make_clip(film(tone_from_s=1.6, start_s=2.0, container="mkv"), 1.0, 2.6)
    onset = np.argmax(np.abs(clip.sound) > 0.02) / 48000
    assert abs(onset - 0.6) < 0.04
    assert abs(len(clip.sound) / 48000 - 1.6) < 0.04


@pytest.mark.parametrize("level", [0.003, 0.02, 0.9])
def test_sound_is_brought_to_the_target_loudness(make_clip, film, level):
    clip = make_clip(film(tone_level=level), 0.0, 3.0)
    if level == 0.003:
        # Raising what is this quiet would raise noise: it stays below, and the user is told.
        assert clip.codes == {"LOUDNESS_MISSED"}
    else:
        assert abs(clip.result.loudness_lufs + 14) < 1
        assert clip.codes == set()


def test_silence_stays_silent_and_is_told(make_clip, film):
    clip = make_clip(film(tone_level=0.0), 0.0, 1.0)
    assert clip.codes == {"SILENT_SOUND"}
    assert clip.result.loudness_lufs is None
    assert np.abs(clip.sound).max() < 1e-3


def test_a_source_without_sound_gives_a_clip_without_sound(make_clip, film):
    clip = make_clip(film(tone_from_s=None), 0.0, 1.0)
    assert len(clip.sound) == 0
    assert clip.result.loudness_lufs is None


@pytest.mark.parametrize(
    ("aspect", "size"),
    [
        (clips.ASPECT_9_16, (202, 360)),
        (clips.ASPECT_1_1, (360, 360)),
        (clips.ASPECT_16_9, (640, 360)),
        (clips.ASPECT_SOURCE, (320, 180)),
    ],
)
@pytest.mark.parametrize("captions", [clips.CAPTION_STYLE_KARAOKE, clips.CAPTION_STYLE_BLOCK])
def test_every_aspect_and_caption_style_is_made(make_clip, film, aspect, size, captions):
    clip = make_clip(film(frames=30), 0.0, 1.0, aspect=aspect, captions=captions, words=said("Hello", "world."))
    height, width, _ = clip.pictures[0].shape
    assert (width, height) == (clip.result.width, clip.result.height) == size
    # Frames of one grey: what differs is the caption.
    lit = np.argwhere(np.abs(clip.pictures[10].astype(int) - clip.pictures[10][0, 0]).max(axis=2) > 60)
    assert lit[:, 0].min() > height / 2
    assert lit[:, 0].max() < height * (0.78 if aspect == clips.ASPECT_9_16 else 0.95)
    assert lit[:, 1].min() >= 0.07 * width
    assert lit[:, 1].max() <= 0.93 * width


def test_the_words_are_beside_the_video_even_when_they_are_not_burnt_in(make_clip, film):
    clip = make_clip(film(frames=30), 0.0, 1.0, words=said("Hello", "world."))
    srt, vtt, ass = clip.result.files
    assert srt.read_text() == "1\n00:00:00,000 --> 00:00:00,950\nHello world.\n"
    assert vtt.read_text() == "WEBVTT\n\n1\n00:00:00.000 --> 00:00:00.950\nHello world.\n"
    assert ass.read_text().count("Dialogue:") == 1


def test_captions_asked_for_where_nobody_speaks_are_told_as_missing(make_clip, film):
    clip = make_clip(film(frames=30), 0.0, 1.0, captions=clips.CAPTION_STYLE_KARAOKE)
    assert clip.codes == {"NO_CAPTIONS_NO_WORDS"}
    assert clip.result.files == ()


def test_the_crop_is_where_the_face_is_from_the_first_frame_of_its_shot(make_clip, film):
    shots = [Shot(range=TimeRange(start_s=0, end_s=0.48)), Shot(range=TimeRange(start_s=0.48, end_s=3))]
    tracks = [faces(1 / 6, np.arange(0, 0.48, 0.2)), faces(5 / 6, np.arange(0.6, 3, 0.2), 2)]
    clip = make_clip(
        film(stripes=True),
        0.0,
        1.0,
        aspect=clips.ASPECT_9_16,
        vision=[VisionAnalysis(shots=shots, face_tracks=tracks)],
    )
    strongest = [int(picture[180, 101].argmax()) for picture in clip.pictures]
    assert strongest == [0] * 12 + [2] * 13
    assert clip.codes == {"SMALL_SOURCE"}


def test_the_crop_shows_who_speaks_of_two_who_are_seen(make_clip, film):
    times = np.arange(0, 3, 0.2)
    tracks = [faces(1 / 6, times), faces(5 / 6, times, 2)]
    tracks[1].track = 1
    vision = [VisionAnalysis(shots=[Shot(range=TimeRange(start_s=0, end_s=3))], face_tracks=tracks)]
    cast = Cast(turns=[FaceTurn(range=TimeRange(start_s=0, end_s=3), track=1, confidence=0.9)])
    told = make_clip(film(stripes=True), 0.0, 3.0, aspect=clips.ASPECT_9_16, vision=vision, cast=cast)
    assert {int(picture[180, 101].argmax()) for picture in told.pictures} == {2}


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
def test_each_shot_has_its_layout_from_its_very_first_frame(make_clip, film, pixel_format):
    shots = [Shot(range=TimeRange(start_s=a, end_s=b)) for a, b in ((0, 1), (1, 2), (2, 3))]
    tracks = [
        faces(1 / 6, np.arange(0, 1, 0.2)),
        faces(5 / 6, np.arange(0, 1, 0.2), 2),
        faces(0.5, np.arange(1, 2, 0.2)),
    ]
    clip = make_clip(
        film(stripes=True, pixel_format=pixel_format),
        0.0,
        3.0,
        aspect=clips.ASPECT_9_16,
        layout=clips.LAYOUT_AUTO,
        vision=[VisionAnalysis(shots=shots, face_tracks=tracks)],
    )
    assert [shot.layout for shot in clip.result.layouts] == [clips.LAYOUT_SPLIT, clips.LAYOUT_FILL, clips.LAYOUT_FIT]
    assert len(clip.pictures) == 75
    # Of the stripes (red, green, blue) above and below, and at both sides of the middle.
    places = ((90, 101), (270, 101), (180, 10), (180, 192))
    seen = [[int(picture[place].argmax()) for place in places] for picture in clip.pictures]
    assert [place[:2] for place in seen[:25]] == [[0, 2]] * 25
    assert seen[25:50] == [[1, 1, 1, 1]] * 25
    # The picture lies in the middle, its blur above and below is darker.
    assert [place[2:] for place in seen[50:]] == [[0, 2]] * 25
    whole, blur = clip.pictures[60][180, 101].max(), clip.pictures[60][40, 101].max()
    assert whole > blur > 60


def test_a_slide_stands_above_who_explains_it(make_clip, film):
    shot = Shot(range=TimeRange(start_s=0, end_s=3), is_screen=True)
    vision = [VisionAnalysis(shots=[shot], face_tracks=[faces(5 / 6, np.arange(0, 3, 0.2))])]
    clip = make_clip(
        film(stripes=True, frames=30), 0.0, 1.0, aspect=clips.ASPECT_9_16, layout=clips.LAYOUT_AUTO, vision=vision
    )
    assert clip.result.layouts[0].layout == clips.LAYOUT_SCREEN_AND_FACE
    picture = clip.pictures[10]
    assert [int(picture[100, x].argmax()) for x in (20, 101, 182)] == [0, 1, 2]
    assert [int(picture[240, x].argmax()) for x in (101, 182)] == [2, 2]


def test_a_window_that_moves_passes_from_one_place_to_the_other_without_a_jump(make_clip, film):
    xs = np.linspace(1 / 6, 5 / 6, 31)
    track = FaceTrack(samples=[faces(x, np.array([t])).samples[0] for x, t in zip(xs, np.arange(31) / 10, strict=True)])
    vision = VisionAnalysis(shots=[Shot(range=TimeRange(start_s=0, end_s=3))], face_tracks=[track])
    clip = make_clip(film(stripes=True), 0.0, 3.0, aspect=clips.ASPECT_9_16, vision=[vision])
    # The border between red and green, in output pixels, walks left.
    borders = [int((row[:, 1].astype(int) > row[:, 0]).argmax()) for row in (p[180] for p in clip.pictures)]
    walk = [b for b in borders if 2 < b < 199]
    assert len(walk) > 8
    assert all(0 <= a - b <= 14 for a, b in itertools.pairwise(walk))


def test_without_a_face_the_centre_is_shown_and_the_time_is_told(make_clip, film):
    clip = make_clip(film(stripes=True), 0.0, 1.0, aspect=clips.ASPECT_9_16)
    assert clip.pictures[0][180, 101].argmax() == 1
    assert "0.0 to 1.0 s" in next(n.message for n in clip.result.notes if n.code == "CENTRE_CROP")


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_rotated_source_is_shown_upright(make_clip, film, rotation):
    clip = make_clip(film(stripes=True, frames=30, rotation=rotation), 0.0, 1.0)
    picture = clip.pictures[0]
    height, width, _ = picture.shape
    assert (width, height) == ((320, 180) if rotation == 180 else (180, 320))
    # Clockwise by a quarter, what was left is above.
    first = picture[8, width // 2] if rotation == 90 else picture[height - 8, width // 2]
    first = picture[height // 2, width - 8] if rotation == 180 else first
    assert first.argmax() == 0


def test_pixels_become_square_and_sizes_even(make_clip, film):
    clip = make_clip(
        film(width=241, height=181, pixel_format="yuv444p", pixel_aspect=Fraction(4, 3), frames=30), 0.0, 1.0
    )
    assert (clip.result.width, clip.result.height) == (320, 180)
    with av.open(str(clip.result.video)) as container:
        assert container.streams.video[0].sample_aspect_ratio in (None, 1)


def test_a_clip_s_index_comes_before_its_content_so_that_it_plays_while_it_loads(make_clip, film):
    content = make_clip(film(frames=30), 0.0, 1.0).result.video.read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_the_thumbnail_is_a_picture_of_the_clip_s_size_without_captions(make_clip, film):
    clip = make_clip(film(frames=30), 0.0, 1.0, captions=clips.CAPTION_STYLE_BLOCK, words=said("Hello", "world."))
    with av.open(str(clip.result.thumbnail)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert picture.shape == (180, 320, 3)
    assert picture.std() < 2


def heard(*said: tuple[str, float, float]) -> list[Word]:
    return [Word(text=text, start_s=start_s, end_s=end_s) for text, start_s, end_s in said]


def test_a_filler_is_cut_from_picture_sound_and_captions_together(make_clip, film):
    words = heard(("One", 0.04, 0.4), ("um,", 0.6, 0.9), ("two.", 1.2, 1.6))
    clip = make_clip(
        film(tone_from_s=1.2), 0.0, 2.0, words=words, finish=clips.Finish(cut_fillers=True, exports=["edl"])
    )
    # From .46 to 1.14 s is left out: frames 12 to 27 of 25 a second.
    assert shown_numbers(clip) == [*range(12), *range(29, 50)]
    assert clip.result.duration_s == pytest.approx(33 / 25)
    onset = np.argmax(np.abs(clip.sound) > 0.02) / 48000
    assert abs(onset - (1.2 - 0.68)) < 0.04
    assert "um" not in clip.result.files[0].read_text()
    assert "One two." in clip.result.files[0].read_text()
    assert "00:00:01:04 00:00:02:00 00:00:00:12 00:00:01:08" in clip.result.files[-1].read_text()
    (gap,) = clip.result.left_out
    assert (gap.what, gap.range.start_s, gap.range.end_s) == ("um,", pytest.approx(0.46), pytest.approx(1.14))


@pytest.mark.parametrize(("least_s", "left_out"), [(0.0, ["um", "pause"]), (2.2, ["um"]), (2.9, [])])
def test_what_would_make_a_clip_too_short_is_not_cut_pauses_first_and_that_is_told(make_clip, film, least_s, left_out):
    words = heard(("One", 0.0, 0.4), ("um", 0.6, 0.9), ("two.", 1.1, 1.4), ("Three.", 2.5, 2.9))
    finish = clips.Finish(cut_fillers=True, cut_pauses_s=0.8)
    clip = make_clip(film(), 0.0, 3.0, words=words, finish=finish, min_s=least_s)
    assert [gap.what for gap in clip.result.left_out] == left_out
    assert clip.result.duration_s >= least_s
    assert ("FEWER_CUTS" in clip.codes) == (len(left_out) < 2)
    assert ("um" in clip.result.files[0].read_text()) == (not left_out)


def test_a_clip_of_two_ranges_shows_both_and_nothing_between(make_clip, film):
    head = clips.ClipHead(
        clip_id="c",
        range=TimeRange(start_s=0.4, end_s=2.8),
        pieces=[TimeRange(start_s=0.4, end_s=0.8), TimeRange(start_s=2.0, end_s=2.8)],
    )
    words = heard(("One.", 0.44, 0.7), ("No.", 1.2, 1.5), ("Two.", 2.1, 2.5))
    clip = make_clip(film(start_s=2.0, container="mkv"), 0.4, 2.8, words=words, clip=head)
    assert shown_numbers(clip) == [*range(10, 20), *range(50, 70)]
    assert clip.result.left_out == ()
    shown = clip.result.files[0].read_text()
    assert "No." not in shown
    assert shown.index("One.") < shown.index("Two.")


def test_coarse_words_are_masked_and_silent_where_it_is_asked_for(make_clip, film):
    words = heard(("Oh", 0.1, 0.4), ("shit!", 0.8, 1.2), ("No.", 1.5, 1.9))
    clip = make_clip(film(), 0.0, 2.0, words=words, finish=clips.Finish(masking=clips.MASKING_SOUND))
    assert "Oh s***!\n" in clip.result.files[0].read_text()
    level = np.abs(clip.sound)
    assert level[round(0.85 * 48000) : round(1.15 * 48000)].max() < 0.02 < level[round(1.4 * 48000) :].max()
