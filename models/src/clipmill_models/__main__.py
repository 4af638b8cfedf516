"""`make models`: writes the generated configurations, and a Triton repository into the folder that is named."""

import sys
from pathlib import Path

from clipmill_models import NAMES, definition_of
from clipmill_models.repository import config, write

HERE = Path(__file__).parent

for name in NAMES:
    (HERE / name / "config.pbtxt").write_text(config(definition_of(name)))
folder = Path(sys.argv[1])
write(folder, map(definition_of, NAMES))
print(f"{len(NAMES)} models in {folder}")
