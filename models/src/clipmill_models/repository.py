"""Makes a Triton model repository of the definitions: a folder a model, with its generated configuration."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from clipmill_shared.inference.definition import Definition, Tensor

# Triton counts versions; ours have names, and each is a repository entry of its own where two are served.
VERSION = "1"
_TYPES = {"UINT8": "TYPE_UINT8", "INT64": "TYPE_INT64", "FP32": "TYPE_FP32", "BYTES": "TYPE_STRING"}


def write(folder: Path, definitions: Iterable[Definition]) -> None:
    """Write the repository anew; nothing else may lie in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    for definition in definitions:
        place = folder / definition.name / VERSION
        place.mkdir(parents=True)
        shutil.copyfile(Path(__file__).with_name("triton_model.py"), place / "model.py")
        (place.parent / "config.pbtxt").write_text(config(definition))


def config(definition: Definition) -> str:
    """The model's config.pbtxt, in protobuf's text format."""
    batching, placement = definition.batching, definition.placement
    return f"""# Generated from definition.py by `make models`: do not edit.
name: {json.dumps(definition.name)}
backend: "python"
max_batch_size: {batching.max_rows}
input [{_tensors(definition.signature.inputs)}
]
output [{_tensors(definition.signature.outputs)}
]
instance_group [ {{ count: {placement.instances} kind: KIND_CPU }} ]
dynamic_batching {{
  max_queue_delay_microseconds: {round(batching.max_delay_s * 1e6)}
  default_queue_policy {{ max_queue_size: {batching.max_waiting} }}
}}
{"response_cache { enable: true }" + chr(10) if definition.is_kept else ""}model_warmup [
  {{
    name: "example"
    batch_size: 1{_warmup(definition)}
  }}
]
parameters {{ key: "reference" value {{ string_value: {json.dumps(definition.reference)} }} }}
parameters {{ key: "version" value {{ string_value: {json.dumps(definition.version)} }} }}
"""


def _tensors(tensors: tuple[Tensor, ...]) -> str:
    rows = (
        f"\n  {{ name: {json.dumps(tensor.name)} data_type: {_TYPES[tensor.dtype]} dims: {list(tensor.shape)} }}"
        for tensor in tensors
    )
    return ",".join(rows)


def _warmup(definition: Definition) -> str:
    example = definition.example()
    return "".join(
        f"\n    inputs {{ key: {json.dumps(tensor.name)} value {{ data_type: {_TYPES[tensor.dtype]} "
        f"dims: {list(example[tensor.name].shape[1:])} zero_data: true }} }}"
        for tensor in definition.signature.inputs
    )
