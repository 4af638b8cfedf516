"""`make bench`: every benchmark, one after another, each one JSON object on a line of standard output.

`make bench ARGS="overhead memory"` runs some. A benchmark is a module here with a `main()` that prints its object; it
runs as a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
BENCHMARKS = (
    "latency",
    "live",
    "overhead",
    "warm",
    "sameness",
    "memory",
    "audio_path",
    "diarization",
    "events",
    "hearing",
    "vision_path",
    "seeing",
    "shots",
    "quality",
    "render_path",
    "crop",
    "scoring",
    "sentence_ends",
    "engagement",
    "bus",
    "executor",
    "triton_client",
    "reactions",
    "load",
    "real_load",
)


def run(name: str) -> dict[str, object]:
    """Run one benchmark and return what it printed, or why it failed."""
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    ran = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        return {"benchmark": name, "failed": " ".join(ran.stderr.strip().splitlines()[-1:]) or ran.returncode}
    return {"benchmark": name, **json.loads(ran.stdout)}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="all of them when none is named")
    names = parser.parse_args().names or BENCHMARKS
    failed = 0
    for name in names:
        print(f"{name} ...", file=sys.stderr)
        result = run(name)
        failed += "failed" in result
        print(json.dumps(result), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
