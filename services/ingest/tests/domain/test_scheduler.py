"""Deficit round-robin: places are used, order within an owner is kept, and no owner gets much more than another."""

from __future__ import annotations

from collections import Counter

from clipmill_ingest.domain.scheduler import MAX_COST_S, QUANTUM_S, Turns, Waiting, choose, places
from hypothesis import given
from hypothesis import strategies as st

costs = st.floats(0, 2 * MAX_COST_S)
queues = st.dictionaries(st.sampled_from("abcd"), st.lists(costs, max_size=20))


def waiting(queues: dict[str, list[float]]) -> list[Waiting]:
    return [
        Waiting(f"{owner}{n}", "job", owner, cost) for owner, queue in queues.items() for n, cost in enumerate(queue)
    ]


@given(queues, st.integers(0, 50))
def test_every_place_is_used_while_anything_waits_and_none_twice(queues, free) -> None:
    tasks = waiting(queues)
    chosen, _ = choose(tasks, free)
    assert len(chosen) == min(free, len(tasks))
    assert len({task.task_id for task in chosen}) == len(chosen)


@given(queues, st.integers(0, 50))
def test_each_owner_s_tasks_go_out_in_order(queues, free) -> None:
    tasks = waiting(queues)
    chosen, _ = choose(tasks, free)
    for owner in queues:
        mine = [task for task in chosen if task.owner_id == owner]
        assert mine == [task for task in tasks if task.owner_id == owner][: len(mine)]


@given(
    st.lists(costs, min_size=30, max_size=30), st.lists(costs, min_size=30, max_size=30), st.lists(st.integers(0, 4))
)
def test_owners_who_both_wait_get_about_the_same(ones, twos, releases) -> None:
    """The bound of the paper: a quantum and the longest task apart, at any time, however places come."""
    tasks, turns, spent = waiting({"a": ones, "b": twos}), Turns(), Counter({"a": 0.0, "b": 0.0})
    for free in releases:
        chosen, turns = choose(tasks, free, turns)
        tasks = [task for task in tasks if task not in chosen]
        for task in chosen:
            spent[task.owner_id] += min(max(task.cost_s, 1), MAX_COST_S)
        if {task.owner_id for task in tasks} != {"a", "b"}:
            break
        assert abs(spent["a"] - spent["b"]) <= QUANTUM_S + 2 * MAX_COST_S


def test_a_hundred_videos_of_one_do_not_keep_another_s_waiting() -> None:
    tasks = waiting({"crowd": [60.0] * 100, "one": [60.0]})
    turns = Turns()
    released: list[Waiting] = []
    for _ in range(3):
        chosen, turns = choose([task for task in tasks if task not in released], 1, turns)
        released += chosen
    assert "one" in {task.owner_id for task in released}


def test_two_tasks_are_out_for_each_slot() -> None:
    assert places([2, 1], released=1) == 5
    assert places([], released=0) == 0
    assert places([1], released=7) == 0
