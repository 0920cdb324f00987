"""The noun `Dataset`: an index of mammograms that opens from its folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mammo.data.dataset.checks import DIGEST, check_images, check_lesions, checked_about, checked_file_name, digest_of
from mammo.data.depths.record import GroupDepth
from mammo.data.files.indexed_file import IndexedFile, reading_identity
from mammo.data.files.previews import preview_name, stretch, stretched_name, to_eight_bit
from mammo.data.files.raster import Depth
from mammo.errors import DamagedError, DamagedItem, MammoError, first_line
from mammo.specs import Home, check_name
from mammo.specs.class_names import ClassNames, class_names
from mammo.storage.atomic_files import atomic_file, write_bytes
from mammo.storage.digests import digest_json
from mammo.storage.file_states import read_consistently
from mammo.storage.json_files import parse_json
from mammo.storage.links import LEADS_OUT
from mammo.storage.spreadsheets import csv_of_rows
from mammo.storage.tables import read_parquet

INDEX = "index.parquet"
ABOUT = b"mammo"
DEPTH = "depth"
"""The key of the decided depths in `about`; an index without it is of an earlier version."""
KINDS = ("full", "crop")
FILE = ["file", "rows", "columns", "bytes", "modified", "digest", "hash", "depth", "zero", "rules"]
"""The columns of an image's file in the index.

`hash` is its perceptual hash; `depth` and `zero` are the depth at which it is read, missing where that is its
container's; `rules` names the rules that change its pixels, joined by "+".
"""
OF_DEPTH = ("depth", "zero")
WHOLE = ("rows", "columns", "bytes", "modified", *OF_DEPTH)
"""The columns of `FILE` that are whole numbers."""
REMARKS = "remarks"
"""The key of the remarks: sentences that contain names and are never exported."""
STALLED = "stalled"
"""The key of the files that are missing only because this machine did not finish reading them."""
QUARANTINE = "quarantine.csv"
INDEX_AGAIN = "run `mammo index` again"
OWN = "@/"
"""The prefix of file names in the data set's own folder; all other files lie under its root."""


