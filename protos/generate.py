"""Generate the Python code of the protos and the topic table. Run by `make generate`; `--check` fails when stale."""

import argparse
import filecmp
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import cast

import yaml

HERE = Path(__file__).parent
OUT = HERE / "src"
TOPICS_PAGE = HERE.parent / "docs" / "topics.md"
SCHEMA = HERE.parent / "docs" / "clips.schema.json"
CONFIGURATION = HERE.parent / "docs" / "configuration.md"
GRAFANA = HERE.parent / "deploy" / "grafana"


def compile_protos(out: Path) -> None:
    """Compile every .proto under protos/clipmill into `out`: messages, gRPC stubs and their types."""
    protos = sorted(str(p.relative_to(HERE)) for p in (HERE / "clipmill").rglob("*.proto"))
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", "-I.", f"--python_out={out}", f"--grpc_python_out={out}"),
            *(f"--mypy_out=quiet:{out}", f"--mypy_grpc_out=quiet:{out}"),
            *protos,
        ],
        cwd=HERE,
        check=True,
        env={"PATH": str(Path(sys.executable).parent)},
    )
    for proto in protos:
        # Without a service there is nothing to import from the gRPC module.
        if "\nservice " not in (HERE / proto).read_text():
            for suffix in ("py", "pyi"):
                (out / proto.replace(".proto", f"_pb2_grpc.{suffix}")).unlink(missing_ok=True)
        (out / proto).parent.joinpath("__init__.py").touch()
        (out / proto).parent.parent.joinpath("__init__.py").touch()


def write_topics(out: Path) -> None:
    """Write clipmill/topics.py: one typed constant a topic of topics.yaml."""
    table = cast(dict[str, dict[str, object]], yaml.safe_load((HERE / "topics.yaml").read_text())["topics"])
    imports = {"from clipmill.topic import Topic"}
    rows: list[str] = []
    for name, row in table.items():
        message = str(row["message"])
        package, _, cls = message.rpartition(".")
        area = package.split(".")[1]
        imports.add(f"from {package} import {area}_pb2")
        constant = name.upper().replace(".", "_").removesuffix("_V1")
        retention = row["retention"]
        rows.append(
            f"{constant} = Topic(\n    name={name!r},\n    message={area}_pb2.{cls},\n    key={row['key']!r},\n"
            f"    ordered={row['ordered']},\n    partitions={row['partitions']},\n"
            f"    retention_h={None if retention == 'compact' else retention},\n"
            f"    writers={tuple(cast(list[str], row['writers']))!r},\n"
            f"    readers={tuple(cast(list[str], row['readers']))!r},\n)"
        )
    text = '"""Every topic. Generated from protos/topics.yaml by `make generate`: do not edit."""\n\n'
    text += "\n".join(sorted(imports)) + "\n\n" + "\n".join(rows) + "\n"
    names = [r.split(" ", 1)[0] for r in rows]
    text += "\nALL = (\n" + "".join(f"    {n},\n" for n in names) + ")\n"
    target = out / "clipmill" / "topics.py"
    target.write_text(text)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", "--line-length=120", str(target)], check=True)


def topics_page() -> str:
    """docs/topics.md: the table for people."""
    rows = yaml.safe_load((HERE / "topics.yaml").read_text())["topics"].items()
    text = (
        "# Topics\n\nGenerated from `protos/topics.yaml` by `make generate`: do not edit.\n\nEvents are protobuf in "
        "CloudEvents 1.0 binary mode (`ce_*` headers). Each ordered topic is in order per key. Beside each topic lies "
        "`<topic>.dlq`, for the records that nobody could handle.\n\n"
        "A producer of a later release may send more than a reader knows: unknown fields, unknown headers "
        "and, in JSON, unknown enum names are passed over (an enum is then unspecified), in protobuf and in "
        "JSON alike. An unknown type or version, a missing `ce_id`, `ce_source` or `ce_ownerid`, a body that "
        "is neither, a body over 64 KiB, or a key that is not the message's, makes a record a dead letter, "
        "with the reason in `clipmill-error`. A record without a key is taken; only its order among others of "
        "its key is not promised.\n\n"
        "| Topic | Message | Key | Ordered | Partitions | Kept | Written by | Read by |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    for name, row in rows:
        kept = "compacted" if row["retention"] == "compact" else f"{row['retention']} h"
        cells = [f"`{name}`", f"`{row['message']}`", f"`{row['key']}`", "yes" if row["ordered"] else "no"]
        cells += [str(row["partitions"]), kept, ", ".join(row["writers"]), ", ".join(row["readers"])]
        text += "| " + " | ".join(cells) + " |\n"
    return text


def result_schema() -> str:
    """docs/clips.schema.json: what clips.json holds."""
    from clipmill_cli.results import ResultRecord

    return json.dumps(ResultRecord.model_json_schema(), indent=2) + "\n"


def configuration_page() -> str:
    """docs/configuration.md: the table of all settings, below the text that is written by hand."""
    from clipmill_cli.all_settings import page

    mark = "<!-- Generated by `make generate` from here on: do not edit. -->\n"
    return CONFIGURATION.read_text().partition(mark)[0] + mark + "\n" + page()


def dashboards() -> dict[Path, str]:
    """deploy/grafana/dashboards/*.json, each by its path."""
    found = importlib.util.spec_from_file_location("dashboards", GRAFANA / "dashboards.py")
    assert found is not None and found.loader is not None
    module = importlib.util.module_from_spec(found)
    # Its dataclasses look themselves up there.
    sys.modules["dashboards"] = module
    found.loader.exec_module(module)
    return {GRAFANA / "dashboards" / name: text for name, text in module.dashboards().items()}


def pages() -> dict[Path, str]:
    """Every generated file that is no code, by its path."""
    made = {TOPICS_PAGE: topics_page(), SCHEMA: result_schema(), CONFIGURATION: configuration_page()}
    return made | dashboards()


def generate(out: Path) -> None:
    compile_protos(out)
    write_topics(out)


def stale(fresh: Path) -> list[str]:
    """The files that differ between a fresh generation and the committed one, in either direction."""
    made = {p.relative_to(fresh) for p in fresh.rglob("*.py*") if p.suffix in (".py", ".pyi")}
    kept = {p.relative_to(OUT) for p in OUT.rglob("*_pb2*.py*") if p.suffix in (".py", ".pyi")}
    differing = {f for f in made & {p.relative_to(OUT) for p in OUT.rglob("*.py*")} if not same(fresh / f, OUT / f)}
    return sorted(str(f) for f in differing | (made - {p.relative_to(OUT) for p in OUT.rglob("*.py*")}) | (kept - made))


def same(a: Path, b: Path) -> bool:
    return filecmp.cmp(a, b, shallow=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when the committed code is not what would be made")
    if not parser.parse_args().check:
        generate(OUT)
        for path, text in pages().items():
            path.write_text(text)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "clipmill").mkdir()
        generate(Path(folder))
        files = stale(Path(folder))
    stale_files = [f"protos/src/{file}" for file in files]
    stale_files += [
        str(path.relative_to(HERE.parent))
        for path, text in pages().items()
        if not path.exists() or path.read_text() != text
    ]
    for file in stale_files:
        print(f"{file} is stale: run `make generate` and commit what it wrote")
    return 1 if stale_files else 0


if __name__ == "__main__":
    sys.exit(main())
