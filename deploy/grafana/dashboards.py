"""The dashboards, a line a panel: `make generate` writes them as deploy/grafana/dashboards/*.json.

A panel is a title, a unit of Grafana's, and (query, legend) pairs. Gauges that every replica of ingest has from the
same database are taken by their maximum.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

COLUMNS, WIDTH, HEIGHT = 3, 8, 8
RATE = "[$__rate_interval]"


@dataclass(frozen=True)
class Panel:
    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    says: str = ""


def quantile(q: float, metric: str, by: str, labels: str = "") -> str:
    return f"histogram_quantile({q}, sum by (le, {by}) (rate({metric}_bucket{{{labels}}}{RATE})))"


def both(metric: str, by: str, labels: str = "") -> tuple[tuple[str, str], ...]:
    """The median and the 95th percentile."""
    return tuple((quantile(q, metric, by, labels), f"{{{{{by}}}}} p{q * 100:.0f}") for q in (0.5, 0.95))


def rate(metric: str, by: str, labels: str = "", *, an: str = "s") -> str:
    body = f"sum by ({by}) (rate({metric}{{{labels}}}{RATE}))"
    return f"3600 * {body}" if an == "h" else body


PAGES: dict[str, tuple[str, tuple[Panel, ...]]] = {
    "jobs": (
        "Clipmill: jobs and queue",
        (
            Panel("Open jobs", "short", (("max by (state) (clipmill_jobs_open)", "{{state}}"),)),
            Panel("Oldest open job", "s", (("max(clipmill_jobs_oldest_seconds)", "oldest"),)),
            Panel("Jobs ended an hour", "short", ((rate("clipmill_jobs_ended_total", "state", an="h"), "{{state}}"),)),
            Panel("Tasks waiting", "short", (('max by (stage) (clipmill_tasks_open{state="waiting"})', "{{stage}}"),)),
            Panel("Tasks out", "short", (('max by (stage) (clipmill_tasks_open{state="released"})', "{{stage}}"),)),
            Panel("Places of live workers", "short", (("max by (stage) (clipmill_workers_slots)", "{{stage}}"),)),
            Panel("Wait for a place", "s", both("clipmill_tasks_wait_seconds", "stage")),
            Panel("Time of a task", "s", both("clipmill_task_duration_seconds", "stage", 'outcome="made"')),
            Panel(
                "Share from the cache",
                "percentunit",
                (
                    (
                        f'sum by (stage) (rate(clipmill_task_duration_seconds_count{{outcome="cached"}}{RATE})) / '
                        f"sum by (stage) (rate(clipmill_task_duration_seconds_count{RATE}))",
                        "{{stage}}",
                    ),
                ),
            ),
            Panel(
                "Attempts lost an hour",
                "short",
                ((rate("clipmill_tasks_lost_total", "stage, reason", an="h"), "{{stage}} {{reason}}"),),
            ),
            Panel(
                "Failures an hour, by code",
                "short",
                ((rate("clipmill_jobs_ended_total", "code", 'state="FAILED"', an="h"), "{{code}}"),),
            ),
            Panel(
                "Refused an hour: the queue is full",
                "short",
                ((f"3600 * sum(rate(clipmill_jobs_refused_total{RATE}))", "refused"),),
            ),
            Panel(
                "Warnings an hour",
                "short",
                ((rate("clipmill_result_warnings_total", "code", an="h"), "{{code}}"),),
                "Fallbacks among them: what a result lacks is said in the result, and counted here.",
            ),
        ),
    ),
    "bus": (
        "Clipmill: bus and lag",
        (
            Panel("Lag", "short", (("sum by (topic, group) (clipmill_bus_lag)", "{{topic}} {{group}}"),)),
            Panel("Published a second", "short", ((rate("clipmill_bus_published_total", "topic"), "{{topic}}"),)),
            Panel(
                "Handled a second",
                "short",
                ((rate("clipmill_bus_handled_total", "topic, group"), "{{topic}} {{group}}"),),
            ),
            Panel("Time in a handler", "s", both("clipmill_bus_handling_seconds", "topic")),
            Panel(
                "Failed attempts an hour",
                "short",
                ((rate("clipmill_bus_retried_total", "topic, group", an="h"), "{{topic}} {{group}}"),),
            ),
            Panel(
                "Dead letters an hour",
                "short",
                ((rate("clipmill_bus_dead_lettered_total", "topic, group", an="h"), "{{topic}} {{group}}"),),
            ),
            Panel("Waiting in the outbox", "short", (("max by (database) (clipmill_outbox_waiting)", "{{database}}"),)),
            Panel(
                "Failed relays an hour",
                "short",
                ((rate("clipmill_outbox_failed_total", "database", an="h"), "{{database}}"),),
            ),
            Panel(
                "Offsets discarded, events lost, an hour",
                "short",
                (
                    (rate("clipmill_bus_offsets_discarded_total", "topic", an="h"), "offsets {{topic}}"),
                    (rate("clipmill_bus_lost_total", "topic", an="h"), "lost {{topic}}"),
                ),
                "A broker that was wiped, or retention that was faster than a reader.",
            ),
        ),
    ),
    "services": (
        "Clipmill: services and runtime",
        (
            Panel("Processes that answer", "short", (('sum by (service) (up{job="clipmill"})', "{{service}}"),)),
            Panel(
                "Starts in the last hour",
                "short",
                (('sum by (service) (changes(process_start_time_seconds{job="clipmill"}[1h]))', "{{service}}"),),
            ),
            Panel(
                "Child processes that crashed, an hour",
                "short",
                ((rate("clipmill_children_died_total", "function", an="h"), "{{function}}"),),
            ),
            Panel(
                "Memory",
                "bytes",
                (('process_resident_memory_bytes{job="clipmill"}', "{{service}} {{instance}}"),),
                "Of the process itself; its children do the heavy work and are not in it.",
            ),
            Panel(
                "CPU",
                "percentunit",
                ((f'rate(process_cpu_seconds_total{{job="clipmill"}}{RATE})', "{{service}} {{instance}}"),),
            ),
            Panel("Open files", "short", (('process_open_fds{job="clipmill"}', "{{service}} {{instance}}"),)),
            Panel("Calls a second", "short", ((rate("clipmill_rpc_duration_seconds_count", "method"), "{{method}}"),)),
            Panel(
                "Calls that failed, a second",
                "short",
                ((rate("clipmill_rpc_duration_seconds_count", "method, code", 'code!="OK"'), "{{method}} {{code}}"),),
            ),
            Panel("Time of a call", "s", both("clipmill_rpc_duration_seconds", "method", 'method!~".*Watch.*"')),
            Panel(
                "Refused, an hour",
                "short",
                (
                    (
                        rate("clipmill_rpc_duration_seconds_count", "method", 'code="RESOURCE_EXHAUSTED"', an="h"),
                        "{{method}}",
                    ),
                    (f"3600 * sum(rate(clipmill_limits_alone_total{RATE}))", "decided without Redis"),
                ),
                "The queue is full, or an owner asks too often.",
            ),
            Panel(
                "Calls of models that a fallback answered, an hour",
                "short",
                ((rate("clipmill_inference_fallbacks_total", "model, code", an="h"), "{{model}} {{code}}"),),
            ),
            Panel(
                "Kept results looked for, an hour, by where one was",
                "short",
                ((rate("clipmill_results_reads_total", "stage, tier", an="h"), "{{stage}} {{tier}}"),),
            ),
            Panel(
                "Seconds of work that kept results saved, an hour",
                "s",
                ((rate("clipmill_results_saved_seconds_total", "stage", an="h"), "{{stage}}"),),
            ),
            Panel(
                "Calls of models saved, and tasks that waited for the same, an hour",
                "short",
                (
                    (rate("clipmill_results_saved_inferences_total", "stage", an="h"), "{{stage}} saved"),
                    (rate("clipmill_results_waits_total", "stage", an="h"), "{{stage}} waited"),
                ),
            ),
            Panel(
                "Tasks that an earlier video's result might answer, an hour",
                "short",
                ((rate("clipmill_results_shares_total", "stage, outcome", an="h"), "{{stage}} {{outcome}}"),),
            ),
            Panel(
                "Features read, an hour",
                "short",
                (
                    (rate("clipmill_features_reads_total", "entity, store", an="h"), "{{entity}} {{store}}"),
                    (rate("clipmill_features_values_total", "status", an="h"), "values {{status}}"),
                ),
            ),
            Panel(
                "Served features that are measured otherwise now, an hour",
                "short",
                (
                    (rate("clipmill_features_mismatches_total", "feature", an="h"), "{{feature}}"),
                    (f"3600 * sum(rate(clipmill_features_checked_total{RATE}))", "checked"),
                ),
                "Of a sample; `clipmill features check` says where. There should be none.",
            ),
            Panel("Age of features that are read", "s", both("clipmill_features_age_seconds", "entity")),
            Panel(
                "Values of features that were not taken, an hour",
                "short",
                ((rate("clipmill_features_dead_letters_total", "feature, reason", an="h"), "{{feature}} {{reason}}"),),
                "They are in dead_letters beside the features, with their reasons.",
            ),
            Panel(
                "Records of models' calls dropped, an hour",
                "short",
                ((rate("clipmill_inference_records_dropped_total", "part", an="h"), "{{part}}"),),
            ),
        ),
    ),
}


def dashboards() -> dict[str, str]:
    """Each dashboard's JSON by its file's name."""
    return {f"{uid}.json": json.dumps(_page(uid, *page), indent=1) + "\n" for uid, page in PAGES.items()}


def _page(uid: str, title: str, panels: tuple[Panel, ...]) -> dict[str, object]:
    return {
        "uid": f"clipmill-{uid}",
        "title": title,
        "tags": ["clipmill"],
        "timezone": "browser",
        "schemaVersion": 41,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": [{"type": "dashboards", "tags": ["clipmill"], "title": "Clipmill", "asDropdown": False}],
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }


def _panel(number: int, panel: Panel) -> dict[str, object]:
    datasource = {"type": "prometheus", "uid": "prometheus"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.says,
        "datasource": datasource,
        "gridPos": {"x": number % COLUMNS * WIDTH, "y": number // COLUMNS * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10, "showPoints": "never"}},
            "overrides": [],
        },
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": chr(ord("A") + place), "expr": query, "legendFormat": legend, "datasource": datasource}
            for place, (query, legend) in enumerate(panel.queries)
        ],
    }
