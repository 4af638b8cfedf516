"""Waiting for a server that is down at start."""

from __future__ import annotations

import logging

import pytest
from structlog.testing import capture_logs

from clipmill_shared import waiting
from clipmill_shared.errors import ClipmillError
from clipmill_shared.waiting import until_answered

DOWN = ClipmillError("KAFKA_UNREACHABLE", "No Kafka answers.", "Start it.", retryable=True)
REFUSED = ClipmillError("TOPIC_NOT_CREATED", "Kafka refuses a topic.", "Allow it.")


class Server:
    """Answers after `errors`, one an attempt."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def ask(self) -> str:
        logging.getLogger("some.driver").error("cannot connect")
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(waiting, "PAUSE_S", 0.0)


async def test_a_server_that_is_there_is_not_spoken_of():
    with capture_logs() as said:
        assert await until_answered("Kafka", Server().ask) == "answer"
    assert said == []


@pytest.mark.parametrize("error", [DOWN, ConnectionRefusedError("refused"), TimeoutError()])
async def test_a_server_that_is_down_is_waited_for_in_two_lines(error):
    with capture_logs() as said:
        assert await until_answered("Kafka", Server(*[error] * 20).ask) == "answer"
    assert [line["event"] for line in said] == ["waiting for Kafka", "Kafka answers"]


async def test_what_a_driver_wraps_counts_as_what_it_is():
    wrapped = RuntimeError("the driver's own words")
    wrapped.__cause__ = ConnectionRefusedError("refused")
    assert await until_answered("the database", Server(wrapped).ask) == "answer"


@pytest.mark.parametrize("error", [REFUSED, ValueError("a bug")])
async def test_what_time_does_not_mend_is_raised_at_once(error):
    with pytest.raises(type(error)):
        await until_answered("Kafka", Server(error).ask)


async def test_the_driver_is_silent_only_while_it_is_waited_for(caplog):
    await until_answered("Kafka", Server(DOWN, DOWN).ask, driver="some.driver")
    assert not [record for record in caplog.records if record.name == "some.driver"]
    logging.getLogger("some.driver").error("later")
    assert [record.message for record in caplog.records if record.name == "some.driver"] == ["later"]
