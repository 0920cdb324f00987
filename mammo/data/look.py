"""The verb `look`: how a file is read, alone or as part of a data set, as a trunk sees it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mammo.data.dataset.dataset import Dataset
from mammo.data.depths.decision import OF_CONTAINER, DepthScale, estimate_depth
from mammo.data.depths.record import FilmGroup, GroupDepth
from mammo.data.files.guarding import limits_of, load_decoders
from mammo.data.files.header.header import read_header
from mammo.data.files.indexed_file import has_colour_marks
from mammo.data.files.kind import file_format
from mammo.data.files.levels import HALF, measure
from mammo.data.files.raster import Depth, Raster
from mammo.data.files.reading import read_image
from mammo.data.index.cutting import to_sixteen_bits
from mammo.errors import MammoError, TransientError, clear_read_errors
from mammo.processes.guarded import Failure, GuardedWork, guarded_map
from mammo.progress import Progress, Work
from mammo.storage.atomic_files import write_bytes


@dataclass(frozen=True)
class FileLook:
    """How one file is read: greys from 0, black, to 1, white, as a trunk sees them; None where it cannot be.

    `bits` is the depth of the file itself, `depth` the one that its data set decided instead; `centre` is the grey of
    the pixel half-way down and a fifth of the way across, where a breast that faces right has tissue.
    """

    file: str
    height: int | None = None
    width: int | None = None
    bits: int | None = None
    depth: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    centre: float | None = None
    notes: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class _Request:
    path: Path
    frame: int
    dataset: str
    depths: tuple[GroupDepth, ...] = field(compare=False)
    picture: Path | None
    colour_marks: bool


def look_at_files(
    files: Sequence[Path],
    dataset: Dataset | None = None,
    frame: int = 0,
    to: Path | None = None,
    workers: int | None = None,
    colour_marks: bool = False,
) -> Work[list[FileLook]]:
    """Return how each file is read, as part of `dataset` or alone; an unreadable file has a reason.

    `frame` counts from 1; 0 means the only one. With `colour_marks`, or where the data set's images have them, coloured
    marks on a grey picture do not exclude it. `to` is the path of a 16-bit PNG of what a trunk sees, or the folder of
    such PNGs where there are several files. Raises MammoError where two files would have one PNG.
    """
    name, depths = (dataset.name, tuple(dataset.depths)) if dataset else ("", ())
    marks = colour_marks or (dataset is not None and dataset.images["rules"].map(has_colour_marks).any())
    requests = [
        _Request(path, frame, name, depths, picture, bool(marks))
        for path, picture in zip(files, _pictures(files, to), strict=True)
    ]
    work = GuardedWork(_look, lambda request: limits_of(request.path), load_decoders)
    looks: dict[_Request, FileLook] = {}
    for request, look in guarded_map(work, requests, _failed_look, workers):
        looks[request] = look
        yield Progress("look", len(looks), len(requests), "files")
    return [looks[request] for request in requests]


def _pictures(files: Sequence[Path], to: Path | None) -> list[Path | None]:
    """The path of the PNG of each file; None without `to`."""
    if to is None:
        return [None] * len(files)
    if len(files) == 1 and not to.is_dir():
        return [to]
    names = [f"{path.stem}.png" for path in files]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise MammoError(f"Two of the files would become {to / twice}; look at them one at a time.")
    return [to / name for name in names]


def _look(request: _Request) -> FileLook:
    try:
        with clear_read_errors():
            raster = read_image(request.path, request.frame, colour_marks=request.colour_marks)
            notes = [note.sentence for note in raster.notes]
            bits = raster.bits
            depth, words = _depth(request, raster)
            read_at = depth or _from_zero(raster)
            raster = raster.at_depth(read_at) if read_at else raster
            if raster.clipped:
                words.append(f"{raster.clipped:,} of its pixels lie beyond {raster.bits} bits and are clipped.")
    except TransientError:
        raise
    except MammoError as error:
        return FileLook(str(request.path), reason=str(error))
    if request.picture:
        _write_picture(raster, request.picture)
    return replace(
        _greys(raster), file=str(request.path), bits=bits, depth=depth.bits if depth else None, notes=(*notes, *words)
    )


def _failed_look(request: _Request, failure: Failure) -> FileLook:
    return FileLook(str(request.path), reason=failure.reason)


def _greys(raster: Raster) -> FileLook:
    rows, columns = raster.pixels.shape
    low, high, mean, centre = (
        float(value) / raster.white
        for value in (
            raster.pixels.min(), raster.pixels.max(), raster.pixels.mean(dtype=np.float64),
            raster.pixels[rows // 2, columns // 5],
        )
    )  # fmt: skip
    return FileLook("", rows, columns, minimum=low, maximum=high, mean=mean, centre=centre)


def _depth(request: _Request, raster: Raster) -> tuple[Depth | None, list[str]]:
    """The depth at which a data set reads a file, and sentences on it."""
    if raster.container is None:
        return None, []
    stored = raster.white - int(raster.pixels.min()) if raster.container.inverted else int(raster.pixels.max())
    highest = stored - (HALF if raster.container.signed else 0)
    holds = f"its container of {raster.bits} bits, which does not tell the film's own, holds values up to {highest:,}"
    needed = estimate_depth([{"": measure(raster.pixels, raster.container)}], raster.container.signed).bits
    holds += f"; {needed} bits hold 99.9 % of its pixels"
    if not request.dataset:
        return None, [
            f"Alone, one file decides no depth: {holds}. Name a data set with --dataset to see it as part of that."
        ]
    group = FilmGroup.of(file_format(request.path), read_header(request.path).device, raster.container)
    record = next((record for record in request.depths if record.group == group), None)
    if record is None:
        return None, [
            f"The data set {request.dataset} has no {group.words}, so that no depth is decided for it: {holds}."
        ]
    return record.depth, [f"As the data set {request.dataset} has it: {record.sentences[0]}"]


def _from_zero(raster: Raster) -> Depth | None:
    """The depth of a signed container without negative values, from zero on; None where its own depth fits."""
    if raster.container is None or not raster.container.signed:
        return None
    depth = DepthScale.of([measure(raster.pixels, raster.container)], signed=True).widest
    return None if depth == OF_CONTAINER else depth


def _write_picture(raster: Raster, path: Path) -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(to_sixteen_bits(raster)).save(stream, "PNG")
    write_bytes(path, stream.getvalue())
