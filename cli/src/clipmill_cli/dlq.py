"""`clipmill dlq`: what nobody could handle, and sending it again."""

from __future__ import annotations

import base64
import json
import logging
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click
from google.protobuf import json_format

from clipmill.topic import Topic
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.remote import lines_option, on_kafka, say_line
from clipmill_shared.errors import ClipmillError

if TYPE_CHECKING:
    from clipmill_cli.kafka.letters import Letter, Record

HIDDEN = ("clipmill-token",)
topic_option = click.option("--topic", "topic_name", default="", metavar="TOPIC", help="Of this topic only.")


@click.group()
def dlq() -> None:
    """Look at dead letters, the records that nobody could handle, and send them again."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@dlq.command("list", epilog="Exit codes: 0 listed, also when there are none; 5 Kafka cannot be reached.")
@topic_option
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, metavar="N", help="The newest N.")
@lines_option
def list_letters(topic_name: str, limit: int, as_json: bool) -> None:
    """List the letters that were not sent again, with their reasons."""

    async def work(bootstrap: str, prefix: str) -> ExitCode:
        from clipmill_cli.kafka.letters import dead_letters
        from clipmill_cli.table import grid

        chosen = _chosen(topic_name)
        async with dead_letters(bootstrap, prefix) as letters:
            waiting = await letters.waiting(chosen)
        shown = waiting[-limit:]
        if as_json:
            for letter in shown:
                say_line(asdict(letter))
        elif shown:
            click.echo(
                grid(("Letter", "When", "Tried", "Sent again", "Group", "Reason"), [_row(each) for each in shown])
            )
        else:
            click.echo("No dead letters.", err=True)
        if len(waiting) > limit:
            click.echo(f"{len(waiting) - limit} older ones are not shown.", err=True)
        return ExitCode.CLIPS_MADE

    sys.exit(on_kafka(as_json, work))


@dlq.command(epilog="Exit codes: 0 shown, 5 there is no such letter, or Kafka cannot be reached.")
@click.argument("name", metavar="LETTER")
@lines_option
def show(name: str, as_json: bool) -> None:
    """Show a letter: why, its headers, and its message as JSON where it can be read."""

    async def work(bootstrap: str, prefix: str) -> ExitCode:
        from clipmill_cli.kafka.letters import dead_letters, letter_of, texts

        async with dead_letters(bootstrap, prefix) as letters:
            topic, record = await letters.find(name)
        # Who may read dead letters is not meant to act for their owners.
        headers = {name: "(hidden)" if name in HIDDEN else text for name, text in texts(record.headers).items()}
        shown = {**asdict(letter_of(topic, record)), "headers": headers, **_body(topic, record)}
        if as_json:
            say_line(shown)
        else:
            click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return ExitCode.CLIPS_MADE

    sys.exit(on_kafka(as_json, work))


@dlq.command(epilog="Exit codes: 0 sent again, 2 nothing was named, 5 one could not be, or Kafka cannot be reached.")
@click.argument("names", metavar="[LETTER]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All letters that wait, of one topic with --topic.")
@topic_option
@lines_option
def redrive(names: tuple[str, ...], everything: bool, topic_name: str, as_json: bool) -> None:
    """Send letters again to where they came from. How often is in the header clipmill-redrives."""
    if bool(names) == everything:
        raise click.UsageError("Name letters (clipmill dlq list shows them), or say --all.")

    async def work(bootstrap: str, prefix: str) -> ExitCode:
        from clipmill_cli.kafka.letters import dead_letters

        chosen = _chosen(topic_name)
        async with dead_letters(bootstrap, prefix) as letters:
            waiting = await letters.waiting(chosen)
            if names:
                waiting = _named(names, waiting)
            count = 0
            async for letter in letters.redrive(waiting):
                count += 1
                if as_json:
                    say_line({**asdict(letter), "redrives": letter.redrives + 1})
                else:
                    click.echo(letter.letter)
        if not count:
            click.echo("No dead letters.", err=True)
        return ExitCode.CLIPS_MADE

    sys.exit(on_kafka(as_json, work))


def _chosen(topic_name: str) -> tuple[Topic, ...]:
    from clipmill import topics
    from clipmill_cli.kafka.letters import topic_named

    return (topic_named(topic_name),) if topic_name else topics.ALL


def _named(names: tuple[str, ...], waiting: list[Letter]) -> list[Letter]:
    by_name = {letter.letter: letter for letter in waiting}
    if missing := [name for name in names if name not in by_name]:
        raise ClipmillError(
            "LETTER_NOT_FOUND",
            f"There is no dead letter {missing[0][:200]} that waits.",
            "clipmill dlq list names those that wait; one that was sent again does not.",
        )
    return [by_name[name] for name in dict.fromkeys(names)]


def _row(letter: Letter) -> tuple[str, ...]:
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(letter.time_s))
    return letter.letter, at, str(letter.attempts), str(letter.redrives), letter.group, letter.reason


def _body(topic: Topic, record: Record) -> dict[str, object]:
    """The message as JSON; the bytes, where they are none."""
    from clipmill_shared.bus.codec import message_of
    from clipmill_shared.bus.contract import Poison

    content = record.value or b""
    try:
        message = message_of(topic, content, record.headers)
    except Poison as error:
        return {
            "message": None,
            "unreadable": str(error),
            "body_bytes": len(content),
            "body_base64": base64.b64encode(content).decode(),
        }
    return {"message": json_format.MessageToDict(message), "body_bytes": len(content)}
