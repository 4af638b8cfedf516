"""Puts the render service together."""

from __future__ import annotations

from clipmill_render.handlers import Rendering
from clipmill_render.settings import RenderSettings
from clipmill_shared.compute import Children
from clipmill_shared.platform import Platform
from clipmill_shared.service import Service
from clipmill_shared.work import Worker


def build(settings: RenderSettings, platform: Platform) -> Service:
    """The service: a worker with as many child processes as slots, nothing of its own to keep."""
    children = Children("clipmill_render.work:render", settings.slots, cores=platform.cores)
    stage = Rendering(
        platform.blobs, children, settings.threads_each, settings.threads_of_last, encoder=settings.encoder
    ).stage
    instance = f"{platform.instance}/render"
    worker = Worker(stage, platform.bus, platform.blobs, settings.slots, instance, results=platform.results)
    return Service(
        name="render", subscriptions=worker.subscriptions, loops=(worker.report_status,), stop=children.close
    )
