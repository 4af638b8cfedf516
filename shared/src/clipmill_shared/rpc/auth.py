"""Who is calling: with keys configured, whoever a bearer token proves; without, on loopback alone, one local owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from clipmill_shared.errors import ClipmillError

if TYPE_CHECKING:
    # Late: `clipmill run` has no tokens, and cryptography costs a tenth of a second.
    from clipmill_shared.auth import Tokens

LOCAL_OWNER = "local"
_BEARER = "bearer "

# From a call's metadata to its owner; raises ClipmillError UNAUTHENTICATED.
Authenticate = Callable[[Iterable[tuple[str, str | bytes]]], str]

_owner: ContextVar[str] = ContextVar("owner")


def everybody_is_local(_metadata: Iterable[tuple[str, str | bytes]]) -> str:
    """The identity of a loopback server without accounts."""
    return LOCAL_OWNER


def by_token(tokens: Tokens) -> Authenticate:
    """The identity of a server with keys: `authorization: Bearer <token>`."""

    def authenticate(metadata: Iterable[tuple[str, str | bytes]]) -> str:
        values = [value for name, value in metadata if name == "authorization"]
        if len(values) != 1 or not isinstance(values[0], str) or not values[0].lower().startswith(_BEARER):
            raise unauthenticated("The call carries no token.")
        return tokens.owner_of(values[0][len(_BEARER) :].strip())

    return authenticate


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
    return ClipmillError("UNAUTHENTICATED", message, "Set CLIPMILL_TOKEN, or send `authorization: Bearer <token>`.")
