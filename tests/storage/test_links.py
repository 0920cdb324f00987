"""Links in a home: those to a larger disk are followed, others that lead out of the home are not."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mammo.cli import main
from mammo.data.dataset.dataset import Dataset
from mammo.data.index.cbis_ddsm import index_phantom
from mammo.data.index.manifest import index_manifest
from mammo.data.index.verify import index_damage
from mammo.errors import DamagedError, MammoError
from mammo.features.cache.cache import ARRAYS, MANIFEST, SPEC, Cache, caches
from mammo.features.extraction.extract import extract
from mammo.heads.grid import expand
from mammo.heads.sweeps.sweep import sweep
from mammo.progress import finish
from mammo.results.board.leaderboard import read_board
from mammo.runs.sweep import Sweep, open_sweeps, sweeps
from mammo.runs.sweep_files import ABOUT, FILES, HEADS, LOGITS, OPENED
from mammo.specs import SHARED, CacheSpec, Home, SplitSpec, SweepSpec
from mammo.storage.json_files import write_json
from mammo.verify import repair, verify

RARER = (MANIFEST, ARRAYS, f"{ARRAYS}/maps/c/0/1/0/0/0")


@pytest.fixture(scope="module")
def sound(tiny: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a data set, a cache and two sweeps; do not write into it."""
    home = Home(Path(shutil.copytree(tiny.path, tmp_path_factory.mktemp("links") / "home")))
    for epochs in (1, 2):
        heads = expand({"pool": ["gap"], "lr": [1e-2], "epochs": [epochs]})
        finish(sweep(home, SweepSpec("tiny", tuple(caches(home, "tiny")), heads, (SplitSpec(),)), "cpu"))
    return home


@pytest.fixture
def own(sound: Home, tmp_path: Path) -> Home:
    """A copy of `sound` for a test to put links into."""
    return Home(Path(shutil.copytree(sound.path, tmp_path / "home")))


def move_out(path: Path, outside: Path) -> Path:
    """Move a file or folder out of its home and leave a link behind."""
    outside.mkdir(exist_ok=True)
    moved = Path(shutil.move(path, outside / path.name))
    path.symlink_to(moved)
    return moved


def shown(home: Home) -> list[object]:
    board = read_board(home)
    dataset, (cache,) = Dataset.open(home, "tiny"), caches(home, "tiny")
    maps = Cache.open(home, "tiny", cache).maps().tobytes()
    return [board.left_out, board.runs.shape, dataset.digest("full"), maps, finish(verify(home)).sound]


@pytest.mark.faults(
    "A home, or a room of it, is a link to a larger disk", "All is read and written as if it lay in the home"
)
def test_a_home_and_its_rooms_may_be_links(own: Home, tmp_path: Path) -> None:
    before = shown(own)
    for room in ("datasets", "features", "sweeps"):
        move_out(own.path / room, tmp_path / "disk")
    (tmp_path / "linked").symlink_to(own.path)
    assert shown(own) == shown(Home(tmp_path / "linked")) == before
    heads = expand({"pool": ["gap"], "lr": [1e-3], "epochs": [1]})
    finish(sweep(own, SweepSpec("tiny", tuple(caches(own, "tiny")), heads, (SplitSpec(),)), "cpu"))
    finish(index_phantom(own, "more", 4, 0, workers=1))
    assert len(list((tmp_path / "disk/sweeps").iterdir())) == 3 and (tmp_path / "disk/datasets/more").is_dir()


@pytest.mark.faults("A room of a shared home is a link out of it", "What lies there is not opened")
def test_the_rooms_of_a_shared_home_lie_in_it(own: Home, tmp_path: Path) -> None:
    write_json(own.path / SHARED, {})
    move_out(own.path / "sweeps", tmp_path / "disk")
    opened, damaged = open_sweeps(own)
    assert not opened and len(damaged) == 2 and all("leads out of its home" in item.sentence for item in damaged)


def test_links_within_a_home_are_followed(own: Home) -> None:
    first, second = sweeps(own)
    (own.path / "store").mkdir()
    for name in (first, second):
        move_out(own.sweep(name) / HEADS, own.path / "store" / name)
    assert open_sweeps(own)[1] == [] and finish(verify(own)).sound


