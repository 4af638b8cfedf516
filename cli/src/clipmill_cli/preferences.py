"""`clipmill rescore` and `preferences`: what viewers and editors have taught, and what it changes."""

from __future__ import annotations

import sys

import click
from google.protobuf.json_format import MessageToDict

from clipmill.client import Client
from clipmill.clips.v1.clips_pb2 import ScoredClip
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.options import GENRES
from clipmill_cli.remote import address_option, lines_option, on_clipmill, say_line
from clipmill_cli.table import grid


@click.command(epilog="Exit codes: 0 ranked, 2 wrong usage, 5 it cannot be reached, or no such job.")
@click.argument("job", metavar="JOB")
@click.option("--clips", type=click.IntRange(1, 1000), help="At most so many.  [default: as the job asked]")
@click.option("--genre", type=click.Choice(list(GENRES)), help="What counts more there.  [default: the job's]")
@click.option("--plain", is_flag=True, help="Without what was learnt.")
@lines_option
@address_option
def rescore(job: str, clips: int | None, genre: str | None, plain: bool, as_json: bool, address: str) -> None:  # noqa: PLR0917
    """Rank the clips of JOB anew by what its viewers have taught since; nothing is analysed or rendered again."""

    async def work(client: Client) -> ExitCode:
        from clipmill.scoring_calls import ScoringCalls

        wanted = GENRES[genre] if genre else 0
        found = await ScoringCalls(client).score_clips(job, clips=clips or 0, genre=wanted, plain=plain)
        if as_json:
            for clip in found.clips:
                say_line(MessageToDict(clip))
            return ExitCode.CLIPS_MADE
        rows = []
        for clip in found.clips:
            learned = sum(feature.learned for feature in clip.features)
            span = f"{clock(clip.head.range.start_s)} to {clock(clip.head.range.end_s)}"
            score = f"{clip.head.score:.0f}"
            rows.append((str(clip.head.rank), score, f"{learned:+.1f}", better_than(clip), span, clip.reason))
        click.echo(grid(("", "Score", "Learnt", "Better than", "Where", "Why"), rows))
        return ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, work, service="scoring"))


@click.command(epilog="Exit codes: 0 told or forgotten, 5 it cannot be reached.")
@click.option("--reset", is_flag=True, help="Forget what was learnt.")
@lines_option
@address_option
def preferences(reset: bool, as_json: bool, address: str) -> None:
    """What your viewers and editors have taught: what each feature can add to a score, and could before."""

    async def work(client: Client) -> ExitCode:
        from clipmill.scoring_calls import ScoringCalls

        calls = ScoringCalls(client)
        if reset:
            forgotten = await calls.reset_preferences()
            if as_json:
                say_line({"events_forgotten": forgotten})
            else:
                click.echo(f"Forgot what {forgotten} events had taught.")
            return ExitCode.CLIPS_MADE
        found = await calls.preferences()
        if as_json:
            say_line(MessageToDict(found, always_print_fields_with_no_presence=True))
            return ExitCode.CLIPS_MADE
        click.echo(f"{found.learned.owner_events} events of yours, {found.learned.all_events} of all owners.")
        moved = sorted(found.preferences, key=lambda each: -abs(each.points - each.plain_points))
        rows = [(each.feature, f"{each.points:+.1f}", f"{each.plain_points:+.1f}") for each in moved]
        click.echo(grid(("Feature", "Points", "Before"), rows))
        return ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, work, service="scoring"))


def better_than(clip: ScoredClip) -> str:
    """Than the owner's clips with known outcomes; before these are enough, than passages that could have been clips."""
    if clip.HasField("percentile"):
        return f"{clip.percentile:.0f} % of clips that were watched"
    if clip.HasField("in_others"):
        found = clip.in_others
        return f"{int(found.percent)} % of {found.passages:,} passages of {found.videos} other videos"
    return f"{int(clip.in_video.percent)} % of this video" if clip.HasField("in_video") else ""


def clock(time_s: float) -> str:
    """Minutes and seconds."""
    minutes, seconds = divmod(int(time_s), 60)
    return f"{minutes}:{seconds:02d}"
