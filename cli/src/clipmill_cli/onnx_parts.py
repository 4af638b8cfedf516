"""What of an ONNX file is needed to make one of several: its names, and weights that lie in files beside it.

The few fields of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto that say so; all others are passed on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import DecodeError

# What protobuf can hold in one message.
MAX_BYTES = (1 << 31) - 1
_EXTERNAL = 1
_FIELDS = """
name: "clipmill/onnx_parts.proto" package: "clipmill.onnx_parts" syntax: "proto3"
message_type { name: "Entry"
  field { name: "key" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "value" number: 2 label: LABEL_OPTIONAL type: TYPE_STRING } }
message_type { name: "Tensor"
  field { name: "name" number: 8 label: LABEL_OPTIONAL type: TYPE_STRING }
  field { name: "raw_data" number: 9 label: LABEL_OPTIONAL type: TYPE_BYTES }
  field { name: "external_data" number: 13 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: "Entry" }
  field { name: "data_location" number: 14 label: LABEL_OPTIONAL type: TYPE_INT32 } }
message_type { name: "Value" field { name: "name" number: 1 label: LABEL_OPTIONAL type: TYPE_STRING } }
message_type { name: "Graph"
  field { name: "initializer" number: 5 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: "Tensor" }
  field { name: "input" number: 11 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: "Value" }
  field { name: "output" number: 12 label: LABEL_REPEATED type: TYPE_MESSAGE type_name: "Value" } }
message_type { name: "Model"
  field { name: "ir_version" number: 1 label: LABEL_OPTIONAL type: TYPE_INT64 }
  field { name: "graph" number: 7 label: LABEL_OPTIONAL type: TYPE_MESSAGE type_name: "Graph" } }
"""


class NotOnnxError(Exception):
    """The file is none, or a part of it is missing; the message says which."""


@dataclass(frozen=True)
class Parts:
    """An ONNX file that was read; `path` is where it lies."""

    path: Path
    model: Any

    @classmethod
    def read(cls, path: Path) -> Parts:
        """NotOnnxError."""
        if path.stat().st_size > MAX_BYTES:
            raise NotOnnxError(f"{path.name} is over {MAX_BYTES} bytes")
        model = _message_class()()
        try:
            model.ParseFromString(path.read_bytes())
        except DecodeError:
            raise NotOnnxError(f"{path.name} is no ONNX file") from None
        return cls(path, model)

    @property
    def inputs(self) -> list[str]:
        """Of the model; older files list their weights among them."""
        weights = {tensor.name for tensor in self.model.graph.initializer}
        return [value.name for value in self.model.graph.input if value.name not in weights]

    @property
    def outputs(self) -> list[str]:
        return [value.name for value in self.model.graph.output]

    @property
    def has_more(self) -> bool:
        """True when weights lie in other files."""
        return any(tensor.data_location == _EXTERNAL for tensor in self.model.graph.initializer)

    def whole(self) -> bytes:
        """The file with all weights in it. NotOnnxError when one is missing, or lies outside of the folder."""
        model = _message_class()()
        model.CopyFrom(self.model)
        size = 0
        for tensor in model.graph.initializer:
            if tensor.data_location == _EXTERNAL:
                content = self._external({entry.key: entry.value for entry in tensor.external_data})
                size += len(content)
                if size > MAX_BYTES - self.path.stat().st_size:
                    raise NotOnnxError(f"{self.path.name} and its weights are over {MAX_BYTES} bytes")
                tensor.raw_data = content
                tensor.ClearField("external_data")
                tensor.ClearField("data_location")
        content_: bytes = model.SerializeToString()
        return content_

    def _external(self, said: dict[str, str]) -> bytes:
        folder = self.path.parent.resolve()
        path = (folder / said.get("location", "")).resolve()
        try:
            offset, length = int(said.get("offset", 0)), int(said.get("length", -1))
        except ValueError:
            raise NotOnnxError(f"{self.path.name} says no place in {path.name}") from None
        if not path.is_relative_to(folder) or not path.is_file() or offset < 0:
            raise NotOnnxError(f"it has no file {said.get('location')} with weights")
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read(length if length >= 0 else MAX_BYTES)
        if len(content) < length:
            raise NotOnnxError(f"{path.name} ends too early")
        return content


def _message_class() -> type[Any]:
    pool = descriptor_pool.Default()
    try:
        found = pool.FindMessageTypeByName("clipmill.onnx_parts.Model")
    except KeyError:
        pool.Add(text_format.Parse(_FIELDS, descriptor_pb2.FileDescriptorProto()))
        found = pool.FindMessageTypeByName("clipmill.onnx_parts.Model")
    kind: type[Any] = message_factory.GetMessageClass(found)
    return kind
