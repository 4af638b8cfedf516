"""VisionService.Analyze: seeing alone, over a real gRPC server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
import pytest
from clipmill_vision.service import build
from clipmill_vision.settings import VisionSettings

from clipmill.common.v1.common_pb2 import BlobRef, TimeRange
from clipmill.rpc_error import error_of
from clipmill.vision.v1.vision_pb2 import AnalyzeRequest, AnalyzeResponse
from clipmill.vision.v1.vision_pb2_grpc import VisionServiceStub
from clipmill_shared.auth import SigningKey, Tokens
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.platform import Platform
from clipmill_shared.rpc.auth import by_token
from clipmill_shared.rpc.server import serving
from clipmill_shared.service import running

from .made_videos import scene, steady, write_video

SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"


@asynccontextmanager
async def service(
    folder: Path, *, tokens: Tokens | None = None, calls: int = 8, describe_url: str = ""
) -> AsyncIterator[tuple[VisionServiceStub, Blobs]]:
    """The service on a port of its own; files under `folder` and the sample may be read in place."""
    bus = InProcessBus(grace_s=0.2)
    blobs = Blobs.in_folder(folder / "blobs", folder / "scratch", (folder, SAMPLE.parent.resolve()))
    platform = Platform(bus, blobs, "sqlite+aiosqlite:///unused", folder / "scratch", "here", tokens=tokens)
    services = [build(VisionSettings(api=True, api_calls=calls, slots=1, describe_url=describe_url), platform)]
    async with (
        running(services, bus),
        serving(services, "127.0.0.1:0", authenticate=by_token(tokens) if tokens else None) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        yield VisionServiceStub(channel), blobs
    await bus.close()


async def all_of(call: grpc.aio.UnaryStreamCall) -> list[AnalyzeResponse]:
    return [response async for response in call]


async def refused(call: grpc.aio.UnaryStreamCall) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await all_of(call)
    return error_of(caught.value, "here").code


def blocks(*seeds: int) -> Sequence:
    return [scene(seed) for seed in seeds for _ in range(250)]


async def test_what_is_seen_is_told_stretch_by_stretch_on_one_clock(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", blocks(1, 2, 3, 4), steady(1000), keys_every=50)
    async with service(tmp_path) as (stub, _):
        video, *parts = await all_of(stub.Analyze(AnalyzeRequest(path=str(path))))
    assert video.video.duration_s == pytest.approx(40, abs=0.05)
    assert (video.video.display_width, video.video.display_height) == (320, 180)
    ranges = [(p.part.part.start_s, p.part.part.end_s) for p in parts]
    assert ranges == [(0, 15), (15, 30), (30, pytest.approx(40, abs=0.05))]
    cuts = [shot.range.start_s for p in parts for shot in p.part.shots if not shot.begins_at_seam]
    # A cut at the seam itself is told by the stretch before it.
    assert [p.part.cut_at_end for p in parts] == [False, True, False]
    assert cuts == pytest.approx([0, 10, 20], abs=0.01)
    assert sum(p.part.frames for p in parts) == 1000
    assert not any(p.warnings for p in parts)


async def test_faces_and_their_people_come_with_their_stretch(tmp_path: Path) -> None:
    async with service(tmp_path) as (stub, _):
        request = AnalyzeRequest(path=str(SAMPLE.resolve()), range=TimeRange(start_s=5, end_s=9))
        _, answer = await all_of(stub.Analyze(request))
    assert {sample.time_s // 4 for track in answer.part.face_tracks for sample in track.samples} == {1, 2}
    assert [person.person for person in answer.part.people] == [0, 1]
    # Two in the wide shot; the close one is the second of them.
    assert [track.person for track in answer.part.face_tracks] == [0, 1, 1]
    assert all(len(person.looks) == 512 for person in answer.part.people)
    assert {"faces", "people", "shots"} <= {model.task for model in answer.part.models}


async def test_a_caller_who_leaves_frees_the_place_at_once(tmp_path: Path) -> None:
    async with service(tmp_path, calls=1) as (stub, _):
        call = stub.Analyze(AnalyzeRequest(path=str(SAMPLE.resolve())))
        assert (await call.read()).WhichOneof("what") == "video"
        assert await refused(stub.Analyze(AnalyzeRequest(path=str(SAMPLE.resolve())))) == "QUEUE_FULL"
        call.cancel()
        # The one child is free as well: it was ended in the middle of the sample.
        short = AnalyzeRequest(path=str(SAMPLE.resolve()), range=TimeRange(start_s=0, end_s=1))
        answers = await patiently(stub, short)
    assert len(answers) == 2


async def patiently(stub: VisionServiceStub, request: AnalyzeRequest) -> list[AnalyzeResponse]:
    """The answers, as soon as there is room: a server hears of a cancel a moment later."""
    while True:
        try:
            return await all_of(stub.Analyze(request))
        except grpc.aio.AioRpcError as error:
            assert error_of(error, "here").code == "QUEUE_FULL"


async def test_a_deadline_ends_the_looking(tmp_path: Path) -> None:
    async with service(tmp_path, calls=1) as (stub, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await all_of(stub.Analyze(AnalyzeRequest(path=str(SAMPLE.resolve())), timeout=0.3))
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        short = AnalyzeRequest(path=str(SAMPLE.resolve()), range=TimeRange(start_s=0, end_s=1))
        assert len(await patiently(stub, short)) == 2


async def test_a_caller_proves_who_it_is_and_sees_its_own_blobs_only(tmp_path: Path) -> None:
    key = SigningKey.make()
    path = write_video(tmp_path / "a.mp4", [scene(1)] * 50, steady(50))
    async with service(tmp_path, tokens=Tokens([key.public])) as (stub, blobs):
        anns = AnalyzeRequest(upload=await blobs.put_file("ann", path, "video/mp4"))
        assert await refused(stub.Analyze(anns)) == "UNAUTHENTICATED"

        def as_owner(owner: str) -> tuple[tuple[str, str]]:
            return (("authorization", f"Bearer {key.sign(owner, 60)}"),)

        assert await refused(stub.Analyze(anns, metadata=as_owner("bob"))) == "INVALID_SOURCE"
        assert len(await all_of(stub.Analyze(anns, metadata=as_owner("ann")))) == 2


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (AnalyzeRequest(), "INVALID_SOURCE"),
        (AnalyzeRequest(path="a.mp4"), "INVALID_SOURCE"),
        (AnalyzeRequest(path="/etc/passwd"), "INPUT_NOT_UNDER_IMPORT_ROOT"),
        (AnalyzeRequest(upload=BlobRef(uri="file:/etc/passwd")), "INVALID_SOURCE"),
        (AnalyzeRequest(path="{folder}/none.mp4"), "INPUT_NOT_FOUND"),
        (AnalyzeRequest(path="{folder}/text.mp4"), "INPUT_UNREADABLE"),
        (AnalyzeRequest(path="{folder}/a.mp4", range=TimeRange(start_s=7, end_s=9)), "INVALID_OPTIONS"),
    ],
)
async def test_what_cannot_be_looked_at_is_refused_with_its_code(
    tmp_path: Path, request_: AnalyzeRequest, code: str
) -> None:
    (tmp_path / "text.mp4").write_text("no video\n" * 99)
    write_video(tmp_path / "a.mp4", [scene(1)] * 25, steady(25))
    wanted = AnalyzeRequest.FromString(request_.SerializeToString())
    if wanted.path:
        wanted.path = wanted.path.format(folder=tmp_path)
    async with service(tmp_path) as (stub, _):
        assert await refused(stub.Analyze(wanted)) == code
