"""500 jobs at once on real Kafka with stand-ins for the models, against 50: time, memory, refusal, fairness.

With stand-ins the figures are those of everything but the models. See tests/load.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"


def main() -> None:
    ran = subprocess.run([sys.executable, "-m", "load", *sys.argv[1:]], cwd=TESTS, env=os.environ, check=False)
    sys.exit(ran.returncode)


if __name__ == "__main__":
    main()