@dataclass(frozen=True)
class Dataset:
    """An index of mammograms: `images` has one row a full mammogram, `lesions` one row a lesion."""

    name: str
    folder: Path
    about: dict[str, Any]
    images: pd.DataFrame
    lesions: pd.DataFrame

    @classmethod
    def open(cls, home: Home, name: str) -> Dataset:
        """Open the data set `name`; raises MammoError where there is none, DamagedError where its index is damaged."""
        folder = home.dataset(name)
        if not (folder / INDEX).is_file():
            names = ", ".join(datasets(home)) or "none yet"
            raise MammoError(
                f"There is no data set {name!r} in {home.path} (there: {names}); make one with `mammo index`."
            )
        return read_consistently([folder / INDEX], lambda: cls(name, folder, *_read_tables(home, name)))

    @property
    def synthetic(self) -> bool:
        """Whether any image of the set is synthetic."""
        return bool(self.about["synthetic"])

    @property
    def metadata_only(self) -> bool:
        """Whether the index has tables alone and no image files."""
        return bool(self.about.get("metadata_only", False))

    @property
    def notes(self) -> list[str]:
        """Warnings that belong beside every result on this data set; they name no patient or image."""
        return [str(note) for note in self.about.get("notes", [])]

    @property
    def remarks(self) -> list[str]:
        """Sentences on how tables and headers were read and on contradictions, with names as examples."""
        return [str(remark) for remark in self.about.get(REMARKS, [])]

    @property
    def classes(self) -> ClassNames:
        """The names of the two classes."""
        return class_names(self.about)

    @property
    def available_lesions(self) -> pd.DataFrame:
        """The listed lesions whose image or crop the index has."""
        lesions = self.lesions
        return lesions[lesions["image"].isin(self.images["image"]) | lesions["crop"].notna()]

    @property
    def quarantine(self) -> pd.DataFrame:
        """The files that could not be used: columns `path` and `reason`."""
        return pd.DataFrame(self.about["quarantined"], columns=["path", "reason"])

    @property
    def stalled(self) -> list[str]:
        """The quarantined files that this machine did not finish reading: the files may be sound."""
        return [str(file) for file in self.about.get(STALLED, [])]

    def table(self, kind: str) -> pd.DataFrame:
        """One row an item of `kind`: a full mammogram, or a lesion's crop with the lesion's label.

        Columns: image (the item's id), those of the patient and the findings, and `FILE`.
        """
        if kind == "full":
            return self.images
        if kind != "crop":
            raise MammoError(f"There is no image kind {kind!r}; choose one of: {', '.join(KINDS)}.")
        crops = self.lesions[self.lesions["crop"].notna()]
        renamed = crops.rename(columns={"image": "parent", "lesion": "image", "crop": "file"})
        renamed = renamed.rename(columns={f"crop_{name}": name for name in FILE[1:]})
        return renamed.assign(conflict=False, lesions=1).reset_index(drop=True)

    @property
    def depths(self) -> list[GroupDepth]:
        """The decided depth of every group of films whose container does not state it; none in an earlier index."""
        return [GroupDepth.from_json(record) for record in self.about[DEPTH]]

    def digest(self, kind: str) -> str:
        """SHA-256 over the ids and file digests of all items of `kind`, in order.

        A depth other than the container's and rules that change pixels are part of it.
        """
        table = self.table(kind)
        read = zip(table["image"], table["digest"], self._readings(table), strict=True)
        return digest_json([[image, digest, *reading_identity(*how)] for image, digest, how in read])

    def contents(self, kind: str) -> dict[str, str]:
        """Map the id of each item of `kind`, in order, to a digest of its file and of how it is read."""
        table = self.table(kind)
        read = zip(table["image"], table["digest"], self._readings(table), strict=True)
        return {str(image): digest_json([digest, *reading_identity(*how)]) for image, digest, how in read}

    @property
    def content_digest(self) -> str:
        """SHA-256 over all images and crops; independent of their order and of how this machine compresses cuts."""
        content = []
        for kind in KINDS:
            table = self.table(kind)
            read = zip(table["image"], table["file"], table["digest"], self._readings(table), strict=True)
            content.append(
                sorted(
                    [str(image), file if str(file).startswith(OWN) else digest, *reading_identity(*how)]
                    for image, file, digest, how in read
                )
            )
        return digest_json(content)

    def _readings(self, table: pd.DataFrame) -> list[tuple[Depth | None, str]]:
        """The depth and the rules with which the files of the rows are read."""
        columns = zip(table["depth"], table["zero"], table["rules"], strict=True)
        return [(None if pd.isna(bits) else Depth(int(bits), int(zero)), rules or "") for bits, zero, rules in columns]

    def path(self, file: str) -> Path:
        """The absolute path of a file named in the index.

        Raises DamagedError where a link leads one of the data set's own folder out of the home.
        """
        if file.startswith(OWN):
            return self._own(checked_file_name(file.removeprefix(OWN)))
        root = Path(self.about["root"])
        return (root if root.is_absolute() else self.folder / root) / file

    def _own(self, name: str) -> Path:
        path = self.folder / name
        if Home(self.folder.parents[1]).leads_out(path):
            raise DamagedError(DamagedItem("data set", self.name, name, LEADS_OUT, INDEX_AGAIN))
        return path

    def sources(self, table: pd.DataFrame) -> list[IndexedFile]:
        """The sources of the rows of `table(kind)`: their files and how they are read."""
        columns = (table[name] for name in ("image", "file", "bytes", "modified", "digest"))
        return [
            IndexedFile(str(image), self.path(file), int(size), int(modified), digest, *how)
            for image, file, size, modified, digest, how in zip(*columns, self._readings(table), strict=True)
        ]

    def item(self, image: str) -> pd.Series:
        """The row of a full mammogram or of a lesion's crop; raises MammoError where there is none."""
        for kind in KINDS:
            table = self.table(kind)
            rows = table[table["image"] == image]
            if len(rows):
                return rows.iloc[0]
        raise MammoError(f"The data set {self.name!r} has no image {image!r}.")

    def preview(self, image: str) -> Path:
        """The path of a small JPEG of an image or crop, as bright as a trunk sees it; stretched by earlier versions."""
        return self._previews(pd.DataFrame([self.item(image)]))[0]

    def previews(self, kind: str) -> dict[str, Path]:
        """Map the id of every item of a kind to the path of its small JPEG."""
        table = self.table(kind)
        return dict(zip(table["image"].astype(str), self._previews(table), strict=True))

    def _previews(self, table: pd.DataFrame) -> list[Path]:
        read = zip(table["digest"].astype(str), self._readings(table), strict=True)
        return [self._preview(digest, how) for digest, how in read]

    def _preview(self, digest: str, how: tuple[Depth | None, str]) -> Path:
        preview, before = (
            self.folder / "previews" / name for name in (preview_name(digest, *how), stretched_name(digest))
        )
        return before if before.is_file() and not preview.is_file() else preview

    def holds(self, path: Path) -> bool:
        """Whether a file exists and lies inside the home, not behind a link that leads out of it."""
        return path.is_file() and not Home(self.folder.parents[1]).leads_out(path)

    def source(self, image: str) -> IndexedFile:
        """The source of an image or crop; raises MammoError where the index has no images."""
        row = self.item(image)
        if self.metadata_only:
            raise MammoError(f"The data set {self.name!r} was indexed without images; index it with their folder.")
        return self.sources(pd.DataFrame([row]))[0]

    def pixels(self, image: str, stretched: bool = False) -> NDArray[np.uint8]:
        """An image or crop at full size, as bright as a trunk sees it or stretched; uint8 (rows, columns)."""
        raster = self.source(image).read()
        return stretch(raster.pixels) if stretched else to_eight_bit(raster)


