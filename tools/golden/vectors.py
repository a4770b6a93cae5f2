"""What the generators share: a byte-reproducible safetensors writer and the comparison behind ``--check``."""

import json
import math
import struct
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def versions(*packages):
    """``{"torch": "2.15.0", ...}``, without local build tags, so that the files do not depend on the build."""
    return {name: version(name).split("+")[0] for name in packages}


def encode(tensors, metadata):
    """The bytes of a safetensors file with sorted names, float64 tensors, and an 8-byte aligned header.

    The library's own writer orders metadata by a random hash; two runs of this one give the same bytes.
    """
    header = {"__metadata__": {name: metadata[name] for name in sorted(metadata)}}
    body = []
    offset = 0
    for name in sorted(tensors):
        array = np.asarray(tensors[name], dtype="<f8")
        if not np.isfinite(array).all():
            raise ValueError(f"{name}: not finite")
        data = array.tobytes()
        header[name] = {"dtype": "F64", "shape": list(array.shape), "data_offsets": [offset, offset + len(data)]}
        body.append(data)
        offset += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(body)


def decode(data):
    """``(tensors, metadata)`` of ``encode``'s bytes."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    body = data[8 + length :]
    tensors = {
        name: np.frombuffer(body[entry["data_offsets"][0] : entry["data_offsets"][1]], "<f8").reshape(entry["shape"])
        for name, entry in header.items()
    }
    return tensors, metadata


def worst_difference(left, right):
    """Largest ``|a - b| / max(1, |a|)`` over two trees of dicts, lists and numbers; infinite if they differ in form."""
    if isinstance(left, dict):
        if not isinstance(right, dict) or left.keys() != right.keys():
            return math.inf
        return max((worst_difference(left[name], right[name]) for name in left), default=0.0)
    if isinstance(left, (list, tuple)):
        if not isinstance(right, (list, tuple)) or len(left) != len(right):
            return math.inf
        return max((worst_difference(a, b) for a, b in zip(left, right)), default=0.0)
    if isinstance(left, np.ndarray):
        if left.shape != right.shape:
            return math.inf
        return float(np.max(np.abs(left - right) / np.maximum(1.0, np.abs(left)), initial=0.0))
    if isinstance(left, (int, float)) and not isinstance(left, bool):
        return abs(left - right) / max(1.0, abs(left))
    return 0.0 if left == right else math.inf


def write_or_check(path, data, load, tolerance, difference_of=worst_difference):
    """Write ``data`` to ``path``, or, with ``--check`` on the command line, compare it with what is there."""
    if "--check" not in sys.argv:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"wrote {path.relative_to(ROOT)}: {len(data)} bytes")
        return
    if not path.exists():
        raise SystemExit(f"{path.relative_to(ROOT)}: missing")
    difference = difference_of(load(path.read_bytes()), load(data))
    print(f"{path.relative_to(ROOT)}: worst difference {difference:.2e}")
    if not difference <= tolerance:
        raise SystemExit(f"{path.relative_to(ROOT)}: expected at most {tolerance:.0e}")
