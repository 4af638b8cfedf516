"""The dead letters of a system: read, and sent again to where they came from.

A letter is never taken away: that it was sent again is a record of its own beside it, a marker, written after the bus
has stored what was sent. What is lost in between is the marker, and then the letter is sent twice: every effect is
keyed by its event's id, so that is harmless. Letter and marker expire together, the letter first.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from clipmill import topics as all_topics
from clipmill.topic import Topic
from clipmill_shared.bus.kafka_topics import MAX_DEAD_LETTER_BYTES, identify
from clipmill_shared.errors import ClipmillError

ANSWER_MS = 30_000
POLL_MS = 1000
# Of a topic; of more, the oldest are not shown until these are gone.
MAX_LETTERS = 10_000
SENT_AT_ONCE = 100
REDRIVEN, REDRIVES = "clipmill-redriven", "clipmill-redrives"
# What a letter says of itself. Not the token: a request that is sent again must prove its owner again.
_ABOUT = ("topic", "partition", "offset", "group", "attempts", "error", "body-bytes", "headers-bytes", "key-bytes")
ABOUT = frozenset({REDRIVEN, *(f"clipmill-{name}" for name in _ABOUT)})
_LET_OUT = ("clipmill-body-bytes", "clipmill-headers-bytes", "clipmill-key-bytes")

Record: TypeAlias = "ConsumerRecord[bytes, bytes]"
Place: TypeAlias = tuple[str, int, int]


@dataclass(frozen=True)
class Letter:
    """A record that nobody could handle. `partition` and `offset` are those it had in `topic`, -1 when unknown."""

    letter: str
    topic: str
    partition: int
    offset: int
    group: str
    attempts: int
    reason: str
    redrives: int
    event_id: str
    owner_id: str
    time_s: float


@asynccontextmanager
async def dead_letters(bootstrap: str, prefix: str) -> AsyncIterator[DeadLetters]:
    """The dead letters on a Kafka. Errors: KAFKA_UNREACHABLE, KAFKA_REFUSED."""
    async with consumer_of(bootstrap) as consumer:
        yield DeadLetters(bootstrap, prefix, consumer)


@asynccontextmanager
async def consumer_of(bootstrap: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that belongs to no group. Errors: KAFKA_UNREACHABLE, KAFKA_REFUSED."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, request_timeout_ms=ANSWER_MS, enable_auto_commit=False)
    try:
        await consumer.start()
        # A consumer whose tasks have not begun yet ends in a CancelledError of its own when it is stopped.
        await asyncio.sleep(0)
        yield consumer
    except KafkaConnectionError as error:
        raise ClipmillError(
            "KAFKA_UNREACHABLE", f"No Kafka answers at {bootstrap}.", "Start it, or set the address of one that runs."
        ) from error
    except KafkaError as error:
        raise ClipmillError(
            "KAFKA_REFUSED", f"The Kafka at {bootstrap} refuses: {error}.", "Try again; else look at its log."
        ) from error
    finally:
        await consumer.stop()


class DeadLetters:
    """See `dead_letters`."""

    def __init__(self, bootstrap: str, prefix: str, consumer: AIOKafkaConsumer) -> None:
        self._bootstrap = bootstrap
        self._prefix = prefix
        self._consumer = consumer

    async def waiting(self, chosen: Iterable[Topic] = all_topics.ALL) -> list[Letter]:
        """The letters that were not sent again, by topic, the oldest first."""
        letters: dict[Place, Letter] = {}
        count: Counter[str] = Counter()
        async for topic, record in self._records(chosen):
            if (marked := _marked(topic, record)) is not None:
                letters.pop(marked, None)
                continue
            count[topic.name] += 1
            letters[topic.name, record.partition, record.offset] = letter_of(topic, record)
            if count[topic.name] > MAX_LETTERS:
                del letters[next(place for place in letters if place[0] == topic.name)]
        order = {topic.name: number for number, topic in enumerate(all_topics.ALL)}
        return [letters[place] for place in sorted(letters, key=lambda place: (order[place[0]], *place[1:]))]

    async def find(self, name: str) -> tuple[Topic, Record]:
        """A letter by its name, also one that was sent again. Error: LETTER_NOT_FOUND."""
        topic, partition, offset = _place(name)
        async for found, record in self._records([topic], partition, offset):
            if record.partition == partition and record.offset == offset and _marked(found, record) is None:
                return found, record
            if record.partition == partition and record.offset > offset:
                break
        raise _not_found(name)

    async def redrive(self, letters: Sequence[Letter]) -> AsyncIterator[Letter]:
        """Send letters again to where they came from, in their order; gives each once it is stored and marked.

        Error: LETTER_INCOMPLETE for one of which the topic did not keep all.
        """
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            max_request_size=MAX_DEAD_LETTER_BYTES,
        )
        await producer.start()
        try:
            async for batch in self._batches(letters):
                await asyncio.gather(*[await self._send(producer, topic, record) for topic, record in batch])
                await asyncio.gather(*[await self._mark(producer, topic, record) for topic, record in batch])
                for topic, record in batch:
                    yield letter_of(topic, record)
        finally:
            await producer.stop()

    async def _batches(self, letters: Sequence[Letter]) -> AsyncIterator[list[tuple[Topic, Record]]]:
        """The records of letters, some at a time."""
        wanted = {letter.letter for letter in letters}
        batch: list[tuple[Topic, Record]] = []
        async for topic, record in self._records([topic_named(name) for name in {letter.topic for letter in letters}]):
            if (letter := letter_of(topic, record)).letter not in wanted:
                continue
            if set(dict(record.headers)) & set(_LET_OUT):
                raise incomplete(letter)
            batch.append((topic, record))
            if len(batch) == SENT_AT_ONCE:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _send(self, producer: AIOKafkaProducer, topic: Topic, record: Record) -> asyncio.Future[object]:
        letter = letter_of(topic, record)
        headers = [(name, value) for name, value in record.headers if name not in ABOUT and name != REDRIVES]
        headers.append((REDRIVES, str(letter.redrives + 1).encode()))
        # To its own partition, so that it is in order with what comes of its key from now on.
        partition = letter.partition if letter.partition >= 0 else None
        sent: asyncio.Future[object] = await producer.send(
            self._prefix + topic.name, record.value, key=record.key, headers=headers, partition=partition
        )
        return sent

    async def _mark(self, producer: AIOKafkaProducer, topic: Topic, record: Record) -> asyncio.Future[object]:
        marker = f"{record.partition}/{record.offset}".encode()
        sent: asyncio.Future[object] = await producer.send(
            self._prefix + topic.dead_letters,
            b"",
            key=marker,
            headers=[(REDRIVEN, marker)],
            partition=record.partition,
        )
        return sent

    async def _records(
        self, chosen: Iterable[Topic], partition: int | None = None, offset: int = 0
    ) -> AsyncIterator[tuple[Topic, Record]]:
        """What lies in the dead letters now, from a partition's offset on where one is given."""
        by_name = {self._prefix + topic.dead_letters: topic for topic in chosen}
        there = (await identify(self._bootstrap, by_name)).partitions
        places = [
            TopicPartition(name, number)
            for name, count in there.items()
            for number in range(count)
            if partition in (None, number)
        ]
        if not places:
            return
        begins, ends = await bounds(self._consumer, places)
        for place in places:
            self._consumer.seek(place, min(max(begins[place], offset), ends[place]))
        while await self._behind(ends):
            for place, records in (await self._consumer.getmany(timeout_ms=POLL_MS)).items():
                for record in records:
                    if record.offset < ends[place]:
                        yield by_name[place.topic], record

    async def _behind(self, ends: dict[TopicPartition, int]) -> bool:
        return any([await self._consumer.position(place) < end for place, end in ends.items()])


