"""Has keyframes described at an OpenAI-compatible address. Never needed: whatever goes wrong there is a warning."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from clipmill.common.v1.common_pb2 import ModelVersion
from clipmill.common.v1.common_pb2 import Warning as Caution
from clipmill_shared.chat import Asked, Chat, NoAnswerError, Question
from clipmill_shared.compute import Children
from clipmill_shared.errors import ClipmillError
from clipmill_vision.domain.describe import PROMPT, PROMPT_VERSION, SCHEMA, Alike, BadAnswerError, alike, texts_of
from clipmill_vision.exchange import Keyframes, Part, Seen, Shown
from clipmill_vision.settings import VisionSettings

# For each picture: a sentence and its brackets.
TOKENS_A_PICTURE = 120
MOST_REMEMBERED = 2000
UNAVAILABLE, CUT = "DESCRIPTIONS_UNAVAILABLE", "DESCRIPTIONS_CUT"


@dataclass
class Described:
    """Of a part: what its shots show, by their numbers, and what to warn of."""

    texts: dict[int, str] = field(default_factory=dict)
    cautions: list[Caution] = field(default_factory=list)


@dataclass
class _Spent:
    calls: int = 0
    tokens: int = 0


class Describer:
    """Asks about pictures by `clipmill_shared.chat`, within the budget of the settings.

    What was said of a picture is remembered by its content, for its owner alone.
    """

    def __init__(self, children: Children, settings: VisionSettings) -> None:
        self._children = children
        self._settings = settings
        self._asked = Asked(
            settings.describe_url, settings.describe_model, settings.describe_timeout_s, settings.describe_key
        )
        self._remembered: OrderedDict[str, str] = OrderedDict()

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
        names = [self._name(owner_id, picture) for picture in pictures]
        unknown = [n for n, name in enumerate(names) if pictures[n] and name not in self._remembered]
        spent = _Spent()
        chat = Chat(self._asked)
        try:
            self._put(groups, names, described)
            size = self._settings.describe_batch
            for batch in (unknown[at : at + size] for at in range(0, len(unknown), size)):
                if spent.calls >= self._settings.describe_calls or spent.tokens >= self._settings.describe_tokens:
                    break
                said = await self._ask(chat, [pictures[n] for n in batch], spent)
                for n, text in zip(batch, said, strict=True):
                    self._remember(names[n], text)
                    described.texts |= dict.fromkeys(groups[n].shots, text)
        finally:
            await chat.close()
        return sum(group.shots[0] in described.texts or not pictures[n] for n, group in enumerate(groups))

    def _put(self, groups: Sequence[Alike], names: Sequence[str], described: Described) -> None:
        for group, name in zip(groups, names, strict=True):
            if name in self._remembered:
                self._remembered.move_to_end(name)
                described.texts |= dict.fromkeys(group.shots, self._remembered[name])

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

    def _name(self, owner_id: str, picture: bytes) -> str:
        asked = f"{owner_id}\x1f{self._settings.describe_url}\x1f{self._settings.describe_model}\x1f{PROMPT_VERSION}"
        return hashlib.sha256(asked.encode() + picture).hexdigest()

    def _remember(self, name: str, text: str) -> None:
        self._remembered[name] = text
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    def _unavailable(self, why: str, described: Described, groups: Sequence[Alike]) -> Caution:
        host = urlsplit(self._asked.url).hostname
        without = sum(group.shots[0] not in described.texts for group in groups)
        message = (
            f"{without} of {len(groups)} different pictures have no description: {host} was asked, and {why}. "
            "All else is as without it."
        )
        return Caution(code=UNAVAILABLE, message=message, part="vision")
