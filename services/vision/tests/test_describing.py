"""Keyframes described at an OpenAI-compatible address: right answers are joined to shots, and nothing else counts.

A server of aiohttp speaks the API, well and badly.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import av
import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web
from clipmill_vision.handlers import stage_work
from clipmill_vision.settings import VisionSettings
from pydantic import SecretStr

from clipmill.common.v1.common_pb2 import TimeRange
from clipmill.vision.v1.vision_pb2 import AnalyzeRequest, VisionAnalysis, VisionAnalyzed, VisionTask
from clipmill.work.v1.work_pb2 import Task
from clipmill_shared.blobs import Blobs, sha256_of
from clipmill_shared.compute import Children

from .made_videos import scene, steady, write_video
from .test_analyze import all_of, service

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Model:
    """A vision-language model's API: it gives one of `answers` a call, then describes each picture."""

    def __init__(self, *answers: web.Response | float) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []

    async def complete(self, request: web.Request) -> web.Response:
        question = await request.json()
        self.asked.append(question)
        self.keys.append(request.headers.get("Authorization", ""))
        if self.answers:
            answer = self.answers.pop(0)
            if not isinstance(answer, float):
                return answer
            await asyncio.sleep(answer)
        said = [
            {"number": n, "text": f"Call {len(self.asked)}, picture {n}."} for n in range(1, 1 + len(self.pictures()))
        ]
        return completion(said)

    def pictures(self, call: int = -1) -> list[bytes]:
        parts = self.asked[call]["messages"][1]["content"]
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        return [base64.b64decode(url.removeprefix("data:image/jpeg;base64,")) for url in urls]


def completion(pictures: Any, tokens: int = 100) -> web.Response:
    content = pictures if isinstance(pictures, str) else web.json_response({"pictures": pictures}).text
    return web.json_response({"choices": [{"message": {"content": content}}], "usage": {"total_tokens": tokens}})


