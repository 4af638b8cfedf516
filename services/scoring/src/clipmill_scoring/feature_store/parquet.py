"""Rows of features as Parquet, and back. Any tool reads it; an unknown value is null."""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from arro3.core import Array, DataType, Table
from arro3.io import read_parquet, write_parquet

from clipmill_scoring.domain.history import Rows
from clipmill_scoring.domain.timeline import Floats

# A page's dictionary holds the names, so that a row costs little more than its value.
COMPRESSION = "zstd(3)"


class _Buffer(io.BytesIO):
    """What is written stays when the writer closes it."""

    def close(self) -> None:
        return None


def packed(rows: Rows, reasons: Sequence[str] | None = None) -> bytes:
    """Rows as a file, with the columns of docs/features.md; dead letters with their reasons."""
    table: dict[str, Any] = {
        "clip_id": _strings(rows.clip_id),
        "job_id": _strings(rows.job_id),
        "feature": _strings(rows.feature),
        "version": Array.from_numpy(rows.version.astype(np.int32)),
        "value": Array([None if np.isnan(value) else value for value in rows.value.tolist()], DataType.float64()),
        "event_time": _times(rows.event_s),
        "created_time": _times(rows.created_s),
    }
    if reasons is not None:
        table["reason"] = _strings(reasons)
    buffer = _Buffer()
    write_parquet(Table.from_pydict(table), buffer, compression=COMPRESSION)
    return buffer.getvalue()


def unpacked(content: bytes, clip_ids: Collection[str] | None = None) -> Rows:
    """The rows of a file; with `clip_ids` those of these clips."""
    table = read_parquet(io.BytesIO(content)).read_all()
    clips = table["clip_id"].to_pylist()
    kept = [k for k, clip_id in enumerate(clips) if clip_ids is None or clip_id in clip_ids]
    jobs, features, values = (table[name].to_pylist() for name in ("job_id", "feature", "value"))
    event, created = (table[name].cast(DataType.int64()).to_numpy() / 1e6 for name in ("event_time", "created_time"))
    return Rows(
        [clips[k] for k in kept],
        [jobs[k] for k in kept],
        [features[k] for k in kept],
        table["version"].to_numpy()[kept].astype(np.int64),
        # None becomes NaN.
        np.array([values[k] for k in kept], dtype=np.float64),
        event[kept],
        created[kept],
    )


def _strings(texts: Sequence[str]) -> Array:
    return Array(texts, DataType.string())


def _times(times_s: Floats) -> Array:
    microseconds = np.round(times_s * 1e6).astype(np.int64)
    return Array.from_numpy(microseconds).cast(DataType.timestamp("us", tz="UTC"))
