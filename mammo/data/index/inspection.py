"""What one image file turns out to be: its size, role, digest and preview, decided from its pixels."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mammo.data.depths.record import FilmGroup
from mammo.data.files.header.header import read_header
from mammo.data.files.indexed_file import applied_rules
from mammo.data.files.kind import file_format
from mammo.data.files.levels import Levels, measure
from mammo.data.files.previews import preview_name, save_preview
from mammo.data.files.raster import Container, Depth, Raster
from mammo.data.files.reading import read_image
from mammo.data.files.silhouettes import is_mask
from mammo.data.splits.likeness import image_hash
from mammo.errors import MammoError, TransientError, clear_read_errors
from mammo.processes.guarded import Failure, Interrupted
from mammo.storage.digests import digest_file

INSPECTION = 4
"""Rises when the same file would be told of differently."""


@dataclass(frozen=True)
class FileFacts:
    """What was found in a file: `role` is `image` or `mask`; `reason` says why it could not be read.

    `stalled` tells that the reason is this machine's and not the file's. `series` is the series UID of a DICOM file,
    `hash` the perceptual hash of an image. `format` and `device` say what kind of file it is and what made it, `header`
    all that its header tells (`Header.to_text`). `container` says `signed` or `inverted`, or `plain`, where the file's
    depth may be wider than the film's, with the levels `low`, `high` and `reach` of its pixels; empty where it can be
    trusted. `depth` and `zero` are the depth that it was read at instead of its own, 0 where it was none, `clipped` the
    pixels beyond it. `rules` names the rules that gave it other pixels than the plain reading, joined by "+"; `notes`
    holds all that was passed over or applied, as JSON: pairs of rule and sentence.
    """

    file: str
    bytes: int
    modified: int
    role: str = ""
    rows: int = 0
    columns: int = 0
    digest: str = ""
    synthetic: bool = False
    reason: str = ""
    series: str = ""
    hash: str = ""
    format: str = ""
    device: str = ""
    header: str = ""
    container: str = ""
    low: int = 0
    high: int = 0
    reach: int = 0
    depth: int = 0
    zero: int = 0
    clipped: int = 0
    rules: str = ""
    notes: str = "[]"
    stalled: bool = False
    inspection: int = INSPECTION

    @property
    def group(self) -> FilmGroup | None:
        """The films that its depth is decided with; None for a mask, and where its own depth can be trusted."""
        if not self.container or self.role == "mask":
            return None
        return FilmGroup(self.format, self.device, "signed" in self.container, "inverted" in self.container)

    @property
    def levels(self) -> Levels:
        """Between which values its pixels lie."""
        return Levels(self.low, self.high, self.reach)

    @property
    def read_at(self) -> Depth | None:
        """The depth that it was read at instead of its container's."""
        return Depth(self.depth, self.zero) if self.depth else None


@dataclass(frozen=True)
class Request:
    """A file to inspect at a depth, or at its own: `root / file`; its preview goes into the folder `previews`.

    With `colour_marks` coloured marks on a grey picture do not lose it.
    """

    root: Path
    file: str
    previews: Path
    depth: Depth | None = None
    colour_marks: bool = False


def inspect_file(request: Request) -> FileFacts:
    """Read a file once, tell what it is and write its preview; what cannot be read has a reason."""
    path = request.root / request.file
    known = as_found(request)
    if known.reason:
        return known
    try:
        with clear_read_errors():
            raster = read_image(path, colour_marks=request.colour_marks)
            digest = digest_file(path)
    except TransientError:
        raise
    except MammoError as error:
        return replace(known, reason=str(error))
    if raster.pixels.min() == raster.pixels.max():
        return replace(known, reason="blank: every pixel has the same value")
    role = "mask" if is_mask(raster.pixels) else "image"
    rows, columns = raster.pixels.shape
    known = replace(known, role=role, rows=rows, columns=columns, digest=digest, synthetic=raster.synthetic)
    known = replace(known, **reading_facts(path, raster))
    if role == "mask":
        return known
    if request.depth and raster.container:
        raster = raster.at_depth(request.depth)
        known = replace(known, depth=request.depth.bits, zero=request.depth.zero, clipped=raster.clipped)
    save_preview(raster, request.previews / preview_name(digest, known.read_at, known.rules))
    return replace(known, hash=image_hash(raster.pixels))


def reading_facts(path: Path, raster: Raster, frame: int = 0) -> dict[str, Any]:
    """How a file was read: what it is, what of its container is to be known, by which rules, and its header."""
    notes = json.dumps([[note.rule, note.sentence] for note in raster.notes])
    header = read_header(path, frame)
    facts: dict[str, Any] = {
        "series": header.series or "",
        "device": header.device,
        "header": header.to_text(),
        "format": file_format(path),
        "rules": applied_rules(raster),
        "notes": notes,
    }
    if raster.container:
        facts |= asdict(measure(raster.pixels, raster.container)) | {"container": _words(raster.container)}
    return facts


def _words(container: Container) -> str:
    words = [word for word, is_so in (("signed", container.signed), ("inverted", container.inverted)) if is_so]
    return " ".join(words) or "plain"


def as_found(request: Request, reason: str = "") -> FileFacts:
    """What the file system says of a file, with a reason why nothing more is known."""
    try:
        stat = (request.root / request.file).stat()
    except OSError as error:
        return FileFacts(request.file, 0, 0, reason=error.strerror or str(error))
    return FileFacts(request.file, stat.st_size, stat.st_mtime_ns, reason=reason)


def not_inspected(request: Request, failure: Failure) -> FileFacts:
    """What is known of a file whose inspection was lost."""
    return replace(as_found(request, failure.reason), stalled=isinstance(failure, Interrupted))


def stalled_files(facts: Iterable[FileFacts]) -> list[str]:
    """The files that were not read because the machine did not let it end, sorted."""
    return sorted({fact.file for fact in facts if fact.stalled})
