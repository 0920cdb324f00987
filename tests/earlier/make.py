"""Make `home.tar.xz` and `recorded.json.xz`: a small home of an earlier version, and what that version told of it.

    PYTHONPATH=. OMP_NUM_THREADS=1 python -m tests.earlier.make

Runs on the version that the fixture is of, and need not run on any other. What the home holds stands here, what is
asked of it in `asking.py`. Nothing in it names the machine: the pictures are indexed in `PLACE`, a folder that is made
for that and removed again, films lie in the data set's own folder, and the times of files, jobs and prices are
made up or left out (`neutral`). For their size films and previews are left out, and the weights of heads with a
fine-tuned trunk, whose sweep is therefore one without digests, as versions before wrote them; zeros stand in the place
of the activations of all caches but one, from which heads can be trained again. How long training took is what it was,
so that two homes differ in that.
"""

from __future__ import annotations

import io
import json
import lzma
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from mammo import jobs
from mammo.data.index.cbis_ddsm import index_cbis_ddsm
from mammo.data.index.manifest import index_manifest
from mammo.data.manifest.options import ManifestOptions
from mammo.data.phantom import PhantomSpec, write_phantom
from mammo.features.extraction.extract import extract
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import keep_finished, sweep
from mammo.paper import open_report_runs
from mammo.progress import finish
from mammo.results.report.stated import ROWS, ReportSpec
from mammo.specs import CacheSpec, HeadSpec, Home, SplitSpec, SweepSpec
from mammo.storage.atomic_files import write_text
from mammo.storage.json_files import write_json
from tests.earlier import asking

PLACE = Path("/data/earlier")
"""Where the pictures lie while they are indexed: an index keeps the folder of a manifest."""
SIDE = 32
LARGE = 50_000
"""Bytes from which the weights of a sweep's heads are left out: those of a fine-tuned trunk."""
MADE = 1_767_225_600
"""The made-up time of files, in seconds since 1970; sweeps follow one another by a second."""
PARTS = {"train": 14, "validation": 8, "test": 10}
"""Patients of each part of the pictures."""


