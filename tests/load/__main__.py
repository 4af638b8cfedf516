"""Load on real Kafka with stand-ins for the models: JSON on standard output."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

from load.burst import burst, refusal
from load.fairness import fairness


async def measure(folder: Path, few: int, many: int, ahead: int) -> dict[str, object]:
    small, large = await burst(folder / "few", few), await burst(folder / "many", many)
    fair = await fairness(folder / "fairness", ahead)
    return {
        "few": asdict(small),
        "many": asdict(large),
        "ingest_peak_ratio": round(large.peak_mb["ingest"] / small.peak_mb["ingest"], 2),
        "refusal": asdict(await refusal(folder / "refusal", room=5, count=8)),
        "fairness": {**asdict(fair), "ratio": fair.ratio},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=50)
    parser.add_argument("--many", type=int, default=500)
    parser.add_argument("--ahead", type=int, default=100)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clipmill-load-") as folder:
        print(json.dumps(asyncio.run(measure(Path(folder), args.few, args.many, args.ahead))))


if __name__ == "__main__":
    main()
