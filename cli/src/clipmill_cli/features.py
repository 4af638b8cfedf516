"""`clipmill features`: what is kept of clips, and whether it is what is measured today."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click
from google.protobuf.json_format import MessageToDict

from clipmill.client import Client
from clipmill_cli.exit_codes import ExitCode
from clipmill_cli.preferences import clock
from clipmill_cli.remote import address_option, lines_option, on_clipmill, say_line
from clipmill_cli.table import grid

if TYPE_CHECKING:
    from clipmill.scoring.v1.scoring_pb2 import FeatureCheck


@click.group()
def features() -> None:
    """Features of clips: what is kept, and whether it is what is measured today."""


@features.command(epilog="Exit codes: 0 told, 5 it cannot be reached, or keeps no features.")
@click.argument("clip", metavar="CLIP")
@click.option("--at", "moment", type=click.DateTime(), help="As they were known then, in UTC.  [default: now]")
@click.option("--candidate", "video", metavar="VIDEO", help="CLIP is a candidate of VIDEO that no job chose.")
@lines_option
@address_option
def show(clip: str, moment: datetime | None, video: str | None, as_json: bool, address: str) -> None:
    """Show the features of CLIP: their values, how old they are, and whether they still count."""

    async def work(client: Client) -> ExitCode:
        from clipmill.scoring.v1.scoring_pb2 import ClipAt, KnownFeature
        from clipmill.scoring_calls import ScoringCalls

        asked = ClipAt(video_id=video or "", clip_id=clip)
        if moment:
            asked.at.FromDatetime(moment.replace(tzinfo=UTC))
        (found,) = await ScoringCalls(client).features([asked], entity="candidate" if video else "clip")
        if as_json:
            say_line(MessageToDict(found))
            return ExitCode.CLIPS_MADE
        rows = []
        for each in found.features:
            status = KnownFeature.Status.Name(each.status).removeprefix("STATUS_").lower()
            value = f"{each.value:g} {each.unit}" if each.HasField("value") else status
            age = f"{each.age_s / 3600:.1f} h" if each.job_id else ""
            rows.append((each.name, str(each.version or ""), value, age, each.job_id))
        click.echo(grid(("Feature", "Version", "Value", "Age", "Job"), rows))
        return ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, work, service="scoring"))


@features.command(epilog="Exit codes: 0 the same, 5 something differs, it cannot be reached, or no such job.")
@click.argument("job", metavar="[JOB]", required=False)
@lines_option
@address_option
def check(job: str | None, as_json: bool, address: str) -> None:
    """Measure the features of JOB's candidates again, from what was analysed, and compare with what was served.

    Without JOB: what was found by the checks that run by themselves.
    """

    async def work(client: Client) -> ExitCode:
        from clipmill.scoring_calls import ScoringCalls

        if job is None:
            return _say_checks(await ScoringCalls(client).feature_checks(), as_json)
        found = await ScoringCalls(client).check_features(job)
        alone = found.only_served + found.only_recomputed
        if as_json:
            say_line(MessageToDict(found, always_print_fields_with_no_presence=True))
        else:
            click.echo(f"{found.values} values of {found.candidates} candidates: {found.mismatches} differ.")
            if alone:
                click.echo(f"{found.only_served} candidates were served only, {found.only_recomputed} are new.")
            if found.skipped:
                click.echo(f"Measured otherwise today: {', '.join(found.skipped)}.")
            rows = [
                (each.feature, clock(each.range.start_s), f"{each.served:g}", f"{each.recomputed:g}")
                for each in found.examples
            ]
            if rows:
                click.echo(grid(("Feature", "From", "Served", "Now"), rows))
        return ExitCode.PART_FAILED if found.mismatches or alone else ExitCode.CLIPS_MADE

    sys.exit(on_clipmill(address, as_json, work, service="scoring"))


def _say_checks(checks: list[FeatureCheck], as_json: bool) -> ExitCode:
    """Each in a line; PART_FAILED where one found something."""
    if as_json:
        for each in checks:
            say_line(MessageToDict(each, always_print_fields_with_no_presence=True))
    else:
        rows = [
            (
                each.job_id,
                f"{each.at.ToDatetime():%Y-%m-%d %H:%M}",
                each.error_code or f"{each.found.values} values of {each.found.candidates} clips",
                f"{each.found.mismatches} differ" if each.found.mismatches else "",
                ", ".join(sorted({example.feature for example in each.found.examples})),
            )
            for each in checks
        ]
        click.echo(grid(("Job", "When", "Checked", "", "Features"), rows) if rows else "Nothing was checked yet.")
    differs = any(each.found.mismatches or each.found.only_served for each in checks)
    return ExitCode.PART_FAILED if differs else ExitCode.CLIPS_MADE
