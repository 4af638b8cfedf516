"""What can be said of a file before it is opened."""

from __future__ import annotations

from pathlib import Path

from clipmill_shared.errors import ClipmillError


def check_file(path: Path, max_bytes: int, *, may_be_empty: bool = False) -> None:
    """ClipmillError INPUT_NOT_FOUND, INPUT_IS_FOLDER, INPUT_EMPTY, INPUT_UNREADABLE or INPUT_TOO_LARGE."""
    try:
        if path.is_dir():
            raise ClipmillError("INPUT_IS_FOLDER", f"{path} is a folder.", "Name one video file.")
        with path.open("rb") as file:
            size = file.seek(0, 2)
    except FileNotFoundError:
        raise ClipmillError("INPUT_NOT_FOUND", f"{path} does not exist.", "Check the name.") from None
    except OSError as error:
        raise ClipmillError(
            "INPUT_UNREADABLE", f"{path} cannot be read: {error.strerror}.", "Check its permissions and its name."
        ) from None
    if size == 0 and not may_be_empty:
        raise ClipmillError("INPUT_EMPTY", f"{path} is empty.", "Copy or download the video again.")
    if size > max_bytes:
        raise too_large(str(path), size, max_bytes)


def too_large(name: str, size: int, max_bytes: int) -> ClipmillError:
    return ClipmillError(
        "INPUT_TOO_LARGE",
        f"{name} has {size / 1e9:.1f} GB, and the limit is {max_bytes / 1e9:.1f} GB.",
        "Make it smaller, or raise CLIPMILL_INGEST_MAX_FILE_BYTES.",
    )
