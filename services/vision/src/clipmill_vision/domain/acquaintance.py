"""Whose face is to be looked at closely: each a few times while it is in sight, for the network is dear."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clipmill_vision.domain.faces import Box, Found, likeness
from clipmill_vision.domain.people import is_worth_a_look


@dataclass(frozen=True)
class _Known:
    box: Box
    looks: int


class Acquaintance:
    """Takes each search's faces in order of time."""

    def __init__(self, enough: int) -> None:
        self._enough = enough
        self._known: list[_Known] = []

    def forget(self) -> None:
        """A new shot: whoever is there is another."""
        self._known = []

    def worth_a_look(self, found: Sequence[Found], width: int) -> list[bool]:
        """For each face whether to look at it now; `width` of the shown picture, in pixels."""
        before = [max(self._known, key=lambda k: likeness(k.box, face.box), default=None) for face in found]
        looks = [
            known.looks if known and likeness(known.box, face.box) > 0 else 0
            for known, face in zip(before, found, strict=True)
        ]
        wanted = [
            count < self._enough and is_worth_a_look(face.box.width, face.eyes, width)
            for count, face in zip(looks, found, strict=True)
        ]
        self._known = [_Known(face.box, n + w) for face, n, w in zip(found, looks, wanted, strict=True)]
        return wanted
