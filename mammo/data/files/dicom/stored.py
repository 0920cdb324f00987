"""The stored values of a frame and their depth: which of the bits in a file belong to the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammo.data.files.dicom.pixel_header import PixelHeader
from mammo.data.files.pictures.codestream import CodeStream
from mammo.data.files.raster import CONTAINER_BITS, ReadingNote
from mammo.errors import MammoError

OVERSHOOT_SHARE = 0.001
"""The share of pixels that a lossy code stream may bring beyond the stored bits: they are clipped."""

SAMPLE_LINES = 512


@dataclass(frozen=True)
class StoredValues:
    """Unsigned values (rows, columns) of `bits` bits; signed ones are shifted, so that the lowest possible one is 0."""

    values: NDArray[np.unsignedinteger]
    bits: int
    signed: bool
    notes: tuple[ReadingNote, ...] = ()


def stored_values(values: NDArray[np.integer], header: PixelHeader, stream: CodeStream | None) -> StoredValues:
    """Return the stored values of a frame, from the values that a reader or decoder gives.

    A code stream's own precision, and in JPEG 2000 its sign, override the header's; bits beside the stored ones are
    masked, unless they belong to the picture. Raises MammoError where values need more than 16 bits.
    """
    if stream is None:
        return _fit(*_from_bits(values, header, header.allocated, header.signed))
    notes: tuple[ReadingNote, ...] = ()
    signed = stream.signed if stream.is_jpeg_2000 else header.signed
    if signed != header.signed:
        sentence = f"its code stream holds {_sign(signed)} values under a header of {_sign(header.signed)} ones"
        notes = (ReadingNote("stream-sign", f"{sentence}; the code stream is believed"),)
    if stream.bits < header.stored:
        sentence = f"its code stream has {stream.bits} bits under a header of {header.stored}"
        notes += (ReadingNote("stream-depth", f"{sentence}; the code stream is believed"),)
    if stream.signed:
        pixels, bits, signed, value_notes = _from_signed(values, header, stream.bits)
    else:
        pixels, bits, signed, value_notes = _from_bits(_unsigned(values), header, stream.bits, signed)
    return _fit(pixels, bits, signed, notes + value_notes)


def _sign(signed: bool) -> str:
    return "signed" if signed else "unsigned"


def _unsigned(values: NDArray[np.integer]) -> NDArray[np.unsignedinteger]:
    return values.view(values.dtype.str.replace("i", "u"))


Values = tuple[NDArray[Any], int, bool, tuple[ReadingNote, ...]]
"""Unsigned values, their bits, whether they are signed numbers, and notes."""


def _from_signed(values: NDArray[np.integer], header: PixelHeader, bits: int) -> Values:
    """Return the values of a signed code stream: these are numbers, not patterns of bits."""
    stored = min(header.stored, bits)
    notes: tuple[ReadingNote, ...] = ()
    low, high = int(values.min()), int(values.max())
    if low < -(2 ** (stored - 1)) or high >= 2 ** (stored - 1):
        beyond = (values < -(2 ** (stored - 1))) | (values >= 2 ** (stored - 1))
        if np.mean(beyond) > OVERSHOOT_SHARE:
            stored = bits
        else:
            values = np.clip(values, -(2 ** (stored - 1)), 2 ** (stored - 1) - 1)
            notes = (_overshoot(int(beyond.sum()), stored),)
    unsigned = _unsigned(values)
    return (
        unsigned + unsigned.dtype.type(2 ** (stored - 1)),
        stored,
        True,
        notes,
    )  # wraps around, as two's complement does


def _overshoot(count: int, stored: int) -> ReadingNote:
    return ReadingNote(
        "overshoot", f"{count} of its values lie beyond the {stored} bits that are stored; they are cut off"
    )


def _from_bits(values: NDArray[np.integer], header: PixelHeader, container: int, signed: bool) -> Values:
    """Return the values in the bits `high` + 1 - `stored` to `high` of a container of so many bits."""
    stored = min(header.stored, container)
    shift, notes = _shift(values, header, container, stored)
    if shift:
        values = values >> values.dtype.type(shift)
    available = container - shift
    if stored < available and int(values.max()) >= 2**stored:
        values, stored, bit_notes = _without_other_bits(values, header, (stored, available, shift), signed)
        notes += bit_notes
    if signed:
        values = values ^ values.dtype.type(2 ** (stored - 1))
    return values, stored, signed, notes


def _shift(
    values: NDArray[np.integer], header: PixelHeader, container: int, stored: int
) -> tuple[int, tuple[ReadingNote, ...]]:
    """Return by how many bits to shift the values down, from the header's high bit where it is valid."""
    shift = header.high + 1 - stored
    if shift == 0 or stored == container:
        return 0, ()
    beside = f"its high bit is {header.high}, though {stored} bits are stored of {container}"
    if not 0 < shift <= container - stored:
        return 0, (ReadingNote("high-bit", f"{beside}; that makes no sense and is passed over"),)
    in_low_bits = int((values & values.dtype.type(2**shift - 1)).max()) > 0
    if in_low_bits and int(values.max()) < 2**stored and not any(bit < shift for bit in header.overlay_bits):
        return 0, (ReadingNote("high-bit", f"{beside}; its values fill the lowest bits, and it is passed over"),)
    return shift, (ReadingNote("high-bit", f"{beside}; the values are shifted down by {shift}"),)


