"""Which file is a full mammogram, which a lesion's crop and which its mask: by pixels and size, never by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from mammo.data.collections.cbis_ddsm.discover import Located
from mammo.data.index.inspection import FileFacts

MASK_SIDE = 0.5
"""A mask's sides are at least this share of its full mammogram's; a two-valued file that is smaller is a crop."""
FULL_SIDE = 0.95
"""A crop is smaller than this share of its full mammogram on one side at least."""


class Roles:
    """The inspected files by the case folder they belong to, and those that are set aside with the reason."""

    def __init__(self, located: Located, facts: dict[str, FileFacts]) -> None:
        self.located, self.facts = located, facts
        self.by_case: dict[str, list[FileFacts]] = defaultdict(list)
        self.set_aside = [*located.closed, *([fact.file, fact.reason] for fact in facts.values() if fact.reason)]
        self.full: dict[str, FileFacts] = {}
        self.by_header: set[str] = set()
        for file in located.files:
            fact = facts.get(file)
            if fact is not None and not fact.reason and located.settle(file, fact.series):
                self.by_header.add(file)
            if file in located.case:
                if fact is not None and not fact.reason:
                    self.by_case[located.case[file]].append(fact)
            elif fact is None or not fact.reason:
                self.set_aside.append([file, "it belongs to no case that the case CSVs list"])

    def full_image(self, case: str) -> FileFacts | None:
        """The full mammogram of an image's case."""
        files = self.by_case.get(case, [])
        found = self._largest([fact for fact in files if fact.role == "image"], f"full mammogram in {case}")
        self._refuse([fact for fact in files if fact.role == "mask"], f"a mask where {case} has its full mammogram")
        if found:
            self.full[case] = found
        return found

    def crop_and_mask(self, case: str, image: str) -> tuple[FileFacts | None, FileFacts | None]:
        """A lesion's crop and mask, given the case of its full mammogram, which is asked for before."""
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
        """The largest of `files`, one that its path placed rather than its header; those beside it are set aside."""
        files = sorted(files, key=lambda fact: (-fact.rows * fact.columns, fact.file in self.by_header, fact.file))
        self._refuse(files[1:], f"a second {what}")
        return files[0] if files else None

    def _refuse(self, files: Iterable[FileFacts], reason: str) -> None:
        self.set_aside += [[fact.file, reason] for fact in files]


def _as_large(fact: FileFacts, full: FileFacts, share: float) -> bool:
    return fact.rows >= share * full.rows and fact.columns >= share * full.columns
