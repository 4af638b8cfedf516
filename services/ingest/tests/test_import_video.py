"""What the import says of good videos, odd ones and bad ones. The function is called as the child process calls it."""

from __future__ import annotations

import random
import struct
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clipmill_ingest.exchange import Imported, ImportRequest
from clipmill_ingest.work import import_video
from imageio_ffmpeg import get_ffmpeg_exe
from media import Sound, changing_sound, heard, make, pitch, samples, two_programmes

from clipmill_shared.errors import ClipmillError


def imported(path: Path, **changes: object) -> Imported:
    request = {"max_duration_s": 3600.0, "part_s": 180.0, "side_by_side": 2, **changes}
    return import_video(ImportRequest(path, path.name, path.parent / "speech.flac", **request), lambda share: None)


def refusal(path: Path, **changes: object) -> ClipmillError:
    with pytest.raises(ClipmillError) as caught:
        imported(path, **changes)
    error = caught.value
    assert path.name in error.message
    assert "\n" not in str(error)
    assert error.remedy
    return error


def codes(result: Imported) -> list[str]:
    return [warning.code for warning in result.warnings]


def test_a_plain_video(tmp_path: Path) -> None:
    result = imported(make(tmp_path / "a.mp4"))
    info = result.info
    assert (info.duration_s, info.start_s) == (pytest.approx(2.0), 0)
    assert (info.video.codec, info.video.width, info.video.height) == ("h264", 64, 48)
    assert (info.video.display_width, info.video.display_height, info.video.rotation_deg) == (64, 48, 0)
    assert info.video.fps == pytest.approx(25)
    assert not info.video.variable_frame_rate
    assert not info.video.interlaced
    assert (info.audio.codec, info.audio.sample_rate_hz, info.audio.channels) == ("aac", 48_000, 1)
    assert len(samples(tmp_path / "speech.flac")) == 32_000
    assert not result.warnings


@pytest.mark.parametrize(
    ("name", "codec", "audio"),
    [
        ("a.mkv", "libx264", "aac"),
        ("a.webm", "libvpx", "libopus"),
        ("a.avi", "mpeg4", "mp3"),
        ("a.ts", "libx264", "aac"),
        ("a.flv", "libx264", "aac"),
        ("a.mov", "mpeg4", "pcm_s16le"),
        ("Größe 長い – " + "n" * 200 + ".mp4", "libx264", "aac"),
    ],
)
def test_every_usual_container(tmp_path: Path, name: str, codec: str, audio: str) -> None:
    result = imported(make(tmp_path / name, codec=codec, audio_codec=audio))
    assert result.info.duration_s == pytest.approx(2.0, abs=0.05)
    assert heard(samples(tmp_path / "speech.flac")) == (pytest.approx(0, abs=0.08), pytest.approx(2, abs=0.1))
    assert not result.warnings


# --- the clock ---


@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.mp4"])
def test_speech_is_on_the_clock_of_the_picture_whenever_that_begins(tmp_path: Path, name: str) -> None:
    """The picture begins 3 s into the container, the tone 0.5 s after the picture."""
    path = make(
        tmp_path / name,
        pts=lambda n: 3000 + n * 40,
        sounds=[Sound(from_s=3.5, to_s=4.5, begins_s=2.0, duration_s=3.0)],
    )
    result = imported(path)
    assert result.info.duration_s == pytest.approx(2.0, abs=0.03)
    assert heard(samples(tmp_path / "speech.flac")) == (pytest.approx(0.5, abs=0.06), pytest.approx(1.5, abs=0.06))
    assert len(samples(tmp_path / "speech.flac")) == 16_000 * result.info.duration_s


def test_sound_that_begins_late_and_ends_early_is_padded(tmp_path: Path) -> None:
    imported(make(tmp_path / "a.mkv", sounds=[Sound(begins_s=0.5, duration_s=1.0)]))
    wave = samples(tmp_path / "speech.flac")
    assert len(wave) == 32_000
    assert heard(wave) == (pytest.approx(0.5, abs=0.06), pytest.approx(1.5, abs=0.06))


