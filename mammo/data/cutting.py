"""Parts of a file as files of their own: one frame of several, and a finding's crop by its box or mask."""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mammo.data.dataset import OWN
from mammo.data.guarding import limits_of
from mammo.data.inspection import FileFacts, Request, inspect_file
from mammo.data.raster import Raster
from mammo.data.reading import read_image
from mammo.errors import MammoError
from mammo.files import WriteError, digest_file, digest_json, write_bytes
from mammo.guarded import Limits, Loss, Stalled

MARGIN = 0.2
"""How much of a finding's width and height a crop shows around it on every side."""
CUTS = "cuts"

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom lie outside."""


@dataclass(frozen=True)
class Cut:
    """What to cut out of `root / file`: a frame, and in it the surroundings of a box or of a mask's finding.

    `folder` is the data set's own; `item` names what is cut.
    """

    item: str
    root: Path
    file: str
    frame: int
    box: Box | None
    mask: str
    folder: Path

    @property
    def wants_crop(self) -> bool:
        """Whether a finding is cut out, not a whole frame."""
        return bool(self.box or self.mask)


def cut(request: Cut) -> FileFacts:
    """Write what is asked for as a 16-bit PNG beside the index, unless it is there, and inspect it."""
    try:
        name = f"{CUTS}/{_identity(request)[:24]}.png"
        path = request.folder / name
        raster = read_image(request.root / request.file, request.frame)
        if not path.is_file():
            _save(raster.pixels[_part(request, raster)], raster.bits, path)
    except WriteError:
        raise
    except (MammoError, OSError) as error:
        return FileFacts(request.item, 0, 0, reason=str(error))
    fact = inspect_file(Request(request.folder, name, request.folder / "previews"))
    return replace(fact, file=OWN + name, synthetic=raster.synthetic)


def not_cut(request: Cut, loss: Loss) -> FileFacts:
    """What is known of a part that could not be cut out."""
    return FileFacts(request.item, 0, 0, reason=loss.reason, stalled=isinstance(loss, Stalled))


def cutting_limits(request: Cut) -> Limits:
    """What cutting may take: a file is read, its mask, and what is cut out."""
    return limits_of(*(request.root / file for file in (request.file, request.mask) if file))


def _identity(request: Cut) -> str:
    mask = digest_file(request.root / request.mask) if request.mask else ""
    return digest_json([digest_file(request.root / request.file), request.frame, request.box, mask, MARGIN])


def _part(request: Cut, raster: Raster) -> tuple[slice, slice]:
    if request.box:
        return _around(request.box, raster.pixels.shape)
    if not request.mask:
        return slice(None), slice(None)
    mask = to_shape(read_image(request.root / request.mask).pixels, raster.pixels.shape)
    if not mask.any():
        raise MammoError("its mask is empty")
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return _around((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1), raster.pixels.shape)


def _around(box: Box, shape: tuple[int, ...]) -> tuple[slice, slice]:
    """Rows and columns of a box with its margin, within an image of `shape`."""
    left, top, right, bottom = box
    if left >= shape[1] or top >= shape[0]:
        raise MammoError(f"its box lies outside the image of {shape[0]} rows and {shape[1]} columns")
    wide, high = round(MARGIN * (right - left)), round(MARGIN * (bottom - top))
    return slice(max(0, top - high), bottom + high), slice(max(0, left - wide), right + wide)


def to_shape(mask: NDArray[np.unsignedinteger], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """A mask brought to the size of its image, each side by itself, by the nearest pixel; bool (rows, columns)."""
    lit = mask > (int(mask.min()) + int(mask.max())) / 2
    if lit.shape == tuple(shape):
        return lit
    rows, columns = (
        np.minimum((np.arange(wanted) + 0.5) * had / wanted, had - 1).astype(int)
        for wanted, had in zip(shape, lit.shape, strict=True)
    )
    return lit[np.ix_(rows, columns)]


def _save(pixels: NDArray[np.unsignedinteger], bits: int, path: Path) -> None:
    """Write pixels over the full range of 16 bits, so that the picture they give stays the same."""
    from PIL import Image

    scaled = np.round(pixels * (65535 / (2**bits - 1))).astype(np.uint16)
    stream = io.BytesIO()
    Image.fromarray(scaled).save(stream, "PNG", compress_level=1)
    write_bytes(path, stream.getvalue())
