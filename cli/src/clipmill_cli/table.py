"""The clips as a table on the terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from clipmill_cli.results import ClipRecord, ResultRecord


def clock(seconds: float) -> str:
    """Seconds as m:ss, or h:mm:ss from an hour on."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def grid(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under their columns' names; into a pipe or a file each row is one line, however long."""
    drawn = Table(box=None, pad_edge=False)
    for name in columns:
        drawn.add_column(name, no_wrap=True, overflow="ellipsis" if sys.stdout.isatty() else "ignore")
    for row in rows:
        # Texts of strangers are no markup, and command no terminal.
        drawn.add_row(*(Text("".join(c if c.isprintable() else " " for c in cell)) for cell in row))
    console = Console() if sys.stdout.isatty() else Console(width=10_000)
    with console.capture() as captured:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def table(result: ResultRecord) -> str:
    """One row a clip: rank, score, place, length, file, title and reason."""
    grid = Table(box=None, pad_edge=False)
    for name, justify in (("#", "right"), ("Score", "right"), ("From", "right"), ("Length", "right")):
        grid.add_column(name, justify=justify)  # type: ignore[arg-type]
    grid.add_column("File", no_wrap=True)
    grid.add_column("What, and why")
    for clip in result.clips:
        grid.add_row(
            str(clip.rank), f"{clip.score:.0f}", clock(clip.start_s), f"{clip.duration_s:.0f} s", clip.video,
            _what_and_why(clip),
        )  # fmt: skip
    console = Console()
    with console.capture() as captured:
        console.print(grid)
    return captured.get().rstrip()


def _what_and_why(clip: ClipRecord) -> str:
    parts = ", ".join(f"{part} {value:.0f}" for part, value in clip.sub_scores if value is not None)
    said = "; ".join(filter(None, (parts, clip.standing.words if clip.standing else "")))
    return f"{escape(clip.title)}\n[dim]{escape(clip.reason)}{f' ({said})' if said else ''}[/dim]"
