"""What a job's candidates become in the store. Runs in a child where others' transforms take part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clipmill.scoring.v1.scoring_pb2 import CandidateTable, FeatureVector
from clipmill_scoring.domain.features.definition import Columns
from clipmill_scoring.domain.features.registry import BY_NAME
from clipmill_scoring.domain.history import Rows
from clipmill_scoring.domain.pipeline import Letter, Pipeline
from clipmill_scoring.domain.table import clip_id
from clipmill_scoring.domain.timeline import Floats
from clipmill_scoring.feature_store.configured import Source, configured, definitions
from clipmill_scoring.feature_store.parquet import packed
from clipmill_scoring.tabled import table_of
from clipmill_shared.compute import Report


@dataclass(frozen=True)
class Scored:
    """A scored job. `chosen` are its clips; `without` says why no transform is to run, "" where they are."""

    source: Source
    table: bytes
    job_id: str
    chosen: frozenset[str]
    event_s: float
    created_s: float
    without: str = ""


@dataclass(frozen=True)
class Written:
    """A Parquet file for each entity; vectors at hand by clip; what was not taken, by feature and reason."""

    files: dict[str, bytes]
    online: dict[str, bytes]
    dead_letters: bytes
    dead: dict[tuple[str, str], int]


def written(scored: Scored, _report: Report = lambda _: None) -> Written:
    """Validate, transform and pack the values of a job's candidates."""
    pipeline = configured(scored.source)
    table = table_of(CandidateTable.FromString(scored.table))
    ids = [clip_id(table.video_id, *table.spans(k)) for k in range(len(table))]
    columns, letters = measured(table.values, pipeline, scored.without)
    known = definitions(pipeline.transforms)
    lost = {name: frozenset(row for each in letters if each.feature == name for row in each.rows) for name in columns}

    def rows(name: str, column: Floats, of: Sequence[int]) -> Rows:
        return Rows(
            [ids[k] for k in of],
            [scored.job_id] * len(of),
            [name] * len(of),
            np.full(len(of), known[name].version),
            column[list(of)],
            np.full(len(of), scored.event_s),
            np.full(len(of), scored.created_s),
        )

    files, online = dict[str, bytes](), dict[str, bytes]()
    for entity_name, entity in pipeline.entities.items():
        of = [k for k, each in enumerate(ids) if entity_name == "candidate" or each in scored.chosen]
        kept = {name: [k for k in of if k not in lost[name]] for name in columns if name in entity.ttl_s}
        files[entity_name] = packed(Rows.of([rows(name, columns[name], of) for name, of in kept.items()]))
        if entity.online:
            names = {k: [name for name in kept if k not in lost[name]] for k in of}
            online |= {
                f"{entity_name}/{ids[k]}": FeatureVector(
                    job_id=scored.job_id,
                    event_s=scored.event_s,
                    names=names[k],
                    versions=[known[name].version for name in names[k]],
                    values=[columns[name][k] for name in names[k]],
                    lost=[name for name in kept if k in lost[name]],
                ).SerializeToString()
                for k in of
            }
    dead = Rows.of([rows(letter.feature, letter.column, letter.rows) for letter in letters])
    reasons = [letter.reason for letter in letters for _ in letter.rows]
    counted = {(letter.feature, letter.reason): len(letter.rows) for letter in letters}
    return Written(files, online, packed(dead, reasons) if letters else b"", counted)


@dataclass(frozen=True)
class Again:
    """A serialized CandidateTable whose features are to be measured again; without a source by no transforms."""

    table: bytes
    source: Source | None = None


def measured_again(again: Again, _report: Report = lambda _: None) -> Columns:
    """Columns of the table's candidates by feature."""
    pipeline = configured(again.source) if again.source else Pipeline({}, ())
    return measured(table_of(CandidateTable.FromString(again.table)).values, pipeline)[0]


def measured(raw: Columns, pipeline: Pipeline, without: str = "") -> tuple[Columns, list[Letter]]:
    """Columns with those of the transforms, and what is not taken of them."""
    if not without:
        return pipeline.applied(raw, BY_NAME)
    columns, letters = Pipeline(pipeline.entities, ()).applied(raw, BY_NAME)
    nothing = np.full(len(next(iter(raw.values()), ())), np.nan)
    for transform in pipeline.transforms:
        columns[transform.feature.name] = nothing
        letters.append(Letter(transform.feature.name, without, range(len(nothing)), nothing))
    return columns, letters
