"""The command line as a user and a script meet it."""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mammo.cli import COMMANDS, main, parser
from mammo.commands import demo
from mammo.commands.export import FORMS
from mammo.commands.index import INCOMPLETE
from mammo.commands.index import _text as index_text
from mammo.commands.leaderboard import settings_text, text_of
from mammo.commands.shared import show
from mammo.data.dataset.dataset import Dataset, write_dataset
from mammo.data.index import inspected
from mammo.data.index.inspection import FileFacts, InspectionRequest, inspect_file
from mammo.data.summary import summary
from mammo.estimates.estimate import extraction_estimate
from mammo.estimates.prices import remember
from mammo.features.cache.cache import ARRAYS, Cache, caches
from mammo.features.precision import fast_precision
from mammo.results.exports.export import EXPORTS
from mammo.runs.sweep import sweeps
from mammo.specs import CacheSpec, Home

Capture = pytest.CaptureFixture[str]


def run(capsys: Capture, home: Home, *words: str) -> tuple[int, str, str]:
    code = main([*words, "--home", str(home.path)])
    out, err = capsys.readouterr()
    return code, out, err


def run_json(capsys: Capture, home: Home, *words: str) -> Any:
    code, out, err = run(capsys, home, *words, "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.mark.parametrize("command", [command.__name__.rpartition(".")[2] for command in COMMANDS])
def test_every_command_has_help_with_an_example(command: str, capsys: Capture) -> None:
    words = [command, "phantom"] if command == "index" else [command]
    with pytest.raises(SystemExit) as stop:
        main([*words, "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert f"example:\n  mammo {command}" in shown
    assert "--home" in shown and "--json" in shown


def test_index_counts(home: Home, capsys: Capture) -> None:
    counts = run_json(capsys, home, "index", "phantom", "--images", "12", "--seed", "3", "--as", "p")
    assert counts["images"] == 12 and counts["synthetic"] is True
    assert counts["kinds"]["full"] == 12 and counts["kinds"]["crop"] == counts["kinds"]["mask"] == counts["lesions"]
    assert set(counts["labels"]) <= {"malignant", "benign", "benign_without_callback"}
    assert sum(counts["labels"].values()) == counts["lesions"]
    assert counts["quarantined"] == []


def test_index_counts_labels_of_images_without_known_lesions(home: Home, tmp_path: Path, capsys: Capture) -> None:
    for name in ("one", "two"):
        np.save(tmp_path / f"{name}.npy", np.arange(1200, dtype=np.uint16).reshape(40, 30))
    (tmp_path / "images.csv").write_text("path,label\none.npy,M\ntwo.npy,B\nlost.npy,B\n")
    code, text, _ = run(capsys, home, "index", "manifest", str(tmp_path / "images.csv"), "--as", "mine")
    assert code == 0 and text.splitlines()[-1].startswith("1 file was set aside; ")
    counts = dict(re.split(r"  +", line) for line in text.splitlines()[3:-1])
    assert set(counts["images by label"].split(", ")) == {"1 malignant", "1 benign"}
    assert (counts["images"], counts["lesions"], counts["lesions by label"]) == ("2", "not told", "-")


def killed_over_one_file(request: InspectionRequest) -> FileFacts:
    """A reader that the system kills at one file, as it does where memory runs out."""
    if request.file == "one.npy" or "P_00002" in request.file:
        os.kill(os.getpid(), signal.SIGKILL)
    return inspect_file(request)


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_index_ends_non_zero_where_the_machine_did_not_let_it_read_a_file(
    home: Home, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, form: list[str]
) -> None:
    for name in ("one", "two", "three"):
        np.save(tmp_path / f"{name}.npy", np.arange(1200, dtype=np.uint16).reshape(40, 30))
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    (tmp_path / "images.csv").write_text("path,label\none.npy,M\ntwo.npy,B\nthree.npy,M\nbad.npy,B\n")
    words = ("index", "manifest", str(tmp_path / "images.csv"), "--as", "mine", *form)
    code, text, err = run(capsys, home, *words)
    last = (err if form else text).splitlines()[-1]
    assert code == 0 and last.startswith("1 file was set aside; ") and "busy" not in last
    monkeypatch.setattr(inspected, "inspect_file", killed_over_one_file)
    shutil.rmtree(home.dataset("mine"))
    code, text, err = run(capsys, home, *words)
    last = (err if form else text).splitlines()[-1]
    assert code == INCOMPLETE != 0 and last.startswith("2 files were set aside; ")
    assert last.endswith("This machine did not let 1 of them be read: index again when it is less busy.")
    assert Dataset.open(home, "mine").stalled == ["one.npy"]
    if form:
        assert json.loads(text)["stalled"] == ["one.npy"] and json.loads(text)["images"] == 2


@pytest.mark.nightly
def test_a_demo_that_lacks_a_file_ends_non_zero(home: Home, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "AXES", {**demo.AXES, "epochs": [1]})
    words = ("demo", "--images", "40", "--trunk", "vgg16-mini", "--no-serve")
    code, _, err = run(capsys, home, *words)
    assert code == 0 and "set aside" not in err
    monkeypatch.setattr(inspected, "inspect_file", killed_over_one_file)
    (home.dataset("phantom-demo") / "files.parquet").unlink()
    code, _, err = run(capsys, home, *words)
    assert code == INCOMPLETE and re.search(r"[0-9]+ files? (was|were) set aside", err)


REFUSED = (
    "index manifest NOWHERE/none.csv --as x",
    "index manifest NOWHERE/bad.csv --as x",
    "index manifest NOWHERE/empty.csv --as x",
    "index cbis-ddsm NOWHERE --as x",
    "index phantom --images 0 --as x",
    "extract x --trunk vgg16-mini",
    "extract phantom-demo --trunk nothing",
    "extract phantom-demo --trunk vgg16-mini --size 48 --device tpu",
    "extract phantom-demo --trunk timm:vit_tiny_patch16_224 --weights random --size 100",
    "sweep phantom-demo --trunk vgg16-mini --device tpu",
    "sweep phantom-demo --trunk resnet50-mini --pool none",
    "probe x",
    "paper x",
    "export x --to NOWHERE/out",
)


@pytest.mark.slow
@pytest.mark.parametrize("words", REFUSED)
def test_refused_work_leaves_nothing_behind(demo_home: Home, tmp_path: Path, capsys: Capture, words: str) -> None:
    nowhere, home = tmp_path / "nowhere", Home(tmp_path / "home")
    nowhere.mkdir()
    (nowhere / "bad.csv").write_text("path,label\nnone.npy,M\nlost.npy,B\n")
    (nowhere / "empty.csv").write_text("")
    if "phantom-demo" in words:
        shutil.copytree(demo_home.path, home.path)
    before = sorted(tmp_path.rglob("*"))
    code, _, err = run(capsys, home, *words.replace("NOWHERE", str(nowhere)).split())
    assert code == 2 and "mammo: " in err.splitlines()[-1]
    assert sorted(tmp_path.rglob("*")) == before


def test_split_sizes_and_leakage(demo_home: Home, capsys: Capture) -> None:
    by_patient = run_json(capsys, demo_home, "split", "phantom-demo", "--protocol", "patient")
    assert by_patient["train"] + by_patient["validation"] + by_patient["test"] == 160
    assert not any(by_patient["leakage"].values())
    assert all(0 < by_patient["malignant"][part] < by_patient[part] for part in ("train", "validation", "test"))
    by_image = run_json(capsys, demo_home, "split", "phantom-demo", "--protocol", "paper")
    assert by_image["leakage"]["patients"] > 0 and by_image["leakage"]["test_images_with_patient_in_train"] > 0

    _, text, _ = run(capsys, demo_home, "split", "phantom-demo", "--protocol", "paper")
    sizes = [line.split() for line in text.splitlines() if line.startswith(("train", "validation", "test  "))]
    assert [row[:3] for row in sizes] == [
        [part, str(by_image[part]), str(by_image["malignant"][part])] for part in ("train", "validation", "test")
    ]
    for count, words in (("patients", "patients in train and test"), ("views", "views in train and test")):
        assert f"{words} " in text and str(by_image["leakage"][count]) in text
    assert "test images that may have a near-duplicate in train" in text


def test_a_set_of_crops_alone_says_how_to_go_on(home: Home, samples: Path, capsys: Capture) -> None:
    where = str(samples / "nbia"), "--csv", str(samples / "csv")
    code, _, errors = run(capsys, home, "index", "cbis-ddsm", *where, "--as", "crops")
    assert code == 0 and "extract and sweep them with --kind crop" in errors


def test_the_radiologists_roc(demo_home: Home, capsys: Capture) -> None:
    summary = run_json(capsys, demo_home, "reader", "phantom-demo")
    assert (summary["dataset"], summary["synthetic"], summary["part"]) == ("phantom-demo", True, "test")
    for name in ("image", "lesion", "mass", "calc"):
        low, high = summary[name]["interval"]
        assert 0 <= low <= summary[name]["auc"] <= high <= 1
        assert 0 < summary[name]["positives"] < summary[name]["n"]
    assert summary["lesion"]["n"] == summary["mass"]["n"] + summary["calc"]["n"]
    _, text, _ = run(capsys, demo_home, "reader", "phantom-demo")
    assert f"{summary['image']['auc']:.3f}" in text and "SYNTHETIC DATA" in text and "official test set" in text
    point = summary["image"]["operating"][0]["sensitivity"]
    low, high = point["interval"]
    assert f"BI-RADS ≥ 4 or 0  {point['value']:.3f} ({low:.3f} to {high:.3f})" in text
    assert max(map(len, text.splitlines()[:14])) <= 80
    assert text.count("sensitivity, 95 %") == text.count("\nreader ") == 1, "a share stands beside its interval"
    without_zeros = run_json(capsys, demo_home, "reader", "phantom-demo", "--recall-zero", "none")
    zeros = int((Dataset.open(demo_home, "phantom-demo").images.query("split == 'test'")["birads"] == 0).sum())
    assert zeros > 0 and without_zeros["image"]["n"] == summary["image"]["n"] - zeros


def test_a_reader_whose_labels_are_made_from_birads_is_called_circular(
    demo_home: Home, tmp_path: Path, capsys: Capture
) -> None:
    dataset, home = Dataset.open(demo_home, "phantom-demo"), Home(tmp_path / "home")
    about = {**dataset.about, "columns": {"label": "breast_birads", "birads": "breast_birads"}}
    write_dataset(home, "circular", about, dataset.images, dataset.lesions)
    summary = run_json(capsys, home, "reader", "circular")
    assert summary["circular"] is True and "'breast_birads'" in summary["reason"] and "image" not in summary
    _, text, _ = run(capsys, home, "reader", "circular")
    assert text.strip() == summary["reason"]


def test_classes_other_than_malignancy_have_their_own_names(demo_home: Home, tmp_path: Path, capsys: Capture) -> None:
    dataset, home = Dataset.open(demo_home, "phantom-demo"), Home(tmp_path / "home")
    about = {**dataset.about, "classes": {"positive": "dense", "negative": "other"}}
    write_dataset(home, "named", about, dataset.images, dataset.lesions)
    for words in (("split", "named"), ("reader", "named")):
        _, text, _ = run(capsys, home, *words)
        assert "dense" in text and "malignant" not in text
    assert set(run_json(capsys, home, "split", "named")["malignant"]) == {"train", "validation", "test"}
    counts = summary(Dataset.open(home, "named"))
    assert counts["classes"] == about["classes"] and set(counts["image_labels"]) == {"benign", "malignant"}
    printed = index_text(counts)
    assert (
        f"{counts['image_labels']['malignant']} dense" in printed
        and "images with other and dense lesions at once" in printed
    )


def test_a_reader_of_images_alone_has_no_empty_rows(demo_home: Home, tmp_path: Path, capsys: Capture) -> None:
    dataset = Dataset.open(demo_home, "phantom-demo")
    home = Home(tmp_path / "home")
    write_dataset(home, "whole", dataset.about, dataset.images, dataset.lesions.head(0))
    code, text, _ = run(capsys, home, "reader", "whole")
    assert code == 0 and "by image" in text
    assert not any(words in text for words in ("by lesion", "masses", "calcifications"))


def test_a_data_set_without_assessments_has_no_reader(demo_home: Home, tmp_path: Path, capsys: Capture) -> None:
    dataset = Dataset.open(demo_home, "phantom-demo")
    home = Home(tmp_path / "home")
    images, lesions = (table.assign(birads=None) for table in (dataset.images, dataset.lesions))
    write_dataset(home, "blind", dataset.about, images, lesions)
    code, out, err = run(capsys, home, "reader", "blind")
    assert (code, out) == (2, "") and "No BI-RADS assessment" in err and err.count("\n") == 1


def test_a_label_policy_is_shown_by_split_and_kept_by_sweep(demo_home: Home, tmp_path: Path, capsys: Capture) -> None:
    merged, dropped = (
        run_json(capsys, demo_home, "split", "phantom-demo", "--labels", labels) for labels in ("merged", "dropped")
    )
    parts = ("train", "validation", "test", "left_out")
    assert sum(merged[name] for name in parts) == sum(dropped[name] for name in parts) == 160
    assert merged["left_out"] == 0 < dropped["left_out"] and dropped["test"] < merged["test"]
    home = Home(tmp_path / "home")
    for folder in ("datasets", "features"):
        shutil.copytree(demo_home.path / folder, home.path / folder)
    words = ("sweep", "phantom-demo", "--trunk", "vgg16-mini", "--pool", "gap", "--epochs", "2")
    assert run_json(capsys, home, *words, "--labels", "merged,three-way")["runs"] == 2
    grid = tmp_path / "grid.toml"
    grid.write_text('labels = "dropped"\n')
    assert run_json(capsys, home, *words, "--grid", str(grid))["runs"] == 1
    assert {row["labels"] for row in run_json(capsys, home, "leaderboard")} == {"merged", "three-way", "dropped"}
    assert "three-way" in run(capsys, home, "leaderboard")[1]


def test_probe_prints_its_path_and_the_chosen_strength(tiny: Home, tmp_path: Path, capsys: Capture) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(tiny.path, home.path)
    content = run_json(capsys, home, "probe", "tiny", "--pool", "gap", "--redraws", "2")
    assert content["sweep"] in sweeps(home) and len(content["probes"]) == 2
    for row in content["probes"]:
        chosen = next(step for step in row["path"] if step["C"] == row["C"])
        assert len(row["path"]) == len(content["strengths"]) and chosen["train_loss"] > 0
        assert chosen["validation_auc"] == max(step["validation_auc"] for step in row["path"])
        low, high = row["test_auc_interval"]
        assert low <= row["test_auc"] <= high and row["n_test"] > 0 and row["leaked"] == 0
    code, text, _ = run(capsys, home, "probe", "tiny", "--pool", "gap", "--redraws", "2")
    assert code == 0 and "Validation AUC by C" in text and "SYNTHETIC DATA" in text


def test_leaderboard_has_all_promised_columns(demo_home: Home, capsys: Capture) -> None:
    rows = run_json(capsys, demo_home, "leaderboard")
    promised = {"run", "dataset", "trunk", "weights", "pool", "hidden", "optimizer", "lr", "protocol", "leakage"}
    promised |= {"n_test", "validation_auc", "test_auc", "test_auc_interval", "test_accuracy", "tie_group"}
    assert len(rows) == 24 and promised <= set(rows[0])
    validation = [row["validation_auc"] for row in rows]
    assert validation == sorted(validation, reverse=True)
    for row in rows:
        low, high = row["test_auc_interval"]
        assert 0 <= low < row["test_auc"] < high <= 1
        assert row["synthetic"] is True and "synthetic" in row["weights_note"]
    _, text, _ = run(capsys, demo_home, "leaderboard", "--wide")
    assert "SYNTHETIC DATA" in text and "trained on synthetic data" in text
    assert {"preprocess", "resize"} <= set(text.splitlines()[0].split())
    assert rows[0]["leaked"] == 0 and rows[0]["notes"] == []
    text_with_note = text_of([{**rows[0], "leaked": None, "notes": ["Nobody names patients."]}], wide=True)
    assert (
        text_with_note.splitlines()[2].endswith(" -")
        and f"{rows[0]['dataset']}: Nobody names patients." in text_with_note
    )


@pytest.mark.parametrize("group", [(), ("--group",)])
def test_what_stands_beneath_a_leaderboard_is_of_its_columns(
    demo_home: Home, capsys: Capture, group: tuple[str, ...]
) -> None:
    narrow = " ".join(run(capsys, demo_home, "leaderboard", *group)[1].split())
    assert "ccuracy" not in narrow and "of one run:" not in narrow and "95 %: the interval" not in narrow
    assert bool(group) or "In brackets: the 95 % interval, by patient." in narrow
    assert "ccuracy calls positive" in run(capsys, demo_home, "leaderboard", *group, "--wide")[1]


def test_leaderboard_reads_breasts_patients_and_ensembles(demo_home: Home, capsys: Capture) -> None:
    best, last = (run_json(capsys, demo_home, "leaderboard")[row]["run"] for row in (0, -1))
    both = f"{best}+{last.rpartition('.')[2]}"
    words = ("leaderboard", "--level", "breast", "--fuse", "max,noisy-or", "--ensemble", both)
    rows = run_json(capsys, demo_home, *words)
    assert len(rows) == 2 * 25 and {row["level"] for row in rows} == {"breast"}
    assert {f"{both}@breast-max", f"{both}@breast-noisy-or"} <= {row["run"] for row in rows}
    assert all(row["n_test"] < 40 and row["test_auc_interval"][0] < row["test_auc"] for row in rows)
    _, text, _ = run(capsys, demo_home, *words, "--top", "60")
    assert "n counts breasts" in text and "SYNTHETIC DATA" in text and both in text and "several" in text
    assert run(capsys, demo_home, "leaderboard", "--top", "0")[0] == 0


def test_leaderboard_prints_settings_and_selection_bias(demo_home: Home, capsys: Capture) -> None:
    settings = run_json(capsys, demo_home, "leaderboard", "--group")
    assert len(settings) == 24 and all(row["count"] == 1 and row["test_auc_sd"] is None for row in settings)
    (bias,) = run_json(capsys, demo_home, "leaderboard", "--optimism")
    assert bias["heads"] == 24 and 1 <= bias["independent_heads"] <= 24 and 0 <= bias["explained"] <= 1
    assert bias["test_auc_interval"][0] < bias["test_auc"] < bias["test_auc_interval"][1]
    _, text, _ = run(capsys, demo_home, "leaderboard")
    assert f"the best of 24 heads (worth {bias['independent_heads']:.1f}" in text
    best = next(row for row in run_json(capsys, demo_home, "leaderboard") if row["run"] == bias["winner"])
    for part in ("validation", "test"):
        low, high = best[f"{part}_auc_interval"]
        assert f"{best[f'{part}_auc']:.3f} ({low:.3f} to {high:.3f})" in text
    assert "±" not in text
    assert "SYNTHETIC DATA" in run(capsys, demo_home, "leaderboard", "--group")[1]
    assert "chance explains" in run(capsys, demo_home, "leaderboard", "--optimism")[1]


def test_a_list_has_its_data_sets_its_rule_and_the_number_of_hidden_rows(demo_home: Home, capsys: Capture) -> None:
    settings = run_json(capsys, demo_home, "leaderboard", "--group")
    assert "data set" not in settings_text(settings, wide=True)
    several = settings_text([settings[0], {**settings[1], "dataset": "another"}], wide=True)
    assert several.startswith("data set") and "\nanother " in several
    text = run(capsys, demo_home, "leaderboard", "--rule", "sensitivity", "--target", "0.8", "--top", "3", "--wide")[1]
    text = " ".join(text.split())
    assert "by the rule 'At a sensitivity of 0.8'" in text and "The first 3 of 24 rows; --top 24 prints all." in text
    assert "The first" not in run(capsys, demo_home, "leaderboard")[1]


def test_a_leaderboard_without_rows_and_an_export_into_a_home_are_refused(demo_home: Home, capsys: Capture) -> None:
    code, _, errors = run(capsys, demo_home, "leaderboard", "--top", "-5")
    assert code == 2 and "--top is a number of rows, 0 for none, not -5." in errors
    inside = demo_home.path / "sweeps" / "shared"
    code, _, errors = run(capsys, demo_home, "export", "--to", str(inside))
    assert code == 2 and "lies inside a home" in errors and not inside.exists()


def test_compare_tests_every_pair(demo_home: Home, capsys: Capture) -> None:
    names = [row["run"] for row in run_json(capsys, demo_home, "leaderboard")][:3]
    comparison = run_json(capsys, demo_home, "compare", *names)
    assert [compared["run"] for compared in comparison["runs"]] == names and len(comparison["pairs"]) == 3
    for compared in comparison["runs"]:
        for interval in (compared["auc_interval"], compared["auc_bootstrap_interval"]):
            assert interval[0] < compared["auc"] < interval[1]
        assert compared["n"] == comparison["n"] and compared["left_out"] == 0
    for pair in comparison["pairs"]:
        assert (
            sum(pair["flips"][name] for name in ("both_right", "only_first_right", "only_second_right"))
            <= comparison["n"]
        )
        for test in (pair["delong"], pair["bootstrap"], pair["flips"]):
            assert 0 <= test["p"] <= test["p_holm"] <= 1
    _, text, _ = run(capsys, demo_home, "compare", *names)
    assert f"Compared on the {comparison['n']} test images" in text and "SYNTHETIC DATA" in text and "1 − 3" in text
    plain = run_json(capsys, demo_home, "compare", *names, "--rule", "half")
    assert all(compared["threshold"] == 0.5 for compared in plain["runs"])


def test_one_rule_holds_for_accuracy_and_flips(demo_home: Home, capsys: Capture) -> None:
    rule = ("--rule", "sensitivity", "--target", "0.8")
    board = {row["run"]: row for row in run_json(capsys, demo_home, "leaderboard", *rule)}
    names = list(board)[:2]
    compared = run_json(capsys, demo_home, "compare", *names, *rule)
    assert compared["criterion"] == "At a sensitivity of 0.8"
    right = []
    for row in compared["runs"]:
        summary = run_json(capsys, demo_home, "operate", row["run"], *rule)
        assert row["threshold_logit"] == summary["threshold"] == board[row["run"]]["threshold"]
        assert row["accuracy"] == pytest.approx(summary["measures"]["accuracy"]["value"])
        assert row["accuracy"] == pytest.approx(board[row["run"]]["test_accuracy"])
        right.append(summary["confusion"]["true_malignant"] + summary["confusion"]["true_benign"])
    flips = compared["pairs"][0]["flips"]
    assert [flips["both_right"] + flips[f"only_{which}_right"] for which in ("first", "second")] == right
    assert "own threshold, chosen on validation" in run(capsys, demo_home, "leaderboard", *rule, "--wide")[1]
    assert "above probability 0.5; --rule" in run(capsys, demo_home, "leaderboard", "--wide")[1]
    assert all(row["threshold"] == 0 for row in run_json(capsys, demo_home, "leaderboard"))
    for command in (("leaderboard",), ("compare", *names)):
        code, out, err = run(capsys, demo_home, *command, "--rule", "best")
        assert (code, out) == (2, "") and "no rule 'best'" in err


def test_operate_prints_each_measure_with_n_and_interval(demo_home: Home, capsys: Capture) -> None:
    best = run_json(capsys, demo_home, "leaderboard")[0]
    summary = run_json(capsys, demo_home, "operate", best["run"], "--by", "density")
    assert (summary["n"], summary["part"], summary["unit"], summary["rule"]) == (
        best["n_test"],
        "test",
        "images",
        "youden",
    )
    assert summary["chosen_on"]["part"] == "validation" and summary["chosen_on"]["n"] == best["n_validation"]
    assert sum(summary["confusion"].values()) == summary["n"] == summary["subgroups"][0]["n"]
    assert summary["metrics"]["auc"]["value"] == best["test_auc"]
    assert summary["metrics"]["auc"]["interval"] == best["test_auc_interval"]
    for measure in (*summary["measures"].values(), *summary["metrics"].values(), summary["calibration"]["brier"]):
        assert measure["reason"] or measure["interval"][0] <= measure["value"] <= measure["interval"][1]
        assert 0 < measure["n"] <= summary["n"]
    assert summary["predictive"]["npv"]["value"] > summary["measures"]["npv"]["value"]
    breasts = run_json(capsys, demo_home, "operate", f"{best['run']}@breast-max", "--rule", "half")
    assert breasts["unit"] == "breasts" and breasts["n"] < summary["n"] and breasts["threshold"] == 0
    _, text, _ = run(capsys, demo_home, "operate", best["run"], "--by", "density")
    assert "SYNTHETIC DATA" in text and "fewer than 10" in text and "rule youden, chosen on" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--rule", "best"), "no rule 'best'"),
        (("--rule", "sensitivity", "--target", "2"), "target must be a share"),
        (("--prevalence", "0"), "prevalence must lie"),
        (("--part", "all"), "no part 'all'"),
        (("--by", "age"), "no column 'age'"),
    ],
)
def test_operate_refuses_missing_rules_parts_and_columns(
    words: tuple[str, ...], expected: str, demo_home: Home, capsys: Capture
) -> None:
    code, out, err = run(capsys, demo_home, "operate", f"{sweeps(demo_home)[0]}.0", *words)
    assert (code, out) == (2, "") and expected in err and err.count("\n") == 1


def test_extract_and_sweep_report_their_results(demo_home: Home, tmp_path: Path, capsys: Capture) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(demo_home.dataset("phantom-demo"), home.dataset("phantom-demo"))
    words = ("extract", "phantom-demo", "--trunk", "vgg16-mini", "--size", "64", "--precision", "float32")
    extracted = run_json(capsys, home, *words)
    assert (extracted["images"], extracted["computed"], extracted["reused"]) == (160, 160, 0)
    assert extracted["images_per_second"] > 0 and extracted["seconds"] > 0 and len(extracted["digest"]) == 64
    again = run_json(capsys, home, *words)
    assert (again["computed"], again["reused"], again["digest"]) == (0, 160, extracted["digest"])
    grid = tmp_path / "grid.toml"
    grid.write_text('pool = ["flatten", "gap"]\nlr = [1e-3, 1e-4]\nepochs = 2\nredraws = 2\n')
    swept = run_json(capsys, home, "sweep", "phantom-demo", "--grid", str(grid))
    assert swept["runs"] == 8 and sweeps(home) == [swept["sweep"]]
    smaller = run_json(capsys, home, "sweep", "phantom-demo", "--grid", str(grid), "--pool", "gap", "--redraws", "1")
    assert smaller["runs"] == 2


def test_a_sweep_takes_features_of_one_image_kind(demo_home: Home, tmp_path: Path, capsys: Capture) -> None:
    home = Home(tmp_path / "home")
    for folder in ("datasets", "features"):
        shutil.copytree(demo_home.path / folder, home.path / folder)
    crops = ("extract", "phantom-demo", "--trunk", "vgg16-mini", "--kind", "crop", "--size", "64")
    assert run_json(capsys, home, *crops)["images"] > 160
    words = ("sweep", "phantom-demo", "--epochs", "2")
    assert run_json(capsys, home, *words)["runs"] == 2
    assert run_json(capsys, home, *words, "--kind", "crop")["runs"] == 1
    assert {row["kind"] for row in run_json(capsys, home, "leaderboard")} == {"full", "crop"}


PAPER_WORDS = ("paper", "tiny", "--size", "64", "--epochs", "2", "--splits", "2", "--draws", "3")


@pytest.mark.slow
def test_the_report_is_compared_with_ours(paper_home: Home, tmp_path: Path, capsys: Capture) -> None:
    rows = run_json(capsys, paper_home, *PAPER_WORDS, "--to", str(tmp_path / "report"))
    assert [row["row"] for row in rows] == [*range(1, 10), *range(1, 7)]
    promised = {"table", "row", "settings", "reported", "ours"}
    for row in rows:
        assert promised <= set(row) and {"accuracy", "auc"} <= set(row["reported"])
        assert {"accuracy", "auc", "auc_interval", "n"} <= set(row["ours"]) and row["ours"]["n"] == 14
    assert (rows[4]["reported"]["accuracy"], rows[4]["reported"]["auc"]) == (0.727, 0.8016)
    assert {path.suffix for path in (tmp_path / "report").iterdir()} == {".md", ".csv", ".tex", ".html"}
    _, text, _ = run(capsys, paper_home, *PAPER_WORDS)
    assert "0.8016" in text and f"{rows[4]['ours']['auc']:.3f}" in text
    assert "Synthetic data" in text and "mini trunks" in text and "in train" in text


def test_the_reports_accuracies_are_at_half_unless_a_rule_is_asked_for(paper_home: Home, capsys: Capture) -> None:
    usual, youden = (run_json(capsys, paper_home, *PAPER_WORDS, *rule) for rule in ((), ("--rule", "youden")))
    assert {row["rule"] for row in usual} == {"half"} and {row["rule"] for row in youden} == {"youden"}
    assert [row["ours"]["auc"] for row in usual] == [row["ours"]["auc"] for row in youden]
    pairs = [(half["ours"]["accuracy"], best["ours"]["accuracy"]) for half, best in zip(usual, youden, strict=True)]
    assert any(chosen > half for half, chosen in pairs)
    first = youden[0]["protocols"]["patient"]
    summary = run_json(capsys, paper_home, "operate", first["runs"][0])
    assert first["test"]["accuracy"] == pytest.approx(summary["measures"]["accuracy"]["value"])
    assert "each run's own threshold" in run(capsys, paper_home, *PAPER_WORDS, "--rule", "youden")[1]
    assert "as the report's does" in run(capsys, paper_home, *PAPER_WORDS)[1]


def test_the_report_is_shown_without_any_run(demo_home: Home, capsys: Capture) -> None:
    rows = run_json(capsys, demo_home, "paper", "phantom-demo", "--no-run")
    assert len(rows) == 15 and all(row["ours"]["auc"] is None for row in rows)
    code, text, _ = run(capsys, demo_home, "paper", "phantom-demo", "--no-run")
    assert code == 0 and "0.8016" in text


@pytest.mark.slow
def test_verify_and_repair(demo_home: Home, tmp_path: Path, capsys: Capture) -> None:
    home = Home(tmp_path / "home")
    for folder in ("datasets", "features"):
        shutil.copytree(demo_home.path / folder, home.path / folder)
    name = caches(home, "phantom-demo")[0]
    cache = Cache.open(home, "phantom-demo", name)
    chunk = sorted(cache.manifest["chunks"])[1]
    file = cache.folder / ARRAYS / chunk
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    code, out, _ = run(capsys, home, "verify", "--json")
    assert code == 1
    assert [(damage["cache"], damage["chunk"]) for damage in json.loads(out)["damaged"]] == [(name, chunk)]
    assert run(capsys, home, "verify", "--repair")[0] == 0
    assert run(capsys, home, "verify")[0] == 0
    assert Cache.open(home, "phantom-demo", name).manifest["digest"] == cache.manifest["digest"]


def test_doctor_checks_everything(home: Home, capsys: Capture) -> None:
    checks = run_json(capsys, home, "doctor")["checks"]
    assert {"python", "torch", "device", "home", "disk", "weights of vgg16-mini"} <= {check["name"] for check in checks}
    assert all(check["remedy"] for check in checks if not check["ok"])
    _, text, _ = run(capsys, home, "doctor")
    where = re.escape(str(home.path))
    assert re.search(rf"^home +(ok +)?{where}$", text, re.MULTILINE), "a name beside what was found"
    assert "\nweights of vgg16 " in text.rpartition("what to do")[2], "a name beside what to do"


def test_the_message_has_the_path_of_a_home_without_runs(tmp_path: Path, capsys: Capture) -> None:
    code, out, err = run(capsys, Home(tmp_path / "mistyped"), "leaderboard")
    assert (code, out.strip()) == (0, "") and f"no runs in {tmp_path / 'mistyped'} yet" in err


BAD = {
    "unknown data set": (["extract", "nothing", "--trunk", "vgg16-mini"], "no data set 'nothing'"),
    "unknown trunk": (["extract", "phantom-demo", "--trunk", "vgg17"], "no trunk 'vgg17'"),
    "unknown tap": (["extract", "phantom-demo", "--trunk", "vgg16-mini", "--tap", "fc"], "no tap 'fc'"),
    "unknown resize": (["extract", "phantom-demo", "--trunk", "vgg16-mini", "--resize", "crop"], "no resize 'crop'"),
    "unknown weights": (["extract", "phantom-demo", "--trunk", "vgg16", "--weights", "best"], "no weights 'best'"),
    "no weights file": (["extract", "phantom-demo", "--trunk", "vgg16", "--weights", "no.pth"], "no weights file"),
    "silly size": (["extract", "phantom-demo", "--trunk", "vgg16-mini", "--size", "3"], "between 32 and 4096"),
    "unknown pool": (["sweep", "phantom-demo", "--pool", "mean"], "no pool 'mean'"),
    "unknown optimiser": (["sweep", "phantom-demo", "--optimizer", "sgd"], "no optimiser 'sgd'"),
    "words for numbers": (["sweep", "phantom-demo", "--lr", "fast"], "takes numbers"),
    "unknown cache": (["sweep", "phantom-demo", "--cache", "nothing"], "no cache 'nothing'"),
    "path as a name": (["split", "../../etc"], "cannot name a data set"),
    "unknown protocol": (["split", "phantom-demo", "--protocol", "mine"], "no split protocol 'mine'"),
    "unknown sweep": (["leaderboard", "nothing"], "no finished sweep 'nothing'"),
    "unknown level": (["leaderboard", "--level", "lesion"], "no level 'lesion'"),
    "unknown fusion": (["leaderboard", "--level", "breast", "--fuse", "median"], "no fusion 'median'"),
    "no fusion": (["leaderboard", "--level", "breast", "--fuse", ","], "Name a fusion"),
    "no ensemble": (["leaderboard", "--ensemble", "best"], "is no run"),
    "one run": (["compare", "x.0"], "no finished sweep 'x'"),
    "no run": (["compare", "x", "y"], "is no run"),
    "unknown run": (["operate", "nothing.1"], "no finished sweep 'nothing'"),
    "no run to operate": (["operate", "best"], "is no run"),
    "no folder": (["index", "cbis-ddsm", "/nowhere", "--as", "x"], "no folder /nowhere"),
    "no images": (["index", "phantom", "--images", "0", "--as", "x"], "between 1 and 100,000"),
    "not a mini": (["pretrain", "vgg16"], "mini"),
    "unknown trunks": (["paper", "phantom-demo", "--trunks", "maxi"], "no set of trunks 'maxi'"),
    "three weights": (["paper", "phantom-demo", "--weights", "random,random,random"], "both trunks"),
    "no splits": (["paper", "phantom-demo", "--splits", "0"], "splits must be between"),
    "no memory": (["sweep", "phantom-demo", "--memory", "nan"], "--memory must be a number of gigabytes"),
    "endless memory": (["sweep", "phantom-demo", "--memory", "inf"], "--memory must be a number of gigabytes"),
    "less than no memory": (["sweep", "phantom-demo", "--memory=-1"], "--memory must be a number of gigabytes"),
    "no grid": (["sweep", "phantom-demo", "--grid", "no.toml"], "cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_in_one_line(case: str, demo_home: Home, capsys: Capture) -> None:
    words, expected = BAD[case]
    code, out, err = run(capsys, demo_home, *words)
    sentences = [line for line in err.splitlines() if line.startswith("mammo: ")]
    assert code == 2 and not out and len(sentences) == 1
    assert expected in sentences[0]


@pytest.mark.parametrize(
    "words",
    [
        ["extract", "phantom-demo", "--trunk", "vgg16-mini", "--weights", "a" * 300 + ".pth"],
        ["index", "manifest", "a" * 300, "--as", "x"],
        ["index", "cbis-ddsm", "a" * 300, "--as", "x"],
        ["export", "--to", "a" * 300],
    ],
)
def test_an_error_of_the_system_ends_in_one_line(words: list[str], demo_home: Home, capsys: Capture) -> None:
    code, out, err = run(capsys, demo_home, *words)
    assert code == 2 and not out
    assert [line for line in err.splitlines() if line.startswith("mammo: ")] == err.splitlines()
    assert "File name too long" in err


def test_home_that_cannot_be_written(tmp_path: Path, capsys: Capture) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    code, _, err = run(capsys, Home(blocked), "index", "phantom", "--images", "4", "--as", "p")
    assert code == 2 and "Cannot write" in err and "--home" in err


def test_help_is_light() -> None:
    """The help imports no slow package."""
    script = "import sys; from mammo.cli import parser; parser(); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    heavy = {"torch", "timm", "numpy", "pandas", "streamlit", "zarr", "plotly", "skimage", "sklearn"}
    assert not {name for name in heavy if f"'{name}'" in loaded}


def test_opening_results_needs_no_torch(demo_home: Home) -> None:
    script = (
        "import sys\nfrom pathlib import Path\nimport mammo\n"
        f"home = mammo.Home(Path({str(demo_home.path)!r}))\n"
        "assert len(mammo.leaderboard(home)) == 24\n"
        "import mammo.results.figures.runs\n"
        "mammo.Dataset.open(home, 'phantom-demo')\n"
        "print(sorted({'torch', 'timm', 'streamlit'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_commands_of_the_contract_are_there() -> None:
    (choices,) = (action.choices for action in parser()._actions if action.dest == "command")
    promised = {
        "demo",
        "pretrain",
        "index",
        "split",
        "extract",
        "sweep",
        "leaderboard",
        "paper",
        "compare",
        "verify",
        "doctor",
        "serve",
    }
    assert promised <= set(choices)


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_a_port_out_of_range_is_refused(port: str, capsys: Capture, home: Home) -> None:
    code, _, err = run(capsys, home, "serve", "--port", port)
    assert code == 2 and "between 1 and 65535" in err


def test_export_writes_the_forms_that_its_help_lists(demo_home: Home, tmp_path: Path, capsys: Capture) -> None:
    assert {word.split()[0] for word in FORMS.split(", ")} == set(EXPORTS)
    name = sweeps(demo_home)[0]
    content = run_json(capsys, demo_home, "export", name, "--to", str(tmp_path / "out"), "--as", "csv,cards")
    assert content == {"exports": {form: str(tmp_path / "out" / form) for form in ("csv", "cards")}}
    assert (tmp_path / "out" / "csv" / "runs.csv").is_file()
    code, text, _ = run(capsys, demo_home, "export", name, "--to", str(tmp_path / "shared"))
    assert code == 0 and f"mammo serve --home {tmp_path / 'shared'}" in text
    again = run_json(capsys, Home(tmp_path / "shared"), "leaderboard")
    assert again == run_json(capsys, demo_home, "leaderboard", name)
    code, out, err = run(capsys, demo_home, "export", name, "--to", str(tmp_path), "--as", "pdf")
    assert (code, out) == (2, "") and "no form of export 'pdf'" in err


def test_estimates_are_printed_and_nothing_is_done(demo_home: Home, tmp_path: Path, capsys: Capture) -> None:
    """With prices that are stored already; measuring has tests of its own."""
    home = Home(tmp_path / "home")
    home.path.mkdir()
    for folder in ("datasets", "features"):
        (home.path / folder).symlink_to(demo_home.path / folder)
    trunks = ("extract", "phantom-demo", "--trunk", "vgg16", "--weights", "random", "--estimate")
    heads = ("sweep", "phantom-demo", "--pool", "gap", "--patience", "3", "--estimate")
    spec = CacheSpec("phantom-demo", "vgg16", "random-0", precision=fast_precision())
    for kind in ("heads", *extraction_estimate(home, [spec]).missing):
        remember(home, kind, {"heads": 2.0, "trunks": 5.0, "forward": 0.1})
    extracted = run_json(capsys, home, *trunks)
    assert extracted["seconds"] > 0.1 * 160 and extracted["measured"] and not extracted["at_most"]
    swept = run_json(capsys, home, *heads)
    assert swept["runs"] == 2 and swept["at_most"] and sum(swept["parts"].values()) == pytest.approx(swept["seconds"])
    assert "at most, for heads that stop early take less" in run(capsys, home, *heads)[1]
    assert sorted(path.name for path in home.path.iterdir()) == ["datasets", "features", "rates.json"]


def test_a_leaderboard_fits_80_columns(demo_home: Home, capsys: Capture) -> None:
    for options in ([], ["--group"], ["--level", "patient"], ["--optimism"]):
        code, text, _ = run(capsys, demo_home, "leaderboard", *options)
        assert code == 0 and max(map(len, text.splitlines())) <= 80
    _, wide, _ = run(capsys, demo_home, "leaderboard", "--wide")
    assert "validation AUC" in wide.splitlines()[0] and "optimizer" in wide.splitlines()[0]


def test_undefined_numbers_are_null(capsys: Capture) -> None:
    diverged = {"threshold": math.inf, "measures": [{"value": np.float32("nan")}], "n": 3}
    show(argparse.Namespace(json=True), diverged, "")
    assert json.loads(capsys.readouterr().out) == {"threshold": None, "measures": [{"value": None}], "n": 3}


def test_a_long_list_that_holds_no_numbers_is_named_briefly(tiny: Home, capsys: Capture) -> None:
    code, _, errors = run(capsys, tiny, "sweep", "tiny", "--estimate", "--lr", "x," * 25_000)
    assert code == 2 and "--lr takes numbers separated by commas, not 'x,x," in errors and len(errors) < 300
