"""Frozen specs, and the home folder in which a spec names a folder."""

from mammo.specs.axis import Axis
from mammo.specs.cache_spec import CacheSpec
from mammo.specs.class_names import ClassNames
from mammo.specs.head_spec import NOT_IN_PROBES, PROBE, STRENGTHS, HeadSpec
from mammo.specs.home import READ_ONLY, SHARED, Home
from mammo.specs.names import check_name, pick
from mammo.specs.spec import LARGEST, Spec
from mammo.specs.split_spec import SplitSpec
from mammo.specs.sweep_spec import SweepSpec

__all__ = [
    "LARGEST",
    "NOT_IN_PROBES",
    "PROBE",
    "READ_ONLY",
    "SHARED",
    "STRENGTHS",
    "Axis",
    "CacheSpec",
    "ClassNames",
    "HeadSpec",
    "Home",
    "Spec",
    "SplitSpec",
    "SweepSpec",
    "check_name",
    "pick",
]
