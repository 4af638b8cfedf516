"""One person is one through all parts of a video."""

from __future__ import annotations

import struct

from clipmill.people import people_of
from clipmill.vision.v1.vision_pb2 import Person, VisionAnalysis


def part(*people: tuple[float, float]) -> VisionAnalysis:
    """A part whose persons look like points in a plane."""
    return VisionAnalysis(people=[Person(person=n, looks=struct.pack("<2f", *p)) for n, p in enumerate(people)])


def test_who_returns_in_a_later_part_has_the_same_number() -> None:
    parts = [part((0, 0), (1, 0)), part(), part((1.1, 0), (0, 2)), part((0.1, 0), (1, 0.1), (0, 2.1))]
    assert people_of(parts) == [{0: 1, 1: 2}, {}, {0: 2, 1: 3}, {0: 1, 1: 2, 2: 3}]


def test_two_of_one_part_stay_two_and_the_nearest_is_who_returns() -> None:
    assert people_of([part((0, 0)), part((0.3, 0), (0.1, 0))]) == [{0: 1}, {1: 1, 0: 2}]


def test_who_looks_otherwise_is_another() -> None:
    assert people_of([part((0, 0)), part((0.6, 0))]) == [{0: 1}, {0: 2}]
