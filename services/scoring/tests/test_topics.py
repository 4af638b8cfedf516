"""Where the topic changes, told by the encoder itself, in passages written for this."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from clipmill_scoring.domain.topics import CHANGE, MIN_SENTENCES, topics
from clipmill_scoring.models.sentences import Sentences
from hypothesis import given
from hypothesis import strategies as st

PASSAGES = (
    (
        "Bread begins with flour, water, salt and a little yeast.",
        "You knead the dough until it is smooth and springs back under your thumb.",
        "Then it has to rest in a warm place until it has doubled.",
        "A hot oven with a tray of water gives the loaf its crust.",
        "Let the bread cool on a rack before you cut the first slice.",
    ),
    (
        "The telescope was launched in the winter of last year.",
        "Its mirror is folded like a flower and opens in space.",
        "It can see galaxies whose light has travelled for thirteen billion years.",
        "Astronomers all over the world wait for months for an hour with it.",
    ),
    (
        "My first job was in a bank, and I hated every morning of it.",
        "The manager counted how many minutes each of us spent at lunch.",
        "One day I wrote my resignation on the back of a loan contract.",
        "My colleagues applauded, and the manager never said a word.",
        "Since that day I have worked for myself, for less money.",
    ),
    (
        "Children learn a language by listening long before they speak.",
        "A baby can tell the sounds of every language apart.",
        "By their first birthday they keep only those of their mother tongue.",
        "That is why adults find the accents of a new language so hard.",
    ),
    (
        "Most cyclists in this city ride without a helmet.",
        "A separate lane for bicycles halves the number of accidents.",
        "Where cars park beside the lane, opening doors are the greatest danger.",
        "The new bridge will have a path for bicycles on both sides.",
    ),
    (
        "The old violin had been in the attic since the war.",
        "Its strings were broken and the varnish had turned black.",
        "A maker in Cremona took a year to bring back its sound.",
        "When my daughter played it at her concert, my father wept.",
        "Nobody had heard that instrument for seventy years.",
    ),
)
BOUNDARIES = np.cumsum([0, *(len(passage) for passage in PASSAGES[:-1])]).tolist()


@pytest.fixture(scope="module")
def vectors():
    return Sentences().embed([sentence for passage in PASSAGES for sentence in passage])


def test_the_topics_of_passages_on_six_subjects_are_the_passages(vectors):
    assert topics(vectors) == BOUNDARIES


def test_from_the_end_to_the_beginning_they_are_the_same(vectors):
    assert topics(vectors[::-1]) == [0, *(len(vectors) - first for first in BOUNDARIES[:0:-1])]


@given(st.integers(0, 40), st.integers(0, 5))
def test_topics_begin_at_the_start_and_have_three_sentences_at_least(count, seed):
    rows = np.random.default_rng(seed).normal(size=(count, 6)).astype(np.float32)
    found = topics(rows / np.linalg.norm(rows, axis=1, keepdims=True))

    assert found[:1] == [0][:count]
    assert all(b - a >= min(MIN_SENTENCES, count) for a, b in pairwise([*found, count]))


@given(st.integers(1, 12), st.integers(0, 50))
def test_no_other_division_costs_less(count, seed):
    """Tried against all: the objective of the docstring, written out."""
    rows = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)

    def cost(begins):
        parts = [rows[a:b].astype(np.float64) for a, b in pairwise([*begins, count])]
        return sum(((part - part.mean(axis=0)) ** 2).sum() + CHANGE for part in parts)

    every = (
        (0, *cuts)
        for size in range(count)
        for cuts in combinations(range(1, count), size)
        if all(b - a >= MIN_SENTENCES for a, b in pairwise((0, *cuts, count))) or not cuts
    )
    assert cost(topics(rows)) == pytest.approx(min(map(cost, every)), abs=1e-5)
