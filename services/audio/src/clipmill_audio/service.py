"""Puts the audio service together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from clipmill_audio.engines import Engines
from clipmill_audio.handlers import stage_work
from clipmill_audio.settings import AudioSettings
from clipmill_shared.compute import Children
from clipmill_shared.inference.log import InferenceLog
from clipmill_shared.inference.model_children import ModelChildren
from clipmill_shared.inference.pins import Pins
from clipmill_shared.platform import Platform
from clipmill_shared.service import Service
from clipmill_shared.work import Worker

if TYPE_CHECKING:
    import grpc.aio


def build(settings: AudioSettings, platform: Platform) -> Service:
    """The service: a worker with as many child processes as slots; with an API, one for callers without a job."""
    function = "clipmill_audio.answer:answer" if settings.api else "clipmill_audio.work:hear"
    log = InferenceLog(platform.bus, "audio", platform.inference.log_share)
    pins = Pins(platform.blobs, platform.scratch)
    children = ModelChildren(function, settings.slots, platform.inference, log, pins=pins, cores=platform.cores)
    engines = Engines(settings)
    stage = stage_work(children, platform.blobs, engines)
    instance = f"{platform.instance}/audio"
    worker = Worker(stage, platform.bus, platform.blobs, settings.slots, instance, results=platform.results)
    working = Service(
        name="audio", subscriptions=worker.subscriptions, loops=(worker.report_status, *log.loops), stop=children.close
    )
    return _served(working, children, engines, settings, platform) if settings.api else working


def _served(
    working: Service, children: Children, engines: Engines, settings: AudioSettings, platform: Platform
) -> Service:
    # Late: `clipmill run` has no callers.
    from clipmill.audio.v1 import audio_pb2
    from clipmill.audio.v1.audio_pb2_grpc import add_AudioServiceServicer_to_server
    from clipmill_audio.servicer import AudioServicer

    servicer = AudioServicer(children, platform.blobs, engines, settings)

    def add(server: grpc.aio.Server) -> None:
        add_AudioServiceServicer_to_server(servicer, server)

    name = audio_pb2.DESCRIPTOR.services_by_name["AudioService"].full_name
    return replace(working, servicers=(add,), grpc_names=(name,))
