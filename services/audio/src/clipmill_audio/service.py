"""Puts the audio service together."""

from __future__ import annotations

from clipmill_audio.engines import Engines
from clipmill_audio.handlers import stage_work
from clipmill_audio.settings import AudioSettings
from clipmill_shared.compute import Children
from clipmill_shared.platform import Platform
from clipmill_shared.service import Service
from clipmill_shared.work import Worker


def build(settings: AudioSettings, platform: Platform) -> Service:
    """The service: a worker with as many child processes as slots."""
    children = Children("clipmill_audio.work:hear", settings.slots, cores=platform.cores)
    stage = stage_work(children, platform.blobs, Engines(settings))
    worker = Worker(stage, platform.bus, platform.blobs, settings.slots, f"{platform.instance}/audio")
    return Service(name="audio", subscriptions=worker.subscriptions, loops=(worker.report_status,), stop=children.close)
