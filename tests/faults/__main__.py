"""`make faults`: every fault once, on real Kafka, with stand-ins for the models. JSON on standard output.

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


def main() -> int:
    known = {fault.__name__: fault for fault in faults.ALL}
    parser = argparse.ArgumentParser(prog="make faults ARGS=...", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="FAULT", choices=[[], *known], help="all, shuffled, when none is named"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=1.5, metavar="SECONDS", help="between two jobs")
    parser.add_argument("--keep", type=Path, help="a folder that is kept, with logs and databases")
    args = parser.parse_args()
    chosen = [known[name] for name in args.names] or suite.schedule(faults.ALL, args.seed)
    print(f"seed {args.seed}: {', '.join(fault.__name__ for fault in chosen)}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="clipmill-faults-") as name, engines() as real:
        folder = args.keep or Path(name)
        report = asyncio.run(suite.run(folder, chosen, args.seed, args.every, engines=real))
    verdict = report.verdict
    print(f"{verdict.jobs} jobs: {verdict.states} {verdict.errors}; {verdict.records} records", file=sys.stderr)
    for letter, count in verdict.dead_letters.items():
        print(f"dead letter ({count}): {letter}", file=sys.stderr)
    for line in verdict.broken:
        print(f"BROKEN: {line}", file=sys.stderr)
    print(suite.as_json(report))
    return 1 if verdict.broken else 0


if __name__ == "__main__":
    sys.exit(main())
