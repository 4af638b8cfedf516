"""Who is calling. Until accounts exist, everybody who reaches a loopback server is its one local owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from clipmill_shared.errors import ClipmillError

LOCAL_OWNER = "local"

# From a call's metadata to its owner; raises ClipmillError UNAUTHENTICATED. Tokens will be one of these.
Authenticate = Callable[[Iterable[tuple[str, str | bytes]]], str]

_owner: ContextVar[str] = ContextVar("owner")


def everybody_is_local(_metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """The identity of a loopback server without accounts."""
    return LOCAL_OWNER


def enter(owner_id: str) -> None:
    """Say whose call the current task serves; for the interceptor alone."""
    _owner.set(owner_id)


def owner_of(_context: Any) -> str:
    """The owner on whose behalf a servicer's method runs.

    It must be used for every row and blob that the call touches. Error: UNAUTHENTICATED outside a call, so that a
    servicer on a server without identity serves nobody.
    """
    owner_id = _owner.get(None)
    if not owner_id:
        raise unauthenticated("The caller is unknown.")
    return owner_id


def unauthenticated(message: str) -> ClipmillError:
    return ClipmillError("UNAUTHENTICATED", message, "Send a valid token in the `authorization` metadata.")
