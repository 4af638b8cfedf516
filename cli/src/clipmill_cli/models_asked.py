"""What the commands of `clipmill models` have in common: a connection, and answers as lines of JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from google.protobuf.json_format import MessageToDict

from clipmill.client import Client
from clipmill.model_calls import ModelCalls
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.remote import on_clipmill, say_line

Work = Callable[[ModelCalls], Coroutine[Any, Any, None]]
EPILOG = "Exit codes: 0 done, 2 wrong usage, 5 refused, or it cannot be reached."


def do(address: str, as_json: bool, work: Work) -> None:
    """Work with the registry, and end the process."""

    async def connected(client: Client) -> ExitCode:
        await work(ModelCalls(client))
        return ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, connected, service="models"))


def say(messages: Iterable[Any]) -> None:
    for message in messages:
        say_line(MessageToDict(message, always_print_fields_with_no_presence=True))
