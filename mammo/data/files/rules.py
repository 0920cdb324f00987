"""The rules by which a file is read beyond its plain values, each one entry."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """What a rule does, and whether it gives other pixels than the plain reading: such a rule is part of identity."""

    description: str
    changes_pixels: bool


COLOUR_MARKS = "colour-marks"
"""The rule that a user allows by `--colour-marks ignore`."""

RULES: dict[str, Rule] = {
    COLOUR_MARKS: Rule("coloured marks on a grey picture are read as their luminance", True),
    "equal-channels": Rule("grey that is held in three equal channels is read as grey", False),
    "half-a-rescale": Rule("a rescale slope or intercept without the other, on which nothing depends", False),
    "half-a-window": Rule("a window centre or width without the other is passed over", False),
    "high-bit": Rule("values that do not end at their highest stored bit are shifted down", True),
    "more-bits": Rule("values that fill more bits than the header names are read in full", True),
    "no-preamble": Rule("a DICOM file without preamble is read", False),
    "no-transfer-syntax": Rule("a DICOM file that names no transfer syntax is read as little endian", False),
    "other-bits": Rule("overlays and whatever else stands beside the stored bits are masked away", False),
    "overshoot": Rule("the few values that a lossy code stream carries beyond the stored bits are cut off", True),
    "palette": Rule("a palette of grey is applied", False),
    "presentation-shape": Rule("a presentation LUT shape outranks the photometric interpretation", True),
    "presentation-table": Rule("a presentation look-up table is passed over", False),
    "rescale": Rule("a rescale slope and intercept that make no sense are passed over", True),
    "scan-header": Rule("a sequential JPEG's scan ends at its last coefficient, whatever its header says", False),
    "significant-bits": Rule("the significant bits that a file names are its depth", True),
    "stream-depth": Rule("the precision of a code stream outranks the header's", True),
    "stream-sign": Rule("the sign of a code stream outranks the header's", True),
    "table": Rule("a look-up table that is empty is passed over", False),
    "table-depth": Rule("the depth of a look-up table is that of its entries", True),
    "wide-integers": Rule("integers wider than 16 bits are read where their values fit", False),
    "window": Rule("a window that makes no sense is passed over", True),
    "window-function": Rule("a VOI LUT function that makes no sense is passed over", True),
    "window-unfit": Rule("a window that leaves two values, or is meant for more bits, is passed over", True),
}
"""Every rule by its name. Rules without `changes_pixels` lose nothing and add nothing to what stands in the file."""
