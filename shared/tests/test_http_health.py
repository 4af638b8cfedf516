"""The small HTTP server of a process."""

import aiohttp
import pytest
from aiohttp import web

from clipmill_shared.errors import ClipmillError
from clipmill_shared.http_health import Condition, http_health


async def get(address: str, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}{path}") as answer:
        return answer.status, (await answer.text()).strip()


async def test_it_is_alive_at_once_and_ready_when_nothing_is_missing():
    condition = Condition("waiting for Kafka")
    async with http_health("127.0.0.1:0", condition) as address:
        assert await get(address, "/healthz") == (200, "alive")
        assert await get(address, "/readyz") == (503, "waiting for Kafka")
        condition.missing = ""
        assert await get(address, "/readyz") == (200, "ready")


async def test_others_add_their_routes():
    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(text="jobs 3")

    async with http_health("127.0.0.1:0", Condition(), [web.get("/metrics", metrics)]) as address:
        assert await get(address, "/metrics") == (200, "jobs 3")


async def test_an_address_that_is_taken_is_named():
    async with http_health("127.0.0.1:0", Condition()) as address:
        with pytest.raises(ClipmillError, match=address) as raised:
            async with http_health(address, Condition()):
                pass
    assert raised.value.code == "HTTP_ADDRESS_UNUSABLE"
