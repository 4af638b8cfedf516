"""How sure a heard sentence end is."""

from __future__ import annotations

from clipmill_audio.domain.endings import certainties
from clipmill_audio.domain.punctuation import pauses_s
from clipmill_audio.domain.sentences import may_end
from clipmill_audio.written import written
from hypothesis import given
from hypothesis import strategies as st

from .test_punctuation import said


def sure_of(text: str) -> list[float]:
    """How sure each sentence end in a text with pauses ("Well. .3 Yes.") is, the last one's apart."""
    words, speech = said(text)
    texts = [word.text for word in words]
    found = certainties(texts, [may_end(text) for text in texts], pauses_s(words, speech))
    assert [certainty is not None for certainty in found] == [may_end(text) for text in texts]
    return [certainty for certainty in found[:-1] if certainty is not None]


def test_half_a_sentence_is_less_sure_to_end_than_a_whole_one() -> None:
    (whole,) = sure_of("We built the house in a year. .5 It has stood there for twenty years.")
    for half in (
        "Because of what we built last year. .5 The house is still standing there.",
        "We asked many of you in this room. .5 And in every other city of the country.",
        "I visited a company in the north. .5 Which has never made any money at all.",
        "They want to take the. .5 House away from all of us.",
    ):
        (certainty,) = sure_of(half)
        assert certainty < whole - 0.1, half


def test_the_longer_the_pause_the_surer() -> None:
    text = "We built the house, .3 a year ago. {} It has stood there, .3 for twenty years."
    certain = [sure_of(text.format(pause))[0] for pause in (".1", ".3", ".6", ".9")]
    assert certain == sorted(certain)
    assert certain[-1] - certain[0] > 0.3


def test_a_longer_pause_near_makes_an_end_less_sure() -> None:
    (alone,) = sure_of("We went home late, with our new friends. .4 The house was cold and dark.")
    (beside,) = sure_of("We went home late, .9 with our new friends. .4 The house was cold and dark.")
    assert beside < alone - 0.05


@given(st.lists(st.tuples(st.sampled_from(["And", "so.", "we're", "...", "'", "1960.", "Wirklich?"]), st.floats(0, 9))))
def test_any_words_have_a_certainty_wherever_they_end_a_sentence(drawn: list[tuple[str, float]]) -> None:
    texts, pauses = [text for text, _ in drawn], [pause for _, pause in drawn]
    ends = [may_end(text) for text in texts]
    found = certainties(texts, ends, pauses)
    assert [certainty is not None for certainty in found] == ends
    assert all(0 < certainty <= 1 for certainty in found if certainty is not None)
    assert not ends or not ends[-1] or found[-1] == 1


def test_where_nobody_knows_the_analysis_says_nothing() -> None:
    words, _ = said("Ja. Nein.")
    known, unknown = written(words, [True, True], [0.75, None])
    assert known.end_confidence == 0.75
    assert not unknown.HasField("end_confidence")
