"""AudioService.Transcribe: hearing alone, over a real gRPC server with the real models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import av
import grpc.aio
import numpy as np
import pytest
from clipmill_audio.service import build
from clipmill_audio.settings import AudioSettings

from clipmill.audio.v1.audio_pb2 import TranscribeRequest, TranscribeResponse
from clipmill.audio.v1.audio_pb2_grpc import AudioServiceStub
from clipmill.common.v1.common_pb2 import BlobRef
from clipmill.rpc_error import error_of
from clipmill_shared.auth import SigningKey, Tokens
from clipmill_shared.blobs import Blobs
from clipmill_shared.bus.inprocess import InProcessBus
from clipmill_shared.platform import Platform
from clipmill_shared.rpc.auth import by_token
from clipmill_shared.rpc.server import serving
from clipmill_shared.service import running

from .sound_files import write_wav

SAMPLE = Path(__file__).parents[3] / ".venv/sample/sample.mp4"


@asynccontextmanager
async def service(
    folder: Path, *, tokens: Tokens | None = None, calls: int = 8
) -> AsyncIterator[tuple[AudioServiceStub, Blobs]]:
    """The service on a port of its own; files under `folder` and the sample may be read in place."""
    bus = InProcessBus(grace_s=0.2)
    blobs = Blobs.in_folder(folder / "blobs", folder / "scratch", (folder, SAMPLE.parent.resolve()))
    platform = Platform(bus, blobs, "sqlite+aiosqlite:///unused", folder / "scratch", "here", tokens=tokens)
    services = [build(AudioSettings(api=True, api_calls=calls, slots=1), platform)]
    async with (
        running(services, bus),
        serving(services, "127.0.0.1:0", authenticate=by_token(tokens) if tokens else None) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        yield AudioServiceStub(channel), blobs
    await bus.close()


async def all_of(call: grpc.aio.UnaryStreamCall) -> list[TranscribeResponse]:
    return [response async for response in call]


async def refused(call: grpc.aio.UnaryStreamCall) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await all_of(call)
    return error_of(caught.value, "here").code


def said(parts: Sequence[TranscribeResponse]) -> str:
    return " ".join(word.text for part in parts for word in part.part.words)


def beginning(folder: Path, length_s: float) -> Path:
    """The sample's first seconds of sound, 48 kHz stereo."""
    with av.open(str(SAMPLE)) as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0) if (frame.time or 0) < length_s]
    return write_wav(folder / "talk.wav", np.concatenate(frames, axis=1).T.astype(np.float64), 48_000)


async def test_words_come_stretch_by_stretch_on_one_clock(tmp_path: Path) -> None:
    path = beginning(tmp_path, 44)
    async with service(tmp_path) as (stub, _):
        answers = aiter(stub.Transcribe(TranscribeRequest(path=str(path))))
        sound, first = await anext(answers), await anext(answers)
        assert sound.sound.duration_s == pytest.approx(44, abs=0.1)
        assert (sound.sound.sample_rate_hz, sound.sound.channels) == (48_000, 2)
        assert said([first]).startswith("Why does the other line always move faster?")
        rest = [answer async for answer in answers]
    parts = [first, *rest]
    spans = [(part.part.part.start_s, part.part.part.end_s) for part in parts]
    assert len(parts) > 1
    assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
    assert said(parts).endswith("judge it by its speed.")
    starts = [word.start_s for part in parts for word in part.part.words]
    assert starts == sorted(starts) and starts[-1] > 41
    assert {warning.code for part in parts for warning in part.warnings} == {"LANGUAGE_ASSUMED"}
    assert {m.name for part in parts for m in part.part.models if m.task == "transcription"} == {"moonshine-tiny-en"}


async def test_bytes_and_an_own_blob_are_heard_like_a_file(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "tone.wav", 0.3 * np.sin(np.arange(3 * 8000) / 5), 8000)
    async with service(tmp_path) as (stub, blobs):
        ref = await blobs.put_file("local", path, "audio/wav")
        requests = (
            TranscribeRequest(path=str(path)),
            TranscribeRequest(content=path.read_bytes()),
            TranscribeRequest(upload=ref),
        )
        answers = [await all_of(stub.Transcribe(request)) for request in requests]
    assert answers[0] == answers[1] == answers[2]
    assert (answers[0][0].sound.sample_rate_hz, answers[0][0].sound.channels) == (8000, 1)
    assert said(answers[0][1:]) == ""


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (TranscribeRequest(), "INVALID_SOURCE"),
        (TranscribeRequest(path="talk.wav"), "INVALID_SOURCE"),
        (TranscribeRequest(path="/etc/passwd"), "INPUT_NOT_UNDER_IMPORT_ROOT"),
        (TranscribeRequest(upload=BlobRef(uri="blob:eve/blobs/00/00")), "INVALID_SOURCE"),
        (TranscribeRequest(content=b"no sound"), "INPUT_UNREADABLE"),
        (TranscribeRequest(content=b"a" * ((3 << 20) + 1)), "INVALID_SOURCE"),
        (TranscribeRequest(content=b"#EXTM3U\n/etc/passwd\n"), "INPUT_UNREADABLE"),
        (TranscribeRequest(content=b"x", asr="parrot"), "INVALID_OPTIONS"),
        (TranscribeRequest(content=b"x", language="fr"), "LANGUAGE_UNSUPPORTED"),
    ],
)
async def test_what_cannot_be_heard_is_named(tmp_path: Path, request_: TranscribeRequest, code: str) -> None:
    async with service(tmp_path) as (stub, _):
        assert await refused(stub.Transcribe(request_)) == code
    assert not list((tmp_path / "scratch").iterdir())


async def test_a_video_without_sound_is_named(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "silent.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        container.mux(stream.encode(None))
    async with service(tmp_path) as (stub, _):
        assert await refused(stub.Transcribe(TranscribeRequest(path=str(tmp_path / "silent.mp4")))) == "INPUT_NO_SOUND"


async def test_a_call_that_is_cancelled_or_late_frees_its_place_and_leaves_nothing(tmp_path: Path) -> None:
    request = TranscribeRequest(path=str(SAMPLE.resolve()))
    async with service(tmp_path, calls=1) as (stub, _):
        call = stub.Transcribe(request)
        await call.read()
        assert await refused(stub.Transcribe(request)) == "QUEUE_FULL"
        call.cancel()
        late = stub.Transcribe(request, timeout=0.01)
        assert await refused(late) in ("DEADLINE_EXCEEDED", "QUEUE_FULL")
        async with asyncio.timeout(20):
            while list((tmp_path / "scratch").iterdir()):
                await asyncio.sleep(0.05)
        sound = write_wav(tmp_path / "short.wav", np.zeros(8000), 8000)
        assert len(await all_of(stub.Transcribe(TranscribeRequest(path=str(sound))))) == 2


async def test_nobody_is_heard_without_a_token_where_there_are_accounts(tmp_path: Path) -> None:
    key = SigningKey.make()
    sound = write_wav(tmp_path / "short.wav", np.zeros(8000), 8000)
    async with service(tmp_path, tokens=Tokens([key.public])) as (stub, _):
        request = TranscribeRequest(path=str(sound))
        assert await refused(stub.Transcribe(request)) == "UNAUTHENTICATED"
        token = (("authorization", f"Bearer {key.sign('ada', 60)}"),)
        assert len(await all_of(stub.Transcribe(request, metadata=token))) == 2
