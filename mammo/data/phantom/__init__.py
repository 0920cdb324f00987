"""The phantom: synthetic mammograms, stored on disk exactly like CBIS-DDSM."""

from mammo.data.phantom.files.dicom import MANUFACTURER
from mammo.data.phantom.files.tree import MARK, write_phantom
from mammo.data.phantom.files.write_layout import LAYOUTS, write_layout
from mammo.data.phantom.patients.anatomy import PATHOLOGY_NOISE, Breast, Lesion, Patient, draw_patients
from mammo.data.phantom.patients.spec import VERSION, PhantomSpec
from mammo.data.phantom.pictures.patches import PATCH_FINDINGS, lesion_patch
from mammo.data.phantom.pictures.view import View, render_view

__all__ = [
    "LAYOUTS",
    "MANUFACTURER",
    "MARK",
    "PATCH_FINDINGS",
    "PATHOLOGY_NOISE",
    "VERSION",
    "Breast",
    "Lesion",
    "Patient",
    "PhantomSpec",
    "View",
    "draw_patients",
    "lesion_patch",
    "render_view",
    "write_layout",
    "write_phantom",
]
