"""Encodes events as bytes: scalars by hand, because there are millions of them, and the rest by protocol buffers.

The messages are `Event` and `Summary` of `tensorboard/compat/proto`; the wire format is that of
https://protobuf.dev/programming-guides/encoding.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import cache

import google_crc32c
from tensorboard.compat.proto.event_pb2 import Event  # type: ignore[import-untyped]  # it comes without types
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata  # type: ignore[import-untyped]  # it comes without types
from tensorboard.compat.proto.tensor_pb2 import TensorProto  # type: ignore[import-untyped]  # it comes without types
from tensorboard.compat.proto.types_pb2 import DT_FLOAT, DT_STRING  # type: ignore[import-untyped]  # it comes without types

_checksum = google_crc32c.value
_pack_length = struct.Struct("<Q").pack
_pack_checksum = struct.Struct("<I").pack
pack_float = struct.Struct("<f").pack
_pack_begin = struct.Struct("<cdc").pack

# A field begins with its number and wire type: 8 * number + type.
_WALL_TIME, _STEP, _SUMMARY = b"\x09", b"\x10", b"\x2a"
_VALUE, _TAG, _SIMPLE_VALUE = b"\x0a", b"\x0a", b"\x15"


def frame(data: bytes) -> bytes:
    """Return data as a record of an event file."""
    return _head(len(data)) + data + _pack_checksum(masked_checksum(data))


def masked_checksum(data: bytes) -> int:
    """Return the CRC-32C of data, rotated and offset as in event files."""
    checksum = _checksum(data)
    return int(((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@cache
def _head(length: int) -> bytes:
    packed = _pack_length(length)
    return packed + _pack_checksum(masked_checksum(packed))


def scalar_prefix(tag: str) -> bytes:
    """Return an encoded scalar without its value, which is the last four bytes."""
    name = tag.encode(errors="replace")
    body = _TAG + _varint(len(name)) + name + _SIMPLE_VALUE
    return _VALUE + _varint(len(body) + 4) + body


def float32(value: float) -> bytes:
    """Return a number in four bytes. One that is too large becomes an infinity.

    >>> float32(1e300) == float32(float("inf"))
    True
    """
    try:
        return pack_float(value)
    except (OverflowError, struct.error):  # struct.error for integers
        return pack_float(float("inf") if value > 0 else float("-inf"))


def scalar_event(wall_time: float, step: int, scalars: Sequence[bytes]) -> bytes:
    """Return one framed event with these scalars, each of which is a prefix and a value."""
    summary = scalars[0] if len(scalars) == 1 else b"".join(scalars)
    data = _pack_begin(_WALL_TIME, wall_time, _STEP) + _varint(step) + _summary_head(len(summary)) + summary
    checksum = _checksum(data)  # the same as `frame`, without a call: this runs for every record of a journal
    masked = ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return _head(len(data)) + data + _pack_checksum(masked)


@cache
def _summary_head(length: int) -> bytes:
    return _SUMMARY + _varint(length)


def summary_event(wall_time: float, step: int, values: Iterable[Summary.Value]) -> bytes:
    """Return one framed event with values of any kind."""
    event = Event(wall_time=wall_time, step=step, summary=Summary(value=values))
    return frame(event.SerializeToString())


def metadata(plugin: str, content: bytes = b"", *, description: str = "") -> SummaryMetadata:
    """Return the metadata that tells which of TensorBoard's plugins a value is for."""
    data = SummaryMetadata.PluginData(plugin_name=plugin, content=content)
    return SummaryMetadata(plugin_data=data, summary_description=description)


def text_value(tag: str, markdown: str) -> Summary.Value:
    """Return a text, which the plugin `text` shows as Markdown."""
    tensor = TensorProto(dtype=DT_STRING, string_val=[markdown.encode(errors="replace")])
    tensor.tensor_shape.SetInParent()  # no dimensions
    return Summary.Value(tag=tag, metadata=metadata("text"), tensor=tensor)


def float_tensor(shape: Sequence[int], values: Iterable[float] = ()) -> TensorProto:
    """Return a tensor of floats, with its values row by row."""
    tensor = TensorProto(dtype=DT_FLOAT, float_val=values)
    tensor.tensor_shape.SetInParent()
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def _varint(number: int) -> bytes:
    """Return an integer in as few bytes as it needs. A negative one becomes its two's complement of 64 bits."""
    if 0 <= number < 0x80:  # most lengths
        return _LAST[number]
    if 0 <= number < 0x4000:  # most steps
        return _CONTINUED[number & 0x7F] + _LAST[number >> 7]
    if 0 <= number < 0x200000:  # those of a long training
        return _CONTINUED[number & 0x7F] + _CONTINUED[number >> 7 & 0x7F] + _LAST[number >> 14]
    number &= 0xFFFFFFFFFFFFFFFF
    encoded = b""
    while number > 0x7F:
        encoded += _CONTINUED[number & 0x7F]
        number >>= 7
    return encoded + _LAST[number]


_LAST = [bytes([number]) for number in range(0x80)]
_CONTINUED = [bytes([number | 0x80]) for number in range(0x80)]