@asynccontextmanager
async def serving(model: Model) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", model.complete)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def children() -> AsyncIterator[Children]:
    children = Children("clipmill_vision.work:answer", slots=1)
    yield children
    await children.close()


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three scenes of a second, and the first again for two."""
    pictures = [scene(seed) for seed in (1, 2, 3, 1, 1) for _ in range(25)]
    return write_video(tmp_path_factory.mktemp("film") / "film.mp4", pictures, steady(125))


class Stage:
    """The vision stage with an address to ask."""

    def __init__(self, children: Children, video: Path, url: str, folder: Path | None = None, **settings: Any) -> None:
        folder = folder or video.parent / uuid4().hex
        self.blobs = Blobs.in_folder(folder / "blobs", folder / "scratch", (video.parent,))
        self._video = video
        asked = {"describe_url": url, "describe_key": SecretStr("top-secret"), "describe_timeout_s": 20.0, **settings}
        self.work = stage_work(children, self.blobs, VisionSettings(**asked))

    async def seen(self, owner_id: str = "ann") -> tuple[VisionAnalyzed, VisionAnalysis]:
        task = VisionTask(
            task=Task(owner_id=owner_id),
            source=await self.blobs.reference_file(self._video, sha256_of(self._video)[0], "video/mp4"),
            part=TimeRange(start_s=0, end_s=5),
            display_width=320,
            display_height=180,
        )
        answer = await self.work.work(task, lambda _: None)
        return answer, await self.blobs.get_message(answer.analysis, VisionAnalysis)


def texts(analysis: VisionAnalysis) -> list[str]:
    return [shot.description for shot in analysis.shots]


def codes(answer: VisionAnalyzed) -> list[str]:
    return [warning.code for warning in answer.answer.warnings]


async def test_each_shot_has_what_is_said_of_its_keyframe_and_those_alike_are_asked_about_once(
    children: Children, video: Path
) -> None:
    model = Model()
    async with serving(model) as url:
        answer, analysis = await Stage(children, video, url).seen()
    # The first scene is seen longest, so it is the first that is asked about.
    assert texts(analysis) == ["Call 1, picture 1.", "Call 1, picture 2.", "Call 1, picture 3.", "Call 1, picture 1."]
    assert codes(answer) == []
    assert len(model.asked) == 1
    assert ("descriptions", "gpt-4o-mini", "1") in [(m.task, m.name, m.version) for m in answer.answer.models]


async def test_the_model_is_sent_jpegs_of_the_keyframes_the_schema_and_the_key(children: Children, video: Path) -> None:
    model = Model()
    async with serving(model) as url:
        await Stage(children, video, url, describe_model="llava").seen()
    with av.open(io.BytesIO(model.pictures()[1]), format="jpeg_pipe") as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    shown = np.asarray(scene(2), float).reshape(9, 20, 16, 20, 3).mean((1, 3))
    assert picture.shape == (288, 512, 3)
    blocks = picture.astype(float).reshape(9, 32, 16, 32, 3).mean((1, 3))
    assert np.abs(blocks - shown).mean() < 12
    assert model.asked[0]["model"] == "llava"
    assert model.asked[0]["response_format"]["json_schema"]["strict"] is True
    assert model.keys == ["Bearer top-secret"]


async def test_without_an_address_nobody_is_asked(children: Children, video: Path) -> None:
    answer, analysis = await Stage(children, video, "").seen()
    assert texts(analysis) == [""] * 4
    assert codes(answer) == []
    assert "descriptions" not in [model.task for model in answer.answer.models]


async def test_what_was_said_of_a_picture_is_remembered_for_its_owner_alone(children: Children, video: Path) -> None:
    model = Model()
    async with serving(model) as url:
        stage = Stage(children, video, url)
        first, again = await stage.seen(), await stage.seen()
        assert len(model.asked) == 1
        assert texts(again[1]) == texts(first[1])
        await stage.seen("bob")
        assert len(model.asked) == 2


async def test_what_was_said_outlasts_its_process_until_the_video_is_erased(
    children: Children, video: Path, tmp_path: Path
) -> None:
    model = Model()
    async with serving(model) as url:
        first = Stage(children, video, url, tmp_path)
        answer, _ = await first.seen()
        again, analysis = await Stage(children, video, url, tmp_path).seen()
        assert len(model.asked) == 1
        assert texts(analysis)[0] == "Call 1, picture 1."
        # Both videos show them: the last one that is erased takes them along.
        assert list(again.descriptions) == list(answer.descriptions)
        assert len(set(answer.descriptions)) == 3
        for key in answer.descriptions:
            await first.blobs.delete_record("ann", key)
        # Nor does the process that asked have it in mind.
        await first.seen()
        assert len(model.asked) == 2


async def test_of_a_task_that_does_not_come_to_its_end_nothing_said_stays_in_the_store(
    children: Children, video: Path, tmp_path: Path
) -> None:
    model = Model()
    async with serving(model) as url:
        stage = Stage(children, video, url, tmp_path, describe_batch=1)
        model.answers = [completion([{"number": 1, "text": "One."}]), 30.0]
        looking = asyncio.create_task(stage.seen())
        while len(model.asked) < 2:
            await asyncio.sleep(0.01)
        looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
        assert not list((tmp_path / "blobs").rglob("results/*"))
        await stage.seen()
        assert len(list((tmp_path / "blobs").rglob("results/*"))) == 3


async def test_another_model_is_asked_anew(children: Children, video: Path, tmp_path: Path) -> None:
    model = Model()
    async with serving(model) as url:
        await Stage(children, video, url, tmp_path).seen()
        await Stage(children, video, url, tmp_path, describe_model="llava").seen()
    assert len(model.asked) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (web.Response(status=401), "it answers 401"),
        (web.Response(text="<html>"), "no chat completion"),
        (web.json_response({"choices": []}), "no chat completion"),
        (completion("I cannot help with that."), "not of the asked form"),
        (completion([{"number": 1, "text": "One."}]), "pictures 1 to 3 once each"),
        (completion([{"number": 1, "text": "One."}] * 3), "pictures 1 to 3 once each"),
        (completion([{"number": n, "text": "One.", "then": "rm"} for n in (1, 2, 3)]), "not of the asked form"),
        (completion([{"number": n, "text": 7} for n in (1, 2, 3)]), "not of the asked form"),
        (completion([{"number": n, "text": "\x00\n "} for n in (1, 2, 3)]), "says nothing"),
        (web.Response(body=b"x" * 2_000_000), "no chat completion"),
    ],
    ids=["401", "html", "empty", "prose", "too few", "doubled", "more fields", "numbers", "nothing", "too long"],
)
async def test_what_is_no_answer_is_a_warning_and_all_else_is_there(
    children: Children, video: Path, answer: web.Response, why: str
) -> None:
    async with serving(Model(answer)) as url:
        result, analysis = await Stage(children, video, url).seen()
    assert codes(result) == ["DESCRIPTIONS_UNAVAILABLE"]
    assert why in result.answer.warnings[0].message
    assert "top-secret" not in result.answer.warnings[0].message
    assert len(analysis.shots) == 4
    assert texts(analysis) == [""] * 4


async def test_a_model_that_is_busy_is_asked_once_more(children: Children, video: Path) -> None:
    model = Model(web.Response(status=429, headers={"Retry-After": "0"}))
    async with serving(model) as url:
        answer, analysis = await Stage(children, video, url).seen()
    assert codes(answer) == []
    assert all(texts(analysis))
    assert len(model.asked) == 2


async def test_a_model_that_stays_busy_is_let_go(children: Children, video: Path) -> None:
    busy = [web.Response(status=status, headers={"Retry-After": "0"}) for status in (429, 503)]
    model = Model(*busy)
    async with serving(model) as url:
        answer, _ = await Stage(children, video, url).seen()
    assert codes(answer) == ["DESCRIPTIONS_UNAVAILABLE"]
    assert len(model.asked) == 2


async def test_a_model_that_does_not_answer_in_time_is_let_go(children: Children, video: Path) -> None:
    async with serving(Model(30.0)) as url:
        answer, analysis = await Stage(children, video, url, describe_timeout_s=2.0).seen()
    assert codes(answer) == ["DESCRIPTIONS_UNAVAILABLE"]
    assert "in time" in answer.answer.warnings[0].message
    assert len(analysis.shots) == 4


async def test_an_address_where_nothing_listens_is_a_warning(children: Children, video: Path) -> None:
    async with serving(Model()) as url:
        pass
    answer, _ = await Stage(children, video, url).seen()
    assert codes(answer) == ["DESCRIPTIONS_UNAVAILABLE"]


@pytest.mark.parametrize("budget", [{"describe_calls": 2}, {"describe_tokens": 150}], ids=["calls", "tokens"])
async def test_no_more_is_asked_than_the_budget_allows_and_what_is_seen_longest_first(
    children: Children, video: Path, budget: dict[str, int]
) -> None:
    model = Model()
    async with serving(model) as url:
        answer, analysis = await Stage(children, video, url, describe_batch=1, **budget).seen()
    assert len(model.asked) == 2
    assert codes(answer) == ["DESCRIPTIONS_CUT"]
    assert [bool(text) for text in texts(analysis)] == [True, True, False, True]


async def test_a_result_without_descriptions_is_not_kept_for_the_next_task(children: Children, video: Path) -> None:
    async with serving(Model(web.Response(status=500), web.Response(status=500))) as url:
        stage = Stage(children, video, url)
        lasts = stage.work.lasts
        assert lasts is not None
        assert not lasts((await stage.seen())[0])
        assert lasts((await stage.seen())[0])


@pytest.mark.parametrize(
    ("answers", "calls", "warned"),
    [((), [1], []), ([web.Response(status=401)], [], ["DESCRIPTIONS_UNAVAILABLE"])],
    ids=["answered", "refused"],
)
async def test_a_caller_without_a_job_has_keyframes_described_as_well(
    video: Path, answers: Sequence[web.Response], calls: list[int], warned: list[str]
) -> None:
    async with serving(Model(*answers)) as url, service(video.parent, describe_url=url) as (stub, _):
        _, answer = await all_of(stub.Analyze(AnalyzeRequest(path=str(video))))
    wanted = [f"Call {call}, picture {n}." for call in calls for n in (1, 2, 3, 1)]
    assert texts(answer.part) == (wanted or [""] * 4)
    assert [warning.code for warning in answer.warnings] == warned
    assert ("descriptions" in [model.task for model in answer.part.models]) == bool(calls)
