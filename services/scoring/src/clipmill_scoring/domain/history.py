"""Feature values over time, and what was known of them at a time: never a value from the future."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from clipmill_scoring.domain.timeline import Floats, Ints


class Status(Enum):
    """What is known of a feature at a time."""

    KNOWN = "known"
    # It was measured, and cannot be known: no words, another language.
    UNKNOWN = "unknown"
    # It was measured too long before: its time to live is over.
    EXPIRED = "expired"
    MISSING = "missing"


@dataclass(frozen=True)
class Rows:
    """Values of features of clips, a row each, in columns of equal length. `value` is NaN where it cannot be known.

    A value holds from `event_s`, when the clip was scored; it has been here since `created_s`. Unix seconds.
    """

    clip_id: Sequence[str]
    job_id: Sequence[str]
    feature: Sequence[str]
    version: Ints
    value: Floats
    event_s: Floats
    created_s: Floats

    def __len__(self) -> int:
        return len(self.clip_id)

    @classmethod
    def of(cls, parts: Sequence[Rows]) -> Rows:
        """The rows of several, one after another."""

        none: Floats = np.zeros(0)
        return cls(
            [text for part in parts for text in part.clip_id],
            [text for part in parts for text in part.job_id],
            [text for part in parts for text in part.feature],
            np.concatenate([none.astype(np.int64), *(part.version for part in parts)]),
            np.concatenate([none, *(part.value for part in parts)]),
            np.concatenate([none, *(part.event_s for part in parts)]),
            np.concatenate([none, *(part.created_s for part in parts)]),
        )


@dataclass(frozen=True)
class Asked:
    """What is known of a clip at a time, Unix seconds?"""

    clip_id: str
    at_s: float


@dataclass(frozen=True)
class Found:
    """A feature of an asked clip, as far as it was known; `event_s`, `version`, `job_id` of the row that says so."""

    feature: str
    status: Status
    value: float = np.nan
    version: int = 0
    event_s: float = np.nan
    job_id: str = ""


def as_of(
    rows: Rows,
    asked: Sequence[Asked],
    features: Sequence[str],
    ttl_s: Mapping[str, float],
    *,
    backfilled: bool = False,
) -> list[list[Found]]:
    """For each asked clip, each feature as it was known then: the latest event's row, of one event the latest made.

    A row counts when both its event and its making lie at or before the asked time; with `backfilled` one that was
    made later counts too. Past its time to live (`ttl_s`; a feature without one lives for ever) it is EXPIRED.
    """
    feature_at = {name: k for k, name in enumerate(features)}
    clip_at = {clip_id: k for k, clip_id in enumerate(dict.fromkeys(each.clip_id for each in asked))}
    feature = np.array([feature_at.get(name, -1) for name in rows.feature], dtype=np.int64)
    clip = np.array([clip_at.get(clip_id, -1) for clip_id in rows.clip_id], dtype=np.int64)
    wanted = np.flatnonzero((feature >= 0) & (clip >= 0))
    # The last of each clip's and feature's rows in this order is the one that holds.
    wanted = wanted[np.lexsort((rows.created_s[wanted], rows.event_s[wanted], feature[wanted], clip[wanted]))]
    edges = np.searchsorted(clip[wanted], np.arange(len(clip_at) + 1))
    answer: list[list[Found]] = []
    for each in asked:
        k = clip_at[each.clip_id]
        own = wanted[edges[k] : edges[k + 1]]
        own = own[(rows.event_s[own] <= each.at_s) & (backfilled | (rows.created_s[own] <= each.at_s))]
        last = {int(feature[row]): int(row) for row in own}
        answer.append([_found(rows, name, last.get(j), each.at_s, ttl_s.get(name)) for j, name in enumerate(features)])
    return answer


def _found(rows: Rows, feature: str, row: int | None, at_s: float, ttl_s: float | None) -> Found:
    if row is None:
        return Found(feature, Status.MISSING)
    value, event_s = float(rows.value[row]), float(rows.event_s[row])
    status = Status.UNKNOWN if np.isnan(value) else Status.KNOWN
    if ttl_s is not None and at_s - event_s > ttl_s:
        status, value = Status.EXPIRED, np.nan
    return Found(feature, status, value, int(rows.version[row]), event_s, rows.job_id[row])
