"""The same talk in another container, smaller, cut and quieter: what holds of the first one's analysis is shared."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from e2e.support import Made, make_clips
from imageio_ffmpeg import get_ffmpeg_exe

pytestmark = pytest.mark.xdist_group("same recording")
OPTIONS = ("--clips", "1", "--min", "8", "--max", "20", "--captions", "none")
SMALLER = ("-vf", "scale=iw/2:-2", "-preset", "ultrafast")
CUT_S = 5.0
# The first is short enough for a test, and long enough to be cut.
LONG_S = 26


def encoded(source: Path, target: Path, *options: str) -> Path:
    subprocess.run([get_ffmpeg_exe(), "-v", "error", *options[:2], "-i", source, *options[2:], target], check=True)
    return target


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Made:
    folder = tmp_path_factory.mktemp("same")
    talk = encoded(sample, folder / "talk.mp4", "-t", str(LONG_S), *SMALLER, "-c:a", "copy")
    return make_clips(folder, talk, *OPTIONS)


@pytest.fixture(scope="module")
def second(first: Made) -> Made:
    again = encoded(
        first.video,
        first.folder / "again.mkv",
        *("-ss", str(CUT_S), *SMALLER),
        *("-c:a", "libmp3lame", "-b:a", "96k", "-af", "volume=-8dB"),
    )
    return make_clips(first.folder, again, *OPTIONS)


def test_the_result_says_whose_analysis_it_is(second: Made) -> None:
    heard = next(shared for shared in second.result.shared if shared.part == "audio")

    assert heard.name == "talk.mp4"
    assert heard.offset_s == pytest.approx(-CUT_S, abs=0.06)
    assert heard.saved_s > 0
    assert not second.result.cached
    assert "was known from talk.mp4" in second.ran.out
    assert "was known from talk.mp4" in (second.output / "report.html").read_text()
    assert "as in talk.mp4" in second.ran.err


def test_words_are_where_they_are_said(first: Made, second: Made) -> None:
    heard = next(shared for shared in second.result.shared if shared.part == "audio")
    (one,), (other,) = first.result.clips, second.result.clips
    from_s, to_s = max(one.start_s + heard.offset_s, other.start_s), min(one.end_s + heard.offset_s, other.end_s)

    before, after = (
        [(w.text, round(w.start_s + by_s, 2)) for w in clip.words if from_s < w.start_s + by_s < to_s - 1]
        for clip, by_s in ((one, heard.offset_s), (other, 0.0))
    )

    assert len(after) >= 5
    assert before == after


def test_corrected_words_are_not_answered_by_recognised_ones(second: Made) -> None:
    heard = second.result.clips[0].text
    wrong = max(heard.split(), key=len)
    transcript = second.folder / "said.txt"
    transcript.write_text(heard.replace(wrong, "crocodile"))

    made = make_clips(second.folder, second.video, *OPTIONS, "--transcript", str(transcript))

    said = " ".join(clip.text for clip in made.result.clips)
    assert "crocodile" in said
    assert wrong not in said
    assert not made.result.shared
