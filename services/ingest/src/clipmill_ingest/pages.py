"""Videos on web pages, by yt-dlp: an optional extra (`pip install 'clipmill-ingest[pages]'`), run as a program.

It makes its own requests: only the page itself has passed the guarded client. So do not install it where people whom
you do not trust may submit addresses.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
from pathlib import Path

from clipmill_ingest.settings import IngestSettings
from clipmill_shared.compute.tied import tied
from clipmill_shared.errors import ClipmillError

_ADDRESS = re.compile(r"https?://\S+")


def is_installed() -> bool:
    return importlib.util.find_spec("yt_dlp") is not None


async def fetch(url: str, name: str, folder: Path, settings: IngestSettings) -> Path:
    """Fetch the video that the page at `url` shows into `folder`.

    Errors: ClipmillError INPUT_URL_NOT_VIDEO with what yt-dlp says; INPUT_URL_UNREACHABLE when it takes too long.
    """
    formats = await asyncio.to_thread(_formats)
    command = (
        *(sys.executable, "-m", "yt_dlp", "--ignore-config", "--no-cache-dir", "--no-playlist", "--quiet"),
        *("--no-warnings", "--no-part", "--max-filesize", str(settings.max_file_bytes)),
        *("--socket-timeout", str(settings.url_idle_timeout_s), "--retries", "3", *formats),
        *("--output", str(folder / "page.%(ext)s"), "--", url),
    )
    process = await asyncio.create_subprocess_exec(
        *tied(command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(settings.url_total_timeout_s):
            _, said = await process.communicate()
    except TimeoutError:
        raise ClipmillError(
            "INPUT_URL_UNREACHABLE", f"{name} cannot be fetched: it took too long.", "Try again.", retryable=True
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    code = process.returncode or 0
    if code < 0:
        raise ClipmillError(
            "INPUT_URL_UNREACHABLE",
            f"{name} cannot be fetched: yt-dlp was ended by signal {-code}.",
            "Try again.",
            retryable=True,
        )
    files = await asyncio.to_thread(lambda: sorted(folder.glob("page.*")))
    if code != 0 or not files:
        # The address may hold secrets, so it is shown as `name`, and nothing else that yt-dlp says of where it went.
        why = [
            _ADDRESS.sub(name, line.replace(url, name)) for line in said.decode(errors="replace").strip().splitlines()
        ][-1:] or ["it shows no video"]
        raise ClipmillError(
            "INPUT_URL_NOT_VIDEO",
            f"{name} is a web page from which no video can be had: {why[0].removeprefix('ERROR: ')[:200]}",
            "Give the address of the video file itself, or download it first.",
        )
    return files[0]


def _formats() -> tuple[str, ...]:
    """The best picture and sound, joined by ffmpeg where there is one; else the best file that has both."""
    if importlib.util.find_spec("imageio_ffmpeg") is None:
        return ("--format", "best")
    import imageio_ffmpeg

    return ("--ffmpeg-location", imageio_ffmpeg.get_ffmpeg_exe())
