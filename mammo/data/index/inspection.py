"""The inspection of one image file: its size, role, digest and preview, decided from its pixels."""

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
"""The version of the inspection; it rises when the same file would have other facts."""


@dataclass(frozen=True)
class FileFacts:
    """The facts of an inspected file: `role` is `image` or `mask`; `reason` says why it could not be read.

    `stalled` is true where the cause is this machine and not the file. `series` is the series UID of a DICOM file,
    `hash` the perceptual hash of an image. `format` is the file format, `device` the machine that made the image, and
    `header` the text of its header (`Header.to_text`). `container` is `signed`, `inverted` or `plain` where the file's
    depth may be larger than the film's, with the levels `low`, `high` and `reach` of its pixels; it is empty where the
    depth can be trusted. `depth` and `zero` are the depth that replaces the file's own, 0 where none does; `clipped`
    counts the pixels beyond it. `rules` names the rules that change its pixels, joined by "+"; `notes` lists all that
    was ignored or applied, as JSON: pairs of rule and sentence.
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
        """The group of films that share its depth; None for a mask, and where its own depth can be trusted."""
        if not self.container or self.role == "mask":
            return None
        return FilmGroup(self.format, self.device, "signed" in self.container, "inverted" in self.container)

    @property
    def levels(self) -> Levels:
        """The levels between which its pixels lie."""
        return Levels(self.low, self.high, self.reach)

    @property
    def read_at(self) -> Depth | None:
        """The depth at which it was read; None where that is its container's."""
        return Depth(self.depth, self.zero) if self.depth else None


@dataclass(frozen=True)
class InspectionRequest:
    """A file to inspect, `root / file`, at `depth` or at its own depth; its preview goes into the folder `previews`.

    With `colour_marks`, coloured marks on a grey picture do not exclude it.
    """

    root: Path
    file: str
    previews: Path
    depth: Depth | None = None
    colour_marks: bool = False


def inspect_file(request: InspectionRequest) -> FileFacts:
    """Read a file once, return its facts and write its preview; an unreadable file has a reason."""
    path = request.root / request.file
    facts = file_state(request)
    if facts.reason:
        return facts
    try:
        with clear_read_errors():
            raster = read_image(path, colour_marks=request.colour_marks)
            digest = digest_file(path)
    except TransientError:
        raise
    except MammoError as error:
        return replace(facts, reason=str(error))
    if raster.pixels.min() == raster.pixels.max():
        return replace(facts, reason="blank: every pixel has the same value")
    role = "mask" if is_mask(raster.pixels) else "image"
    rows, columns = raster.pixels.shape
    facts = replace(facts, role=role, rows=rows, columns=columns, digest=digest, synthetic=raster.synthetic)
    facts = replace(facts, **reading_facts(path, raster))
    if role == "mask":
        return facts
    if request.depth and raster.container:
        raster = raster.at_depth(request.depth)
        facts = replace(facts, depth=request.depth.bits, zero=request.depth.zero, clipped=raster.clipped)
    save_preview(raster, request.previews / preview_name(digest, facts.read_at, facts.rules))
    return replace(facts, hash=image_hash(raster.pixels))


def reading_facts(path: Path, raster: Raster, frame: int = 0) -> dict[str, Any]:
    """The facts on how a file was read: its format, container, rules, notes and header."""
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


def file_state(request: InspectionRequest, reason: str = "") -> FileFacts:
    """The size and time of a file, with the reason where it could not be inspected."""
    try:
        stat = (request.root / request.file).stat()
    except OSError as error:
        return FileFacts(request.file, 0, 0, reason=error.strerror or str(error))
    return FileFacts(request.file, stat.st_size, stat.st_mtime_ns, reason=reason)


def failed_inspection(request: InspectionRequest, failure: Failure) -> FileFacts:
    """The facts of a file whose inspection failed."""
    return replace(file_state(request, failure.reason), stalled=isinstance(failure, Interrupted))


def stalled_files(facts: Iterable[FileFacts]) -> list[str]:
    """The files whose reading this machine did not finish in time, sorted."""
    return sorted({fact.file for fact in facts if fact.stalled})
