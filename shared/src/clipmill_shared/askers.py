"""Whose an event from outside is: a claim proves nothing; a signed token does, or a topic bound to one owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clipmill_shared.errors import ClipmillError
from clipmill_shared.events import Event

if TYPE_CHECKING:
    # Late: without keys nothing of it is needed.
    from clipmill_shared.auth import Tokens


class Askers:
    """With `bound_to` every event is that owner's, else its token's; `tokens` is None where there are no keys.

    `setting` is the name of `bound_to`.
    """

    def __init__(self, tokens: Tokens | None, bound_to: str, setting: str = "ingest.requests_owner") -> None:
        self._tokens = tokens
        self._bound_to = bound_to
        self._setting = "CLIPMILL_" + setting.upper().replace(".", "_")

    def owner_of(self, event: Event[Any]) -> str:
        """The owner of a request. ClipmillError UNAUTHENTICATED, PERMISSION_DENIED."""
        owner_id = self._bound_to or self._proved(event.token)
        if {event.owner_id, event.message.owner_id} - {"", owner_id}:
            raise ClipmillError(
                "PERMISSION_DENIED",
                "The request names another owner than the one who asks.",
                "Leave ce_ownerid and ownerId out, or name the owner of the token.",
            )
        return owner_id

    def _proved(self, token: str | None) -> str:
        if token is None:
            raise ClipmillError(
                "UNAUTHENTICATED",
                "The request does not prove whose it is.",
                f"Send a token in the header clipmill-token, or bind the topic with {self._setting}.",
            )
        if self._tokens is None:
            raise ClipmillError(
                "UNAUTHENTICATED",
                "The request's token cannot be verified here: no keys are configured.",
                "Set CLIPMILL_AUTH_JWKS (`clipmill token key` makes it).",
            )
        return self._tokens.owner_of(token)
