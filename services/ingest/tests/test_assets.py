"""Files that options refer to are looked into before they are kept: what cannot be used is refused by its name."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator
from pathlib import Path

import av
import grpc
import numpy as np
import pytest
from clipmill_ingest.assets import look
from clipmill_ingest.exchange import AssetRequest
from PIL import Image
from test_service import refused, serve, submission
from world import World

from clipmill.brand import BELOW_LU
from clipmill.clips.v1.clips_pb2 import Brand, Finish, Logo, Music
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.jobs.v1 import jobs_pb2 as pb
from clipmill_shared.errors import ClipmillError


def picture(folder: Path, size: tuple[int, int] = (40, 30)) -> Path:
    path = folder / "logo.png"
    Image.new("RGBA", size, (200, 30, 40, 128)).save(path)
    return path


def sound(folder: Path, length_s: float) -> Path:
    path = folder / "music.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * round(8000 * length_s)))
    return path


def film(folder: Path, length_s: float) -> Path:
    path = folder / "intro.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=2, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(round(length_s * 2)):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def looked(path: Path, kind: pb.AssetKind.ValueType) -> None:
    look(AssetRequest(path, path.name, kind), lambda _: None)


def test_what_can_be_used_is_let_in(tmp_path: Path) -> None:
    looked(picture(tmp_path), pb.ASSET_KIND_LOGO)
    looked(picture(tmp_path), pb.ASSET_KIND_CARD)
    looked(film(tmp_path, 3), pb.ASSET_KIND_CARD)
    looked(sound(tmp_path, 2), pb.ASSET_KIND_MUSIC)


@pytest.mark.parametrize(
    ("make", "kind", "code", "word"),
    [
        (lambda folder: film(folder, 3), pb.ASSET_KIND_LOGO, "INPUT_ASSET_UNREADABLE", "PNG"),
        (lambda folder: picture(folder, (8200, 4)), pb.ASSET_KIND_LOGO, "INPUT_ASSET_TOO_LARGE", "8200 x 4"),
        (lambda folder: film(folder, 16), pb.ASSET_KIND_CARD, "INPUT_ASSET_TOO_LONG", "16 s"),
        (lambda folder: sound(folder, 2), pb.ASSET_KIND_CARD, "INPUT_ASSET_UNREADABLE", "music.wav"),
        (lambda folder: sound(folder, 0.1), pb.ASSET_KIND_MUSIC, "INPUT_ASSET_UNREADABLE", "0.1 s"),
        (lambda folder: film(folder, 1), pb.ASSET_KIND_MUSIC, "INPUT_ASSET_UNREADABLE", "no sound"),
        (picture, pb.ASSET_KIND_MUSIC, "INPUT_ASSET_UNREADABLE", "logo.png"),
    ],
)
def test_what_cannot_is_refused_with_its_name_and_why(
    tmp_path: Path, make, kind: pb.AssetKind.ValueType, code: str, word: str
) -> None:
    with pytest.raises(ClipmillError) as error:
        looked(make(tmp_path), kind)
    assert error.value.code == code
    assert word in f"{error.value.message} {error.value.remedy}"


async def messages(path: Path, kind: pb.AssetKind.ValueType) -> AsyncIterator[pb.UploadAssetRequest]:
    yield pb.UploadAssetRequest(header=pb.AssetHeader(name=path.name, kind=kind))
    yield pb.UploadAssetRequest(content=path.read_bytes())


async def test_a_file_is_uploaded_and_then_named_and_only_an_own_one_may_be(world: World, tmp_path: Path) -> None:
    video = tmp_path / "talk.mp4"
    video.write_bytes(b"video")
    others = BlobRef(uri="blob:eve/blobs/00/" + "0" * 64, sha256="0" * 64)
    async with serve(world) as stub:
        logo = (await stub.UploadAsset(messages(picture(tmp_path), pb.ASSET_KIND_LOGO))).asset
        assert await world.blobs.get_bytes(logo) == picture(tmp_path).read_bytes()
        broken = tmp_path / "broken.png"
        broken.write_bytes(b"no picture")
        code, details = await refused(stub.UploadAsset(messages(broken, pb.ASSET_KIND_LOGO)))
        assert (code, "broken.png" in details) == (grpc.StatusCode.INVALID_ARGUMENT, True)
        for unknown in (0, 17):
            assert (await refused(stub.UploadAsset(messages(broken, unknown))))[0] == grpc.StatusCode.INVALID_ARGUMENT

        def asked(ref: BlobRef, **finish) -> pb.SubmitVideoRequest:
            return submission(video, finish=Finish(brand=Brand(logo=Logo(picture=ref)), **finish))

        job = (await stub.SubmitVideo(asked(logo))).job
        assert job.options.finish.brand.logo.picture == logo
        assert "brand.logo.picture" in (await refused(stub.SubmitVideo(asked(others))))[1]
        loud = Music(sound=logo, below_lu=BELOW_LU[0] - 1)
        assert "below_lu" in (await refused(stub.SubmitVideo(asked(logo, music=loud))))[1]
