"""From a timeline to clips that explain themselves."""

import os
import subprocess
import sys
from itertools import pairwise

import pytest
from clipmill_scoring.domain.choose import choose
from clipmill_scoring.domain.formula import BASE
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.table import clip_id
from hypothesis import given
from scoring_talks import asks, embed, silent, talk, timelines

LINES = talk(
    "So that was the first line of the day.",
    "Why does the other line always move faster?",
    "I asked my boss, and she said you never see the ones that you beat.",
    "The throughput of multiserver configurations necessitates considerable mathematical sophistication everywhere.",
    "And thereafter institutional arrangements deteriorated.",
)


@given(timelines(), asks())
def test_clips_cut_no_word_never_overlap_and_last_as_long_as_asked(timeline, ask):
    choice = choose("video", timeline, ask, embed)

    assert len(choice.clips) <= ask.clips
    for clip in choice.clips:
        assert ask.min_s <= clip.end_s - clip.start_s <= ask.max_s
        assert 0 <= clip.start_s < clip.end_s <= timeline.duration_s
        for word in timeline.words:
            assert not word.start_s < clip.start_s < word.end_s
            assert not word.start_s < clip.end_s < word.end_s
    in_time = sorted(choice.clips, key=lambda clip: clip.start_s)
    assert all(a.end_s <= b.start_s for a, b in pairwise(in_time))


@given(timelines(), asks())
def test_the_score_is_the_base_and_all_that_was_added_to_the_last_bit(timeline, ask):
    for clip in choose("video", timeline, ask, embed).clips:
        score = BASE
        for feature in clip.features:
            score += feature.points
        assert clip.score == score
        assert 0 <= clip.score <= 100


@given(timelines(), asks())
def test_fewer_clips_than_asked_for_always_have_a_reason_and_the_remedy_gives_more(timeline, ask):
    choice = choose("video", timeline, ask, embed)

    assert bool(choice.shortages) == (len(choice.clips) < ask.clips)
    for shortage in choice.shortages:
        assert shortage.code
        option, _, value = shortage.remedy.partition(" ")
        if option == "--clips":
            assert int(value) == len(choice.clips)
        elif choice.clips or option.startswith("--"):
            min_s, max_s = (float(value), ask.max_s) if option == "--min" else (ask.min_s, float(value))
            again = choose("video", timeline, Ask(ask.clips, min_s, max_s), embed)
            weaker = {"FEWER_SCORE_MORE", "NO_ROOM_WITHOUT_REPEATS"}
            assert len(again.clips) > len(choice.clips) or again.shortages[0].code in weaker


def test_clips_are_ranked_by_score_and_the_best_is_the_lively_part():
    choice = choose("video", LINES, Ask(clips=2, min_s=7, max_s=12), embed)

    assert [clip.score for clip in choice.clips] == sorted((clip.score for clip in choice.clips), reverse=True)
    assert choice.clips[0].text == (
        "Why does the other line always move faster? "
        "I asked my boss, and she said you never see the ones that you beat."
    )


def test_golden_explanation():
    clip = choose("video", LINES, Ask(clips=1, min_s=7, max_s=12), embed).clips[0]

    assert clip.title == "I asked my boss, and she said you never see the ones that you beat"
    assert clip.reason == (
        "This clip opens with a hook, speaks to the viewer and lets people speak in their own words."
    )
    table = [f"{feature.name:16}{feature.value:8.2f}{feature.points:+7.2f}" for feature in clip.features]
    assert [f"{'base':24}{BASE:+7.2f}", *table, f"{'score':24}{clip.score:+7.2f}"] == GOLDEN.strip().splitlines()


GOLDEN = """
base                     +50.00
first_person        8.70  +0.85
second_person       8.70  +3.00
people              8.70  +2.37
dialogue            8.70  +3.00
questions           4.35  +2.50
charged             4.35  +2.09
casual              0.00  -1.00
contrast            4.35  +0.46
numbers             0.00  -0.19
word_length         3.74  +1.65
sentence_length    11.50  +0.10
readability        88.49  +0.00
hook                0.75  +3.50
opening             1.00  +2.50
closing             1.00  +2.50
answered            1.00  +1.00
edges               0.60  +1.00
unity               1.00  +1.00
novelty             0.04  +0.00
speech_rate         2.50  -0.04
pause_share         0.06  +0.25
duration_fit        0.36  -0.14
score                    +76.40
"""


