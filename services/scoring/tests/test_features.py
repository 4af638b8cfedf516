"""What is measured, by definition and by example."""

import math
from dataclasses import replace

import numpy as np
import pytest
from clipmill_scoring.domain.boundaries import sentence_units
from clipmill_scoring.domain.candidates import candidates
from clipmill_scoring.domain.choose import choose_among
from clipmill_scoring.domain.explain import _SAID, MAX_TITLE, Added, reason, title
from clipmill_scoring.domain.features.definition import Seen
from clipmill_scoring.domain.features.registry import BY_NAME, FEATURES, columns
from clipmill_scoring.domain.meaning import Meaning
from clipmill_scoring.domain.score import WEIGHTS, weights_for
from clipmill_scoring.domain.shortage import Ask
from clipmill_scoring.domain.spans import merged
from clipmill_scoring.domain.text import text_points
from clipmill_scoring.domain.timeline import Level, Phrase, Shot
from hypothesis import given
from hypothesis import strategies as st
from scoring_talks import asks, talk, timelines

FELT = {"done": 2.0, "never": -1.5}


def measured(timeline, min_s=0.1, max_s=60.0):
    """The values of the longest candidate."""
    units = sentence_units(timeline, max_s)
    these = candidates(units, min_s, max_s)
    longest = int(np.argmax(these.duration_s))
    return {
        name: float(values[longest]) for name, values in columns(Seen(timeline, units, these, valences=FELT)).items()
    }


def test_every_feature_has_a_weight_with_a_reason_and_words_and_the_points_keep_scores_within_0_and_100():
    asked = weights_for(np.array([0.2, 0.4]))

    assert set(BY_NAME) == set(asked) == set(_SAID) == {*WEIGHTS, "about"}
    assert len(BY_NAME) == len(FEATURES) + 2
    for weights in (WEIGHTS, asked):
        assert all(weight.why for weight in weights.values())
        assert math.isclose(sum(abs(weight.points) for weight in weights.values()), 50)


SPANS = st.lists(st.tuples(st.floats(0, 60), st.floats(0, 9)), max_size=5).map(
    lambda found: merged((start_s, start_s + length_s) for start_s, length_s in found)
)


@given(timelines(), asks(), SPANS, st.none() | SPANS)
def test_values_are_unknown_or_within_their_range(timeline, ask, heard, overlaps):
    phrases = tuple(Phrase(start_s, end_s, end_s / 9, start_s if end_s < 40 else math.nan) for start_s, end_s in heard)
    timeline = replace(timeline, still=heard, music=heard, overlaps=overlaps, phrases=phrases)
    units = sentence_units(timeline, ask.max_s)
    for name, values in columns(Seen(timeline, units, candidates(units, ask.min_s, ask.max_s), valences=FELT)).items():
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
        # Flesch's 206.835 - 1.015 words a sentence - 84.6 syllables a word: 3 words of 1, 1 and 3 syllables.
        ("The old banana.", "readability", 206.835 - 1.015 * 3 - 84.6 * 5 / 3),
        ("Never go, then done.", "sentiment_arc", 3.5),
    ],
)
def test_words_are_measured_as_defined(text, feature, value):
    assert measured(talk(text))[feature] == pytest.approx(value)


def test_the_hook_is_the_first_sentences_even_where_no_pause_ends_it():
    assert measured(talk("Stones roll about.", "Why do you never stop?", gap_s=0.0))["hook"] == 0.25


@pytest.mark.parametrize(
    ("first", "last", "value"),
    [(0, 0, 0.5), (1, 1, 0.5), (0, 1, 1), (2, 2, 1), (1, 2, 0.5), (3, 3, 1), (2, 3, 1)],
    ids=["asked alone", "answer alone", "both", "neither", "begins with the answer", "never answered", "to its end"],
)
def test_a_question_belongs_to_its_answer(first, last, value):
    timeline = talk("What is it?", "It is a stone.", "Stones roll down hills.", "But why?")
    units = sentence_units(timeline, 60)
    these = candidates(units, 0.1, 60)
    answered = columns(Seen(timeline, units, these))["answered"]

    (k,) = np.flatnonzero((these.first == first) & (these.last == last))
    assert answered[k] == value


