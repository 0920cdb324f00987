"""How often the intervals of rates, predictive values and curves cover the truth, in studies as `coverage.py` draws.

The threshold is fixed beforehand, as one that validation chose is for the test set. The truth is what the same kind of
study gives with 200,000 patients. Run it with: python -m benchmarks.coverage_rates
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from benchmarks.coverage import Study
from mammo.results.scores import Scored
from mammo.results.statistics.confusion import confusion
from mammo.results.statistics.measured import Measured
from mammo.results.statistics.measures import measure
from mammo.results.statistics.metrics import METRICS
from mammo.results.statistics.operating import MEASURES, measure_at
from mammo.results.statistics.predictive import predictive_values

STUDIES = [Study(60, 0.76), Study(150, 0.76), Study(350, 0.76)]
THRESHOLD, PREVALENCE, MANY = 0.4, 0.006, 200_000
FREE = [name for name, metric in METRICS.items() if not metric.at_half]


def scored(study: Study, seed: int) -> Scored:
    """The second run of a study."""
    labels, logits, patients = study.draw(np.random.default_rng(seed))
    return Scored("run", labels, logits[1], patients)


def predictive(found: dict[str, Measured]) -> dict[str, Measured]:
    """Both predictive values at the prevalence of screening."""
    values = predictive_values(found["Sensitivity"], found["Specificity"], PREVALENCE)
    signs = (f"{sign} predictive value at {PREVALENCE:.1%}" for sign in ("Positive", "Negative"))
    return dict(zip(signs, values, strict=True))


def estimates(study: Scored) -> dict[str, Measured]:
    """Everything that has an interval."""
    found = {measure.label: measure_at(study, THRESHOLD, name) for name, measure in MEASURES.items()}
    return found | predictive(found) | {METRICS[name].label: measure(name, study) for name in FREE}


def truths(kind: Study) -> dict[str, float]:
    """The values of a study so large that chance has no part in them."""
    large = scored(replace(kind, patients=MANY), 0)
    labels, called = np.asarray(large.labels) == 1, np.asarray(large.logits) > THRESHOLD
    counts, plain = confusion(large.labels, large.logits, THRESHOLD), {}
    for name, one in MEASURES.items():
        right, among = one.of(labels, called) if one.of else (None, None)
        plain[one.label] = float(getattr(counts, name) if right is None else right[among].mean())
    exact = {label: Measured(value, value, value, 0) for label, value in plain.items()}
    plain |= {label: one.value for label, one in predictive(exact).items()}
    return plain | {METRICS[name].label: large.value(METRICS[name].function) for name in FREE}


def column(kind: Study, count: int) -> dict[str, float]:
    """For each measure the share of studies of a kind whose interval covers the truth."""
    true = truths(kind)
    drawn = [estimates(scored(kind, seed + 1)) for seed in range(count)]
    return {name: np.mean([one[name].low <= value <= one[name].high for one in drawn]) for name, value in true.items()}


def main() -> None:
    """Simulate and print a row for each measure and a column for each kind of study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000)
    count = parser.parse_args().studies
    columns = [column(kind, count) for kind in STUDIES]
    print(f"Share of {count:,} studies whose 95 % interval covers the truth\n")
    print("| measure | " + " | ".join(f"{kind.patients} patients" for kind in STUDIES) + " |")
    print("|---" * (1 + len(STUDIES)) + "|")
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(f"{held[name]:.1%}" for held in columns) + " |")


if __name__ == "__main__":
    main()
