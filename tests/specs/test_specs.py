import dataclasses
import json
import math
from pathlib import Path

import pytest

from mammo.errors import MammoError
from mammo.features.cache.identity import FORMAT, cache_name, identity
from mammo.features.precision import PRECISIONS
from mammo.features.trunks.weights import Weights
from mammo.images.augment import AUGMENTATIONS, Augmentation
from mammo.images.preprocess import PREPROCESSINGS, Preprocessing
from mammo.images.resize import RESIZES
from mammo.specs import CacheSpec, HeadSpec, Home, SplitSpec, SweepSpec, check_name, pick

WEIGHTS = Weights("random-0", "abc")
CACHE = CacheSpec("phantom", "vgg16-mini", "random-0")
SWEEP = SweepSpec("phantom", ("a-1", "b-2"), (HeadSpec(lr=1e-3), HeadSpec(hidden=128, dropout=0.5)), (SplitSpec(),))
SPECS = [CACHE, HeadSpec(pool="gap", lr=0.1, seed=-3), SplitSpec("paper", 4, 2, 0.2, 0.3, "dropped"), SWEEP]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.what)
def test_every_spec_goes_to_json_and_back(spec):
    again = type(spec).from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.digest() == spec.digest()
    assert hash(again) == hash(spec)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.what)
def test_specs_are_frozen(spec):
    field = dataclasses.fields(spec)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(spec, field, "other")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.what)
def test_an_unknown_field_is_named(spec):
    with pytest.raises(MammoError, match=rf"A {spec.what} has no field 'colour'; its fields are: .+"):
        type(spec).from_json({**spec.to_json(), "colour": 3})


@pytest.mark.parametrize("wrong", [None, [], "text", 3])
def test_what_is_no_table_is_no_spec(wrong):
    with pytest.raises(MammoError, match="table of fields"):
        HeadSpec.from_json(wrong)


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", "224"), ("size", 224.0), ("size", True), ("size", None), ("trunk", 3), ("trunk", ["vgg16"])],
)
def test_a_value_of_a_wrong_type_names_its_field(field, value):
    with pytest.raises(MammoError, match=f"cache spec field '{field}' must be of type"):
        CacheSpec.from_json({**CACHE.to_json(), field: value})


def test_lists_and_specs_inside_specs_are_checked_too():
    with pytest.raises(MammoError, match="sweep spec field 'caches' must be a list"):
        SweepSpec.from_json({**SWEEP.to_json(), "caches": "a-1"})
    with pytest.raises(MammoError, match="A head spec has no field 'rate'"):
        SweepSpec.from_json({**SWEEP.to_json(), "heads": [{"rate": 1}]})
    with pytest.raises(MammoError, match="head spec field 'lr' must be of type float"):
        SweepSpec.from_json({**SWEEP.to_json(), "heads": [{"lr": True}]})


def test_missing_fields_are_named():
    with pytest.raises(MammoError, match=r"^A cache spec lacks the field dataset\.$"):
        CacheSpec.from_json({"trunk": "vgg16"})
    with pytest.raises(MammoError, match=r"^A sweep spec lacks the fields caches, heads, splits\.$"):
        SweepSpec.from_json({"dataset": "phantom"})


def test_a_split_that_names_no_labels_merges_them():
    assert SplitSpec.from_json({"protocol": "paper", "seed": 3}) == SplitSpec("paper", 3, labels="merged")
    policies = {SplitSpec(labels=labels).digest() for labels in ("merged", "dropped", "three-way")}
    assert len(policies) == 3


def test_a_whole_number_will_do_for_a_fraction():
    assert HeadSpec.from_json({"lr": 1}).lr == 1.0
    assert isinstance(HeadSpec.from_json({"lr": 1}).lr, float)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (CacheSpec, {"dataset": "d", "size": 31}),
        (CacheSpec, {"dataset": "d", "size": 4097}),
        (CacheSpec, {"dataset": "d", "draws": -1}),
        (HeadSpec, {"lr": 0.0}),
        (HeadSpec, {"lr": float("nan")}),
        (HeadSpec, {"dropout": 1.0}),
        (HeadSpec, {"epochs": 0}),
        (HeadSpec, {"batch": 0}),
        (HeadSpec, {"hidden": -1}),
        (HeadSpec, {"patience": -1}),
        (SplitSpec, {"test": 0.5}),
        (SplitSpec, {"validation": 0.0}),
        (HeadSpec, {"seed": 2**63}),
        (SplitSpec, {"seed": -1}),
        (SplitSpec, {"seed": 2**63}),
        (SplitSpec, {"redraw": -1}),
        (SweepSpec, {"dataset": "d", "caches": (), "heads": (HeadSpec(),), "splits": (SplitSpec(),)}),
    ],
)
def test_values_that_make_no_sense_are_refused(kind, wrong):
    with pytest.raises(MammoError):
        kind(**wrong)