@pytest.mark.faults(
    "A link leads from a sweep out of its home",
    "That sweep is called damaged, and all others are shown; nothing is written behind the link",
)
@pytest.mark.parametrize(
    "file", ["", ABOUT, LOGITS, *(pytest.param(file, marks=pytest.mark.nightly) for file in OPENED if file != LOGITS)]
)
def test_a_sweep_behind_a_link_is_called_damaged(
    own: Home, tmp_path: Path, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = sweeps(own)
    read_board(own)
    spec = SweepSpec.from_json(Sweep.open(own, first).about["spec"])
    moved = move_out(own.sweep(first) / file if file else own.sweep(first), tmp_path / "outside")
    before = state(moved)
    with pytest.raises(DamagedError, match="is a link, or lies behind one, that leads out of its home"):
        Sweep.open(own, first)
    assert [sweep.id for sweep in open_sweeps(own)[0]] == [second]
    assert main(["leaderboard", "--home", str(own.path)]) == 0
    assert first in capsys.readouterr().err
    assert [item.name for item in finish(verify(own)).damaged_items] == [first]
    if file:
        assert finish(sweep(own, spec, "cpu")) == first
        assert open_sweeps(own)[1] == [] and not (own.sweep(first) / file).is_symlink()
    else:
        with pytest.raises(MammoError, match="nothing is written there"):
            finish(sweep(own, spec, "cpu"))
    assert state(moved) == before


def state(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return {str(file): file.read_bytes() for file in files}


@pytest.mark.faults(
    "A link leads from a data set out of its home", "The data set is called damaged; nothing is written behind the link"
)
@pytest.mark.parametrize("file", ["", "index.parquet", "lesions"])
def test_a_data_set_behind_a_link_is_called_damaged(own: Home, tmp_path: Path, file: str) -> None:
    folder = own.dataset("tiny")
    path = next(folder.glob(f"{file}*")) if file else folder
    moved = move_out(path, tmp_path / "outside")
    before = state(moved)
    with pytest.raises(DamagedError, match="leads out of its home"):
        Dataset.open(own, "tiny")
    assert len(read_board(own).runs) == 2, "sweeps of it are shown all the same"
    if not file:
        with pytest.raises(MammoError, match="nothing is written there"):
            finish(index_phantom(own, "tiny", 4, 0, workers=1))
    assert state(moved) == before


@pytest.mark.faults(
    "Previews are links out of the home",
    "They are not shown, `mammo verify` names them, and a repair writes no file there",
)
def test_previews_behind_links_are_not_shown(own: Home, tmp_path: Path) -> None:
    dataset = Dataset.open(own, "tiny")
    image = dataset.images["image"].iloc[0]
    moved = move_out(dataset.preview(image), tmp_path / "outside")
    assert not dataset.holds(dataset.preview(image))
    (damage,) = index_damage(own, "tiny")
    assert damage.file.endswith(moved.name) and "leads out" in damage.reason
    before = moved.read_bytes()
    assert main(["verify", "--repair", "--home", str(own.path)]) == 0
    assert dataset.holds(dataset.preview(image)) and moved.read_bytes() == before
    moved = move_out(dataset.folder / "previews", tmp_path / "outside")
    assert not dataset.holds(dataset.preview(image))
    files = state(moved)
    assert main(["verify", "--repair", "--home", str(own.path)]) != 0
    assert state(moved) == files


@pytest.fixture
def boxed(home: Home, tmp_path: Path) -> Path:
    """A manifest of four films with a box each, indexed in `home` as `boxed`."""
    lines = ["path,label,patient,xmin,ymin,xmax,ymax"]
    for number in range(4):
        film = np.random.default_rng(number).integers(0, 255, (90, 60), dtype=np.uint8)
        Image.fromarray(film).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,{'BM'[number % 2]},{number},10,10,40,40")
    (tmp_path / "set.csv").write_text("\n".join(lines) + "\n")
    finish(index_manifest(home, "boxed", tmp_path / "set.csv", workers=1))
    return tmp_path / "set.csv"


@pytest.mark.faults(
    "A link leads from a frame or crop that was cut out of its home",
    "It is not read, `mammo verify` names it, and `mammo index` cuts it anew without writing there",
)
@pytest.mark.parametrize("whole", [False, True])
def test_cuts_behind_links_are_not_read(home: Home, boxed: Path, tmp_path: Path, whole: bool) -> None:
    dataset = Dataset.open(home, "boxed")
    crops = dataset.table("crop")
    first = dataset.path(crops["file"].iloc[0])
    moved = move_out(first.parent if whole else first, tmp_path / "outside")
    before = state(moved)
    with pytest.raises(DamagedError, match=rf"cuts/{first.name} is a link, or lies behind one, that leads out"):
        dataset.source(crops["image"].iloc[0])
    found = list(index_damage(home, "boxed"))
    assert len(found) == (4 if whole else 1) and all("leads out of its home" in one.reason for one in found)
    if whole:
        with pytest.raises(MammoError, match="nothing is written there"):
            finish(index_manifest(home, "boxed", boxed, workers=1))
    else:
        again = finish(index_manifest(home, "boxed", boxed, workers=1))
        assert not first.is_symlink() and not list(index_damage(home, "boxed"))
        assert again.source(crops["image"].iloc[0]).read().pixels.shape == (42, 42)
    assert state(moved) == before


@pytest.mark.faults(
    "A link leads from a cache out of its home",
    "The cache is not opened; `mammo verify` names it; a repair spoils nothing there",
)
@pytest.mark.parametrize(
    "file", ["", SPEC, f"{ARRAYS}/maps/c/0/1", *(pytest.param(file, marks=pytest.mark.nightly) for file in RARER)]
)
def test_a_cache_behind_a_link_is_not_opened(own: Home, tmp_path: Path, file: str) -> None:
    (name,) = caches(own, "tiny")
    folder = own.cache("tiny", name)
    moved = move_out(folder / file if file else folder, tmp_path / "outside")
    before = state(moved)
    with pytest.raises(MammoError, match="leads out of its home"):
        Cache.open(own, "tiny", name)
    report = finish(verify(own, name))
    assert report.damaged and all("leads out" in damage.reason or damage.file == file for damage in report.damaged)
    try:
        finish(repair(own, report.damaged))
    except MammoError as error:
        assert "nothing is written there" in str(error)
    else:
        assert finish(verify(own, name)).sound
    assert state(moved) == before
    if not file:
        spec = CacheSpec("tiny", "vgg16-mini", "random-0", size=64)
        with pytest.raises(MammoError, match="nothing is written there"):
            finish(extract(own, [spec], device="cpu", workers=1))
        assert state(moved) == before


@pytest.mark.faults("A link goes in circles", "What lies behind it is not there or damaged, and nothing hangs")
def test_a_link_to_itself_is_no_trouble(own: Home) -> None:
    first, second = sweeps(own)
    os.unlink(own.sweep(first) / "runs.parquet")
    (own.sweep(first) / "runs.parquet").symlink_to("runs.parquet")
    (own.path / "datasets" / "loop").symlink_to("loop")
    assert [sweep.id for sweep in open_sweeps(own)[0]] == [second]
    assert FILES in Sweep.open(own, second).about
