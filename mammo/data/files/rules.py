"""The rules for reading a file beyond its plain values, one entry each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileRule:
    """What a rule does, and whether it changes pixels: a rule that does is part of the identity of an image."""

    description: str
    changes_pixels: bool


COLOUR_MARKS = "colour-marks"
"""The rule that `--colour-marks ignore` allows."""

RULES: dict[str, FileRule] = {
    COLOUR_MARKS: FileRule("coloured marks on a grey picture are read as their luminance", True),
    "equal-channels": FileRule("grey that is held in three equal channels is read as grey", False),
    "half-a-rescale": FileRule("a rescale slope or intercept without the other, on which nothing depends", False),
    "half-a-window": FileRule("a window centre or width without the other is passed over", False),
    "high-bit": FileRule("values that do not end at their highest stored bit are shifted down", True),
    "more-bits": FileRule("values that fill more bits than the header names are read in full", True),
    "no-preamble": FileRule("a DICOM file without preamble is read", False),
    "no-transfer-syntax": FileRule("a DICOM file that names no transfer syntax is read as little endian", False),
    "other-bits": FileRule("overlays and whatever else stands beside the stored bits are masked away", False),
    "overshoot": FileRule("the few values that a lossy code stream carries beyond the stored bits are cut off", True),
    "palette": FileRule("a palette of grey is applied", False),
    "presentation-shape": FileRule("a presentation LUT shape outranks the photometric interpretation", True),
    "presentation-table": FileRule("a presentation look-up table is passed over", False),
    "rescale": FileRule("a rescale slope and intercept that make no sense are passed over", True),
    "scan-header": FileRule("a sequential JPEG's scan ends at its last coefficient, whatever its header says", False),
    "significant-bits": FileRule("the significant bits that a file names are its depth", True),
    "stream-depth": FileRule("the precision of a code stream outranks the header's", True),
    "stream-sign": FileRule("the sign of a code stream outranks the header's", True),
    "table": FileRule("a look-up table that is empty is passed over", False),
    "table-depth": FileRule("the depth of a look-up table is that of its entries", True),
    "wide-integers": FileRule("integers wider than 16 bits are read where their values fit", False),
    "window": FileRule("a window that makes no sense is passed over", True),
    "window-function": FileRule("a VOI LUT function that makes no sense is passed over", True),
    "window-unfit": FileRule("a window that leaves two values, or is meant for more bits, is passed over", True),
}
"""Every rule by its name. Rules without `changes_pixels` neither lose nor add information of the file."""
