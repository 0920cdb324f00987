"""The record in an index of how its files were read: their depths, and the rules that were applied."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from mammo.data.column_words import counted_images
from mammo.data.dataset.dataset import DEPTH, REMARKS
from mammo.data.depths.record import GroupDepth
from mammo.data.files.rules import RULES
from mammo.data.index.depths import with_clipped_counts

if TYPE_CHECKING:
    from mammo.data.index.inspection import FileFacts


def reading_record(
    depths: Iterable[GroupDepth],
    facts: Sequence[FileFacts],
    notes: Iterable[str] = (),
    remarks: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the depths, notes and remarks of an index, by their keys in `about`.

    Contradictions of depth and images that look like masks are added to the notes, which are shown wherever the data
    set is; the applied rules are added to the remarks, which are shown by `mammo index` and on the page Data.
    """
    depths = with_clipped_counts(depths, facts)
    contradictions = [record.contradiction for record in depths if record.contradiction]
    shown = [*notes, *contradictions, *_as_masks(facts)]
    records = [record.to_json() for record in depths]
    return {DEPTH: records, "notes": shown, REMARKS: [*remarks, *_rules_applied(facts)]}


def _rules_applied(facts: Iterable[FileFacts]) -> list[str]:
    """The number of files to which each rule was applied, the most frequent first; `mammo look` names its rules."""
    applied = Counter(rule for fact in facts for rule in {rule for rule, _ in json.loads(fact.notes)})
    return [f"{counted_images(count)}: {RULES[rule].description}." for rule, count in applied.most_common()]


def _as_masks(facts: Iterable[FileFacts]) -> list[str]:
    if count := sum(fact.role == "mask" for fact in facts):
        return [f"{counted_images(count)} with two values only, as a mask has: look whether that is what was meant."]
    return []
