"""Parts of a file as files of their own: one frame of several, and a finding's crop by its box or mask."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.data.dataset.dataset import OWN
from mammo.data.files.frame_range import FrameRange
from mammo.data.files.guarding import limits_of
from mammo.data.files.indexed_file import reading_identity
from mammo.data.files.raster import MAX_BYTES, Depth, Raster
from mammo.data.files.reading import read_image
from mammo.data.files.slabs import read_frames
from mammo.data.index.inspection import FileFacts, InspectionRequest, inspect_file, reading_facts
from mammo.errors import MammoError, TransientError, clear_read_errors
from mammo.processes.guarded import Failure, Interrupted, Limits
from mammo.specs import Home
from mammo.storage.atomic_files import WriteError, write_bytes
from mammo.storage.digests import digest_file, digest_json

MARGIN = 0.2
"""The margin of a crop on every side, as a share of the finding's width and height."""
CUTS = "cuts"

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom lie outside."""


@dataclass(frozen=True)
class CutRequest:
    """The frames to cut out of `root / file`, or the region around a finding's box or mask in them.

    `folder` is the data set's own; `item` is the id of the result. `depth` is the depth of the file's group; while it
    is not `decided`, a file whose own depth cannot be trusted is only measured. With `colour_marks`, coloured marks on
    a grey picture do not exclude it.
    """

    item: str
    root: Path
    file: str
    frames: FrameRange
    box: Box | None
    mask: str
    folder: Path
    depth: Depth | None = None
    decided: bool = True
    colour_marks: bool = False

    @property
    def wants_crop(self) -> bool:
        """Whether the result is the crop of a finding rather than a complete frame."""
        return bool(self.box or self.mask)


def cut(request: CutRequest) -> FileFacts:
    """Write the requested part as a 16-bit PNG into the data set's folder, unless it exists, and inspect it.

    The facts on its film group are those of the file from which it is cut; the PNG itself has the final brightness.
    """
    source = request.root / request.file
    try:
        with clear_read_errors():
            raster = read_frames(source, request.frames, partial(read_image, colour_marks=request.colour_marks))
            read = reading_facts(source, raster, request.frames.first)
            content = _content(source, raster)
            if raster.container and not request.decided:
                return FileFacts(request.item, 0, 0, **read)
            depth = request.depth if raster.container else None
            raster = raster.at_depth(depth) if depth else raster
            name = f"{CUTS}/{_identity(request, content, depth, read['rules'])[:24]}.png"
            path = request.folder / name
            if not path.is_file() or Home(request.folder.parents[1]).leads_out(path):
                _save(replace(raster, pixels=raster.pixels[_region(request, raster)]), path)
    except (WriteError, TransientError):
        raise
    except MammoError as error:
        return FileFacts(request.item, 0, 0, reason=str(error))
    fact = inspect_file(InspectionRequest(request.folder, name, request.folder / "previews"))
    read |= {"rules": "", "container": "" if request.wants_crop else read.get("container", "")}
    return replace(fact, file=OWN + name, synthetic=raster.synthetic, clipped=raster.clipped, **read)


def failed_cut(request: CutRequest, failure: Failure) -> FileFacts:
    """The facts of a part that could not be cut out: the reason alone."""
    return FileFacts(request.item, 0, 0, reason=failure.reason, stalled=isinstance(failure, Interrupted))


def cutting_limits(request: CutRequest) -> Limits:
    """The limits of time and memory for cutting: the file and its mask are read."""
    return limits_of(*(request.root / file for file in (request.file, request.mask) if file))


def _content(source: Path, raster: Raster) -> str:
    """The digest of a file, or of the pixels that were read where the file is too large to read for every frame."""
    if source.stat().st_size <= MAX_BYTES:
        return digest_file(source)
    return hashlib.sha256(raster.pixels.tobytes()).hexdigest()


def _identity(request: CutRequest, content: str, depth: Depth | None, rules: str) -> str:
    mask = digest_file(request.root / request.mask) if request.mask else ""
    several = len(request.frames.numbers) > 1
    plain = [content, str(request.frames) if several else request.frames.first, request.box, mask, MARGIN]
    return digest_json([*plain, *reading_identity(depth, rules)])


def _region(request: CutRequest, raster: Raster) -> tuple[slice, slice]:
    if request.box:
        return _around(request.box, raster.pixels.shape)
    if not request.mask:
        return slice(None), slice(None)
    mask = resize_mask(read_image(request.root / request.mask).pixels, raster.pixels.shape)
    if not mask.any():
        raise MammoError("its mask is empty")
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return _around((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1), raster.pixels.shape)


def _around(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """The rows and columns of a box with its margin, within an image of `shape`."""
    left, top, right, bottom = box
    if left >= shape[1] or top >= shape[0]:
        raise MammoError(f"its box lies outside the image of {shape[0]} rows and {shape[1]} columns")
    margin_x, margin_y = round(MARGIN * (right - left)), round(MARGIN * (bottom - top))
    return slice(max(0, top - margin_y), bottom + margin_y), slice(max(0, left - margin_x), right + margin_x)


def resize_mask(mask: NDArray[np.unsignedinteger], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Resize a mask to the shape of its image by the nearest pixel, each axis separately; bool (rows, columns)."""
    lit = mask > (int(mask.min()) + int(mask.max())) / 2
    if lit.shape == tuple(shape):
        return lit
    rows, columns = (
        np.minimum((np.arange(target) + 0.5) * side / target, side - 1).astype(int)
        for target, side in zip(shape, lit.shape, strict=True)
    )
    return lit[np.ix_(rows, columns)]


def to_sixteen_bits(raster: Raster) -> NDArray[np.uint16]:
    """The pixels scaled to the full range of 16 bits; the greys of the picture stay the same."""
    return np.round(raster.pixels * (65535 / raster.white)).astype(np.uint16)


def _save(raster: Raster, path: Path) -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(to_sixteen_bits(raster)).save(stream, "PNG", compress_level=1)
    write_bytes(path, stream.getvalue())
