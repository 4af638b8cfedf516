"""Puts the vision service together."""

from __future__ import annotations

from dataclasses import replace

import grpc.aio

from clipmill_shared.compute import Children
from clipmill_shared.inference.log import InferenceLog
from clipmill_shared.inference.model_children import ModelChildren
from clipmill_shared.inference.pins import Pins
from clipmill_shared.platform import Platform
from clipmill_shared.results import Results
from clipmill_shared.service import Service
from clipmill_shared.work import Worker
from clipmill_vision.handlers import stage_work
from clipmill_vision.settings import VisionSettings


def build(settings: VisionSettings, platform: Platform) -> Service:
    """The service: a worker with as many child processes as slots; with an API, one for callers without a job."""
    log = InferenceLog(platform.bus, "vision", platform.inference.log_share)
    pins = Pins(platform.blobs, platform.scratch)
    children = ModelChildren(
        "clipmill_vision.work:answer", settings.slots, platform.inference, log, pins=pins, cores=platform.cores
    )
    stage = stage_work(children, platform.blobs, settings, platform.results)
    instance = f"{platform.instance}/vision"
    worker = Worker(stage, platform.bus, platform.blobs, settings.slots, instance, results=platform.results)
    working = Service(
        name="vision", subscriptions=worker.subscriptions, loops=(worker.report_status, *log.loops), stop=children.close
    )
    return _served(working, children, settings, platform) if settings.api else working


def _served(working: Service, children: Children, settings: VisionSettings, platform: Platform) -> Service:
    # Late: `clipmill run` has no callers.
    from clipmill.vision.v1 import vision_pb2
    from clipmill.vision.v1.vision_pb2_grpc import add_VisionServiceServicer_to_server
    from clipmill_vision.servicer import VisionServicer

    servicer = VisionServicer(children, platform.blobs, settings, platform.results or Results(platform.blobs))

    def add(server: grpc.aio.Server) -> None:
        add_VisionServiceServicer_to_server(servicer, server)

    name = vision_pb2.DESCRIPTOR.services_by_name["VisionService"].full_name
    return replace(working, servicers=(add,), grpc_names=(name,))