def test_edges_is_the_smaller_pause_beside_a_clip_and_the_videos_edges_are_silent():
    timeline = talk("One two three four.", "Five six seven eight.", "Nine ten eleven twelve.", gap_s=0.3)
    later = tuple(replace(word, start_s=word.start_s + 0.4, end_s=word.end_s + 0.4) for word in timeline.words[8:])
    far = replace(timeline, duration_s=9.0, words=(*timeline.words[:8], *later))
    these = candidates(units := sentence_units(far, 60), 0.1, 60)
    edges = columns(Seen(far, units, these))["edges"]

    found = {(a, b): round(value, 6) for a, b, value in zip(these.first, these.last, edges, strict=True)}
    assert found == {(0, 0): 0.3, (0, 1): 0.7, (0, 2): 1.0, (1, 1): 0.3, (1, 2): 0.3, (2, 2): 0.7}


def test_unity_is_the_share_of_the_clips_main_topic_and_novelty_its_distance_from_the_rest():
    timeline = talk(*(f"{'a' * k} b c d e f g h." for k in range(1, 5)))
    units = sentence_units(timeline, 60)
    these = candidates(units, 0.1, 60)
    vectors = np.array([[1, 0], [1, 0], [1, 0], [0, 1]], dtype=np.float32)
    meant = Meaning(units.first_word, units.last_word, vectors, (0, 24))
    found = columns(Seen(timeline, units, these, meant))

    def of(name, first, last):
        (k,) = np.flatnonzero((these.first == first) & (these.last == last))
        return found[name][k]

    assert of("unity", 0, 2) == 1
    assert of("unity", 1, 3) == pytest.approx(2 / 3)
    # Cosines with (3, 1): .95 and .32; their mean is .79.
    assert of("novelty", 3, 3) == pytest.approx(0.79057 - 0.31623, abs=1e-4)
    assert of("novelty", 0, 3) == pytest.approx(0, abs=1e-6)


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


def test_what_stands_still_and_how_evenly_it_is_cut():
    shots = tuple(Shot(a, b, 0.1, 100) for a, b in ((0, 1.2), (1.2, 1.7), (1.7, 3.2), (3.2, 10)))
    timeline = talk("One two three four five six.", shots=shots)  # the clip is 0.75 to 3.7 s
    found = measured(replace(timeline, still=((0.0, 1.0), (3.0, 4.0))))

    assert found["still_share"] == pytest.approx((0.25 + 0.7) / 2.95)
    # Between the cuts at 1.2, 1.7 and 3.2 s lie shots of .5 and 1.5 s.
    assert found["shot_rhythm"] == pytest.approx(0.5)


def test_the_largest_face_counts_while_there_is_one():
    faces, height = np.zeros(50), np.zeros(50)
    faces[5:10], height[5:10] = 2, 0.4
    timeline = replace(talk("One two three four five."), faces=Level(0.2, faces), face_height=Level(0.2, height))

    assert measured(timeline)["face_height"] == pytest.approx(0.4)


def test_facing_is_a_share_of_the_time_in_which_it_is_known():
    facing = np.full(50, np.nan)
    facing[5:8], facing[8:9] = 1, 0

    assert measured(replace(talk("One two three four five."), facing=Level(0.2, facing)))["facing"] == 0.75


