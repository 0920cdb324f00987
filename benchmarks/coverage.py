"""How often intervals of AUCs cover the truth, and how often tests reject a true null, in studies of few patients.

Prints a row for each kind of study. A cell is the share of the studies in per cent with its Monte-Carlo error, and for
intervals their median width. 95 % are promised of an interval, 5 % of a test. The difference is that of two AUCs 0.08
apart; the null that of two runs of one AUC. Run it with: python -m benchmarks.coverage
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.studies import Study, shown
from mammo.results.comparison import TESTS
from mammo.statistics.comparing.flips import flips
from mammo.statistics.cross_validated import Fold, cross_validated_auc
from mammo.statistics.intervals.score import score_difference, score_interval

PATIENTS = [(3, 3), (5, 5), (10, 10), (20, 20), (40, 40), (5, 40), (40, 5), (10, 40)]
KINDS = [(0.6, 0.6), (0.75, 0.6), (0.9, 0.6), (0.75, 0.9), (0.9, 0.9)]
"""True AUCs, and the correlation of a patient's images."""
GAIN, FOLDS = 0.08, 5
Cells = dict[str, tuple[list[np.ndarray], list[np.ndarray]]]


def kinds(patients: list[tuple[int, int]]) -> Iterator[Study]:
    """Every kind of study with so many patients."""
    for malignant, benign in patients:
        for area, alike in KINDS:
            yield Study(malignant, benign, area, alike, related=0.9 if alike > 0.6 else 0.7)


def measured(kind: Study, designs: int, draws: int) -> dict[str, str]:
    """The cells of one kind of study, by what they are of."""
    chance = np.random.default_rng(int(1000 * kind.auc) + 7 * kind.malignant + kind.benign)
    cells: dict[str, tuple[list[Any], list[Any]]] = defaultdict(lambda: ([], []))
    first, same, better = (np.arange(draws) + number * draws for number in range(3))
    for _ in range(designs):
        labels, patient = kind.images(chance)
        logits = kind.scores(labels, patient, [kind.auc, kind.auc, kind.auc + GAIN], draws, chance).reshape(
            3 * draws, -1
        )
        for name, test in TESTS.items():
            estimate = test.estimate(labels, logits, patient)
            assert estimate is not None
            _add(cells[f"AUC, {name}"], score_interval(estimate)[first], kind.auc)
            _add(cells[f"difference, {name}"], score_difference(estimate, better, first)[0], GAIN)
            cells[f"null, {name}"][0].append(score_difference(estimate, first, same)[1] <= 0.05)
        right = (logits > 0.4) == (labels == 1)
        pairs = zip(right[first], right[same], strict=True)
        cells["null, flips"][0].append(np.array([flips(*pair, patient).p_value <= 0.05 for pair in pairs]))
    return {name: shown(np.array(hits), np.array(widths) if widths else None) for name, (hits, widths) in cells.items()}


def _add(cell: tuple[list[np.ndarray], list[np.ndarray]], bounds: np.ndarray, truth: float) -> None:
    cell[0].append((bounds[:, 0] <= truth) & (truth <= bounds[:, 1]))
    cell[1].append(bounds[:, 1] - bounds[:, 0])


def folded(kind: Study, designs: int, draws: int) -> str:
    """The cell of the cross-validated AUC: five folds of whose scores each has a place and a spread of its own."""
    chance = np.random.default_rng(int(1000 * kind.auc) + kind.malignant)
    cell: tuple[list[Any], list[Any]] = ([], [])
    part = Study(kind.malignant // FOLDS, kind.benign // FOLDS, kind.auc, kind.alike)
    for _ in range(designs):
        images = [part.images(chance) for _ in range(FOLDS)]
        scores = [
            part.scores(*fold, [kind.auc], draws, chance)[0] * (1 + number) + number
            for number, fold in enumerate(images)
        ]
        estimates = []
        for draw in range(draws):
            each = enumerate(zip(images, scores, strict=True))
            folds = [
                Fold(labels, logits[draw][None], np.char.add(f"{n}-", patient.astype(str)))
                for n, ((labels, patient), logits) in each
            ]
            estimates.append(cross_validated_auc([folds]).interval)
        _add(cell, np.array(estimates), kind.auc)
    return shown(np.array(cell[0]), np.array(cell[1]))


def main() -> None:
    """Simulate and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--designs", type=int, default=100, help="sets of patients of each kind (default: 100)")
    parser.add_argument("--draws", type=int, default=40, help="draws of scores for each (default: 40)")
    parser.add_argument("--quick", action="store_true", help="few studies of few kinds, to try it out")
    options = parser.parse_args()
    designs, draws = (4, 10) if options.quick else (options.designs, options.draws)
    patients = PATIENTS[1:2] if options.quick else PATIENTS
    print(f"{designs * draws:,} studies a cell: share in % ± Monte-Carlo error, median width\n")
    for number, kind in enumerate(kinds(patients)):
        cells = measured(kind, designs, draws)
        if not number:
            _head(["patients", "true AUC", "alike", *cells])
        print(f"| {kind.name} | {kind.auc} | {kind.alike} | " + " | ".join(cells.values()) + " |", flush=True)
    print()
    _head(["patients", "true AUC", "alike", "cross-validated AUC"])
    for kind in kinds([pair for pair in patients if min(pair) >= 2 * FOLDS and pair[0] == pair[1]]):
        if kind.alike > KINDS[0][1]:
            continue
        print(f"| {kind.name} | {kind.auc} | {kind.alike} | {folded(kind, designs, draws)} |", flush=True)


def _head(names: list[str]) -> None:
    print("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|")


if __name__ == "__main__":
    main()
