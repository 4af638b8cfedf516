"""Which waiting tasks go out next: deficit round-robin over owners (Shreedhar and Varghese, 1995).

One owner's hundred videos never starve another's one: each owner in turn may spend a quantum of media seconds, and what
it could not spend on a task too long it keeps for its next turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# Tasks on their way for each live slot: one at work, one so that the slot never waits for the ledger.
TASKS_PER_SLOT = 2
QUANTUM_S = 60.0
MAX_COST_S = 600.0


# When there will be room in a full queue: what is said where nothing has ended yet, and the bounds of what is said.
UNKNOWN_ROOM_S = 30.0
ROOM_S = (1.0, 300.0)


@dataclass(frozen=True)
class Waiting:
    """A task that could go out."""

    task_id: str
    job_id: str
    owner_id: str
    cost_s: float


@dataclass(frozen=True)
class Turns:
    """Who is next, and what each owner has left; the owner `in_turn` has had this turn's quantum already."""

    order: tuple[str, ...] = ()
    credit_s: Mapping[str, float] = field(default_factory=dict)
    in_turn: str | None = None


def places(slots: Iterable[int], released: int) -> int:
    """How many tasks of a stage may be released now, given its live workers' slots."""
    return max(0, TASKS_PER_SLOT * sum(slots) - released)


def room_in_s(ends: Sequence[float], now: float) -> float:
    """In how many seconds a full queue has room for a job, by the times (Unix seconds) at which the last ones ended."""
    if not ends:
        return UNKNOWN_ROOM_S
    shortest_s, longest_s = ROOM_S
    return min(max((now - min(ends)) / len(ends), shortest_s), longest_s)


def choose(waiting: Sequence[Waiting], places: int, turns: Turns = Turns()) -> tuple[list[Waiting], Turns]:
    """At most `places` of `waiting`, fair between owners and in the given order within one; and the turns after it."""
    queues: dict[str, deque[Waiting]] = {}
    for task in waiting:
        queues.setdefault(task.owner_id, deque()).append(task)
    known = [owner for owner in turns.order if owner in queues]
    order = deque(known + [owner for owner in queues if owner not in turns.order])
    credit = {owner: turns.credit_s.get(owner, 0.0) for owner in queues}
    in_turn = turns.in_turn
    chosen: list[Waiting] = []
    while order and len(chosen) < places:
        owner = order[0]
        queue = queues[owner]
        if in_turn != owner:
            in_turn = owner
            credit[owner] += QUANTUM_S
        while queue and len(chosen) < places and _cost(queue[0]) <= credit[owner]:
            task = queue.popleft()
            credit[owner] -= _cost(task)
            chosen.append(task)
        if not queue:
            order.popleft()
            del credit[owner]
            in_turn = None
        elif len(chosen) < places:
            order.rotate(-1)
            in_turn = None
    return chosen, Turns(tuple(order), credit, in_turn)


def _cost(task: Waiting) -> float:
    return min(max(task.cost_s, 1.0), MAX_COST_S)
