"""The sample talk through `clipmill run`, held against its truth."""

from __future__ import annotations

import json
import re
import wave
from hashlib import sha256
from itertools import pairwise
from math import sin

import av
import jiwer
import numpy as np
import pytest
from e2e.support import Clipmill, Made, make_clips
from PIL import Image

from clipmill_cli.results import ResultRecord

pytestmark = pytest.mark.xdist_group("sample")
# How far a recognised word's time may be from the truth's before a cut is said to be inside a word.
WORD_TIME_TOLERANCE_S = 0.15


@pytest.fixture(scope="module")
def made(tmp_path_factory, sample) -> Made:
    return make_clips(tmp_path_factory.mktemp("sample"), sample, "--clips", "3", "--min", "10", "--max", "40", "--json")


def test_clips_are_made(made):
    assert made.ran.code == 0, made.ran.err
    assert 1 <= len(made.result.clips) <= 3


def test_the_folder_holds_what_is_promised(made):
    names = {path.name for path in made.output.iterdir()}
    kinds = ("mp4", "jpg", "srt", "vtt", "ass")
    clips = {f"clip-{n:02d}.{kind}" for n in range(1, len(made.result.clips) + 1) for kind in kinds}
    assert names == clips | {"clips.json", "report.html"}


def test_progress_is_told_and_never_goes_back(made):
    shares = [event["progress"] for event in made.ran.events if event["event"] == "progress"]
    assert len(shares) > 5 and shares == sorted(shares) and shares[-1] == 1.0


def test_scores_add_up_and_are_in_order(made):
    scores = [clip.score for clip in made.result.clips]
    assert scores == sorted(scores, reverse=True)
    for clip in made.result.clips:
        assert clip.base + sum(f.added for f in clip.features) == pytest.approx(clip.score, abs=1e-6)
        assert clip.reason and clip.title


def test_clips_have_the_length_asked_for_and_do_not_overlap(made):
    spans = sorted((clip.start_s, clip.end_s) for clip in made.result.clips)
    assert all(10 <= end - start <= 40 for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))


def test_no_clip_cuts_a_word_of_the_truth(made, truth):
    for clip in made.result.clips:
        for cut in (clip.start_s, clip.end_s):
            inside = [
                word for word in truth["words"]
                if word["start_s"] + WORD_TIME_TOLERANCE_S < cut < word["end_s"] - WORD_TIME_TOLERANCE_S
            ]  # fmt: skip
            assert not inside, (clip.rank, cut, inside)


def test_clips_begin_and_end_with_sentences_of_the_truth(made, truth):
    starts = np.array([s["start_s"] for s in truth["sentences"]])
    ends = np.array([s["end_s"] for s in truth["sentences"]])
    spans = [(clip.start_s, clip.end_s) for clip in made.result.clips]
    off_s = [np.abs(starts - start).min() for start, _ in spans] + [np.abs(ends - end).min() for _, end in spans]
    assert np.mean(np.array(off_s) < 0.4) >= 0.95, off_s


def test_silence_is_where_the_truth_has_it_and_there_is_no_music(made, truth):
    silences = [(e["start_s"], e["end_s"]) for e in truth["events"] if e["kind"] == "silence"]
    for clip in made.result.clips:
        cut = [(max(start, clip.start_s), min(end, clip.end_s)) for start, end in silences]
        events = [(event.kind, event.start_s, event.end_s) for event in clip.events]
        assert events == [("silence", pytest.approx(a, abs=0.25), pytest.approx(b, abs=0.25)) for a, b in cut if a < b]


def test_the_words_are_those_that_are_said(made, truth):
    for clip in made.result.clips:
        span = (clip.start_s - 0.2, clip.end_s + 0.2)
        said = [w["text"] for w in truth["words"] if span[0] < w["start_s"] and w["end_s"] < span[1]]
        heard = [w.text for w in clip.words]
        assert jiwer.wer(_plain(said), _plain(heard)) < 0.25, (said, heard)


