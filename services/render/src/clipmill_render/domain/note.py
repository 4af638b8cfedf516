"""Something to say of a clip that was still made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A warning without its part."""

    code: str
    message: str
