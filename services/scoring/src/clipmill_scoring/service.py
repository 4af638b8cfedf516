"""Where scoring's parts meet."""

from __future__ import annotations

from clipmill_scoring.handlers import Scoring
from clipmill_scoring.settings import ScoringSettings
from clipmill_shared.compute import Children
from clipmill_shared.platform import Platform
from clipmill_shared.service import Service
from clipmill_shared.work import Worker


def build(settings: ScoringSettings, platform: Platform) -> Service:
    """The scoring service: a worker with as many child processes as slots; nothing of its own to keep."""
    children = Children("clipmill_scoring.work:choose_clips", settings.slots, cores=platform.cores, ahead=1)
    stage = Scoring(children, platform.blobs).stage
    worker = Worker(stage, platform.bus, platform.blobs, settings.slots, f"scoring-{platform.instance}")
    return Service(
        name="scoring", subscriptions=worker.subscriptions, loops=(worker.report_status,), stop=children.close
    )
