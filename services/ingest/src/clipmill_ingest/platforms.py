"""Reads platforms.toml, when a request first names a platform."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

from clipmill_ingest.domain.posting import Platforms, Rules


@lru_cache(maxsize=1)
def platforms() -> Platforms:
    """The rules of each platform by its name."""
    text = (files("clipmill_ingest") / "platforms.toml").read_text(encoding="utf-8")
    return {name: Rules(**table) for name, table in tomllib.loads(text).items()}