def test_sound_whose_channels_change_in_the_middle_is_whole(tmp_path: Path) -> None:
    imported(changing_sound(tmp_path / "a.ts"))
    wave = samples(tmp_path / "speech.flac")
    assert heard(wave) == (pytest.approx(0.0, abs=0.1), pytest.approx(4.0, abs=0.1))
    tenths = np.abs(wave[: len(wave) // 1600 * 1600].astype(int)).reshape(-1, 1600)
    assert tenths.max(axis=1).min() > 1000


def test_sound_beyond_the_picture_is_left_out_with_a_warning(tmp_path: Path) -> None:
    result = imported(make(tmp_path / "a.mkv", sounds=[Sound(duration_s=5.0)]))
    assert result.info.duration_s == pytest.approx(2.0)
    assert len(samples(tmp_path / "speech.flac")) == 32_000
    assert codes(result) == ["SOUND_BEYOND_PICTURE"]


def test_a_variable_frame_rate_is_seen(tmp_path: Path) -> None:
    result = imported(make(tmp_path / "a.mp4", pts=lambda n: n * 40 + (30 if n % 3 else 0)))
    assert result.info.video.variable_frame_rate
    assert not result.warnings


def test_timestamps_that_go_back_are_a_warning(tmp_path: Path) -> None:
    """Two recordings one after the other in a transport stream, each with a clock of its own."""
    one = make(tmp_path / "one.ts").read_bytes()
    two = make(tmp_path / "two.ts", 1.0).read_bytes()
    (tmp_path / "both.ts").write_bytes(two + one)
    result = imported(tmp_path / "both.ts")
    assert "TIMESTAMPS_NOT_MONOTONIC" in codes(result)
    assert len(samples(tmp_path / "speech.flac")) == round(16_000 * result.info.duration_s)


# --- the picture ---


@pytest.mark.parametrize("clockwise", [90, 180, 270])
def test_rotation_is_clockwise_and_turns_the_shown_size(tmp_path: Path, clockwise: int) -> None:
    path = turned(make(tmp_path / "a.mp4"), clockwise)
    video = imported(path).info.video
    assert video.rotation_deg == clockwise
    assert (video.width, video.height) == (64, 48)
    assert (video.display_width, video.display_height) == ((64, 48) if clockwise == 180 else (48, 64))


def turned(path: Path, clockwise: int) -> Path:
    """Write the matrix of ISO/IEC 14496-12, 8.3.2 for a clockwise turn into the video's track header."""
    one = 1 << 16
    matrix = {90: (0, one, -one, 0), 180: (-one, 0, 0, -one), 270: (0, -one, one, 0)}[clockwise]
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    for index, value in zip((0, 1, 3, 4), matrix, strict=True):
        content[at + 4 * index : at + 4 * index + 4] = value.to_bytes(4, "big", signed=True)
    path.write_bytes(content)
    return path


def test_pixels_that_are_not_square_are_shown_square(tmp_path: Path) -> None:
    video = imported(make(tmp_path / "a.mp4", pixel_aspect=Fraction(16, 11))).info.video
    assert (video.display_width, video.display_height) == (92, 48)


def test_odd_sizes_are_shown_even(tmp_path: Path) -> None:
    video = imported(make(tmp_path / "a.mkv", codec="ffv1", size=(63, 47))).info.video
    assert (video.width, video.height) == (63, 47)
    assert (video.display_width, video.display_height) == (62, 46)


# --- tracks ---


def test_without_sound_there_is_no_speech_and_a_warning(tmp_path: Path) -> None:
    result = imported(make(tmp_path / "a.mp4", sounds=()))
    assert not result.has_speech
    assert not result.audio_parts
    assert not result.info.HasField("audio")
    assert codes(result) == ["NO_AUDIO"]
    assert len(result.vision_parts) == 1


def test_of_several_audio_tracks_the_first_is_taken_with_a_warning(tmp_path: Path) -> None:
    result = imported(make(tmp_path / "a.mkv", sounds=[Sound(language="deu"), Sound(language="fra")]))
    assert (result.info.audio_tracks, result.info.audio.language) == (2, "deu")
    assert codes(result) == ["SEVERAL_AUDIO_TRACKS"]


def test_of_several_programmes_one_is_taken_whole_with_a_warning(tmp_path: Path) -> None:
    result = imported(two_programmes(tmp_path / "a.ts"))
    assert (result.info.video.width, result.info.video_tracks) == (128, 2)
    assert pitch(samples(tmp_path / "speech.flac")) == pytest.approx(880, abs=1)
    assert codes(result) == ["SEVERAL_VIDEO_TRACKS", "SEVERAL_AUDIO_TRACKS"]
    assert f"track {result.info.video.index} is used" in result.warnings[0].message


def test_subtitles_inside_change_nothing(tmp_path: Path) -> None:
    plain, text = make(tmp_path / "plain.mkv"), tmp_path / "text.srt"
    text.write_text("1\n00:00:00,000 --> 00:00:01,500\nNobody said this.\n")
    with_text = tmp_path / "text.mkv"
    command = [get_ffmpeg_exe(), "-v", "error", "-i", str(plain), "-i", str(text), "-map", "0", "-map", "1"]
    subprocess.run([*command, "-c", "copy", "-disposition:s:0", "default", str(with_text)], check=True)
    wanted, wave = imported(plain), samples(tmp_path / "speech.flac")
    result = imported(with_text)
    assert (result.info.video, result.info.audio.codec) == (wanted.info.video, "aac") and not result.warnings
    assert np.array_equal(samples(tmp_path / "speech.flac"), wave)


# --- parts ---


def test_a_long_video_is_cut_at_its_pause_and_at_a_keyframe(tmp_path: Path) -> None:
    sounds = [Sound(to_s=28), Sound(to_s=28)]
    path = make(tmp_path / "a.mkv", 64, sounds=sounds[:1], keyframe_every=70)
    result = imported(path)
    audio, vision = result.audio_parts, result.vision_parts
    assert [len(audio), len(vision)] == [2, 2]
    assert audio[0].start_s == vision[0].start_s == 0
    assert audio[1].end_s == vision[1].end_s == result.info.duration_s
    assert 28 < audio[0].end_s < 35
    assert vision[0].end_s == pytest.approx(70 / 25 * 11)  # the keyframe nearest to the middle


# --- bad files ---


def test_text_renamed(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("This is no video.\n" * 1000)
    assert refusal(tmp_path / "a.mp4").code == "INPUT_NOT_VIDEO"


def test_noise(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(random.Random(1).randbytes(100_000))
    assert refusal(tmp_path / "a.mp4").code == "INPUT_NOT_VIDEO"


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{secret}'\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
        '<Representation id="0" mimeType="video/mp4"><BaseURL>{secret}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    ],
    ids=["hls", "concat", "dash", "sdp"],
)
def test_a_file_that_refers_to_others_is_refused(tmp_path: Path, text: str) -> None:
    secret = make(tmp_path / "secret.ts")
    for name in ("list.mp4", "list.m3u8", "list.ffconcat", "list.mpd", "list.sdp"):
        (tmp_path / name).write_text(text.format(secret=secret))
        assert refusal(tmp_path / name).code == "INPUT_NOT_VIDEO"


def test_an_mp4_without_its_index(tmp_path: Path) -> None:
    content = make(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: content.index(b"moov") - 4])
    error = refusal(tmp_path / "cut.mp4")
    assert error.code == "INPUT_TRUNCATED"
    assert "moov" in error.message


def test_an_mp4_cut_in_its_content(tmp_path: Path) -> None:
    content = make(tmp_path / "a.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(content[: len(content) // 2])
    assert refusal(tmp_path / "cut.mp4").code == "INPUT_TRUNCATED"


@pytest.mark.parametrize(
    ("name", "options"), [("a.mp4", {"movflags": "faststart"}), ("a.mkv", {}), ("a.avi", {}), ("a.flv", {})]
)
def test_a_video_that_ends_before_it_says(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    codec = "mpeg4" if name == "a.avi" else "libx264"
    audio = "mp3" if name == "a.avi" else "aac"
    path = make(tmp_path / name, 8.0, codec=codec, audio_codec=audio, options=options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.6)])
    error = refusal(path)
    assert error.code == "INPUT_TRUNCATED"
    assert "of 8.0 s" in error.message


def test_a_header_of_ten_hours_on_ten_seconds(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv", 10.0)
    content = bytearray(path.read_bytes())
    # The segment's Duration (RFC 9559, 5.1.2.9), a float of eight bytes in ms.
    at = content.index(b"\x44\x89\x88") + 3
    content[at : at + 8] = struct.pack(">d", 36_000_000.0)
    path.write_bytes(content)
    error = refusal(path, max_duration_s=50_000.0)
    assert error.code == "INPUT_TRUNCATED" and "10.0 s can be read of 36000.0 s" in error.message


@pytest.mark.parametrize("name", ["a.ts", "a.mkv", "a.mp4"])
def test_damage_in_the_middle_is_said_and_the_rest_is_there(tmp_path: Path, name: str) -> None:
    path = make(tmp_path / name, 20.0, options={"movflags": "faststart"} if name == "a.mp4" else None)
    content = bytearray(path.read_bytes())
    middle = slice(len(content) * 45 // 100, len(content) * 55 // 100)
    content[middle] = random.Random(1).randbytes(middle.stop - middle.start)
    path.write_bytes(content)
    result = imported(path)
    assert result.info.duration_s == pytest.approx(20, abs=0.2)
    assert set(codes(result)) & {"INPUT_DAMAGED", "SOUND_DAMAGED", "TIMESTAMPS_NOT_MONOTONIC"}
    wave = samples(tmp_path / "speech.flac")
    assert len(wave) == round(16_000 * result.info.duration_s)
    assert heard(wave) == (pytest.approx(0, abs=0.1), pytest.approx(20, abs=0.1))


def test_sound_alone(tmp_path: Path) -> None:
    assert refusal(make(tmp_path / "a.mp4", size=None)).code == "INPUT_NO_VIDEO"


def test_no_frames(tmp_path: Path) -> None:
    assert refusal(make(tmp_path / "a.mkv", 0.0, sounds=[Sound(duration_s=2.0)])).code == "INPUT_ZERO_LENGTH"


def test_a_codec_that_nobody_knows(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv")
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_UNKNOWN/X/YZ1"))
    assert refusal(path).code == "INPUT_CODEC"


def test_a_picture_that_cannot_be_decoded(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", sounds=(), options={"movflags": "faststart"})
    content = path.read_bytes()
    start = content.index(b"mdat") + 4
    path.write_bytes(content[:start] + bytes(len(content) - start))
    assert refusal(path).code == "INPUT_CODEC"


def test_sound_that_cannot_be_decoded_is_a_warning(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mkv")
    path.write_bytes(path.read_bytes().replace(b"A_AAC", b"A_XYZ"))
    result = imported(path)
    assert not result.has_speech
    assert codes(result) == ["AUDIO_UNREADABLE"]


def test_longer_than_the_limit(tmp_path: Path) -> None:
    assert refusal(make(tmp_path / "a.mp4"), max_duration_s=1.0).code == "INPUT_TOO_LONG"


def test_the_wrong_ending_of_a_name_does_not_matter(tmp_path: Path) -> None:
    assert imported(make(tmp_path / "a.mkv").rename(tmp_path / "a.txt")).info.container == "matroska"


def test_sides_that_cancel_each_other_are_said_and_heard(tmp_path: Path) -> None:
    result = imported(make(tmp_path / "a.mp4", sounds=[Sound(gains=(1.0, -1.0))]))
    assert codes(result) == ["SOUND_OUT_OF_PHASE"]
    assert heard(samples(tmp_path / "speech.flac")) == (pytest.approx(0, abs=0.05), pytest.approx(2, abs=0.05))


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le", "pcm_u8", "pcm_s24le", "pcm_f32le"])
def test_faults_of_the_recording_are_seen_in_every_sample_format(tmp_path: Path, codec: str) -> None:
    result = imported(make(tmp_path / "a.mov", sounds=[Sound(gains=(1.0, 0.0))], audio_codec=codec))
    assert codes(result) == ["SOUND_ONE_SIDED"]
    assert codes(imported(make(tmp_path / "b.mov", sounds=[Sound(gains=(0.5, 0.5))], audio_codec=codec))) == []
    loud = imported(make(tmp_path / "c.mov", sounds=[Sound(gains=(2.5, 2.5))], audio_codec=codec))
    assert "SOUND_CLIPPED" in codes(loud)
    quiet = imported(make(tmp_path / "d.mkv", sounds=[Sound(gains=(0.012, 0.012))], audio_codec="aac"))
    assert codes(quiet) == ["SOUND_QUIET"]
