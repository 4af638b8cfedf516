"""The object store that an address names, and its faults in words that a user can act on."""

from __future__ import annotations

import errno
import os
import re
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

from obstore.exceptions import BaseError, GenericError, JoinError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, MemoryStore, ObjectStore, from_url

from clipmill_shared.errors import ClipmillError, DiskFullError

# A request is bounded by silence, not by its size; retries end half a minute after the first attempt began, and then
# whoever asked decides (a worker's task is tried again later, a call is answered UNAVAILABLE).
CONNECT_S = 5
SILENCE_S = 20
REQUEST_S = 300
RETRIES = 3
RETRY_S = 30
# The request is at fault, and will be the next time (408 and 429 are about time).
_REFUSAL = re.compile(r"status code: 4(?!08|29)\d\d")
_ALLOW_HTTP = tuple(f"{cloud}_ALLOW_HTTP" for cloud in ("AWS", "GOOGLE", "AZURE"))


class BlobsUnavailableError(ClipmillError):
    """The object store does not answer in time, or answers with errors, again and again."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            "BLOBS_UNAVAILABLE",
            f"The object store {name} does not answer as it should: {reason}.",
            "Try again in a minute; if it lasts, see that the store runs and is reached from here.",
            retryable=True,
        )


class BlobsRefusedError(ClipmillError):
    """The object store does not let us in."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(
            "BLOBS_REFUSED",
            f"The object store {name} refuses: {reason}.",
            "Check its address, bucket and credentials: docs/operations.md, Blobs.",
        )


def store_of(url: str, silence_s: float = SILENCE_S, retry_s: float = RETRY_S) -> ObjectStore:
    """The store of file:///folder, memory:, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix.

    Credentials and addresses come from the environment, by the names of obstore (AWS_ACCESS_KEY_ID, AWS_ENDPOINT ...).
    BlobsRefusedError for an address or a setting that cannot be.
    """
    if url.startswith("file:"):
        folder = Path(unquote(urlsplit(url).path))
        folder.mkdir(parents=True, exist_ok=True)
        return LocalStore(folder)
    if url.startswith("memory:"):
        return MemoryStore()
    try:
        return from_url(
            url,
            client_options={
                # These options stand in the place of all that obstore would take from the environment itself.
                "allow_http": any(os.environ.get(name, "").lower() in ("1", "true") for name in _ALLOW_HTTP),
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "read_timeout": timedelta(seconds=silence_s),
                "timeout": timedelta(seconds=REQUEST_S),
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=retry_s),
                "backoff": {
                    "init_backoff": timedelta(seconds=0.2),
                    "max_backoff": timedelta(seconds=5),
                    "base": 2,
                },
            },
        )
    except (BaseError, ValueError) as error:
        raise BlobsRefusedError(_bare(url), _reason(error)) from error


class Faults:
    """As a context: turns what a store raises into BlobsUnavailableError, BlobsRefusedError or DiskFullError.

    What is not there (FileNotFoundError), or there already, is no fault and passes.
    """

    def __init__(self, store: ObjectStore, scratch: Path) -> None:
        self._store = store
        self._scratch = scratch

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        if is_disk_full(error):
            raise DiskFullError(str(self._scratch)) from error
        if isinstance(error, PermissionDeniedError | UnauthenticatedError):
            raise BlobsRefusedError(self.name, _reason(error)) from error
        # What has no class of its own: the store answered with an error, or not at all.
        if isinstance(error, GenericError | JoinError):
            named = BlobsRefusedError if _REFUSAL.search(str(error)) else BlobsUnavailableError
            raise named(self.name, _reason(error)) from error

    @property
    def name(self) -> str:
        """The store as its operator named it, without credentials."""
        config = getattr(self._store, "config", None)
        place = config.get("bucket") or config.get("container_name") if isinstance(config, dict) else None
        prefix = getattr(self._store, "prefix", None)
        return "/".join(str(part) for part in (place or type(self._store).__name__, prefix) if part)


def is_disk_full(error: BaseException) -> bool:
    """True when `error` says that a disk has no room (or a quota none)."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    # obstore and ffmpeg pass the operating system's words on, without its number.
    return "No space left on device" in str(error)


def _bare(url: str) -> str:
    """An address without what may be secret in it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _reason(error: BaseException) -> str:
    """The first line of what obstore says; what follows is a dump of its state."""
    return str(error).strip().splitlines()[0][:300].rstrip(".") if str(error).strip() else type(error).__name__
