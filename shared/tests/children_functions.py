"""What the tests run in child processes."""

import os
import signal
import time
from pathlib import Path

from clipmill_shared.errors import ClipmillError


def double(request: int, report) -> int:
    report(0.5)
    return request * 2


def process_id(request: object, report) -> int:
    return os.getpid()


def refuse(request: str, report) -> None:
    raise ClipmillError("INPUT_TEST", f"{request} is refused.", "Send another.", retryable=True)


def crash(request: object, report) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def sleep_after_writing(path: str, report) -> None:
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(60)


def spawn_and_sleep(path: str, report) -> None:
    sleep_after_writing(path, report)


def allocate(size: int, report) -> int:
    return len(bytearray(size))


def wait_for_file(path: str, report) -> None:
    while not Path(path).exists():
        time.sleep(0.01)
