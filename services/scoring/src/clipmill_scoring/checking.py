"""Checks by itself what was served: a sample of it, against what the same definitions measure again."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import structlog

from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.scoring.v1.scoring_pb2 import CandidateTable, CheckFeaturesResponse, FeatureCheck, Mismatch
from clipmill_scoring import metrics, store
from clipmill_scoring.consistency import MAX_EXAMPLES
from clipmill_scoring.domain.features.definition import Columns, Feature
from clipmill_scoring.domain.features.registry import BY_NAME
from clipmill_scoring.domain.table import clip_id
from clipmill_scoring.feature_store.store import FeatureStore
from clipmill_scoring.feature_store.work import Again, measured_again
from clipmill_scoring.handlers import Scoring
from clipmill_scoring.served import Sample, ServedLog, add_served, claim_served, prune_served, put_check
from clipmill_scoring.tabled import table_of
from clipmill_shared.blobs import Blobs
from clipmill_shared.cautions import cautions
from clipmill_shared.errors import ClipmillError
from clipmill_shared.sql import Database, serial

log = structlog.get_logger()
# Each is scored again, which takes a part of the machine for seconds.
JOBS_A_ROUND = 5
WRITE_EVERY_S = 10.0
FORGET_AFTER_S = 30 * 86_400.0


class Checking:
    """Writes the sample down every few seconds, and checks some of it every `every_s` (0: never)."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        scoring: Scoring,
        served: ServedLog,
        every_s: float,
        *,
        features: FeatureStore | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._scoring = scoring
        self._served = served
        self._every_s = every_s
        self._features = features
        self._known: dict[str, Feature] = features.definitions if features else dict(BY_NAME)
        self._clock = clock

    async def run(self) -> None:
        """Write and check, until cancelled."""
        next_s = time.monotonic() + self._every_s
        while True:
            await asyncio.sleep(min(WRITE_EVERY_S, self._every_s))
            await self.write()
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + self._every_s
                await self.check()

    async def write(self) -> None:
        """Write down what was served."""
        if samples := self._served.taken():
            async with self._database.transaction() as on:
                await serial(on, "erased")
                # Not of a video that was deleted meanwhile.
                there = [each for each in samples if await store.candidates_of(on, each.owner_id, each.vector.job_id)]
                await add_served(on, there)

    async def check(self) -> None:
        """Check the jobs whose samples wait longest. What cannot be measured again is told as that."""
        async with self._database.transaction() as on:
            await serial(on, "served")
            claimed = await claim_served(on, JOBS_A_ROUND)
            await prune_served(on, self._clock() - FORGET_AFTER_S)
        jobs: dict[tuple[str, str], list[Sample]] = defaultdict(list)
        for sample in claimed:
            jobs[sample.owner_id, sample.vector.job_id].append(sample)
        for (owner_id, job_id), samples in jobs.items():
            check = FeatureCheck(job_id=job_id)
            check.at.FromNanoseconds(round(self._clock() * 1e6) * 1000)
            try:
                check.found.CopyFrom(await self._checked(owner_id, job_id, samples))
            except ClipmillError as error:
                check.error_code = error.code
            async with self._database.transaction() as on:
                await serial(on, "erased")
                if await store.candidates_of(on, owner_id, job_id):
                    await put_check(on, owner_id, samples[0].video_id, check)

    async def _checked(self, owner_id: str, job_id: str, samples: Sequence[Sample]) -> CheckFeaturesResponse:
        async with self._database.reading() as on:
            ref = await store.candidates_of(on, owner_id, job_id)
        if ref is None:
            raise ClipmillError("JOB_NOT_FOUND", f"No candidates are kept of a job {job_id}.", "Its video was deleted.")
        kept = await self._blobs.get_message(ref, CandidateTable)
        with cautions(kept.task.pinned):
            chosen = await self._scoring.choose(kept.task, lambda _: None)
        if self._features is not None:
            columns = await self._features.measured_again(chosen.candidates)
        else:
            columns = await asyncio.to_thread(measured_again, Again(chosen.candidates))
        found = await asyncio.to_thread(self._compared, samples, chosen.candidates, columns)
        metrics.CHECKED.add(found.values)
        for name in {each.feature for each in found.examples}:
            differ = sum(each.feature == name for each in found.examples)
            metrics.MISMATCHES.add(differ, {"feature": name})
            log.warning("a served feature is measured otherwise now", feature=name, values=differ, job_id=job_id)
        return found

    def _compared(self, samples: Sequence[Sample], again: bytes, columns: Columns) -> CheckFeaturesResponse:
        table = table_of(CandidateTable.FromString(again))
        places = {clip_id(table.video_id, *table.spans(k)): k for k in range(len(table))}
        found = CheckFeaturesResponse(only_served=sum(each.clip_id not in places for each in samples))
        skipped = set[str]()
        for sample in samples:
            if (k := places.get(sample.clip_id)) is None:
                continue
            found.candidates += 1
            vector = sample.vector
            for name, version, value in zip(vector.names, vector.versions, vector.values, strict=True):
                if name not in columns or self._known[name].version != version:
                    skipped.add(name)
                    continue
                now = float(columns[name][k])
                found.values += 1
                if value != now and not (np.isnan(value) and np.isnan(now)):
                    found.mismatches += 1
                    span = TimeRange(start_s=table.start_s[k], end_s=table.end_s[k])
                    found.examples.append(Mismatch(feature=name, range=span, served=value, recomputed=now))
        del found.examples[MAX_EXAMPLES:]
        found.skipped.extend(sorted(skipped))
        return found
