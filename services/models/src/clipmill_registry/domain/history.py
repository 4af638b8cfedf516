"""What an alias pointed at before, read off its moves."""

from __future__ import annotations

from collections.abc import Sequence

from clipmill.models.v1.models_pb2 import Move


def before(moves: Sequence[Move]) -> str:
    """The version that a rollback leads to, of an alias's moves, newest first; "" when there is none.

    Moves are a stack: a rollback takes the newest promotion away that was not taken away yet, so that two in a row go
    two promotions back, and a promotion after a rollback begins anew on top.
    """
    taken_away = 0
    for move in moves:
        if move.kind == Move.KIND_ROLLED_BACK:
            taken_away += 1
        elif taken_away:
            taken_away -= 1
        else:
            return move.from_version
    return ""
