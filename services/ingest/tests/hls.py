"""HLS as it is found, made for one test each: sound apart, fragmented MP4, encrypted with keys that change."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from aiohttp import web
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from imageio_ffmpeg import get_ffmpeg_exe

SEGMENT_S = 2
EVERY_S = 2.0
FLASH = "color=black:s=64x48:r=25,drawbox=color=white:t=fill:enable='lt(mod(t,2),0.08)'"
CLAP = "aevalsrc='if(lt(mod(t,2),0.08),0.8*sin(2*PI*1000*t),0)':s=48000"


def make(folder: Path, length_s: float, *, kind: str = "mpegts") -> Path:
    """`master.m3u8`, with a flash and a clap each two seconds, the claps in a playlist of their own."""
    folder.mkdir(parents=True)
    inputs = [part for each in (FLASH, CLAP) for part in ("-f", "lavfi", "-i", each)]
    codecs = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-sc_threshold", "0", "-c:a", "aac"]
    form = ["-f", "hls", "-hls_time", str(SEGMENT_S), "-hls_playlist_type", "vod", "-hls_segment_type", kind]
    suffix = "ts" if kind == "mpegts" else "m4s"
    apart = ["-var_stream_map", "v:0,agroup:sound,name:seen a:0,agroup:sound,default:yes,name:heard"]
    names = ["-master_pl_name", "master.m3u8", "-hls_segment_filename", f"%v%03d.{suffix}", "%v.m3u8"]
    command = [get_ffmpeg_exe(), "-v", "error", *inputs, "-t", str(length_s), *codecs, *form, *apart, *names]
    subprocess.run(command, check=True, cwd=folder)
    return folder / "master.m3u8"


def encrypt(folder: Path, playlist: str, keys: int = 3) -> None:
    """Each third of a playlist with its own key, every other key with an IV that is said."""
    lines, number, used = [], 0, -1
    listed = (folder / playlist).read_text().splitlines()
    count = sum(line.startswith("#EXTINF") for line in listed)
    for line in listed:
        if line.startswith("#EXTINF"):
            which = number * keys // count
            key = bytes([which + 1] * 16)
            iv = (which if which % 2 else number).to_bytes(16, "big")
            if which != used:
                name = f"{playlist}-{which}.key"
                (folder / name).write_bytes(key)
                said = f",IV=0x{iv.hex()}" * (which % 2)
                lines.append(f'#EXT-X-KEY:METHOD=AES-128,URI="{name}"{said}')
                used = which
            number += 1
        elif not line.startswith("#"):
            padding, cipher = PKCS7(128).padder(), Cipher(AES(key), CBC(iv)).encryptor()
            content = (folder / line).read_bytes()
            padded = padding.update(content) + padding.finalize()
            (folder / line).write_bytes(cipher.update(padded) + cipher.finalize())
        lines.append(line)
    (folder / playlist).write_text("\n".join(lines))


@dataclass
class Stream:
    """Playlists that grow by two segments at each look, `late` ones by so many segments less; others at once."""

    folder: Path
    grows: bool = True
    late: dict[str, int] = field(default_factory=dict)
    # A playlist that never says that it is over, and stops at so many segments.
    stops: dict[str, int] = field(default_factory=dict)
    # What is given in place of a playlist at a certain look.
    instead: dict[tuple[str, int], web.Response] = field(default_factory=dict)
    # Files of which no parts are given.
    undivided: set[str] = field(default_factory=set)
    looks: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        path = self.folder / name
        if path.suffix != ".m3u8" or name == "master.m3u8":
            self.asked.append(name)
            if name in self.undivided:
                return web.Response(body=path.read_bytes())
            return web.FileResponse(path)
        looks = self.looks[name] = self.looks.get(name, 0) + 1
        if (name, looks) in self.instead:
            return self.instead[name, looks]
        lines = path.read_text().replace(f"DURATION:{SEGMENT_S}", "DURATION:0").splitlines()
        ends = [n for n, line in enumerate(lines) if not line.startswith("#")]
        shown = 2 * looks - self.late.get(name, 0) if self.grows else len(ends)
        shown = min(shown, self.stops.get(name, len(ends)))
        if shown < len(ends):
            lines = lines[: ends[shown - 1] + 1 if shown > 0 else ends[0] - 1]
            lines = [line for line in lines if "PLAYLIST-TYPE" not in line]
        return web.Response(text="\n".join(lines), content_type="application/vnd.apple.mpegurl")


@asynccontextmanager
async def served(stream: Stream) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{name}", stream.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def flashes(path: Path) -> list[float]:
    """When each flash begins, in seconds of the file's clock."""
    with av.open(str(path)) as container:
        seen = [(frame.time, frame.to_ndarray()[0, 0] > 128) for frame in container.decode(video=0)]
    return [seen[n][0] for n in range(len(seen)) if seen[n][1] and (n == 0 or not seen[n - 1][1])]


def claps(path: Path) -> list[float]:
    """When each clap begins."""
    with av.open(str(path)) as container:
        blocks = [(frame.time, frame.rate, np.abs(frame.to_ndarray()[0])) for frame in container.decode(audio=0)]
    times = np.concatenate([time_s + np.arange(len(block)) / rate for time_s, rate, block in blocks])
    loud = times[np.concatenate([block for _, _, block in blocks]) > 0.2]
    return [float(loud[n]) for n in range(len(loud)) if n == 0 or loud[n] - loud[n - 1] > EVERY_S / 2]
