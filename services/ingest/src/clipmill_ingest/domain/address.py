"""Addresses as they may be shown."""

from __future__ import annotations

import re


def without_credentials(text: str) -> str:
    """An address without its user and password, well-formed or not."""
    return re.sub(r"^([^/]*//)[^/?#]*@", r"\1", text)
