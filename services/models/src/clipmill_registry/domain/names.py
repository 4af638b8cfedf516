"""What models and versions may be called: their names are part of paths, and of what Triton serves."""

from __future__ import annotations

import re

MODEL = re.compile("[a-z][a-z0-9_]{0,63}")
VERSION = re.compile("[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
SHA256 = re.compile("[0-9a-f]{64}")
_DEFINITION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


def is_of(reference: str, packages: tuple[str, ...]) -> bool:
    """True for a definition "module:NAME" that is in one of these packages."""
    return bool(_DEFINITION.fullmatch(reference)) and any(
        reference.startswith((f"{package}.", f"{package}:")) for package in packages
    )
