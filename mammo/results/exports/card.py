"""The model card of a run in Markdown: the model, its data, split and leakage, its figures and their limits.

The sections are those of Mitchell et al., Model Cards for Model Reporting (2019), as far as they apply.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from mammo import __version__
from mammo.data.dataset.licence import attribution_of, licence_of
from mammo.data.origin import origin
from mammo.data.splits.labels import LABELS
from mammo.data.splits.leakage import COUNTS, leaked_images
from mammo.data.splits.protocols import OUT, PARTS, SPLITS
from mammo.results.interval_words import interval_words
from mammo.results.markdown import markdown_table as _table
from mammo.results.markdown import marked
from mammo.results.setting_words import label_of
from mammo.specs import PROBE, HeadSpec
from mammo.specs.class_names import capital
from mammo.specs.head_spec import HEAD_AXES
from mammo.statistics.measures import measure
from mammo.statistics.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mammo.runs.stored_run import StoredRun
    from mammo.statistics.comparing.selection_bias import SelectionBias

RESEARCH = (
    "**Research software, not a medical device.** Nothing here may be used to decide about a patient: not to screen, "
    "to triage or to diagnose."
)
SYNTHETIC = "**Synthetic data**: a program made the images. The figures say nothing about real mammograms."
SCORED = ("validation", "test")
"""The parts of the split whose figures a card shows."""


def model_card(
    run: StoredRun, among: int = 1, selection_bias: SelectionBias | None = None, terms: Mapping[str, Any] | None = None
) -> str:
    """Return the card of `run`, one of `among` runs that were tried.

    `selection_bias` is by how much the best of these runs looks too good by chance. `terms` is the `about` of the
    data set's index, where it is there: its licence, and how its source wants to be named.
    """
    sections = {
        "What it is": _model(run),
        "Data": _data(run, terms or {}),
        "Split": _split(run),
        "Leakage": _leakage(run),
        "Figures": _figures(run),
        "Limits": _limits(run, among, selection_bias),
        "To make it again": _recipe(run),
    }
    body = "\n".join(f"## {title}\n\n{text}\n" for title, text in sections.items())
    warnings = "\n\n".join([RESEARCH, *_warnings(run)])
    return f"# Model card: {run.id}\n\n{warnings}\n\n{body}"


def _warnings(run: StoredRun) -> list[str]:
    """The warnings that stand before any figure."""
    warnings = [SYNTHETIC] if run.sweep.synthetic else []
    if any(word in run.weights_note for word in ("synthetic", "random")):
        warnings.append(f"**Weights of the trunk: {run.weights_note}.** It is no substitute for one with real weights.")
    count = leaked_images(_facts(run)["leakage"])
    if count is None:
        warnings.append(
            "**Leakage unknown**: the data set names no patients, so nobody can say whether train has seen them."
        )
    elif count:
        warnings.append(
            f"**Leakage**: training has seen {count} of the test {run.unit}. Test figures come out too high."
        )
    return warnings + [f"**Note**: {marked(note)}" for note in run.sweep.notes]


def _model(run: StoredRun) -> str:
    settings, cache, about = run.settings, _cache(run), run.sweep.about
    scores = (
        {} if run.sweep.level == "image" else {"Scores": f"of {run.unit}, fused from their images' by {about['fuse']}"}
    )
    if members := about.get("members"):
        return _bullets({"Ensemble of": ", ".join(f"`{member}`" for member in members), **scores})
    prepared = label_of("preprocess", cache["preprocess"])
    lines = {
        "Trunk": f"{cache['trunk']}, {run.weights_note}, frozen up to the tap `{cache['tap']}`",
        "Images": f"{cache['kind']}, {prepared} preprocessing, {cache['resize']} to {cache['size']} pixels",
        "Augmentation": "none" if cache["augment"] == "none" else f"{cache['augment']}, {cache['draws']} draws",
        "Features": f"{label_of('pool', settings['pool'])}, in {cache['precision']}",
        "Head": "linear" if settings["hidden"] == 0 else f"{settings['hidden']} hidden units",
        "Training": _training(settings),
    }
    return _bullets({**lines, **_more_settings(settings), **scores})


def _training(settings: dict[str, Any]) -> str:
    if settings["optimizer"] == PROBE:
        return f"L2 logistic regression solved to its optimum; C = {settings['strength']:.3g} by validation AUC"
    tuned = f", with the trunk's {settings['finetune']} at {settings['tail_lr']:g}"
    tuned = "" if settings["finetune"] == "none" else tuned
    stop = f", stopped after {settings['patience']} without a better validation AUC" if settings["patience"] else ""
    return (
        f"{label_of('optimizer', settings['optimizer'])} at a learning rate of {settings['lr']:g}{tuned}; "
        f"batches of {settings['batch']}, dropout {settings['dropout']:g}, seed {settings['seed']}; "
        f"{settings['trained_epochs']} of {settings['epochs']} epochs{stop}, "
        f"the weights of epoch {settings['best_epoch']} kept"
    )


def _more_settings(settings: dict[str, Any]) -> dict[str, str]:
    """The axes of a head that the other lines do not name, where they differ from what all heads had before them."""
    later = (name for name, axis in HEAD_AXES.items() if axis.since > 1 and name not in ("finetune", "tail_lr"))
    words = [
        f"{HEAD_AXES[name].label.lower()} {label_of(name, settings[name])}"
        for name in later
        if settings[name] != HEAD_AXES[name].absent
    ]
    return {"More settings": ", ".join(words)} if words else {}


def _data(run: StoredRun, terms: Mapping[str, Any]) -> str:
    about, images = run.sweep.about["dataset"], run.sweep.images
    malignant, patients = int(run.sweep.labels.sum()), images["patient"].replace("", np.nan).nunique()
    policy, classes = LABELS[str(run.settings["labels"])], run.sweep.classes
    positive, negative = marked(classes.positive), marked(classes.negative)
    attribution = attribution_of(terms)
    return _bullets(
        {
            "Data set": f"`{about['name']}`: {marked(origin(about))}",
            "Holds": f"{len(images):,} {run.unit} of {patients:,} patients, {malignant:,} of them {positive}",
            **({} if classes.plain else {"Classes": f"{positive}, and {negative}"}),
            "Labels": f"{policy.label}. {policy.description}",
            **({"Licence": f"{(licence := licence_of(terms)).label}. {licence.words}"} if terms else {}),
            **({"To be named": marked(attribution)} if attribution else {}),
            "Content": f"SHA-256 `{about.get('digest', 'unknown')}`",
        }
    )


def _split(run: StoredRun) -> str:
    settings, spec = run.settings, _facts(run)["spec"]
    about = SPLITS[str(settings["protocol"])]
    rows = []
    for name, number in {**PARTS, "left out": OUT}.items():
        chosen = run.sweep.parts[int(settings["split"])] == number
        labels, patients = run.sweep.labels[chosen], run.sweep.images["patient"][chosen]
        rows.append([name, chosen.sum(), labels.sum(), patients.nunique()])
    description = f"`{settings['protocol']}` ({about.description}), seed {spec['seed']}, redraw {spec['redraw']}."
    header = ["Part", run.unit.capitalize(), marked(capital(run.sweep.classes.positive)), "Patients"]
    return f"{description}\n\n{_table(header, rows)}"


def _leakage(run: StoredRun) -> str:
    leaks = _facts(run)["leakage"]
    rows = [[words, "not known" if leaks.get(kind) is None else leaks[kind]] for kind, words in COUNTS.items()]
    return _table(["What train holds of the test set", "Count"], rows)


def _figures(run: StoredRun) -> str:
    rows = []
    for part in SCORED:
        scored = run.scored(part)
        for name, metric in METRICS.items():
            measured = measure(name, scored)
            bounds = interval_words((measured.low, measured.high), reason=measured.reason)
            rows.append([metric.label, part, _number(measured.value), bounds, measured.n])
    explanation = (
        "Intervals are of 95 %, with patients, not images, as what was drawn. The settings were chosen, if at all, by "
        "validation figures, which for that reason come out too high; the test figures were not used to choose."
    )
    return f"{_table(['Figure', 'Part', 'Value', '95 % interval', run.unit.capitalize()], rows)}\n\n{explanation}"


def _limits(run: StoredRun, among: int, selection_bias: SelectionBias | None) -> str:
    scored = run.scored("test")
    area, malignant = measure("auc", scored), int(np.sum(scored.labels))
    auc_words = (
        f"has {area.reason}" if area.reason else f"lies between {interval_words((area.low, area.high), '.2f', ' and ')}"
    )
    positive = marked(run.sweep.classes.positive)
    limits = [
        f"The test set holds {np.size(scored.labels)} {run.unit}, {malignant} of them {positive}: the AUC {auc_words}.",
        _selection_limit(among, selection_bias),
        "It was tested on images of the collection that it was trained on, not on those of another hospital, scanner "
        "or time; how often cancer occurs here is the collection's choice, so predictive values do not carry over.",
        "Probabilities are not calibrated, and 0.5 is no threshold that anyone chose for a purpose.",
        "Groups of patients were not looked at one by one: a figure over all can hide one that fares worse.",
    ]
    return "\n".join(f"- {limit}" for limit in limits if limit)


def _selection_limit(among: int, selection_bias: SelectionBias | None) -> str:
    if among < 2:
        return ""
    sentence = (
        f"The run stands among {among:,} that were tried: the best of many looks better on validation than it is."
    )
    if selection_bias is None:
        return sentence
    return (
        f"{sentence} Of {selection_bias.heads:,} that were validated on the same images the best has an AUC of "
        f"{selection_bias.winner:.3f}, "
        f"{selection_bias.margin:.3f} above the mean of all; were all equally good, the best would by chance lie "
        f"{selection_bias.expected:.3f} above it."
    )


def _recipe(run: StoredRun) -> str:
    """The specs of the run, and the version of mammo: all that its numbers depend on."""
    if run.sweep.about.get("members"):
        return "The scores of its members, each divided by the temperature that fits its validation images best, fused."
    fields = HeadSpec().to_json()
    head = {name: _plain(value) for name, value in run.settings.items() if name in fields}
    cache = _cache(run)
    content = {"cache": {**cache, "name": run.settings["cache"]}, "head": head, "split": _facts(run)["spec"]}
    return f"This card was written by mammo {__version__}.\n\n```json\n{json.dumps(content, indent=2)}\n```"


def _facts(run: StoredRun) -> dict[str, Any]:
    facts: dict[str, Any] = run.sweep.about["splits"][int(run.settings["split"])]
    return facts


def _cache(run: StoredRun) -> dict[str, Any]:
    cache: dict[str, Any] = run.sweep.about["caches"][run.settings["cache"]]
    return cache


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "undefined"


def _bullets(lines: dict[str, str]) -> str:
    return "\n".join(f"- **{name}**: {value}" for name, value in lines.items())