UNSAFE = ["../x", "/etc", "", ".", "..", ".hidden", "a/b", "Upper", "a b", "a\n", "é", "x" * 81, "-a", "a\0"]


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_names_are_refused_wherever_a_folder_is_named(tmp_path, name):
    home = Home(tmp_path)
    places = [home.dataset, home.features, home.sweep, home.job]
    for place in [*places, lambda name: home.cache("d", name), lambda name: home.cache(name, "c")]:
        with pytest.raises(MammoError, match="cannot name a"):
            place(name)


@pytest.mark.parametrize("name", ["a", "0", "phantom-demo", "a.b_c-d", "x" * 80])
def test_safe_names_stay_below_the_home(tmp_path, name):
    assert check_name(name, "thing") == name
    assert Home(tmp_path).cache("d", name).parent == tmp_path / "features" / "d"


def test_names_lists_folders_with_safe_names_only(tmp_path):
    home = Home(tmp_path)
    assert home.names("datasets") == []
    for name in ("b", "a", "Bad"):
        (tmp_path / "datasets" / name).mkdir(parents=True)
    (tmp_path / "datasets" / "file").write_text("")
    assert home.names("datasets") == ["a", "b"]


def test_the_default_home_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("MAMMO_HOME", str(tmp_path))
    assert Home.default().path == tmp_path
    monkeypatch.delenv("MAMMO_HOME")
    monkeypatch.chdir(tmp_path)
    assert Home.default().path == tmp_path / "cache"
    monkeypatch.setenv("MAMMO_HOME", "")
    assert Home.default().path == tmp_path / "cache"
    assert Home(str(tmp_path)) == Home(Path(tmp_path))


def test_pick_lists_the_choices():
    with pytest.raises(MammoError, match=r"There is no resize 'crop'; choose one of: letterbox, stretch\."):
        pick(RESIZES, "crop", "resize")


FLIP = Augmentation("Flip", "Mirrored.", 1, (0, 3))
OTHER = {
    "dataset": "other",
    "trunk": "resnet50-mini",
    "weights": "random-1",
    "tap": "last-layer",
    "kind": "crop",
    "preprocess": "inverted",
    "resize": "letterbox",
    "size": 96,
    "augment": "flip",
    "draws": 2,
    "precision": "bfloat16",
    "mean": (0.5,),
    "std": (0.25,),
}
"""For each field of a cache spec, a value other than that of `base`."""


@pytest.fixture
def base(monkeypatch):
    """A spec of which every field can be changed on its own: two registries have one entry only so far."""
    monkeypatch.setitem(AUGMENTATIONS, "flip", FLIP)
    monkeypatch.setitem(AUGMENTATIONS, "turn", dataclasses.replace(FLIP, label="Turn"))
    monkeypatch.setitem(PREPROCESSINGS, "inverted", Preprocessing("Inverted", "1 - x", 1, lambda picture: 1 - picture))
    return dataclasses.replace(CACHE, augment="turn", draws=1)


def name_of(spec, dataset_digest="d", weights=WEIGHTS):
    return cache_name(identity(spec, dataset_digest, weights))


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(CacheSpec)])
def test_every_field_of_a_cache_spec_gives_a_new_identity(base, field):
    assert field in OTHER, f"say in OTHER what else {field} can be"
    changed = dataclasses.replace(base, **{field: OTHER[field]})
    assert changed != base
    assert name_of(changed) != name_of(base)
    assert name_of(changed)[-8:] != name_of(base)[-8:]