async def bounds(
    consumer: AIOKafkaConsumer, places: Sequence[TopicPartition]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """The first offset of each place, and the one that its next record gets."""
    # Assigned first: else their topics are looked up one after another, a tenth of a second each.
    consumer.assign(places)
    return await consumer.beginning_offsets(places), await consumer.end_offsets(places)


def letter_of(topic: Topic, record: Record) -> Letter:
    """What a letter says of itself."""
    said = texts(record.headers)
    return Letter(
        letter=f"{topic.name}/{record.partition}/{record.offset}",
        topic=topic.name,
        partition=_number(said, "clipmill-partition", -1),
        offset=_number(said, "clipmill-offset", -1),
        group=said.get("clipmill-group", ""),
        attempts=_number(said, "clipmill-attempts", 0),
        reason=said.get("clipmill-error", ""),
        redrives=_number(said, REDRIVES, 0),
        event_id=said.get("ce_id", ""),
        owner_id=said.get("ce_ownerid", ""),
        time_s=record.timestamp / 1000,
    )


def texts(headers: Collection[tuple[str, bytes]]) -> dict[str, str]:
    # The last of a name: the bus writes its own after those that came.
    return {name: (value or b"").decode(errors="replace") for name, value in headers}


def incomplete(letter: Letter) -> ClipmillError:
    return ClipmillError(
        "LETTER_INCOMPLETE",
        f"The letter {letter.letter} is only a part of its record, which was too large.",
        f"The whole is at {letter.topic}, partition {letter.partition}, offset {letter.offset}, while that is kept.",
    )


def topic_named(name: str) -> Topic:
    """A topic by its name or by that of its dead letters. Error: TOPIC_NOT_FOUND."""
    for topic in all_topics.ALL:
        if name in (topic.name, topic.dead_letters):
            return topic
    raise ClipmillError("TOPIC_NOT_FOUND", f"There is no topic {name[:100]}.", "clipmill topics lists them.")


def _place(name: str) -> tuple[Topic, int, int]:
    topic, _, rest = name.partition("/")
    partition, _, offset = rest.partition("/")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise _not_found(name)
    return topic_named(topic), int(partition), int(offset)


def _marked(topic: Topic, record: Record) -> Place | None:
    """The letter that a marker is of; None for a letter."""
    marker = next((value for name, value in record.headers if name == REDRIVEN), None)
    # A stranger's header of this name comes with a body, or with what the bus says of a letter.
    if marker is None or record.value or any(name == "clipmill-error" for name, _ in record.headers):
        return None
    partition, _, offset = marker.decode(errors="replace").partition("/")
    return (topic.name, int(partition), int(offset)) if partition.isdecimal() and offset.isdecimal() else None


def _number(said: dict[str, str], name: str, otherwise: int) -> int:
    text = said.get(name, "")
    return int(text) if text.isdecimal() else otherwise


def _not_found(name: str) -> ClipmillError:
    return ClipmillError(
        "LETTER_NOT_FOUND", f"There is no dead letter {name[:200]}.", "clipmill dlq list names those that wait."
    )
