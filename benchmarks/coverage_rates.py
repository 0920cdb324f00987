"""How often the intervals of rates, predictive values and curves cover the truth, in studies of few patients.

The threshold is fixed beforehand, as one that validation chose is for the test set. The truth is what the same kind of
study gives with 100,000 patients. Prints a row for each measure and AUC; a cell is the share of the studies in per cent
with its Monte-Carlo error, the median width, and the share of studies with an interval where that is not all. Run it
with: python -m benchmarks.coverage_rates
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace

import numpy as np

from benchmarks.studies import Study, shown
from mammo.statistics.confusion import confusion
from mammo.statistics.few import FEWEST, FEWEST_BY_METRIC
from mammo.statistics.intervals.measurement import Measurement, measure_metric
from mammo.statistics.metrics import METRICS
from mammo.statistics.operating import MEASURES, measure_at
from mammo.statistics.predictive import predictive_values
from mammo.statistics.scored import Scored

PATIENTS = [(5, 5), (10, 10), (20, 20), (40, 40), (10, 40)]
THRESHOLDS = {0.6: 0.1, 0.75: 0.4, 0.9: 0.9}
"""A logit to call malignant from, by the true AUC."""
PREVALENCE, MANY = 0.006, 100_000
FREE = [name for name, metric in METRICS.items() if not metric.at_half and name != "auc"]


def scored(kind: Study, draws: int, chance: np.random.Generator) -> list[Scored]:
    """Several draws of the scores of one set of patients."""
    labels, patient = kind.images(chance)
    logits = kind.scores(labels, patient, [kind.auc], draws, chance)[0]
    return [Scored("run", labels, run, patient) for run in logits]


def predictive(measurements: dict[str, Measurement]) -> dict[str, Measurement]:
    """Both predictive values at the prevalence of screening."""
    values = predictive_values(measurements["Sensitivity"], measurements["Specificity"], PREVALENCE)
    signs = (f"{sign} predictive value at {PREVALENCE:.1%}" for sign in ("Positive", "Negative"))
    return dict(zip(signs, values, strict=True))


def estimates(study: Scored, threshold: float, resamples: int) -> dict[str, Measurement]:
    """Everything that has an interval, but the AUC."""
    measurements = {measure.label: measure_at(study, threshold, name) for name, measure in MEASURES.items()}
    metrics = {name: METRICS[name] for name in FREE}
    curves = {
        metric.label: measure_metric(
            metric.function, study, metric.least, metric.smooth, FEWEST_BY_METRIC.get(name, FEWEST), resamples
        )
        for name, metric in metrics.items()
    }
    return measurements | predictive(measurements) | curves


def truths(kind: Study, threshold: float) -> dict[str, float]:
    """The values of a study so large that chance has no part in them."""
    times = MANY // (kind.malignant + kind.benign)
    large = replace(kind, malignant=times * kind.malignant, benign=times * kind.benign)
    (study,) = scored(large, 1, np.random.default_rng(0))
    labels, called = np.asarray(study.labels) == 1, np.asarray(study.logits) > threshold
    counts, plain = confusion(study.labels, study.logits, threshold), {}
    for name, measure in MEASURES.items():
        right, among = measure.select(labels, called) if measure.select and not measure.scale else (None, None)
        plain[measure.label] = float(getattr(counts, name) if right is None else right[among].mean())
    exact = {label: Measurement(value, value, value, 0) for label, value in plain.items()}
    plain |= {label: measure.value for label, measure in predictive(exact).items()}
    return plain | {METRICS[name].label: study.value(METRICS[name].function) for name in FREE}


def column(kind: Study, designs: int, draws: int, resamples: int) -> dict[str, str]:
    """The cells of one kind of study, by measure."""
    threshold, chance = THRESHOLDS[kind.auc], np.random.default_rng(int(1000 * kind.auc) + kind.malignant)
    true = truths(kind, threshold)
    hits, widths = defaultdict(list), defaultdict(list)
    for _ in range(designs):
        measurements = [estimates(study, threshold, resamples) for study in scored(kind, draws, chance)]
        for name, value in true.items():
            bounds = np.array([[by_name[name].low, by_name[name].high] for by_name in measurements])
            hits[name].append(
                np.where(np.isnan(bounds[:, 0]), np.nan, (bounds[:, 0] <= value) & (value <= bounds[:, 1]))
            )
            widths[name].append(bounds[:, 1] - bounds[:, 0])
    return {name: shown(np.array(hits[name]), np.array(widths[name])) for name in true}


def main() -> None:
    """Simulate and print a row for each measure and AUC, and a column for each number of patients."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--designs", type=int, default=100, help="sets of patients of each kind (default: 100)")
    parser.add_argument("--draws", type=int, default=40, help="draws of scores for each (default: 40)")
    parser.add_argument("--resamples", type=int, default=200, help="of the bootstrap, 2,000 in use (default: 200)")
    parser.add_argument("--quick", action="store_true", help="few studies of few kinds, to try it out")
    options = parser.parse_args()
    designs, draws = (4, 10) if options.quick else (options.designs, options.draws)
    patients = PATIENTS[1:2] if options.quick else PATIENTS
    print(f"{designs * draws:,} studies a cell: share in % ± Monte-Carlo error, median width\n")
    print("| measure | true AUC | " + " | ".join(f"{malignant} + {benign}" for malignant, benign in patients) + " |")
    print("|---" * (2 + len(patients)) + "|")
    cells = {
        area: [column(Study(*pair, area), designs, draws, options.resamples) for pair in patients]
        for area in THRESHOLDS
    }
    for name in cells[0.9][0]:
        for area, columns in cells.items():
            print(f"| {name} | {area} | " + " | ".join(shares[name] for shares in columns) + " |")


if __name__ == "__main__":
    main()
