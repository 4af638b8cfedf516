"""The report and the table: what they show, and that no text in them can do harm."""

import pytest

from clipmill.audio.v1.audio_pb2 import Word
from clipmill_cli.report import report, speech, strongest
from clipmill_cli.results import (
    ClipRecord,
    EventRecord,
    FeatureRecord,
    OptionsRecord,
    RangeRecord,
    ResultRecord,
    SourceRecord,
    StandingRecord,
    SubScoresRecord,
)
from clipmill_cli.run import default_output
from clipmill_cli.table import clock, grid, table


def clip(title: str = "A title", added: tuple[float, ...] = (3.0, -9.0, 0.01)) -> ClipRecord:
    features = tuple(
        FeatureRecord(name=f"f{n}", unit="ratio", version=1, value=0.5, added=points) for n, points in enumerate(added)
    )
    return ClipRecord(
        rank=1, clip_id="c", title=title, reason="Because.", score=50 + sum(added), base=50, features=features,
        start_s=61, end_s=80, duration_s=19, video="clip-01.mp4", thumbnail="clip-01.jpg", width=1080, height=1920,
        text="Said.", words=(), warnings=(), sub_scores=SubScoresRecord(hook=81, value=40), hashtags=("#NewYork",),
    )  # fmt: skip


def result(*clips: ClipRecord, name: str = "talk.mp4") -> ResultRecord:
    source = SourceRecord(
        name=name, sha256="0", size_bytes=1, duration_s=100, width=1280, height=720, fps=25, video_codec="h264"
    )
    options = OptionsRecord(clips=1, min_s=1, max_s=2, aspect="9:16", language="auto", captions="none", profile="fast")
    return ResultRecord(
        clipmill_version="1", job_id="j", source=source, options=options, models=(), cached=False, clips=clips,
        shortages=(), warnings=(),
    )  # fmt: skip


def test_texts_are_escaped():
    page = report(result(clip(title="<script>alert(1)</script>"), name='"><img src=x>'), [])
    assert "<script>" not in page and "<img" not in page


def test_the_parts_of_the_score_and_hashtags_are_shown_and_what_is_unknown_is_not():
    page = report(result(clip()), [])
    assert "<dt>hook</dt>" in page and "<dt>value</dt>" in page and "#NewYork" in page
    assert "<dt>flow</dt>" not in page


def test_how_it_stands_is_said_where_it_is_known_and_never_rounded_up():
    standing = StandingRecord(percent=99.9, passages=1020)
    known = result(clip().model_copy(update={"standing": standing}))
    assert "It scores above 99 % of 1,020 passages of this video" in report(known, [])
    assert "above 99 % of 1,020 passages)" in " ".join(table(known).split())
    assert "passages" not in report(result(clip()), []) + table(result(clip()))


def test_a_clip_of_two_ranges_is_drawn_at_both():
    pieces = (RangeRecord(start_s=10, end_s=20), RangeRecord(start_s=50, end_s=60))
    page = report(result(clip().model_copy(update={"start_s": 10, "end_s": 60, "pieces": pieces})), [])
    assert "0:10 to 0:20 and 0:50 to 1:00" in page
    assert page.count('href="#clip-1"') == 2 and "left:50.000%;width:10.000%" in page


def test_music_and_silence_lie_beside_the_speech_and_only_what_is_there_is_explained():
    music = EventRecord(kind="music", start_s=20, end_s=45)
    page = report(result(clip()), [], [music])
    assert '<b class="music" title="music, 0:20 to 0:45" style="left:20.000%;width:25.000%">' in page
    assert "amber: music" in page and "silence</span>" not in page
    assert "amber: music" not in report(result(clip()), [])


def test_speech_is_drawn_in_stretches():
    words = [Word(text=str(s), start_s=s, end_s=s + 0.5) for s in (0, 1, 10)]
    assert [(round(x.left, 1), round(x.width, 1)) for x in speech(words, 100)] == [(0, 1.5), (10, 0.5)]


def test_the_strongest_features_come_first_and_what_added_nothing_is_left_out():
    assert [f.name for f in strongest(clip())] == ["f1", "f0"]


def test_the_table_says_what_and_why():
    text = table(result(clip()))
    assert "clip-01.mp4" in text and "A title" in text and "Because. (hook 81, value 40)" in text and "1:01" in text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.9, "1:01"), (3600, "1:00:00"), (36061, "10:01:01")])
def test_clock(seconds, text):
    assert clock(seconds) == text


@pytest.mark.parametrize(
    ("video", "folder"),
    [
        ("talk.mp4", "talk-clips"),
        ("/a/b/my talk.final.mov", "my talk.final-clips"),
        ("https://example.org/v/talk%20one.mp4?x=1", "talk one-clips"),
        ("https://example.org/", "example.org-clips"),
        ("é" * 130 + ".mp4", "é" * 100 + "-clips"),
    ],
)
def test_the_default_folder(video, folder):
    assert str(default_output(video)) in (folder, "video-clips")


def test_a_row_of_a_grid_is_a_line_and_commands_no_terminal():
    text = grid(("Job", "Video"), [("1", "[red]a\n\x1b[31mb" + "c" * 300), ("2", "d")])
    assert text.splitlines() == ["Job  Video", "1    [red]a  [31mb" + "c" * 300, "2    d"]
