"""The names of CBIS-DDSM's cases in the names of flattened files: `Calc-Test_P_00038_LEFT_CC_1_MASK.png`."""

from __future__ import annotations

import re

import pandas as pd

FINDING = re.compile(r"mask|crop|roi|abnormality|lesion", re.IGNORECASE)
"""Matches the text after the case in the name of a file that shows one finding."""
FILE_NUMBER = re.compile(r"-\d+$")
"""Matches the end of a name that joins the names of a folder and a file: `…_LEFT_CC_1-1`."""


class CaseNames:
    """The names of the case folders that the case CSVs list; finds the one with which a file's name begins."""

    def __init__(self, lesions: pd.DataFrame) -> None:
        self.lesions: dict[str, list[str]] = {}
        for image, lesion in zip(lesions["image"], lesions["lesion"], strict=True):
            self.lesions.setdefault(str(image), []).append(str(lesion))
        self.cases = set(self.lesions) | set(lesions["lesion"])
        self._by_small_letters = {name.casefold(): name for name in self.cases}

    def in_file_name(self, name: str) -> str | None:
        """Return the longest case with which a file's name (without its ending) begins; None where there is none.

        A mask or crop belongs to the lesion whose number follows in its name, or to the only lesion of the image.
        """
        end = len(name)
        while end > 0:
            case = self._by_small_letters.get(name[:end].casefold())
            suffix = name[end:]
            if case and not (FILE_NUMBER.fullmatch(suffix) and case not in self.lesions):
                return self._finding(case, suffix) if case in self.lesions else case
            end = max(name.rfind(mark, 0, end) for mark in "_-. #")
        return None

    def _finding(self, image: str, suffix: str) -> str | None:
        """The case of a file whose name continues after the name of an image: a lesion where it shows one."""
        if not FINDING.search(suffix):
            return image
        numbers = re.findall(r"\d+", suffix)
        if numbers:
            return next((lesion for lesion in self.lesions[image] if lesion == f"{image}_{numbers[0]}"), None)
        return self.lesions[image][0] if len(self.lesions[image]) == 1 else None
