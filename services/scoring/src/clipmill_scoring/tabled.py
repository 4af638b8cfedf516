"""A table of candidates as a message, and back."""

from __future__ import annotations

import numpy as np

from clipmill.audio.v1.audio_pb2 import Word as Heard
from clipmill.clips.v1.clips_pb2 import Genre, PassageSample, ScoringTask
from clipmill.scoring.v1.scoring_pb2 import CandidateTable, FeatureColumn
from clipmill_scoring.domain.features.registry import BY_NAME
from clipmill_scoring.domain.formula import FORMULA_VERSION
from clipmill_scoring.domain.genres import GENRES
from clipmill_scoring.domain.preferences import shares
from clipmill_scoring.domain.sayings import Said
from clipmill_scoring.domain.score import WEIGHTS
from clipmill_scoring.domain.standing import sample
from clipmill_scoring.domain.table import Ranking, Table
from clipmill_scoring.domain.timeline import Word


def genre_name(genre: Genre.ValueType) -> str:
    """As domain/genres.py knows it; none for one of a later version."""
    name = Genre.Name(genre).removeprefix("GENRE_").lower() if genre in Genre.values() else ""
    return name if name in GENRES else ""


def message_of(table: Table, task: ScoringTask) -> CandidateTable:
    """All of the table, and the task that it answers."""
    return CandidateTable(
        video_id=table.video_id,
        formula_version=FORMULA_VERSION,
        language=table.language,
        words=[
            Heard(text=w.text, start_s=w.start_s, end_s=w.end_s, ends_sentence=w.ends_sentence) for w in table.words
        ],
        start_s=table.start_s.tolist(),
        end_s=table.end_s.tolist(),
        first_word=table.first_word.tolist(),
        last_word=table.last_word.tolist(),
        features=[
            FeatureColumn(name=name, version=BY_NAME[name].version, values=values.tolist())
            for name, values in table.values.items()
        ],
        run=table.said.run.tolist(),
        saying=table.said.saying.tolist(),
        saying_words=table.said.words.tolist(),
        left_s=table.cut_s[:, 0].tolist(),
        back_s=table.cut_s[:, 1].tolist(),
        left_word=table.cut_words[:, 0].tolist(),
        back_word=table.cut_words[:, 1].tolist(),
        clips=task.clips,
        genre=task.genre,
        task=task,
        left_out=table.left_out,
    )


def sample_of(ranking: Ranking) -> PassageSample:
    """Some of its passages; none of a request's, which are scored by it."""
    if "about" in ranking.table.values:
        return PassageSample()
    rows = shares(ranking.table.values, sample(ranking.score))
    return PassageSample(passages=len(ranking.table), features=list(WEIGHTS), shares=rows.ravel().tolist())


def table_of(message: CandidateTable) -> Table:
    """The table again, with the features that are still measured in the same way."""
    return Table(
        video_id=message.video_id,
        language=message.language,
        words=tuple(Word(w.text, w.start_s, w.end_s, w.ends_sentence) for w in message.words),
        start_s=np.array(message.start_s, dtype=np.float64),
        end_s=np.array(message.end_s, dtype=np.float64),
        first_word=np.array(message.first_word, dtype=np.int64),
        last_word=np.array(message.last_word, dtype=np.int64),
        values={
            column.name: np.array(column.values, dtype=np.float64)
            for column in message.features
            if column.name in BY_NAME and BY_NAME[column.name].version == column.version
        },
        said=Said(*(np.array(side, dtype=np.int64) for side in (message.run, message.saying, message.saying_words))),
        cut_s=np.array([message.left_s, message.back_s], dtype=np.float64).T,
        cut_words=np.array([message.left_word, message.back_word], dtype=np.int64).T,
        left_out=message.left_out,
    )
