"""The names of CBIS-DDSM's cases in the names of flattened files: `Calc-Test_P_00038_LEFT_CC_1_MASK.png`."""

from __future__ import annotations

import re

import pandas as pd

FINDING = re.compile(r"mask|crop|roi|abnormality|lesion", re.IGNORECASE)
"""What a file's name holds behind its case where it shows one finding."""
FILE_NUMBER = re.compile(r"-\d+$")
"""How a name ends that was joined from a folder's and a file's: `…_LEFT_CC_1-1`."""


class CaseNames:
    """The case folders that the case CSVs list, by any way in which a file's name begins with one."""

    def __init__(self, lesions: pd.DataFrame) -> None:
        self.lesions: dict[str, list[str]] = {}
        for image, lesion in zip(lesions["image"], lesions["lesion"], strict=True):
            self.lesions.setdefault(str(image), []).append(str(lesion))
        self.cases = set(self.lesions) | set(lesions["lesion"])
        self._by_small_letters = {name.casefold(): name for name in self.cases}

    def in_file_name(self, name: str) -> str | None:
        """The longest case that a file's name, without its ending, begins with; None where there is none.

        A mask or crop that names its number behind that word, or is the image's only one, belongs to that lesion.
        """
        end = len(name)
        while end > 0:
            case = self._by_small_letters.get(name[:end].casefold())
            rest = name[end:]
            if case and not (FILE_NUMBER.fullmatch(rest) and case not in self.lesions):
                return self._finding(case, rest) if case in self.lesions else case
            end = max(name.rfind(mark, 0, end) for mark in "_-. #")
        return None

    def _finding(self, image: str, rest: str) -> str | None:
        """The case of a file whose name goes on behind an image's: its lesion where it shows one."""
        if not FINDING.search(rest):
            return image
        numbers = re.findall(r"\d+", rest)
        if numbers:
            return next((lesion for lesion in self.lesions[image] if lesion == f"{image}_{numbers[0]}"), None)
        return self.lesions[image][0] if len(self.lesions[image]) == 1 else None
