"""Have clips made of a video and fetch them: submit_and_download.py ADDRESS VIDEO FOLDER.

ADDRESS is where Clipmill serves gRPC: `host:port` or `unix:/path`. The video is uploaded, so it may lie anywhere. A
server with several owners wants a token, in the environment's CLIPMILL_TOKEN.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from clipmill.catalog.v1.catalog_pb2 import DownloadClipRequest
from clipmill.client import Client, ClipmillRpcError
from clipmill.clips.v1.clips_pb2 import ClipOptions
from clipmill.jobs.v1.jobs_pb2 import JobState


async def main(address: str, video: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    async with Client(address, token=os.environ.get("CLIPMILL_TOKEN", "")) as client:
        # A full queue is waited for, at most ten minutes.
        job = await client.upload(video, options=ClipOptions(clips=3), room_within_s=600)
        async for progress in client.watch(job.job_id):
            job = progress.job
            print(f"{JobState.Name(job.state)} {job.progress:.0%}")
        if job.state == JobState.JOB_STATE_FAILED:
            sys.exit(f"{job.error.message} {job.error.remedy}")
        for clip in await client.wait_for_clips(job):
            head = clip.scored.head
            path = folder / f"clip-{head.rank:02d}.mp4"
            await client.download(clip, DownloadClipRequest.FILE_VIDEO, path)
            print(f"{path.name} {head.score:.0f} {head.title}")


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
    except ClipmillRpcError as error:
        sys.exit(f"{error.message} {error.remedy}")
