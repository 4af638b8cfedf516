"""A brand in real renders: cards before and after, a logo off faces and captions, music under speech."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from clipmill_render import ffmpeg
from clipmill_render.branding import facts_of
from clipmill_render.domain.assembly import Assembly
from clipmill_render.domain.faces import Shot as Take
from clipmill_render.domain.graph import Timing
from clipmill_render.domain.lettering import lettering_for
from clipmill_render.domain.logo import Places, Taken, stands
from clipmill_render.domain.placing import ShownFace
from PIL import Image

from clipmill.audio.v1.audio_pb2 import Word
from clipmill.clips.v1 import clips_pb2 as clips
from clipmill.clips.v1.clips_pb2 import Brand, BrandColours, Card, Finish, Logo, Music
from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.looks import looks
from clipmill.vision.v1.vision_pb2 import FaceSample, FaceTrack, Shot, VisionAnalysis
from clipmill_shared.errors import ClipmillError

RED, BLUE, GREEN = (200, 30, 40), (30, 40, 200), (30, 160, 60)
TONE_HZ, CARD_HZ, MUSIC_HZ = 440, 1500, 3000


def card(folder: Path, colour: tuple[int, int, int], length_s: float, *, tone_hz: int = 0) -> Path:
    path = folder / "card.mp4"
    picture = f"color=c=0x{bytes(colour).hex()}:s=180x320:r=30:d={length_s}"
    sound = ["-f", "lavfi", "-i", f"sine=f={tone_hz}:d={length_s}:r=44100"] if tone_hz else []
    command = [ffmpeg.executable(), "-v", "error", "-f", "lavfi", "-i", picture, *sound]
    tagged = ["-vf", "scale=out_color_matrix=bt709,setparams=colorspace=bt709", "-pix_fmt", "yuv420p"]
    subprocess.run([*command, *tagged, str(path)], check=True)
    return path


def tone(folder: Path, hz: int, length_s: float) -> Path:
    path = folder / "music.wav"
    source = f"sine=f={hz}:d={length_s}:r=44100"
    subprocess.run([ffmpeg.executable(), "-v", "error", "-f", "lavfi", "-i", source, str(path)], check=True)
    return path


def picture(folder: Path, colour: tuple[int, int, int], size: tuple[int, int] = (60, 60), name: str = "a") -> Path:
    path = folder / f"{name}.png"
    Image.new("RGB", size, colour).save(path)
    return path


def is_like(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() < 14)


def level_db(sound: np.ndarray, hz: int, start_s: float, end_s: float) -> float:
    """Of one frequency."""
    part = sound[round(start_s * 48000) : round(end_s * 48000)]
    wave = np.exp(-2j * np.pi * hz * np.arange(len(part)) / 48000)
    return float(20 * np.log10(np.abs((part * wave).mean()) * 2 + 1e-9))


@pytest.mark.parametrize(("intro", "outro"), [(0, 0), (50, 0), (0, 12), (50, 12), (4, 4)])
def test_parts_of_a_file_overlap_by_a_fade(intro: int, outro: int):
    assembly = Assembly(Timing(75, "25/1", 25.0), intro, outro)
    fades = [assembly.fade] * bool(intro) + [assembly.fade] * bool(outro)
    assert assembly.whole.count == 75 + intro + outro - sum(fades)
    assert assembly.begins == (intro - assembly.fade if intro else 0)
    assert assembly.fade <= 8


def test_a_clip_has_its_cards_before_and_after_and_stays_whole_between_them(make_clip, film, tmp_path):
    brand = Brand(intro=Card(), outro=Card(length_s=1), colours=BrandColours(background="#1ea03c"))
    assets = {"intro": card(tmp_path, RED, 1.0, tone_hz=CARD_HZ), "outro": picture(tmp_path, BLUE, (90, 90))}
    words = [Word(text="Hello", start_s=1.0, end_s=1.3), Word(text="world.", start_s=1.5, end_s=1.9)]
    clip = make_clip(
        film(width=180, height=320), 1.0, 3.0, words=words, finish=Finish(brand=brand), assets=assets,
        aspect=clips.ASPECT_9_16,
    )  # fmt: skip
    # 1 s, 2 s and 1 s, less a fade of .3 s (8 frames) twice.
    assert len(clip.pictures) == 25 + 50 + 25 - 16
    span = clip.result.branded.clip
    assert (span.start_s, span.end_s) == pytest.approx((17 / 25, 67 / 25))
    assert all(is_like(picture[160, 90], RED) for picture in clip.pictures[:17])
    numbers = [round((float(picture[5, 5].mean()) - 16) / 3) for picture in clip.pictures[25:59]]
    assert numbers == list(range(33, 67))
    assert is_like(clip.pictures[-1][160, 90], BLUE)
    # A square in a tall frame stands on the brand's background.
    assert is_like(clip.pictures[-1][10, 90], GREEN)
    fade = [float(picture[5, 5, 0]) for picture in clip.pictures[17:23]]
    assert all(after < before for before, after in pairwise(fade)), fade
    # Subtitles are on the file's clock, and the words are heard from where they begin: no fade over the first one.
    assert "00:00:00,680 --> 00:00:01,780\nHello world." in clip.result.files[0].read_text()
    assert level_db(clip.sound, TONE_HZ, 0.75, 1.2) == pytest.approx(level_db(clip.sound, TONE_HZ, 1.5, 2.5), abs=1)
    assert level_db(clip.sound, CARD_HZ, 0.1, 0.6) == pytest.approx(level_db(clip.sound, TONE_HZ, 1.5, 2.5), abs=4)
    assert level_db(clip.sound, TONE_HZ, 0.1, 0.6) < -60
    assert level_db(clip.sound, CARD_HZ, 1.1, 3.0) < -60
    assert abs(clip.result.loudness_lufs + 14) < 1
    # No thumbnail of a card.
    still = np.asarray(Image.open(clip.result.thumbnail))[160, 90]
    assert not is_like(still, RED)
    assert not is_like(still, BLUE)


def test_captions_of_a_clip_with_an_intro_are_drawn_and_looked_for_at_its_time(make_clip, film, tmp_path):
    words = [Word(text="Hello", start_s=0.4, end_s=0.8), Word(text="world.", start_s=0.8, end_s=1.2)]
    clip = make_clip(
        film(width=180, height=320), 0.0, 2.0, words=words, finish=Finish(brand=Brand(intro=Card())),
        assets={"intro": card(tmp_path, RED, 2.0)}, aspect=clips.ASPECT_9_16, captions=clips.CAPTION_STYLE_BLOCK,
    )  # fmt: skip
    first = round((clip.result.branded.clip.start_s + 0.4) * 25)
    white = [int((picture.min(axis=2) > 225).sum()) for picture in clip.pictures]
    assert max(white[: first - 1]) < 20 < min(white[first + 1 : first + 18]) / 5


def test_a_source_without_sound_has_that_of_its_card(make_clip, film, tmp_path):
    brand = Finish(brand=Brand(intro=Card()))
    clip = make_clip(
        film(tone_from_s=None), 0.0, 2.0, finish=brand, assets={"intro": card(tmp_path, RED, 1.0, tone_hz=CARD_HZ)}
    )
    assert abs(clip.result.loudness_lufs + 14) < 1
    assert level_db(clip.sound, CARD_HZ, 0.1, 0.9) > -20
    assert level_db(clip.sound, CARD_HZ, 1.2, 2.5) < -60


def faces(x0: float, y0: float, x1: float, y1: float, times_s: np.ndarray) -> FaceTrack:
    samples = [FaceSample(time_s=t, x0=x0, y0=y0, x1=x1, y1=y1, confidence=0.9) for t in times_s]
    return FaceTrack(track=1, samples=samples)


def boxes_of(clip, colour: tuple[int, int, int], frame: int) -> tuple[int, int, int, int]:
    found = np.argwhere(np.abs(clip.pictures[frame].astype(int) - colour).max(axis=2) < 14)
    return (*found.min(axis=0).tolist(), *(found.max(axis=0) + 1).tolist())


def test_a_logo_has_its_colours_and_stands_in_the_asked_corner_of_the_free_area(make_clip, film, tmp_path):
    brand = Finish(brand=Brand(logo=Logo(width=0.2)))
    area = clips.CaptionArea(side=0.1, bottom=0.2)
    clip = make_clip(
        film(width=360, height=640), 0.0, 1.0, finish=brand, assets={"logo": picture(tmp_path, RED, (80, 40))},
        aspect=clips.ASPECT_9_16, caption_area=area,
    )  # fmt: skip
    height, width, _ = clip.pictures[0].shape
    top, left, bottom, right = boxes_of(clip, RED, 10)
    assert right - left == pytest.approx(0.2 * width, abs=4)
    assert bottom - top == pytest.approx(0.1 * width, abs=4)
    assert right == pytest.approx(0.9 * width, abs=3)
    assert top >= 0.11 * height
    assert clip.result.branded.logo == Logo.CORNER_TOP_RIGHT


@pytest.mark.parametrize(("height", "weights"), [(180, (0.299, 0.114)), (720, (0.2126, 0.0722))])
def test_a_logo_has_its_colours_by_the_matrix_that_players_read_the_clip_with(
    make_clip, film, tmp_path, height, weights
):
    clip = make_clip(
        film(width=height * 16 // 9, height=height, frames=8), 0.0, 0.2,
        finish=Finish(brand=Brand(logo=Logo(width=0.3))), assets={"logo": picture(tmp_path, RED)},
    )  # fmt: skip
    with av.open(str(clip.result.video)) as container:
        frame = next(container.decode(video=0))
        planes = [plane.astype(float) for plane in np.split(frame.to_ndarray(), [frame.height])]
    top, left, bottom, right = boxes_of(clip, RED, 0)
    red, green, blue = np.divide(RED, 255)
    luma = weights[0] * red + (1 - sum(weights)) * green + weights[1] * blue
    shown = planes[0][top + 4 : bottom - 4, left + 4 : right - 4]
    assert shown.mean() == pytest.approx(16 + 219 * luma, abs=2)


def test_half_a_logo_s_opacity_is_half_of_it(make_clip, film, tmp_path):
    clip = make_clip(
        film(), 0.0, 1.0, finish=Finish(brand=Brand(logo=Logo(opacity=0.5, width=0.3))),
        assets={"logo": picture(tmp_path, (250, 250, 250))},
    )  # fmt: skip
    brightest = clip.pictures[0].max(axis=2).max()
    assert brightest == pytest.approx((16 + 250) / 2, abs=12)


def test_a_logo_goes_to_another_corner_in_the_shots_where_a_face_is(make_clip, film, tmp_path):
    times = np.arange(0, 1.5, 0.2)
    # A face at the upper right in the first shot, nobody in the second.
    seen = VisionAnalysis(
        shots=[Shot(range=TimeRange(start_s=0, end_s=1.52)), Shot(range=TimeRange(start_s=1.52, end_s=3))],
        face_tracks=[faces(0.6, 0.0, 0.95, 0.5, times)],
    )
    clip = make_clip(
        film(), 0.0, 3.0, vision=[seen], finish=Finish(brand=Brand(logo=Logo())),
        assets={"logo": picture(tmp_path, RED)},
    )  # fmt: skip
    height, width, _ = clip.pictures[0].shape
    before, after = boxes_of(clip, RED, 37), boxes_of(clip, RED, 38)
    assert before[2] < height / 2
    assert before[3] < width / 2 < after[1]
    assert clip.codes == {"CENTRE_CROP"} or not clip.codes


def test_a_logo_below_leaves_its_corner_to_captions(make_clip, film, tmp_path):
    words = [Word(text="Extraordinarily", start_s=0.1, end_s=0.9), Word(text="incomprehensible.", start_s=1, end_s=1.8)]
    look = clips.CaptionLook(name="classic", size=1.0)
    clip = make_clip(
        film(width=360, height=640), 0.0, 2.0, words=words, aspect=clips.ASPECT_9_16,
        captions=clips.CAPTION_STYLE_KARAOKE, assets={"logo": picture(tmp_path, RED)},
        finish=Finish(look=look, brand=Brand(logo=Logo(corner=Logo.CORNER_BOTTOM_LEFT))),
    )  # fmt: skip
    assert boxes_of(clip, RED, 10)[2] < clip.result.height / 2
    assert clip.result.branded.logo == Logo.CORNER_TOP_LEFT


def test_a_logo_lies_over_a_chin_rather_than_over_a_word():
    lettering = lettering_for(720, 1280, looks()["classic"])
    chin = ShownFace(1.0, 0, 400, 720, 1280 - lettering.bottom_margin - 60)
    taken = Taken(0.5, 1.5, 0, 0, 720, lettering.top_margin + 30)
    (stand,) = stands(Logo.CORNER_TOP_LEFT, (100, 100), Places([Take(0, 2)], [chin], [taken], lettering))
    assert (stand.corner, stand.over_face) == (Logo.CORNER_BOTTOM_LEFT, True)


def test_a_caption_that_lingers_for_a_moment_after_a_cut_is_in_no_logo_s_way():
    lettering = lettering_for(720, 1280, looks()["classic"])
    low = Taken(0.5, 2.2, 0, 800, 720, 1000)
    (before, after) = stands(
        Logo.CORNER_BOTTOM_LEFT, (100, 100), Places([Take(0, 2), Take(2, 4)], [], [low], lettering)
    )
    assert (before.corner, after.corner) == (Logo.CORNER_TOP_LEFT, Logo.CORNER_BOTTOM_LEFT)


def test_a_face_that_takes_every_corner_is_told(make_clip, film, tmp_path):
    seen = VisionAnalysis(
        shots=[Shot(range=TimeRange(start_s=0, end_s=3))], face_tracks=[faces(0, 0, 1, 1, np.arange(0, 2, 0.2))]
    )
    clip = make_clip(
        film(), 0.0, 2.0, vision=[seen], finish=Finish(brand=Brand(logo=Logo())),
        assets={"logo": picture(tmp_path, RED)},
    )  # fmt: skip
    assert "LOGO_OVER_FACE" in clip.codes


def test_music_is_under_speech_and_louder_beside_it_and_the_whole_has_its_loudness(make_clip, film, tmp_path):
    # Somebody "speaks" for the first half of the clip; the music is shorter than the clip.
    words = [Word(text="word", start_s=0.5 * n, end_s=0.5 * n + 0.4) for n in range(9)]
    film_ = film(frames=250)
    clip = make_clip(
        film_, 0.0, 10.0, words=words, finish=Finish(music=Music(below_lu=12)),
        assets={"music": tone(tmp_path, MUSIC_HZ, 3.0)},
    )  # fmt: skip
    speech = level_db(clip.sound, TONE_HZ, 1.0, 4.0)
    under = [level_db(clip.sound, MUSIC_HZ, at, at + 0.5) for at in np.arange(1.0, 3.5, 0.5)]
    alone = [level_db(clip.sound, MUSIC_HZ, at, at + 0.3) for at in np.arange(5.6, 8.1, 0.3)]
    # R128 weighs 3 kHz by some 3 dB more than 440 Hz; repeats are cross-faded.
    assert np.mean(under) - speech == pytest.approx(-12 - 3, abs=2)
    assert np.mean(alone) - np.mean(under) == pytest.approx(8, abs=1.5)
    assert min(alone) > max(under)
    assert level_db(clip.sound, MUSIC_HZ, 9.9, 10.0) < np.mean(under)
    assert abs(clip.result.loudness_lufs + 14) < 1
    assert clip.result.branded.music


def test_what_is_no_picture_is_refused_by_its_part(tmp_path):
    path = tmp_path / "logo.png"
    path.write_text("no picture")
    with pytest.raises(ClipmillError, match="logo") as refused:
        facts_of(path, "logo")
    assert refused.value.code == "INPUT_ASSET_UNREADABLE"