def test_pitch_and_rate_are_measured_over_the_clips_phrases():
    timeline = talk("One two three four five.")  # the clip is 0.75 to 3.3 s
    phrases = (
        Phrase(0.0, 1.0, 9.0, 24.0),  # its middle lies before the clip
        Phrase(1.0, 2.0, 2.0, 6.0),
        Phrase(2.0, 2.5, 5.0, math.nan),
        Phrase(2.5, 3.0, 5.0, 3.0),
    )
    found = measured(replace(timeline, phrases=phrases))

    assert found["pitch_range"] == pytest.approx((6 + 3 / 2) / 1.5)
    # One second at 2 words a second, one at 5.
    assert found["rate_variation"] == pytest.approx(1.5)
    alone = measured(replace(timeline, phrases=phrases[2:3]))
    assert math.isnan(alone["pitch_range"]) and math.isnan(alone["rate_variation"])


def test_music_and_overlaps_are_shares_of_the_clips_time_and_unknown_where_nobody_could_tell():
    timeline = talk("One two three four five.")  # the clip is 0.75 to 3.3 s
    found = measured(replace(timeline, music=((0.0, 1.0), (2.0, 3.0), (9.0, 10.0)), overlaps=((3.0, 3.2),)))

    assert found["music_share"] == pytest.approx(1.25 / 2.55)
    assert found["overlap_share"] == pytest.approx(0.2 / 2.55)
    silent = measured(replace(timeline, music=(), overlaps=()))
    assert (silent["music_share"], silent["overlap_share"]) == (0, 0)
    untold = measured(timeline)
    assert math.isnan(untold["music_share"]) and math.isnan(untold["overlap_share"])


@pytest.mark.parametrize(
    ("written", "share"),
    [
        ((True, False, None), 0.75 / 1.25),
        ((False, None, None), 0.0),
        ((None, True, True), 1.0),
        ((None,) * 3, math.nan),
    ],
)
def test_text_on_screen_is_the_share_of_what_was_looked_at(written, share):
    ends_s = (0, 1.5, 2, 10)
    shots = tuple(Shot(a, b, 0, 1, is_written=w) for a, b, w in zip(ends_s, ends_s[1:], written, strict=False))
    timeline = talk("One two three four five.", shots=shots)  # the clip is 0.75 to 3.3 s

    assert measured(timeline)["text_on_screen"] == pytest.approx(share, nan_ok=True)


def test_what_nobody_knows_the_direction_of_moves_no_score():
    timeline = talk("Why do you stop?", "I never said that it was done.", shots=(Shot(0, 20, 0.1, 100),))
    phrases = (Phrase(1.0, 2.6, 2.5, 14.0), Phrase(3.2, 6.0, 4.0, 9.0))
    everything = replace(
        timeline,
        shots=(replace(timeline.shots[0], is_written=True),),
        phrases=phrases,
        music=((0, 20),),
        overlaps=((0, 20),),
    )
    ask = Ask(3, 1, 9)
    (_, plain), (_, more) = (choose_among("v", each, ask, None) for each in (timeline, everything))

    new = {"text_on_screen", "pitch_range", "rate_variation", "overlap_share", "music_share"}
    assert new <= {feature.name for k in range(len(more.table)) for feature in more.features(k)}
    assert not new & {feature.name for feature in plain.features(0)}
    assert plain.score.tolist() == more.score.tolist()


def test_every_feature_says_who_answers_for_it_and_what_it_is():
    assert all(f.name and f.unit and f.version and f.owner and f.what and f.low < f.high for f in BY_NAME.values())


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
    assert title(["why me?", "It rained."], [0.8, 0.2]) == "Why me?"
    # A question with which the clip ends has its answer elsewhere.
    assert title(["It rained.", "Why me?"], [0.2, 0.8]) == "It rained"
    assert title(["Why me?"], [0.8]) == "Why me?"
    told = "This is the optical and science segment of the Web Space Telescope in the largest of all clean rooms."
    assert title([told], [1.0]) == "This is the optical and science segment of the Web Space Telescope…"
    assert title(["word " * 40], [1.0]) == ("word " * 14).strip().capitalize() + "…"


def test_a_share_of_nothing_is_said_as_none():
    asks, nobody = Added("questions", 2, 1.0), Added("face_share", 0.0, -2.0)
    assert reason([asks, nobody]) == "This clip asks questions, but shows no face."
