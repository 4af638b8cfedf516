"""Addresses as they may be shown."""

from __future__ import annotations

import re

from clipmill.media.v1.media_pb2 import Source


def without_credentials(text: str) -> str:
    """An address without its user and password, well-formed or not."""
    return re.sub(r"^([^/]*//)[^/?#]*@", r"\1", text)


def shown(source: Source) -> Source:
    """`source` as others than the ledger get it: in a view, or in a task, which travels."""
    bare = Source()
    bare.CopyFrom(source)
    if source.HasField("url"):
        bare.url = without_credentials(source.url)
    return bare
