"""What is measured, by definition and by example."""

import math
from dataclasses import replace

import numpy as np
import pytest
from clipmill_scoring.domain.boundaries import sentence_units
from clipmill_scoring.domain.candidates import candidates
from clipmill_scoring.domain.explain import _SAID, MAX_TITLE, title
from clipmill_scoring.domain.features import BY_NAME, FEATURES, columns
from clipmill_scoring.domain.score import WEIGHTS, weights_for
from clipmill_scoring.domain.text import text_points
from clipmill_scoring.domain.timeline import Level, Shot
from hypothesis import given
from hypothesis import strategies as st
from scoring_talks import asks, talk, timelines


def measured(timeline, min_s=0.1, max_s=60.0):
    """The values of the longest candidate."""
    units = sentence_units(timeline, max_s)
    these = candidates(units, min_s, max_s)
    longest = int(np.argmax(these.duration_s))
    return {name: float(values[longest]) for name, values in columns(timeline, units, these).items()}


def test_every_feature_has_a_weight_with_a_reason_and_words_and_the_points_keep_scores_within_0_and_100():
    asked = weights_for(np.array([0.2, 0.4]))

    assert set(BY_NAME) == set(asked) == set(_SAID) == {*WEIGHTS, "about"}
    assert len(BY_NAME) == len(FEATURES) + 1
    for weights in (WEIGHTS, asked):
        assert all(weight.why for weight in weights.values())
        assert math.isclose(sum(abs(weight.points) for weight in weights.values()), 50)


@given(timelines(), asks())
def test_values_are_unknown_or_within_their_range(timeline, ask):
    units = sentence_units(timeline, ask.max_s)
    for name, values in columns(timeline, units, candidates(units, ask.min_s, ask.max_s)).items():
        known = values[~np.isnan(values)]
        assert np.all((BY_NAME[name].low <= known) & (known <= BY_NAME[name].high)), name


@pytest.mark.parametrize(
    ("text", "feature", "value"),
    [
        ("We're sure I'm right.", "first_person", 50),
        ("Do you know it?", "second_person", 25),
        ("She met his mother.", "people", 75),
        ('He said "go on" loudly.', "dialogue", 60),
        ("Why? Where? There.", "questions", 200 / 3),
        ("I love it!", "charged", 200 / 3),
        ("Well, that is okay.", "casual", 50),
        ("They don't, but we do.", "contrast", 40),
        ("It took 9 or ten days.", "numbers", 100 / 3),
        ("A cat sat.", "word_length", 7 / 3),
        ("Why does it move so slowly?", "hook", 0.75),
        ("Stones roll about.", "hook", 0.25),
        ("And then it stopped.", "opening", 0),
        ("So then it stopped.", "opening", 0.5),
        ("Then why?", "closing", 0.5),
        ("It stopped.", "closing", 1),
        ("One two three four.", "speech_rate", 2.5),
    ],
)
def test_words_are_measured_as_defined(text, feature, value):
    assert measured(talk(text))[feature] == pytest.approx(value)


def test_the_hook_is_the_first_sentences_even_where_no_pause_ends_it():
    assert measured(talk("Stones roll about.", "Why do you never stop?", gap_s=0.0))["hook"] == 0.25


def test_pauses_count_from_half_a_second():
    assert measured(talk("One.", "Two.", gap_s=0.4))["pause_share"] == 0
    assert measured(talk("One.", "Two.", gap_s=2.0))["pause_share"] == pytest.approx(2.0 / 3.35)


def test_the_voice_is_compared_with_the_whole_videos():
    # Two sentences from 1.0 and from 3.8 s on: the first is spoken at -30 dB, the second at -20 dB.
    timeline = talk("One two.", "Three four.", gap_s=2.0)
    values = np.full(60, np.nan)
    values[10:18], values[38:46] = -30, -20

    found = measured(replace(timeline, loudness_db=Level(0.1, values)), max_s=2.0)

    assert found["energy"] in (pytest.approx(-5), pytest.approx(5))
    assert measured(replace(timeline, loudness_db=Level(0.1, values)))["energy_variation"] == pytest.approx(5)


def test_the_picture_is_measured_over_the_clips_time():
    shots = (Shot(0, 2.0, 0.1, 100), Shot(2.0, 10, 0.3, 400))
    faces = np.zeros(50)
    faces[0:10] = 2
    timeline = talk("One two three four five.", shots=shots)  # the clip is 0.75 to 3.3 s
    found = measured(replace(timeline, faces=Level(0.2, faces)))

    assert found["face_share"] == pytest.approx(6 / 12)
    assert found["faces"] == 2
    assert found["cuts"] == pytest.approx(60 / 2.55)
    assert found["motion"] == pytest.approx((1.25 * 0.1 + 1.3 * 0.3) / 2.55)


def test_the_text_part_prefers_a_scene_to_an_abstraction():
    scene, abstract = text_points(
        [
            'My mother looked at me and said, "You are crazy!"',
            "The implementation of regulatory frameworks requires institutional coordination.",
        ]
    )
    assert scene > 5 > -5 > abstract


@given(st.lists(st.text("abc ?.", max_size=90), max_size=4))
def test_a_title_is_short_and_taken_from_the_text(sentences):
    found = title(sentences, [0.0] * len(sentences))

    assert len(found) <= MAX_TITLE + 1
    assert not found or any(found.rstrip("…").lower() in sentence.lower() for sentence in sentences)


def test_the_title_is_the_sentence_with_the_strongest_hook_that_fits():
    assert title(["It rained.", "why me?"], [0.2, 0.8]) == "Why me?"
    assert title(["word " * 40], [1.0]) == ("word " * 14).strip().capitalize() + "…"
