"""Which file is a full mammogram, a lesion's crop or its mask: decided by pixels and size, never by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mammo.data.collections.cbis_ddsm.discover import DiscoveredFiles
from mammo.data.index.inspection import FileFacts

MASK_SIDE = 0.5
"""The sides of a mask are at least this share of its mammogram's; a smaller file of two values is a crop."""
FULL_SIDE = 0.95
"""A crop is smaller than this share of its full mammogram on at least one side."""


class Roles:
    """The inspected files by their case folder, and the files that are set aside with the reason."""

    def __init__(self, discovered: DiscoveredFiles, facts: dict[str, FileFacts]) -> None:
        self.discovered, self.facts = discovered, facts
        self.by_case: dict[str, list[FileFacts]] = defaultdict(list)
        self.set_aside = [*discovered.closed, *([fact.file, fact.reason] for fact in facts.values() if fact.reason)]
        self.full: dict[str, FileFacts] = {}
        self.by_header: set[str] = set()
        for file in discovered.files:
            fact = facts.get(file)
            if fact is not None and not fact.reason and discovered.assign_by_series(file, fact.series):
                self.by_header.add(file)
            if file in discovered.case:
                if fact is not None and not fact.reason:
                    self.by_case[discovered.case[file]].append(fact)
            elif fact is None or not fact.reason:
                self.set_aside.append([file, "it belongs to no case that the case CSVs list"])

    def full_image(self, case: str) -> FileFacts | None:
        """The full mammogram of an image's case."""
        files = self.by_case.get(case, [])
        full = self._largest([fact for fact in files if fact.role == "image"], f"full mammogram in {case}")
        self._refuse([fact for fact in files if fact.role == "mask"], f"a mask where {case} has its full mammogram")
        if full:
            self.full[case] = full
        return full

    def crop_and_mask(self, case: str, image: str) -> tuple[FileFacts | None, FileFacts | None]:
        """A lesion's crop and mask; `full_image` must be called for its `image` before."""
        full = self.full.get(image)
        crops, masks = [], []
        for fact in self.by_case.get(case, []):
            if fact.role == "mask" and (full is None or _as_large(fact, full, MASK_SIDE)):
                masks.append(fact)
            elif full is not None and _as_large(fact, full, FULL_SIDE):
                self._refuse([fact], f"as large as the full mammogram {image}: neither its crop nor a mask")
            else:
                crops.append(fact)
        return self._largest(crops, f"crop in {case}"), self._largest(masks, f"mask in {case}")

    def _largest(self, files: list[FileFacts], what: str) -> FileFacts | None:
        """The largest of `files`, preferably one whose path names its case; the other files are set aside."""
        files = sorted(files, key=lambda fact: (-fact.rows * fact.columns, fact.file in self.by_header, fact.file))
        self._refuse(files[1:], f"a second {what}")
        return files[0] if files else None

    def _refuse(self, files: Iterable[FileFacts], reason: str) -> None:
        self.set_aside += [[fact.file, reason] for fact in files]


def _as_large(fact: FileFacts, full: FileFacts, share: float) -> bool:
    return fact.rows >= share * full.rows and fact.columns >= share * full.columns
