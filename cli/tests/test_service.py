"""`clipmill service` while its Kafka is down, and when something in it breaks."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp

COMMAND = Path(sys.executable).with_name("clipmill")


def started(folder: Path, *args: str, kafka: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ, "CLIPMILL_DATA_DIR": str(folder), "CLIPMILL_KAFKA_BOOTSTRAP": kafka,
        "CLIPMILL_HTTP_ADDRESS": "127.0.0.1:0",
    }  # fmt: skip
    return subprocess.Popen([str(COMMAND), "service", *args], env=environment, text=True, stderr=subprocess.PIPE)


async def test_a_kafka_that_is_down_is_waited_for_and_said_to_be_missing_and_sigterm_still_stops(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        kafka = f"127.0.0.1:{nobody.getsockname()[1]}"
        with started(tmp_path, "audio", kafka=kafka) as process:
            said = []
            while not said or said[-1]["event"] != f"waiting for Kafka at {kafka}":
                said.append(json.loads(await asyncio.to_thread(process.stderr.readline)))
            health = next(line["address"] for line in said if line["event"] == "health is served")
            async with aiohttp.ClientSession() as session, session.get(f"http://{health}/readyz") as ready:
                assert (ready.status, (await ready.text()).strip()) == (503, f"waiting for Kafka at {kafka}")
            process.send_signal(signal.SIGTERM)
            rest = await asyncio.to_thread(process.stderr.read)
            assert process.wait() == 0
    assert "Traceback" not in rest


def test_without_a_kafka_it_says_what_to_set(tmp_path):
    with started(tmp_path, "audio", kafka="") as process:
        said = process.stderr.read()
        assert process.wait() == 5
    assert said.splitlines()[-1].endswith("[KAFKA_UNSET]")
    assert "CLIPMILL_KAFKA_BOOTSTRAP" in said


def test_a_service_is_imported_only_when_it_is_named():
    code = (
        "import sys; import clipmill_cli.service; from clipmill_cli.service import BUILDERS; "
        "print([name for name in BUILDERS if f'clipmill_{name}' in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