def test_a_video_without_words_is_judged_by_its_picture_and_says_so():
    choice = choose("video", silent(10, 20, 30, motion=(0.03, 0.2, 0.03)), Ask(clips=1, min_s=8, max_s=12), embed)

    clip = choice.clips[0]
    assert (clip.start_s, clip.end_s) == (10, 20)
    assert {feature.name for feature in clip.features} == {
        "duration_fit", "motion", "cuts", "sharpness", "still_share",
    }  # fmt: skip
    assert clip.title == "0:10 to 0:20"
    assert clip.text == ""
    assert [doubt.code for doubt in choice.doubts] == ["NO_SPEECH"]


def test_words_in_another_language_are_not_judged_as_if_they_were_english():
    timeline = talk("Warum ist die andere Reihe immer schneller?", "Das habe ich mich oft gefragt.", language="de")

    choice = choose("video", timeline, Ask(clips=1, min_s=2, max_s=12), embed)

    assert [doubt.code for doubt in choice.doubts] == ["WORDS_NOT_JUDGED"]
    assert {"second_person", "hook", "casual"}.isdisjoint(f.name for f in choice.clips[0].features)
    assert "questions" in {f.name for f in choice.clips[0].features}


def test_a_single_short_sentence_in_a_long_video_gives_clips_by_shots_that_do_not_cut_it():
    timeline = talk("Look there.", lead_s=20.0)

    choice = choose("video", timeline, Ask(clips=1, min_s=10, max_s=15), embed)

    assert len(choice.clips) == 1
    assert "TOO_LITTLE_SPEECH" in {doubt.code for doubt in choice.doubts}


def test_a_clip_that_ends_at_a_pause_is_named_in_the_result():
    unpunctuated = talk(" ".join(["word"] * 200))

    choice = choose("video", unpunctuated, Ask(clips=1, min_s=10, max_s=30), embed)

    assert [doubt.code for doubt in choice.doubts] == ["CUT_AT_PAUSE"]


@pytest.mark.parametrize(
    ("timeline", "ask", "code", "remedy"),
    [
        (talk("One two three."), Ask(1, 15, 60), "VIDEO_TOO_SHORT", "--min 3"),
        (talk("One two three."), Ask(1, 2, 2.5), "NO_CLIP_IN_RANGE", "--min 1"),
        (LINES, Ask(3, 10, 60), "NO_ROOM_WITHOUT_OVERLAP", "--min 6"),
        (talk("One two three."), Ask(2, 1, 60), "NO_ROOM_WITHOUT_OVERLAP", "--clips 1"),
    ],
)
def test_a_shortage_says_why_and_what_would_change_it(timeline, ask, code, remedy):
    (shortage,) = choose("video", timeline, ask, embed).shortages

    assert (shortage.code, shortage.remedy) == (code, remedy)


def test_clips_come_from_the_ranges_alone_and_too_short_ones_are_told():
    first, second = LINES.words[0].start_s, LINES.words[17].end_s

    inside = choose("video", LINES, Ask(5, 3, 12, ranges=((first - 0.5, second + 0.3),)), embed)
    short = choose("video", LINES, Ask(1, 6, 12, ranges=((0.5, 5.5),)), embed)
    beyond = choose("video", LINES, Ask(1, 6, 12, ranges=((3600.0, 4000.0),)), embed)

    assert inside.clips
    assert all(first - 0.5 <= clip.start_s < clip.end_s <= second + 0.3 for clip in inside.clips)
    assert [(s.code, s.remedy) for s in short.shortages] == [("RANGE_TOO_SHORT", "--min 4")]
    assert [(s.code, s.remedy) for s in beyond.shortages] == [("RANGE_TOO_SHORT", "a wider --range")]


def test_clip_ids_and_scores_are_the_same_in_another_process():
    program = (
        f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"  # noqa: PTH120
        "from test_choose import *\n"
        "print([(c.clip_id, c.score.hex(), c.reason) for c in choose('video', LINES, Ask(2, 6, 12), embed).clips])"
    )
    here = [(c.clip_id, c.score.hex(), c.reason) for c in choose("video", LINES, Ask(2, 6, 12), embed).clips]

    for seed in ("1", "2"):
        ran = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        assert ran.stdout.decode().strip() == str(here)


def test_a_clip_id_depends_on_the_video_and_the_range_alone():
    assert clip_id("a", (1.0, 2.0)) == clip_id("a", (1.0002, 2.0))
    assert len({clip_id("a", (1, 2)), clip_id("b", (1, 2)), clip_id("a", (1, 2.001)), clip_id("a", (1.001, 2))}) == 4
