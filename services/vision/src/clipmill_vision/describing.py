"""Has keyframes described at an OpenAI-compatible address. Never needed: whatever goes wrong there is a warning."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from clipmill.common.v1.common_pb2 import ModelVersion
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill.vision.v1.vision_pb2 import Description
from clipmill_shared import metrics
from clipmill_shared.chat import Asked, Chat, NoAnswerError, Question
from clipmill_shared.compute import Children
from clipmill_shared.errors import ClipmillError
from clipmill_shared.results import Results
from clipmill_vision.domain.describe import PROMPT, PROMPT_VERSION, SCHEMA, Alike, BadAnswerError, alike, texts_of
from clipmill_vision.exchange import Keyframes, Part, Seen, Shown
from clipmill_vision.settings import VisionSettings

# For each picture: a sentence and its brackets.
TOKENS_A_PICTURE = 120
STAGE = "descriptions"
UNAVAILABLE, CUT = "DESCRIPTIONS_UNAVAILABLE", "DESCRIPTIONS_CUT"


@dataclass
class Described:
    """Of a part: what its shots show, by their numbers, and what to warn of."""

    texts: dict[int, str] = field(default_factory=dict)
    cautions: list[Caution] = field(default_factory=list)
    # The same texts by the keys under which they are to be kept until their video is erased.
    lasting: dict[str, str] = field(default_factory=dict)


@dataclass
class _Spent:
    calls: int = 0
    tokens: int = 0


class Describer:
    """Asks about pictures by `clipmill_shared.chat`, within the budget of the settings.

    What was said of a picture is kept by its content, for its owner alone: for an hour; with `lasting` in Redis only,
    as no memory hears of an erasure, and looked for in the object store, where its task puts it once it is done.
    """

    def __init__(self, children: Children, settings: VisionSettings, results: Results, *, lasting: bool) -> None:
        self._children = children
        self._settings = settings
        self._asked = Asked(
            settings.describe_url, settings.describe_model, settings.describe_timeout_s, settings.describe_key
        )
        self._results = results
        self._lasting = lasting

    def model(self) -> ModelVersion:
        return ModelVersion(task="descriptions", name=self._settings.describe_model, version=PROMPT_VERSION)

    async def describe(self, owner_id: str, part: Part, shown: Shown, seen: Seen) -> Described:
        """What the part's shots show, as far as the budget goes. Raises nothing of what the address does."""
        described = Described()
        groups = alike(seen.shots)
        told = 0
        try:
            async with asyncio.timeout(self._settings.describe_timeout_s):
                pictures = await self._children.run(Keyframes(part, shown, tuple(group.time_s for group in groups)))
                assert isinstance(pictures, list)
                told = await self._tell(owner_id, groups, pictures, described)
        except TimeoutError:
            described.cautions.append(self._unavailable("it did not answer in time", described, groups))
        except NoAnswerError as error:
            described.cautions.append(self._unavailable(str(error), described, groups))
        except ClipmillError as error:
            described.cautions.append(
                self._unavailable(f"the pictures were not to be had ({error.code})", described, groups)
            )
        else:
            if told < len(groups):
                message = f"Of {len(groups)} different pictures {told} were described: the budget allows no more."
                described.cautions.append(Caution(code=CUT, message=message, part="vision"))
        return described

    async def _tell(
        self, owner_id: str, groups: Sequence[Alike], pictures: Sequence[bytes], described: Described
    ) -> int:
        """Fills `described`; how many groups there is nothing more to ask of."""
        keys = [self._key(picture) for picture in pictures]
        known = await asyncio.gather(*(self._kept(owner_id, key) for key in keys))
        for group, key, text in zip(groups, keys, known, strict=True):
            if text is not None:
                self._tell_of(group, key, text, described)
        unknown = [n for n, text in enumerate(known) if pictures[n] and text is None]
        spent = _Spent()
        chat = Chat(self._asked)
        try:
            size = self._settings.describe_batch
            for batch in (unknown[at : at + size] for at in range(0, len(unknown), size)):
                if spent.calls >= self._settings.describe_calls or spent.tokens >= self._settings.describe_tokens:
                    break
                said = await self._ask(chat, [pictures[n] for n in batch], spent)
                for n, text in zip(batch, said, strict=True):
                    said_of = Description(text=text)
                    await self._results.keep(owner_id, keys[n], said_of, in_store=False, in_memory=not self._lasting)
                    self._tell_of(groups[n], keys[n], text, described)
        finally:
            await chat.close()
        return sum(group.shots[0] in described.texts or not pictures[n] for n, group in enumerate(groups))

    async def _kept(self, owner_id: str, key: str) -> str | None:
        found = await self._results.read(
            owner_id, key, Description, STAGE, in_store=self._lasting, in_memory=not self._lasting
        )
        if found is None:
            return None
        metrics.RESULT_SAVED_INFERENCES.add(1, {"stage": STAGE})
        return found.text

    def _tell_of(self, group: Alike, key: str, text: str, described: Described) -> None:
        described.texts |= dict.fromkeys(group.shots, text)
        if self._lasting:
            described.lasting[key] = text

    async def _ask(self, chat: Chat, pictures: Sequence[bytes], spent: _Spent) -> list[str]:
        """What the model says of the pictures. Error: NoAnswerError."""
        content: list[Mapping[str, object]] = [{"type": "text", "text": f"{len(pictures)} pictures, numbered from 1."}]
        for picture in pictures:
            url = "data:image/jpeg;base64," + base64.b64encode(picture).decode()
            content.append({"type": "image_url", "image_url": {"url": url, "detail": "low"}})
        spent.calls += 1
        reply = await chat.ask(Question(PROMPT, content, "pictures", SCHEMA, TOKENS_A_PICTURE * len(pictures)))
        spent.tokens += reply.tokens
        try:
            return texts_of(reply.text, len(pictures))
        except BadAnswerError as error:
            raise NoAnswerError(f"the model's answer does not count: {error}") from None

    def _key(self, picture: bytes) -> str:
        asked = f"{STAGE}\x1f{self._settings.describe_url}\x1f{self._settings.describe_model}\x1f{PROMPT_VERSION}\x1f"
        # A part has many: half of the digest names them well enough.
        return hashlib.sha256(asked.encode() + picture).hexdigest()[:32]

    def _unavailable(self, why: str, described: Described, groups: Sequence[Alike]) -> Caution:
        host = urlsplit(self._asked.url).hostname
        without = sum(group.shots[0] not in described.texts for group in groups)
        message = (
            f"{without} of {len(groups)} different pictures have no description: {host} was asked, and {why}. "
            "All else is as without it."
        )
        return Caution(code=UNAVAILABLE, message=message, part="vision")
