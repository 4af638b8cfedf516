"""What was served, against what the same definitions measure again: they should never differ."""

from __future__ import annotations

import numpy as np

from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.scoring.v1.scoring_pb2 import CandidateTable, CheckFeaturesResponse, Mismatch

MAX_EXAMPLES = 100


def compared(served: CandidateTable, again: CandidateTable) -> CheckFeaturesResponse:
    """Two tables of one job, candidate by candidate, to the last bit."""
    ours = {edges: k for k, edges in enumerate(_edges(again))}
    ranges = _edges(served)
    pairs = np.array([(k, ours[span]) for k, span in enumerate(ranges) if span in ours], dtype=np.int64).reshape(-1, 2)
    columns = {column.name: column for column in again.features}
    answer = CheckFeaturesResponse(
        candidates=len(pairs), only_served=len(ranges) - len(pairs), only_recomputed=len(ours) - len(pairs)
    )
    for column in served.features:
        other = columns.get(column.name)
        if other is None or other.version != column.version:
            answer.skipped.append(column.name)
            continue
        then, now = np.array(column.values)[pairs[:, 0]], np.array(other.values)[pairs[:, 1]]
        differ = np.flatnonzero((then != now) & ~(np.isnan(then) & np.isnan(now)))
        answer.values += len(pairs)
        answer.mismatches += len(differ)
        for place in differ[: MAX_EXAMPLES - len(answer.examples)].tolist():
            edges = ranges[int(pairs[place, 0])]
            span = TimeRange(start_s=edges[0], end_s=edges[1])
            example = Mismatch(feature=column.name, range=span, served=then[place], recomputed=now[place])
            answer.examples.append(example)
    return answer


def _edges(table: CandidateTable) -> list[tuple[float, ...]]:
    """Each candidate's start and end, of the last ones with what they leave out."""
    edges = list[tuple[float, ...]](zip(table.start_s, table.end_s, strict=True))
    plain = len(edges) - len(table.left_s)
    cuts = zip(table.left_s, table.back_s, strict=True)
    return [*edges[:plain], *(edge + cut for edge, cut in zip(edges[plain:], cuts, strict=True))]
