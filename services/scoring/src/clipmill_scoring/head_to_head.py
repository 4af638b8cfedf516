"""Has chosen clips compared head to head by a language model. Never needed: where it fails, the plain order stays."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from clipmill.clips.v1.clips_pb2 import ScoredClip
from clipmill.common.v1.common_pb2 import ModelVersion
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill_scoring.domain import versus
from clipmill_shared.chat import Chat, NoAnswerError, Question

MOST_REMEMBERED = 10_000
AT_ONCE = 4


@dataclass
class _Spent:
    tokens: int = 0


class HeadToHead:
    """Compares within `budget` tokens a job and `timeout_s`. Answers are remembered, for their owner alone."""

    def __init__(self, chat: Chat, budget: int, timeout_s: float) -> None:
        self._chat = chat
        self._budget = budget
        self._timeout_s = timeout_s
        self._remembered: OrderedDict[str, bool] = OrderedDict()
        self._free = asyncio.Semaphore(AT_ONCE)

    def model(self) -> ModelVersion:
        return ModelVersion(task="head to head", name=self._chat.model, version=versus.PROMPT_VERSION)

    async def reranked(self, owner_id: str, clips: Sequence[ScoredClip]) -> tuple[list[ScoredClip], Caution | None]:
        """The clips in order of wins, each saying how many; unchanged, with a warning, where any comparison fails."""
        pairs, spent = versus.pairs(len(clips)), _Spent()
        try:
            async with asyncio.timeout(self._timeout_s), asyncio.TaskGroup() as group:
                asked = [
                    group.create_task(self._is_first_better(owner_id, clips[a].text, clips[b].text, spent))
                    for a, b in pairs
                ]
        except TimeoutError:
            return list(clips), self._caution("it did not answer in time")
        except ExceptionGroup as failed:
            refused, other = failed.split(NoAnswerError)
            if refused is None or other is not None:
                raise
            return list(clips), self._caution(str(refused.exceptions[0]))
        winners = [a if answer.result() else b for (a, b), answer in zip(pairs, asked, strict=True)]
        ordered: list[ScoredClip] = []
        for rank, k in enumerate(versus.order(len(clips), winners), start=1):
            clip = ScoredClip()
            clip.CopyFrom(clips[k])
            clip.head.rank = rank
            if met := sum(k in pair for pair in pairs):
                clip.reason += f" It won {winners.count(k)} of {met} comparisons by {self._chat.model}."
            ordered.append(clip)
        return ordered, None

    async def close(self) -> None:
        await self._chat.close()

    async def _is_first_better(self, owner_id: str, first: str, second: str, spent: _Spent) -> bool:
        content = versus.question(first, second)
        name = hashlib.sha256("\x1f".join((owner_id, versus.PROMPT_VERSION, content)).encode()).hexdigest()
        if name not in self._remembered:
            async with self._free:
                if spent.tokens >= self._budget:
                    raise NoAnswerError(f"the budget of {self._budget} tokens was spent")
                question = Question(versus.PROMPT, content, "better", versus.SCHEMA, versus.ANSWER_TOKENS)
                reply = await self._chat.ask(question)
            spent.tokens += reply.tokens
            try:
                self._remembered[name] = versus.is_first_better(reply.text)
            except versus.BadAnswerError as error:
                raise NoAnswerError(f"the model's answer does not count: {error}") from None
            while len(self._remembered) > MOST_REMEMBERED:
                self._remembered.popitem(last=False)
        return self._remembered[name]

    def _caution(self, why: str) -> Caution:
        message = f"The clips are in the order of their scores: {self._chat.host} was asked to compare them, and {why}."
        return Caution(code=versus.RERANK_UNAVAILABLE, message=message, part="scoring")
