"""Puts the vision service together."""

from __future__ import annotations

from clipmill_shared.compute import Children
from clipmill_shared.platform import Platform
from clipmill_shared.service import Service
from clipmill_shared.work import Worker
from clipmill_vision.handlers import stage_work
from clipmill_vision.settings import VisionSettings


def build(settings: VisionSettings, platform: Platform) -> Service:
    """The service: a worker with as many child processes as slots."""
    children = Children("clipmill_vision.work:look", settings.slots, cores=platform.cores)
    stage = stage_work(children, platform.blobs, settings)
    worker = Worker(stage, platform.bus, platform.blobs, settings.slots, f"{platform.instance}/vision")
    return Service(
        name="vision", subscriptions=worker.subscriptions, loops=(worker.report_status,), stop=children.close
    )