def _without_other_bits(
    values: NDArray[np.integer], header: PixelHeader, bits: tuple[int, int, int], signed: bool
) -> tuple[NDArray[np.integer], int, tuple[ReadingNote, ...]]:
    """Return the values without the bits above the `stored` lowest of `available` bits, or with them if they belong.

    Overlay bits jump where the picture does not. Bits of values that need more bits than the header says make the
    picture smooth: without them it has jumps.
    """
    stored, available, shift = bits
    kind = values.dtype.type
    masked = values & kind(2**stored - 1)
    above = values >> kind(stored)
    if signed and bool(
        np.all((above == 0) | (above == 2 ** (available - stored) - 1) & (masked >> kind(stored - 1) == 1))
    ):
        return masked, stored, ()  # sign extension
    beside = ReadingNote("other-bits", f"bits beside the {stored} that are stored are masked away")
    if signed or any(stored + shift <= bit < available + shift for bit in header.overlay_bits):
        return masked, stored, (beside,)
    beyond = int(np.count_nonzero(above))
    if beyond <= OVERSHOOT_SHARE * values.size:
        clipped = np.minimum(values, kind(2**stored - 1))
        if _roughness(clipped, above) < _roughness(masked, above):
            return clipped, stored, (_overshoot(beyond, stored),)
    elif _is_torn(masked, values, above, 2 ** (stored - 1)):
        sentence = f"its values reach {int(values.max())}, beyond the {stored} bits that its header names"
        return values, available, (ReadingNote("more-bits", f"{sentence}; {available} are read"),)
    return masked, stored, (beside,)


def _steps(values: NDArray[np.integer], above: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the differences of neighbours, in some of the rows and columns with other bits."""
    steps = []
    for lines, bits in ((values, above), (values.T, above.T)):
        affected = np.flatnonzero(bits.any(axis=1))
        sample = lines[affected[:: max(1, len(affected) // SAMPLE_LINES)]].astype(np.int64)
        steps.append(np.abs(np.diff(sample, axis=1)).ravel())
    return np.concatenate(steps)


def _roughness(values: NDArray[np.integer], above: NDArray[np.integer]) -> int:
    return int(_steps(values, above).sum())


def _is_torn(masked: NDArray[np.integer], values: NDArray[np.integer], above: NDArray[np.integer], jump: int) -> bool:
    """Whether masking separates neighbours by a jump more often than it removes a jump."""
    apart, together = _steps(masked, above) > jump, _steps(values, above) > jump
    return int(np.count_nonzero(apart & ~together)) > int(np.count_nonzero(together & ~apart))


def _fit(values: NDArray[Any], bits: int, signed: bool, notes: tuple[ReadingNote, ...]) -> StoredValues:
    """Return the values in as few bytes as their depth needs; those of a wider container must fit into 16 bits."""
    if bits > CONTAINER_BITS:
        zero = 2 ** (bits - 1) - 2 ** (CONTAINER_BITS - 1) if signed else 0
        low, high = int(values.min()) - zero, int(values.max()) - zero
        if low < 0 or high >= 2**CONTAINER_BITS:
            middle = 2 ** (CONTAINER_BITS - 1) if signed else 0
            raise MammoError(f"values from {low - middle} to {high - middle}, beyond the {CONTAINER_BITS} bits read")
        values, bits = values - values.dtype.type(zero), CONTAINER_BITS
        notes += (ReadingNote("wide-integers", "its integers are wider than 16 bits, and fit into 16"),)
    return StoredValues(values.astype(np.uint8 if bits <= 8 else np.uint16, copy=False), bits, signed, notes)
