"""Tables in the layout of public collections, each indexed by the command that the documentation shows."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo.cli import main

DOCUMENT = Path(__file__).parents[3] / "docs" / "data.md"
TABLES = {
    "rsna": (
        "train.csv",
        "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,density\n"
        "1,10,40,L,CC,61.0,1,1,1,0.0,0,A\n2,10,41,R,MLO,,0,0,0,,0,\n",
        ["train_images/10/40.dcm", "train_images/10/41.dcm"],
        {"patients": 1, "image_labels": {"malignant": 1, "benign": 1}, "missing": {"birads": 1, "density": 1}},
    ),
    "vindr": (
        "breast-level_annotations.csv",
        "study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,split\n"
        "s1,x,i1,L,CC,96,64,BI-RADS 5,DENSITY C,training\ns1,x,i2,R,CC,96,64,BI-RADS 1,DENSITY C,test\n"
        "s2,x,i3,R,CC,96,64,BI-RADS 4,DENSITY C,test\n",
        ["images/s1/i1.dicom", "images/s1/i2.dicom"],
        {"patients": 1, "image_labels": {"malignant": 1, "benign": 1}, "missing": {}},
    ),
    "mias": (
        "Info.txt",
        "MAMMOGRAPHIC IMAGE ANALYSIS SOCIETY\nMiniMammographic Database\n\n"
        "mdb001 G CIRC B 535 425 197\nmdb002 D SPIC M 38 64 12 \nmdb003 F NORM\nmdb004 F CALC B *NOTE 3*\n",
        ["mdb001.pgm", "mdb002.pgm", "mdb003.pgm"],
        {"patients": 3, "image_labels": {"malignant": 1, "benign": 2}, "missing": {}},
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_collection_is_indexed_by_the_documented_command(home, tmp_path, monkeypatch, write_dicom, capsys, name):
    table, text, files, expected = TABLES[name]
    (tmp_path / table).write_text(text)
    for number, file in enumerate(files):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 30), dtype=np.uint8)
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        if file.endswith(".pgm"):
            Image.fromarray(pixels).save(tmp_path / file)
        else:
            write_dicom(tmp_path / file, pixels.astype(np.uint16) * 16)
    line = next(line for line in DOCUMENT.read_text().splitlines() if line.endswith("|") and f"--as {name}`" in line)
    command = re.search(rf"`mammo (index manifest .*--as {name})`", line)[1].replace("\\|", "|")
    monkeypatch.chdir(tmp_path)
    assert main([*shlex.split(command), "--home", str(home.path), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["images"] == len(files)
    assert {key: summary[key] for key in expected} == expected
