"""Check every file of a data set's folder against its index, and repair the files that can be derived from others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mammo.data.dataset.dataset import (
    INDEX_AGAIN,
    KINDS,
    OWN,
    QUARANTINE,
    Dataset,
    quarantine_csv,
    refuse_links,
)
from mammo.data.files.previews import read_preview, save_preview
from mammo.data.index.inspected import INSPECTED
from mammo.errors import DamagedError, DamagedItem, MammoError, first_line
from mammo.specs import Home
from mammo.storage.atomic_files import read_bytes, write_bytes
from mammo.storage.digests import digest_file
from mammo.storage.links import LEADS_OUT
from mammo.storage.tables import read_parquet

PREVIEWS = "previews"
REPAIR = "run `mammo verify --repair` to write it anew"


def index_damage(home: Home, name: str) -> Iterator[DamagedItem]:
    """Yield the damage of a data set: of its index, or of a file that the index lists."""
    try:
        dataset = Dataset.open(home, name)
    except DamagedError as error:
        yield error.damaged
        return
    for file, reason in (*_lists(dataset), *_cuts(dataset)):
        remedy = INDEX_AGAIN if file.startswith("cuts") else REPAIR
        yield DamagedItem("data set", name, file, reason, remedy)
    for file, (_, reason) in _previews(dataset).items():
        yield DamagedItem("data set", name, file, reason, REPAIR)


def repair_index(home: Home, name: str) -> None:
    """Write the files again that follow from the index or the images: the quarantine list and the previews.

    Stored facts of inspections are removed where they are damaged; the next `mammo index` writes them again. Raises
    MammoError where an image cannot be read for its preview, after all other previews are written.
    """
    dataset = Dataset.open(home, name)
    refuse_links(home, name)
    for file, _ in _lists(dataset):
        if file == QUARANTINE:
            write_bytes(dataset.folder / file, quarantine_csv(dataset.about))
        else:
            (dataset.folder / file).unlink()
    failed = ""
    for file, (image, _) in _previews(dataset).items():
        try:
            raster = dataset.source(image).read()
            (dataset.folder / file).unlink(missing_ok=True)
            save_preview(raster, dataset.folder / file)
        except MammoError as error:
            failed = failed or str(error)
    if failed:
        raise MammoError(failed)


def _lists(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield the damaged lists beside the index with the reason; the stored facts of inspections may be absent."""
    try:
        # earlier versions wrote formulas as they were
        contents = {quarantine_csv(dataset.about, neutral) for neutral in (True, False)}
        if read_bytes(dataset.folder / QUARANTINE).replace(b"\r\n", b"\n") not in contents:
            yield QUARANTINE, "is not the list that the index holds"
    except OSError as error:
        yield QUARANTINE, _why(error)
    try:
        if (dataset.folder / INSPECTED).exists():
            read_parquet(dataset.folder / INSPECTED)
    except Exception as error:  # a damaged file raises any exception of its library
        yield INSPECTED, f"cannot be read ({first_line(error)})"


def _cuts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield the frames and crops in the data set's own folder that have changed or are missing, with the reason."""
    for kind in KINDS:
        table = dataset.table(kind)
        for file, digest in zip(table["file"], table["digest"], strict=True):
            if str(file).startswith(OWN):
                own = str(file).removeprefix(OWN)
                try:
                    if digest_file(dataset.path(str(file))) != digest:
                        yield own, "does not have the digest it was written with"
                except DamagedError as error:
                    yield own, error.damaged.reason
                except OSError as error:
                    yield own, _why(error)


def _previews(dataset: Dataset) -> dict[str, tuple[str, str]]:
    """Map the files of previews that are missing or cannot be shown to the image and the reason."""
    if dataset.metadata_only or not (dataset.folder / PREVIEWS).is_dir():
        return {}
    damaged = {}
    for kind in KINDS:
        for image, path in dataset.previews(kind).items():
            if reason := _preview_fault(path) if dataset.holds(path) or not path.exists() else LEADS_OUT:
                damaged[f"{PREVIEWS}/{path.name}"] = image, reason
    return damaged


def _preview_fault(path: Path) -> str:
    try:
        read_preview(path)
    except Exception as error:  # a damaged picture raises any exception of its library
        return _why(error) if isinstance(error, OSError) else f"cannot be shown ({first_line(error)})"
    return ""


def _why(error: OSError) -> str:
    return "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({first_line(error)})"