def write_pictures(folder: Path) -> Path:
    """Pictures of coarse greys, the malignant with a bright spot, two of every second patient; returns their list."""
    chance = np.random.default_rng(7)
    rows = []
    patients = [(part, f"{part[:2]}{number:02d}") for part, count in PARTS.items() for number in range(count)]
    folder.mkdir(parents=True)
    for number, (part, patient) in enumerate(patients):
        for view in ("CC", "MLO")[: 1 + number % 2]:
            malignant = number % 5 in (0, 3)
            pixels = chance.integers(4, 10, (SIDE // 2, SIDE // 2)).repeat(2, 0).repeat(2, 1) * 16
            if malignant:
                row, column = chance.integers(2, SIDE - 12, 2)
                pixels[row : row + 10, column : column + 10] += 32 + 16 * int(chance.integers(0, 3))
            name = f"{patient}-{view}.png"
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name, optimize=True)
            birads = int(np.clip(chance.integers(2, 5) + malignant, 1, 5)) if number % 7 else 0
            facts = {"path": name, "label": "M" if malignant else "B", "patient": patient, "view": view, "split": part}
            facts |= {"breast": "LEFT" if number % 3 else "RIGHT", "density": 1 + number % 4, "birads": birads}
            rows.append({**facts, "abnormality": "mass" if number % 2 else "calc", "subtlety": 1 + number % 5})
    pd.DataFrame(rows).to_csv(folder / "pictures.csv", index=False)
    return folder / "pictures.csv"


def fill(home: Home) -> dict[str, str]:
    """Data sets, caches, sweeps and jobs; the names of caches and sweeps, by what they are called here."""
    pictures = write_pictures(PLACE)
    same_times(PLACE)
    finish(index_manifest(home, "pictures", pictures, workers=1, options=ManifestOptions(licence="open")))
    films = home.dataset("films") / "files"
    finish(write_phantom(films, PhantomSpec(images=16, seed=5, height=128), workers=1))
    same_times(films)
    finish(index_cbis_ddsm(home, "films", films, workers=1))
    paper = ReportSpec("pictures", "mini", size=64, epochs=2, splits=1, draws=2)
    (row_8,) = (step.features for step in open_report_runs(home, paper).steps if step.rows == (ROWS[7],))
    names: dict[str, str] = {}
    for name, command in asking.EXTRACTED.items():
        names[name] = asking.answer(home.path, command)["cache"]
    finish(extract(home, [replace(row_8, precision="float32")], device="cpu", workers=1))
    for name, spec in sweeps_on(names):
        names[name] = finish(sweep(home, spec, "cpu"))
    for name, command in asking.TRAINED.items():
        names[name] = asking.answer(home.path, command, **names)["sweep"]
    for step in open_report_runs(home, paper).steps:
        if step.cache is not None and step.sweep is None:
            finish(sweep(home, open_report_runs(home, paper).sweep(step, step.cache), "cpu"))
    names["stopped"] = stop(home, names["plain"])
    write_jobs(home, names["plain"])
    return names


def same_times(folder: Path) -> None:
    """Files of one made-up time: an index keeps when a file was changed."""
    for path in folder.rglob("*"):
        os.utime(path, (MADE, MADE))


def sweeps_on(names: Mapping[str, str]) -> Iterable[tuple[str, SweepSpec]]:
    """The sweeps that are trained to their end: every kind of run that is stored."""
    plain, tapped, crops = ((names[name],) for name in ("plain", "tapped", "crops"))
    few = {"epochs": 4, "batch": 16}
    adam = expand({**few, "pool": ["flatten", "gap"], "optimizer": ["adam", "nadam"], "lr": [1e-2, 1e-3]})
    hidden = expand({**few, "pool": "gap", "hidden": 4, "dropout": [0.0, 0.5], "lr": 3e-3, "patience": 2, "seed": 1})
    probes = expand({"pool": ["flatten", "gap"], "optimizer": "probe"})
    yield "many", SweepSpec("pictures", plain, (*adam, *hidden, *probes), (SplitSpec("manifest"),))
    gap = expand({**few, "pool": "gap", "lr": 1e-2, "seed": [0, 1]})
    folds = [SplitSpec("five-fold", 2, fold) for fold in range(5)]
    drawn_anew = [SplitSpec("patient", 1, 0), SplitSpec("patient", 1, 3, validation=0.2, test=0.3)]
    leaky = [SplitSpec("paper"), SplitSpec("official-pooled")]
    yield "folds", SweepSpec("pictures", plain, (*gap[:1], *probes[1:]), tuple(folds))
    yield "drawn", SweepSpec("pictures", plain, gap, (*drawn_anew, *leaky))
    frozen = expand({**few, "pool": "gap", "lr": 1e-2, "first_draws": [0, 1], "scoring": ["plain", "averaged"]})
    tuned = expand({**few, "epochs": 2, "pool": "gap", "lr": 1e-3, "finetune": "last-layer", "tail_lr": [1e-5, 1e-3]})
    yield "tuned", SweepSpec("pictures", tapped, (*frozen, *tuned), (SplitSpec("manifest"),))
    three = [SplitSpec("official", labels="three-way"), SplitSpec("official", labels="dropped"), SplitSpec("official")]
    heads = expand({**few, "pool": "gap", "optimizer": "nadam", "lr": 1e-2})
    yield "three", SweepSpec("films", crops, heads, tuple(three))


def stop(home: Home, cache: str) -> str:
    """The name of a sweep that was stopped after the first of its units and kept as it was."""
    heads = expand({"pool": ["gap", "flatten"], "lr": [1e-2, 1e-4], "epochs": 2})
    spec = SweepSpec("pictures", (cache,), heads, (SplitSpec("manifest"),))
    work = sweep(home, spec, "cpu")
    for _ in work:
        if list(home.path.glob("sweeps/*/units/*.safetensors")):
            break
    work.close()
    return keep_finished(home, spec)


def write_jobs(home: Home, cache: str) -> None:
    """The files of jobs of every kind that ended, as their processes write them, with made-up times."""
    heads = (HeadSpec(pool="gap", epochs=3), HeadSpec(hidden=8, dropout=0.5), HeadSpec("gap", optimizer="probe"))
    questions = {
        "index-phantom": ({"name": "p", "images": 6, "seed": 1}, "p"),
        "index-cbis-ddsm": ({"name": "c", "root": "/data/cbis", "csv": None, "metadata_only": True}, "c"),
        "index-manifest": ({"name": "m", "file": "/data/m.csv", "positive": ["cancer"], "drop": ["?"]}, "m"),
        "extract": ({"specs": [CacheSpec("pictures", "vgg16-mini", "synthetic").to_json()]}, cache),
        "sweep": ({"spec": SweepSpec("pictures", (cache,), heads, (SplitSpec(),)).to_json()}, "pictures-01234567"),
        "paper": ({"spec": ReportSpec("pictures", "mini").to_json()}, "the report on pictures"),
    }
    for number, (verb, (request, result)) in enumerate(questions.items()):
        name = f"20260131-12000{number}-{verb}-0a1{number}"
        started = f"2026-01-31T12:00:0{number}+00:00"
        write_json(home.job(name) / jobs.REQUEST, {"verb": verb, "request": request, "started": started})
        stage = {"stage": "train", "done": 3, "total": 3, "unit": "heads", "rate": 2.0, "seconds_left": 0.0}
        facts = {"state": "done", "result": result, "seconds": 12.5 + number, "progress": stage}
        if verb == "paper":
            facts |= {"state": "failed", "result": "", "message": "The disk is full."}
        write_json(home.job(name) / jobs.PROGRESS, facts)
        write_text(home.job(name) / jobs.LOG, f"{verb} began\n")


def neutral(home: Home, full_cache: str) -> None:
    """Without what is large, of this machine, or made again; the cache `full_cache` keeps its activations."""
    shutil.rmtree(home.dataset("films") / "files")
    for name in ("boards", "rates.json"):
        shutil.rmtree(home.path / name, ignore_errors=True)
        (home.path / name).unlink(missing_ok=True)
    for path in [*home.path.rglob("*.lock"), *home.path.rglob("files.parquet")]:
        path.unlink()
    for previews in home.path.glob("datasets/*/previews"):
        shutil.rmtree(previews)
    for path in home.path.glob("features/*/*/activations.zarr/*/c/**/*"):
        if path.is_file() and full_cache not in path.parts:
            path.write_bytes(bytes(path.stat().st_size))
    for path in home.path.glob("sweeps/*/heads.safetensors"):
        if path.stat().st_size > LARGE:
            path.unlink()
            without_digests(path.with_name("sweep.json"))
    for order, path in enumerate(
        sorted(home.path.glob("sweeps/*/sweep.json"), key=lambda path: path.stat().st_mtime_ns)
    ):
        os.utime(path, (MADE + order, MADE + order))


def without_digests(about: Path) -> None:
    """A sweep as versions wrote it that kept no digests, which does without the weights of its heads."""
    state = about.stat()
    facts = json.loads(about.read_text())
    write_json(about, {name: value for name, value in facts.items() if name not in ("files", "digest")})
    os.utime(about, ns=(state.st_atime_ns, state.st_mtime_ns))


def pack(folder: Path, to: Path) -> None:
    """A folder as an archive that is the same to the byte whenever its files are."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = tarfile.TarInfo(path.relative_to(folder).as_posix())
                entry.size, entry.mode, entry.mtime = path.stat().st_size, 0o644, MADE
                if path.name == "sweep.json":
                    entry.mtime = int(path.stat().st_mtime)
                archive.addfile(entry, io.BytesIO(path.read_bytes()))
    to.write_bytes(lzma.compress(content.getvalue(), preset=9 | lzma.PRESET_EXTREME))


def record(home: Home, names: dict[str, str], scratch: Path) -> dict[str, Any]:
    """What is told of the home."""
    answers: dict[str, Any] = {"names": names, "asked": {}, "exported": {}, "looked": {}, "cloned": {}}
    questions = {**asking.READ, **asking.EXTRACTED, **asking.TRAINED}
    answers["asked"] = {name: asking.answer(home.path, command, **names) for name, command in questions.items()}
    answers["options"] = {command: asking.options(command) for command in ("", *asking.options(), *asking.HELPED)}
    for form in ("csv", "parquet", "cards"):
        answers["exported"][form] = asking.told_in(asking.exported(home.path, scratch / form, form, **names))
    demo = asking.exported(home.path, scratch / "demo", "demo", **names)
    answers["exported"]["demo"] = asking.answer(demo, asking.READ["leaderboard"])
    for name, address in asking.ADDRESSES.items():
        answers["looked"][name] = page = asking.look(home.path, address, **names)
        for link in page["links"]:
            answers["cloned"][link] = asking.look(home.path, asking.parsed(link))
    return answers


def main() -> None:
    """Make the home and ask it."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Home(Path(scratch) / "home")
        try:
            names = fill(home)
        finally:
            shutil.rmtree(PLACE)
        neutral(home, names["plain"])
        pack(home.path, asking.HOME)
        unpacked = Home(asking.unpack(Path(scratch) / "unpacked"))
        recorded = json.dumps(record(unpacked, names, Path(scratch)), sort_keys=True)
    asking.RECORDED.write_bytes(lzma.compress(recorded.encode(), preset=9 | lzma.PRESET_EXTREME))
    for path in (asking.HOME, asking.RECORDED):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