def test_the_video_files_are_what_players_and_platforms_take(made):
    for clip in made.result.clips:
        path = made.output / clip.video
        with av.open(str(path)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
            assert audio.codec_context.name == "aac"
            assert video.width * 16 == video.height * 9
            frames = sum(1 for _ in container.decode(video=0))
            assert frames / float(video.average_rate) == pytest.approx(clip.end_s - clip.start_s, abs=0.08)
        head = path.read_bytes()[: 1 << 20]
        assert head.index(b"moov") < head.index(b"mdat")
        assert clip.loudness_lufs == pytest.approx(-14, abs=1)


def test_the_speaking_face_is_in_the_picture(made, truth):
    """Where the truth has a face in a shot, the middle of the rendered frame is not a wall: a face is found there."""
    from clipmill_vision.models.blazeface import BlazeFace

    detector = BlazeFace()
    for clip in made.result.clips:
        looked = found = 0
        faces = [f for f in truth["faces"] if clip.start_s + 0.3 < f["t_s"] < clip.end_s - 0.3]
        wanted = {round(f["t_s"] - clip.start_s, 2): f for f in faces[:: max(len(faces) // 12, 1)]}
        with av.open(str(made.output / clip.video)) as container:
            for frame in container.decode(video=0):
                for at in [at for at in wanted if frame.time is not None and frame.time >= at]:
                    boxes = wanted.pop(at)["boxes"]
                    if boxes:
                        looked += 1
                        small = frame.reformat(256 * frame.width // frame.height, 256, "rgb24").to_ndarray()
                        found += bool(detector.find(small, 0.5))
        assert looked == 0 or found / looked >= 0.8, (clip.rank, found, looked)


def test_subtitles_hold_the_clip_s_words_within_its_time(made):
    for clip in made.result.clips:
        text = (made.output / clip.subtitles).read_text("utf-8")
        lines = [line for line in text.splitlines() if line and "-->" not in line and not line.isdigit()]
        assert " ".join(lines).split() == [w.text for w in clip.words]
        times = [int(h) * 3600 + int(m) * 60 + float(f"{s}.{ms}") for h, m, s, ms in
                 re.findall(r"(\d+):(\d\d):(\d\d),(\d{3})", text)]  # fmt: skip
        assert times == sorted(times) and times[-1] <= clip.end_s - clip.start_s + 0.05


def test_the_report_opens_from_disk_and_names_every_clip(made):
    page = (made.output / "report.html").read_text("utf-8")
    assert "http://" not in page and "https://" not in page
    for clip in made.result.clips:
        assert f'src="{clip.video}"' in page


def test_the_result_says_which_models_answered(made):
    tasks = {model.task for model in made.result.models}
    assert {"transcription", "faces", "shots"} <= tasks
    assert all(model.version for model in made.result.models)


def test_the_file_is_what_its_schema_says(made):
    raw = json.loads((made.output / "clips.json").read_text())
    assert ResultRecord.model_validate(raw).model_dump(mode="json") == raw


def test_the_same_again_comes_from_the_cache_and_says_so(made):
    again = make_clips(made.folder, made.video, "--clips", "3", "--min", "10", "--max", "40")
    assert again.ran.code == 0 and again.result.cached
    assert "From the cache" in again.ran.out
    assert [clip.clip_id for clip in again.result.clips] == [clip.clip_id for clip in made.result.clips]


def test_other_clip_options_share_the_analysis(made):
    options = ("--clips", "1", "--min", "10", "--max", "30", "--captions", "none")
    other = make_clips(made.folder, made.video, *options, "--json")
    last = [event for event in other.ran.events if event["event"] == "progress"][-1]
    assert {s["stage"]: s["cached"] for s in last["stages"]} == {
        "reading": True, "hearing": True, "seeing": True, "choosing": False, "rendering": False,
    }  # fmt: skip


def test_a_brand_and_music_are_in_the_clips_and_nothing_is_analysed_anew(made, tmp_path):
    Image.new("RGB", (64, 64), (200, 30, 40)).save(tmp_path / "logo.png")
    (tmp_path / "brand.toml").write_text(
        'name = "Acme"\n[logo]\nfile = "logo.png"\n[intro]\nfile = "logo.png"\nlength_s = 1.0\n'
    )
    with wave.open(str(tmp_path / "music.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"".join(round(8000 * sin(n / 3)).to_bytes(2, "little", signed=True) for n in range(16000)))
    options = ("--clips", "1", "--min", "10", "--max", "30", "--brand", tmp_path, "--music", tmp_path / "music.wav")
    branded = make_clips(made.folder, made.video, *options, "--export", "fcpxml", "--json")
    last = [event for event in branded.ran.events if event["event"] == "progress"][-1]
    assert {s["stage"]: s["cached"] for s in last["stages"]}["hearing"] is True
    (clip,), said = branded.result.clips, branded.result.options
    assert said.brand.name == "Acme"
    assert said.brand.logo == said.brand.intro == sha256((tmp_path / "logo.png").read_bytes()).hexdigest()
    assert clip.branded.music and clip.branded.logo
    # The intro comes on top of the clip's own length, less the fade.
    assert 0.5 < clip.branded.starts_s < 1.0
    assert clip.branded.ends_s == pytest.approx(clip.duration_s)
    assert clip.branded.ends_s - clip.branded.starts_s == pytest.approx(clip.end_s - clip.start_s, abs=0.04)
    assert abs(clip.loudness_lufs + 14) < 1
    assert {name.rpartition(".")[2] for name in clip.files} == {"vtt", "ass", "fcpxml"}

    (tmp_path / "logo.png").write_text("no picture")
    refused = Clipmill(made.folder)("run", made.video, *options)
    assert refused.code == 3
    assert "logo.png cannot be used" in refused.err


def _plain(words: list[str]) -> str:
    return re.sub(r"[^a-z0-9' ]", "", " ".join(words).lower().replace("-", " "))
