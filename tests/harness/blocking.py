"""Raises where the project's own code blocks the event loop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from blockbuster import BlockBuster, blockbuster_ctx


@contextmanager
def nothing_blocks(*modules: str) -> Iterator[BlockBuster]:
    """Raise BlockingError wherever `modules` block, but for what a driver of theirs does for microseconds."""
    with blockbuster_ctx(list(modules)) as blocking:
        # At each connect it looks for files of passwords and keys.
        for function in blocking.functions.values():
            function.can_block_in("asyncpg/connect_utils.py", {"_parse_connect_arguments"})
        yield blocking
