"""The container's health check says what /readyz says."""

import asyncio
import os
import sys

import pytest

from clipmill_shared.http_health import Condition, http_health


async def probe(*arguments: str, **environment: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "clipmill_shared.probe", *arguments),
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("missing", "code", "said"), [("", 0, "ready\n"), ("waiting for Kafka", 1, "waiting for Kafka\n")]
)
async def test_it_says_whether_the_process_is_ready_and_what_it_waits_for(missing, code, said):
    async with http_health("127.0.0.1:0", Condition(missing)) as address:
        assert await probe(address) == (code, said, "")
        everywhere = address.replace("127.0.0.1", "0.0.0.0")
        assert await probe(CLIPMILL_HTTP_ADDRESS=everywhere) == (code, said, "")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "", "nonsense"])
async def test_who_does_not_answer_is_not_ready(address):
    code, out, err = await probe(CLIPMILL_HTTP_ADDRESS=address)
    assert (code, out) == (1, "") and err.startswith("clipmill: ") and "Traceback" not in err
