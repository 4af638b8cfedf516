import os
import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

# The same examples on every run, however slow the machine; CLIPMILL_EXAMPLES=5000 looks further.
settings.register_profile("scoring", deadline=None, derandomize=True)
settings.register_profile("further", deadline=None, max_examples=int(os.environ.get("CLIPMILL_EXAMPLES", "100")))
settings.load_profile("further" if "CLIPMILL_EXAMPLES" in os.environ else "scoring")
