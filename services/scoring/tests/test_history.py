"""What was known at a time: never a value from the future, never one past its time to live."""

from __future__ import annotations

import math

import numpy as np
from clipmill_scoring.domain.history import Asked, Found, Rows, Status, as_of
from hypothesis import given
from hypothesis import strategies as st

FEATURES = ["hook", "energy"]
TTL_S = {"hook": 4.0}
times = st.integers(0, 12).map(float)
clips = st.sampled_from(["a", "b", "c"])
row = st.tuples(clips, st.sampled_from([*FEATURES, "other"]), times, times, st.sampled_from([1.0, 2.0, 3.0, math.nan]))


def rows_of(given: list[tuple[str, str, float, float, float]]) -> Rows:
    """Each row's job is its place, so that it is known which one was taken."""
    numbers = np.array([each[2:] for each in given], dtype=np.float64).reshape(-1, 3)
    return Rows(
        clip_id=[each[0] for each in given],
        job_id=[f"j{k}" for k in range(len(given))],
        feature=[each[1] for each in given],
        version=np.ones(len(given), dtype=np.int64),
        event_s=numbers[:, 0],
        created_s=numbers[:, 1],
        value=numbers[:, 2],
    )


def by_brute_force(rows: Rows, asked: Asked, feature: str, backfilled: bool) -> tuple[Status, set[str]]:
    """The status, and the jobs of which any may be the one that says so (those of equal times)."""
    best: tuple[float, float] | None = None
    for k in range(len(rows)):
        known = rows.event_s[k] <= asked.at_s and (backfilled or rows.created_s[k] <= asked.at_s)
        if rows.clip_id[k] == asked.clip_id and rows.feature[k] == feature and known:
            best = max(best or (-1, -1), (rows.event_s[k], rows.created_s[k]))
    if best is None:
        return Status.MISSING, {""}
    those = [
        k
        for k in range(len(rows))
        if (rows.clip_id[k], rows.feature[k], rows.event_s[k], rows.created_s[k]) == (asked.clip_id, feature, *best)
    ]
    if asked.at_s - best[0] > TTL_S.get(feature, math.inf):
        return Status.EXPIRED, {rows.job_id[k] for k in those}
    # Of rows that are equal in both times the later one counts.
    return (Status.UNKNOWN if math.isnan(rows.value[those[-1]]) else Status.KNOWN), {rows.job_id[those[-1]]}


@given(given=st.lists(row, max_size=30), asked=st.lists(st.builds(Asked, clips, times), max_size=6), late=st.booleans())
def test_each_clip_gets_what_was_known_at_its_time(given: list, asked: list[Asked], late: bool) -> None:
    rows = rows_of(given)

    found = as_of(rows, asked, FEATURES, TTL_S, backfilled=late)

    for clip, features in zip(asked, found, strict=True):
        for name, each in zip(FEATURES, features, strict=True):
            status, jobs = by_brute_force(rows, clip, name, late)
            assert (each.feature, each.status, each.job_id in jobs) == (name, status, True)
            assert not each.job_id or each.event_s <= clip.at_s
            if status is Status.KNOWN:
                assert each.value == rows.value[int(each.job_id[1:])]
            else:
                assert math.isnan(each.value)


def test_what_was_written_later_is_known_only_where_backfilled_rows_count() -> None:
    rows = rows_of([("a", "hook", 1, 1, 0.25), ("a", "hook", 2, 9, 0.75)])

    def hook(backfilled: bool) -> Found:
        return as_of(rows, [Asked("a", 3)], FEATURES, TTL_S, backfilled=backfilled)[0][0]

    assert (hook(False).value, hook(True).value) == (0.25, 0.75)
