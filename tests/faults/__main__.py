"""`make faults`: every fault once, on real engines, with stand-ins for the models. JSON on standard output.

`make faults ARGS="--seed 7 kill_audio wipe_broker"` runs some, in the given order.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from faults import faults, suite
from faults.engines import engines

from clipmill.clips.v1.clips_pb2 import ClipOptions


def main() -> int:
    known = {fault.__name__: fault for fault in faults.ALL}
    parser = argparse.ArgumentParser(prog="make faults ARGS=...", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="FAULT", choices=[[], *known], help="all, shuffled, when none is named"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=1.5, metavar="SECONDS", help="between two jobs")
    parser.add_argument("--keep", type=Path, help="a folder that is kept, with logs and databases")
    parser.add_argument("--real", type=Path, metavar="VIDEO", help="with the real models, on this video")
    args = parser.parse_args()
    chosen = [known[name] for name in args.names] or suite.schedule(faults.REAL if args.real else faults.ALL, args.seed)
    print(f"seed {args.seed}: {', '.join(fault.__name__ for fault in chosen)}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="clipmill-faults-") as name, engines() as real:
        folder = args.keep or Path(name)
        running = (
            suite.run(folder, chosen, args.seed, args.every, {"STAND_IN_REAL": "1"}, real, *_real(args.real))
            if args.real
            else suite.run(folder, chosen, args.seed, args.every, engines=real)
        )
        report = asyncio.run(running)
    verdict = report.verdict
    print(f"{verdict.jobs} jobs: {verdict.states} {verdict.errors}; {verdict.records} records", file=sys.stderr)
    for letter, count in verdict.dead_letters.items():
        print(f"dead letter ({count}): {letter}", file=sys.stderr)
    for line in verdict.broken:
        print(f"BROKEN: {line}", file=sys.stderr)
    print(suite.as_json(report))
    return 1 if verdict.broken else 0


def _real(video: Path) -> tuple[bytes, ClipOptions]:
    """What is submitted with the real models: the whole video, and one clip of it wanted."""
    return video.read_bytes(), ClipOptions(clips=1, min_s=10, max_s=30)


if __name__ == "__main__":
    sys.exit(main())
