"""Clips compared by a language model: right answers order them, anything else leaves the plain order and says so.

A server of aiohttp speaks the API, well and badly.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from clipmill_scoring.domain import versus
from clipmill_scoring.head_to_head import HeadToHead
from clipmill_scoring.settings import ScoringSettings
from harness.server import free_port
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from test_handlers import scored, task_of

from clipmill.clips.v1.clips_pb2 import ClipHead, ScoredClip, ScoredClips
from clipmill_shared.blobs import Blobs
from clipmill_shared.chat import Asked, Chat

CLIPS = [
    ScoredClip(head=ClipHead(clip_id=text, rank=rank, score=80 - rank), text=text, reason="Why.")
    for rank, text in enumerate(("weak", "fair", "strong"), start=1)
]


class Model:
    """A language model's API: it gives one of `answers` a call, then prefers the longer text."""

    def __init__(self, *answers: web.Response | float) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.keys: set[str] = set()

    async def complete(self, request: web.Request) -> web.Response:
        question = await request.json()
        self.asked.append(question)
        self.keys.add(request.headers.get("Authorization", ""))
        if self.answers:
            answer = self.answers.pop(0)
            if not isinstance(answer, float):
                return answer
            await asyncio.sleep(answer)
        first, second = question["messages"][1]["content"].removeprefix("Clip A:\n").split("\n\nClip B:\n")
        return completion(json.dumps({"better": "A" if (len(first), first) > (len(second), second) else "B"}))


def completion(content: str, tokens: int = 100) -> web.Response:
    return web.json_response({"choices": [{"message": {"content": content}}], "usage": {"total_tokens": tokens}})


@asynccontextmanager
async def serving(model: Model) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", model.complete)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def comparing(model: Model, tokens: int = 20_000, timeout_s: float = 20.0) -> AsyncIterator[HeadToHead]:
    async with serving(model) as url:
        judge = HeadToHead(Chat(Asked(url, "judge", timeout_s, SecretStr("top-secret"))), tokens, timeout_s)
        yield judge
        await judge.close()


async def test_the_clip_that_wins_most_is_first_and_each_says_how_often_it_won():
    async with comparing(model := Model()) as judge:
        clips, caution = await judge.reranked("ann", CLIPS)

    assert caution is None
    assert [(clip.text, clip.head.rank) for clip in clips] == [("strong", 1), ("weak", 2), ("fair", 3)]
    assert clips[0].reason == "Why. It won 2 of 2 comparisons by judge."
    assert [clip.head.score for clip in clips] == [77, 79, 78]
    assert len(model.asked) == 3
    assert model.keys == {"Bearer top-secret"}
    assert model.asked[0]["response_format"]["json_schema"]["schema"] == versus.SCHEMA


async def test_what_was_answered_once_is_not_asked_again_but_for_another_owner():
    async with comparing(model := Model()) as judge:
        for owner_id in ("ann", "ann", "bob"):
            await judge.reranked(owner_id, CLIPS)

    assert len(model.asked) == 6


async def test_a_model_that_is_busy_is_asked_once_more():
    async with comparing(model := Model(web.Response(status=429, headers={"Retry-After": "0"}))) as judge:
        _, caution = await judge.reranked("ann", CLIPS)

    assert caution is None
    assert len(model.asked) == 4


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([{"status": 401}], "it answers 401"),
        ([{"status": 429, "headers": {"Retry-After": "0"}}] * 6, "it answers 429"),
        ([{"text": "no JSON"}], "what it answers is no chat completion"),
        ([{"text": '{"choices": []}'}], "what it answers is no chat completion"),
        (["clip B, surely"], "the model's answer does not count: it is no JSON"),
        (['{"better": "both"}'], "the model's answer does not count: it names neither clip"),
    ],
    ids=["no right", "busy", "no JSON", "no choice", "no schema", "neither"],
)
async def test_an_answer_that_does_not_count_leaves_the_plain_order_and_says_why(answers, why):
    given = [completion(answer) if isinstance(answer, str) else web.Response(**answer) for answer in answers]
    async with comparing(Model(*given)) as judge:
        clips, caution = await judge.reranked("ann", CLIPS)

    assert clips == CLIPS
    assert caution.code == "RERANK_UNAVAILABLE"
    assert why in caution.message
    assert "top-secret" not in caution.message


async def test_a_slow_model_is_not_waited_for():
    async with comparing(Model(30.0), timeout_s=0.3) as judge:
        clips, caution = await judge.reranked("ann", CLIPS)

    assert clips == CLIPS
    assert "did not answer in time" in caution.message


async def test_an_address_where_nobody_listens_leaves_the_plain_order():
    gone = HeadToHead(Chat(Asked(f"http://127.0.0.1:{free_port()}/v1", "judge", 5.0)), 1000, 5.0)
    clips, caution = await gone.reranked("ann", CLIPS)
    await gone.close()

    assert clips == CLIPS
    assert "cannot be reached" in caution.message


async def test_no_more_is_asked_when_the_budget_is_spent():
    many = [ScoredClip(head=ClipHead(rank=rank), text="x" * rank) for rank in range(1, 7)]
    async with comparing(model := Model(), tokens=500) as judge:
        clips, caution = await judge.reranked("ann", many)

    assert clips == many
    assert "the budget of 500 tokens was spent" in caution.message
    assert len(model.asked) < 15


@given(st.integers(0, 9), st.randoms(use_true_random=False))
def test_every_clip_keeps_a_rank_and_who_wins_more_is_before(clips, random):
    met = versus.pairs(clips)
    winners = [random.choice(pair) for pair in met]

    order = versus.order(clips, winners)

    assert sorted(order) == list(range(clips))
    assert order[versus.MOST_CLIPS :] == list(range(versus.MOST_CLIPS, clips))
    wins = [winners.count(clip) for clip in order[: versus.MOST_CLIPS]]
    assert wins == sorted(wins, reverse=True)
    assert all(a < b for (a, b), (x, y) in zip(pairwise(order), pairwise(wins), strict=False) if x == y)


async def test_a_task_s_clips_are_compared_where_an_address_is_set_and_a_failure_is_not_kept(tmp_path):
    blobs = Blobs.in_folder(tmp_path / "store", tmp_path / "scratch")
    task = await task_of(blobs, clips=2, min_s=2, max_s=6)
    plain = await scored(tmp_path, task, blobs)
    down = web.Response(status=401)
    async with serving(Model(down)) as url:
        settings = ScoringSettings(rerank_url=url, rerank_model="judge")
        failed = await scored(tmp_path, task, blobs, settings)
        task.task.task_id = "another"
        compared = await scored(tmp_path, task, blobs, settings)

    explained = await blobs.get_message(compared.scored, ScoredClips)
    longest_first = sorted(explained.clips, key=lambda clip: (len(clip.text), clip.text), reverse=True)
    assert list(explained.clips) == longest_first
    assert [clip.head for clip in explained.clips] == list(compared.clips)
    assert {head.clip_id for head in compared.clips} == {head.clip_id for head in plain.clips}
    assert [(model.task, model.name) for model in compared.answer.models][-1] == ("head to head", "judge")
    assert not compared.answer.warnings
    assert not compared.answer.cached
    assert list(failed.clips) == list(plain.clips)
    assert [warning.code for warning in failed.answer.warnings] == ["RERANK_UNAVAILABLE"]
    assert "head to head" not in {model.task for model in (*failed.answer.models, *plain.answer.models)}
