"""Where a rollback leads."""

import pytest
from clipmill_registry.domain.history import before

from clipmill.models.v1.models_pb2 import Move

PROMOTED, BACK, CLEARED = Move.KIND_PROMOTED, Move.KIND_ROLLED_BACK, Move.KIND_CLEARED


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([], ""),
        ([("", "1", PROMOTED)], ""),
        ([("", "1", PROMOTED), ("1", "2", PROMOTED)], "1"),
        ([("", "1", PROMOTED), ("1", "2", PROMOTED), ("2", "3", PROMOTED), ("3", "2", BACK)], "1"),
        ([("", "1", PROMOTED), ("1", "2", PROMOTED), ("2", "1", BACK), ("1", "3", PROMOTED)], "1"),
        ([("", "1", PROMOTED), ("1", "", CLEARED)], "1"),
    ],
)
def test_promotions_are_a_stack(moves, expected):
    made = [Move(from_version=a, to_version=b, kind=kind) for a, b, kind in reversed(moves)]
    assert before(made) == expected
