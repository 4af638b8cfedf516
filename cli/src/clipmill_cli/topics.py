"""`clipmill topics`: every topic as it is meant, and as the broker has it."""

from __future__ import annotations

import logging
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from clipmill import topics as all_topics
from clipmill.topic import Topic
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.remote import lines_option, on_kafka, say_line

if TYPE_CHECKING:
    from clipmill_cli.kafka.described import OnBroker


@dataclass(frozen=True)
class TopicRow:
    """A topic of protos/topics.yaml; `broker` is what Kafka has of it, None when it is missing there."""

    topic: str
    message: str
    key: str
    ordered: bool
    partitions: int
    retention_h: int | None
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    broker: OnBroker | None


@click.command(epilog="Exit codes: 0 all topics are there, 5 one is missing, or Kafka cannot be reached.")
@lines_option
def topics(as_json: bool) -> None:
    """List the topics: what they carry, who writes and reads, and what the broker holds of each."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)

    async def work(bootstrap: str, prefix: str) -> ExitCode:
        from clipmill_cli.kafka.described import described
        from clipmill_cli.table import grid

        found = await described(bootstrap, prefix, all_topics.ALL)
        rows = [_row(topic, found.get(topic.name)) for topic in all_topics.ALL]
        if as_json:
            for row in rows:
                say_line(asdict(row))
        else:
            columns = ("Topic", "Message", "Key", "Ordered", "Partitions", "Kept", "Records", "Offsets", "Dead letters")
            click.echo(grid(columns, [_cells(row) for row in rows]))
        return ExitCode.CLIPS_MADE if all(row.broker for row in rows) else ExitCode.PART_FAILED

    sys.exit(on_kafka(as_json, work))


def _row(topic: Topic, broker: OnBroker | None) -> TopicRow:
    return TopicRow(
        topic=topic.name,
        message=topic.message.DESCRIPTOR.full_name,
        key=topic.key,
        ordered=topic.ordered,
        partitions=topic.partitions,
        retention_h=topic.retention_h,
        writers=topic.writers,
        readers=topic.readers,
        broker=broker,
    )


def _cells(row: TopicRow) -> tuple[str, ...]:
    ordered = "yes" if row.ordered else "no"
    if row.broker is None:
        return (
            row.topic,
            row.message,
            row.key,
            ordered,
            f"{row.partitions} meant",
            _kept(row.retention_h),
            "missing",
            "",
            "",
        )
    there = row.broker
    return (
        row.topic,
        row.message,
        row.key,
        ordered,
        _both(str(row.partitions), str(there.partitions)),
        _both(_kept(row.retention_h), _kept(there.retention_h)),
        str(there.end_offset - there.begin_offset),
        f"{there.begin_offset}..{there.end_offset}",
        str(there.dead_letters),
    )


def _kept(retention_h: float | None) -> str:
    return "compacted" if retention_h is None else f"{retention_h:g} h"


def _both(meant: str, there: str) -> str:
    return there if meant == there else f"{there} ({meant} meant)"