def test_a_normalisation_of_the_trunks_own_is_no_part_of_a_specs_json():
    assert {"mean", "std"}.isdisjoint(CACHE.to_json())
    given = dataclasses.replace(CACHE, mean=(0.5, 0.5, 0.5), std=(0.2, 0.3, 0.25))
    assert given.to_json()["mean"] == [0.5] and given.to_json()["std"] == [0.2, 0.3, 0.25]
    assert CacheSpec.from_json(given.to_json()) == given
    assert given.weights_words == f"{CACHE.weights}, mean 0.5, std 0.2 0.3 0.25"
    assert CACHE.weights_words == CACHE.weights


@pytest.mark.parametrize(
    ("field", "values"),
    [("mean", (0.5, 0.5)), ("std", (0.0,)), ("std", (0.1, -0.1, 0.1)), ("mean", (math.nan,)), ("std", (math.inf,))],
)
def test_normalisations_that_make_no_sense_are_refused(field, values):
    with pytest.raises(MammoError, match=f"The {field} of the weights' training is one number or three"):
        dataclasses.replace(CACHE, **{field: values})


def test_what_cannot_change_a_number_is_no_field():
    fields = {field.name for field in dataclasses.fields(CacheSpec)}
    assert fields.isdisjoint({"device", "workers", "engine", "batch", "home", "path", "root"})


def test_the_same_spec_has_the_same_name_in_every_process(base):
    assert name_of(base) == name_of(dataclasses.replace(base))
    assert name_of(CACHE).startswith("vgg16-mini-random-0-224-stretch-float32-features-")


def test_images_and_weights_are_part_of_the_identity(base):
    assert name_of(base, dataset_digest="other") != name_of(base)
    assert name_of(base, weights=Weights("random-0", "other")) != name_of(base)
    assert name_of(base, weights=Weights("random-0", "abc", Path("/elsewhere"))) == name_of(base)


@pytest.mark.parametrize(
    ("registry", "entry"), [(PREPROCESSINGS, "builtin"), (RESIZES, "stretch"), (AUGMENTATIONS, "turn")]
)
def test_a_transforms_new_version_gives_a_new_identity(base, monkeypatch, registry, entry):
    before = name_of(base)
    monkeypatch.setitem(registry, entry, dataclasses.replace(registry[entry], version=registry[entry].version + 1))
    assert name_of(base) != before


def test_the_format_of_caches_is_part_of_the_identity(base, monkeypatch):
    before = name_of(base)
    monkeypatch.setattr("mammo.features.cache.identity.FORMAT", FORMAT + 1)
    assert name_of(base) != before


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"trunk": "vgg17"}, r"There is no trunk 'vgg17'; choose one of: vgg16, .+timm:NAME"),
        ({"trunk": "timm:"}, "There is no trunk 'timm:'"),
        ({"tap": "middle"}, r"The trunk vgg16-mini has no tap 'middle'; choose one of: features, last-layer\."),
        ({"precision": "float8"}, "There is no precision 'float8'"),
        ({"resize": "crop"}, "There is no resize 'crop'"),
        ({"preprocess": "clahe9"}, "There is no preprocessing 'clahe9'"),
        ({"augment": "nonsense"}, "There is no augmentation 'nonsense'"),
        ({"draws": 2}, "The augmentation 'none' takes 0 draws, not 2"),
    ],
)
def test_an_identity_of_unknown_things_is_refused(wrong, sentence):
    with pytest.raises(MammoError, match=sentence):
        identity(dataclasses.replace(CACHE, **wrong), "d", WEIGHTS)


def test_long_names_are_cut_to_what_a_folder_may_be_called(tmp_path):
    spec = dataclasses.replace(CACHE, weights="file-" + "long-" * 30)
    name = name_of(spec)
    assert Home(tmp_path).cache("d", name).name == name
    assert name != name_of(dataclasses.replace(spec, size=96))


def test_every_precision_is_stored_as_a_type_of_numpy():
    import numpy as np

    assert all(np.dtype(precision.stored).kind == "f" for precision in PRECISIONS.values())


def test_a_home_stays_where_it_was_when_the_working_directory_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = Home("cache")
    monkeypatch.chdir("/")
    assert home.path == tmp_path / "cache"


def test_what_a_sweep_names_twice_comes_once():
    spec = SweepSpec("d", ("a", "b", "a"), (HeadSpec(), HeadSpec()), (SplitSpec(), SplitSpec(redraw=1), SplitSpec()))
    assert spec == SweepSpec("d", ("a", "b"), (HeadSpec(),), (SplitSpec(), SplitSpec(redraw=1)))
    assert spec.runs == 4
