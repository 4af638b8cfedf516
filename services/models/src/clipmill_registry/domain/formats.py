"""Whether a file is what it is said to be. What could run code when it is read is none of ours."""

from __future__ import annotations

import json

from clipmill.models.v1.models_pb2 import FORMAT_ONNX, FORMAT_SAFETENSORS, FORMAT_TABLE, Format

HEAD_BYTES = 1 << 20
MAX_TABLE_BYTES = HEAD_BYTES
_ONNX_IR_VERSION = 0x08


def refusal(kind: Format.ValueType, head: bytes, size_bytes: int) -> str:
    """Why a file, of which these are the first HEAD_BYTES, is not of its format; "" when it seems to be."""
    # Protocol 2 and later; older ones are text and fall to the checks below. PyTorch's files are zips of pickles.
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "it is a pickle, which could run anything"
    if head[:4] == b"PK\x03\x04":
        return "it is an archive, as of pickles"
    if kind == FORMAT_ONNX:
        return "" if head[:1] == bytes([_ONNX_IR_VERSION]) else "it does not begin as ONNX does"
    if kind == FORMAT_SAFETENSORS:
        return _no_safetensors(head, size_bytes)
    if kind == FORMAT_TABLE:
        return _no_table(head, size_bytes)
    return "its format is none of onnx, safetensors, table"


def _no_safetensors(head: bytes, size_bytes: int) -> str:
    """The header: its length in 8 bytes, then JSON. https://github.com/huggingface/safetensors#format"""
    length = int.from_bytes(head[:8], "little")
    if len(head) < 9 or 8 + length > size_bytes or head[8:9] != b"{":
        return "it has no header of safetensors"
    try:
        json.loads(head[8 : 8 + length])
    except ValueError:
        return "its header cannot be read"
    return ""


def _no_table(head: bytes, size_bytes: int) -> str:
    if size_bytes > MAX_TABLE_BYTES:
        return f"a table of {size_bytes} bytes is too large"
    try:
        table = json.loads(head)
    except ValueError:
        return "it is not JSON"
    return "" if isinstance(table, dict) else "it is no table: a JSON object"