def _read_tables(home: Home, name: str) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """Return the metadata, images and lesions of an index; raises DamagedError naming the damaged file."""
    folder, file = home.dataset(name), INDEX
    try:
        _refuse_links(home, folder / INDEX)
        images, metadata = read_parquet(folder / INDEX)
        about = checked_about(parse_json(metadata[ABOUT]), images)
        file = about["lesions_file"]
        _refuse_links(home, folder / file)
        lesions, _ = read_parquet(folder / file)
        if DEPTH not in about:
            about, images, lesions = {**about, DEPTH: []}, _upgraded(images, ""), _upgraded(lesions, "crop_")
        check_lesions(lesions)
        file = INDEX
        check_images(images)
        for name_of_file in (*images["file"].dropna(), *lesions["crop"].dropna()):
            if name_of_file.startswith(OWN):
                checked_file_name(name_of_file.removeprefix(OWN))
        return about, images, lesions
    except Exception as error:  # damaged files raise many kinds of exceptions
        gone = isinstance(error, FileNotFoundError)
        reason = "it is missing" if gone else f"{type(error).__name__}: {first_line(error)}"
        damaged = DamagedItem("data set", name, file, f"is not what was written ({reason})", INDEX_AGAIN)
        sentence = f"The index of {name!r} is damaged ({file}: {reason}); {INDEX_AGAIN}."
        raise DamagedError(damaged, sentence) from None


def refuse_links(home: Home, name: str) -> None:
    """Raise MammoError where a link leads from a folder of the index out of the home."""
    folder = home.dataset(name)
    home.refuse_links(folder, *(folder / subfolder for subfolder in ("files", "previews", "cuts")))


def _refuse_links(home: Home, path: Path) -> None:
    if home.leads_out(path):
        raise ValueError(f"it {LEADS_OUT}")


def _upgraded(table: pd.DataFrame, prefix: str) -> pd.DataFrame:
    """Add the columns of depth and rules to a table of an earlier version: its files are read at their own depth.

    A manifest's own column of such a name is renamed to `NAME_given`, as in a new index.
    """
    defaults: dict[str, Any] = {
        f"{prefix}{name}": value for name, value in {"depth": pd.NA, "zero": pd.NA, "rules": ""}.items()
    }
    renamed = table.rename(columns={name: f"{name}_given" for name in defaults})
    integers = {f"{prefix}{name}": "Int64" for name in OF_DEPTH}
    return renamed.assign(**defaults).astype(integers)


def datasets(home: Home) -> list[str]:
    """The names of the data sets in `home`."""
    return [name for name in home.names("datasets") if (home.dataset(name) / INDEX).is_file()]


def quarantine_csv(about: Mapping[str, Any], neutral: bool = True) -> bytes:
    """The list of the files that were set aside, as a CSV; `neutral` disarms formulas of spreadsheets."""
    rows = ({"path": path, "reason": reason} for path, reason in about["quarantined"])
    return csv_of_rows(rows, ["path", "reason"], neutral).encode()


def write_dataset(home: Home, name: str, about: dict[str, Any], images: pd.DataFrame, lesions: pd.DataFrame) -> Dataset:
    """Write an index; it becomes valid by the rename of one file.

    Raises MammoError where the name is unsafe or the folder cannot be written.
    """
    folder = home.dataset(check_name(name, "data set"))
    content = digest_json(json.loads(lesions.to_json(orient="split", index=False)))
    about = {name: value for name, value in about.items() if name != DIGEST}
    about["lesions_file"] = f"lesions-{content[:12]}.parquet"
    with atomic_file(folder / about["lesions_file"]) as stream:
        lesions.to_parquet(stream, index=False, write_page_checksum=True)
    write_bytes(folder / QUARANTINE, quarantine_csv(about))
    table = pa.Table.from_pandas(images, preserve_index=False)
    about[DIGEST] = digest_of(about, images)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), ABOUT: json.dumps(about).encode()})
    with atomic_file(folder / INDEX) as stream:
        pq.write_table(table, stream, write_page_checksum=True)
    for old in folder.glob("lesions-*.parquet"):
        if old.name != about["lesions_file"]:
            os.unlink(old)
    return Dataset.open(home, name)
