"""Codes and words of DICOM headers for side, view, view modifiers and kind of object, one dict each."""

from __future__ import annotations

SIDES = {"L": "LEFT", "LEFT": "LEFT", "R": "RIGHT", "RIGHT": "RIGHT"}
"""Values of ImageLaterality, FrameLaterality and Laterality; B (both) and U (unpaired) name no side."""

REGIONS = {"80248007": "LEFT", "T-04030": "LEFT", "73056007": "RIGHT", "T-04020": "RIGHT"}
"""Codes of AnatomicRegionSequence for one breast, in SNOMED CT and in the older SNOMED RT."""

HANGING = {("A", "R"): "LEFT", ("P", "L"): "RIGHT"}
"""The side by PatientOrientation: the directions of rows and columns, in the usual hanging, lateral side on top."""

VIEWS = {
    "ML": "medio-lateral",
    "MLO": "medio-lateral oblique",
    "LM": "latero-medial",
    "LMO": "latero-medial oblique",
    "CC": "cranio-caudal",
    "FB": "caudo-cranial, from below",
    "SIO": "superolateral to inferomedial oblique",
    "ISO": "inferomedial to superolateral oblique",
    "XCCL": "cranio-caudal, exaggerated laterally",
    "XCCM": "cranio-caudal, exaggerated medially",
}
"""The views of PS3.16 CID 4014 by their abbreviations, as ViewPosition gives them."""

VIEW_CODES = {
    "399260004": "ML",
    "R-10224": "ML",
    "399368009": "MLO",
    "R-10226": "MLO",
    "399352003": "LM",
    "R-10228": "LM",
    "399099002": "LMO",
    "R-10230": "LMO",
    "399162004": "CC",
    "R-10242": "CC",
    "399196006": "FB",
    "R-10244": "FB",
    "399188001": "SIO",
    "R-102D0": "SIO",
    "441555000": "ISO",
    "R-40AAA": "ISO",
    "399192008": "XCCL",
    "R-1024A": "XCCL",
    "Y-X1770": "XCCL",  # these two of earlier editions
    "399101009": "XCCM",
    "R-1024B": "XCCM",
    "Y-X1771": "XCCM",
}
"""Codes of ViewCodeSequence (PS3.16 CID 4014), in SNOMED CT and in the older SNOMED RT."""

SPECIMEN_CODES = {"127457009", "G-8310"}
"""Codes of ViewCodeSequence for excised tissue, which has no view."""

MODIFIER_CODES = {
    "399161006": "cleavage",
    "R-102D2": "cleavage",
    "399011000": "axillary-tail",
    "R-102D1": "axillary-tail",
    "399197002": "rolled-lateral",
    "R-102D3": "rolled-lateral",
    "399226006": "rolled-medial",
    "R-102D4": "rolled-medial",
    "414493004": "rolled-inferior",
    "R-102CA": "rolled-inferior",
    "415670009": "rolled-superior",
    "R-102C9": "rolled-superior",
    "399209000": "implant-displaced",
    "R-102D5": "implant-displaced",
    "399163009": "magnified",
    "R-102D6": "magnified",
    "399055006": "spot",
    "R-102D7": "spot",
    "399110001": "tangential",
    "R-102C2": "tangential",
    "442581004": "nipple-in-profile",
    "R-40AB3": "nipple-in-profile",
    "441752004": "anterior-compression",
    "P2-00161": "anterior-compression",
    "442593008": "infra-mammary-fold",
    "R-40ABE": "infra-mammary-fold",
    "442580003": "axillary-tissue",
    "R-40AB2": "axillary-tissue",
}
"""Codes of ViewModifierCodeSequence (PS3.16 CID 4015), in SNOMED CT and in the older SNOMED RT."""

PREFIXES = {"M": "magnified", "S": "spot"}
"""Prefixes of a view's abbreviation (PS3.16 CID 4015); some makers write them after it."""

SUFFIXES = {
    "ID": "implant-displaced",
    "RL": "rolled-lateral",
    "RM": "rolled-medial",
    "RI": "rolled-inferior",
    "RS": "rolled-superior",
    "NP": "nipple-in-profile",
    "AC": "anterior-compression",
    "IMF": "infra-mammary-fold",
    "AX": "axillary-tissue",
    **PREFIXES,
}
"""Suffixes of a view's abbreviation (PS3.16 CID 4015)."""

REPLACEMENTS = {"AT": "axillary-tail", "CV": "cleavage", "TAN": "tangential"}
"""Words in place of a view's abbreviation (PS3.16 CID 4015)."""

STEREO = {
    "STEREO_SCOUT",
    "STEREO_MINUS",
    "STEREO_PLUS",
    "PREFIRE_MINUS",
    "PREFIRE_PLUS",
    "PREFIRE",
    "POSTFIRE_MINUS",
    "POSTFIRE_PLUS",
    "POSTFIRE",
    "POSTBIOPSY_MINUS",
    "POSTBIOPSY_PLUS",
    "POSTBIOPSY",
    "POSTMARKER_MINUS",
    "POSTMARKER_PLUS",
    "POSTMARKER",
}
"""Values of ImageType for the pictures of a stereotactic procedure (PS3.3 C.8.11.7.1.4)."""

IMAGE_TYPES = {
    "TOMOSYNTHESIS": "tomosynthesis",
    "TOMO_PROJ": "tomosynthesis projection",
    "TOMO_SCOUT": "tomosynthesis scout",
    "GENERATED_2D": "generated 2D",
    "SUBTRACTION": "contrast subtraction",
    "ADDITION": "contrast addition",
}
"""Values of ImageType that describe an object more precisely than its class."""

PRESENTATION, PROCESSING = "presentation", "processing"
INTENTS = {"FOR PRESENTATION": PRESENTATION, "FOR PROCESSING": PROCESSING}
"""Values of PresentationIntentType."""

CLASSES: dict[str, tuple[str, str | None]] = {
    "1.2.840.10008.5.1.4.1.1.1": ("computed radiography", None),
    "1.2.840.10008.5.1.4.1.1.1.1": ("digital X-ray", PRESENTATION),
    "1.2.840.10008.5.1.4.1.1.1.1.1": ("digital X-ray", PROCESSING),
    "1.2.840.10008.5.1.4.1.1.1.2": ("mammogram", PRESENTATION),
    "1.2.840.10008.5.1.4.1.1.1.2.1": ("mammogram", PROCESSING),
    "1.2.840.10008.5.1.4.1.1.2": ("computed tomography", None),
    "1.2.840.10008.5.1.4.1.1.2.1": ("computed tomography", None),
    "1.2.840.10008.5.1.4.1.1.7": ("secondary capture", None),
    "1.2.840.10008.5.1.4.1.1.7.1": ("secondary capture", None),
    "1.2.840.10008.5.1.4.1.1.7.2": ("secondary capture", None),
    "1.2.840.10008.5.1.4.1.1.7.3": ("secondary capture", None),
    "1.2.840.10008.5.1.4.1.1.7.4": ("secondary capture", None),
    "1.2.840.10008.5.1.4.1.1.13.1.3": ("tomosynthesis", None),
    "1.2.840.10008.5.1.4.1.1.13.1.4": ("breast projection", PRESENTATION),
    "1.2.840.10008.5.1.4.1.1.13.1.5": ("breast projection", PROCESSING),
}
"""The kind of object for each SOP class, and the intent of its pixels where the class says so."""

IMPLANTS = {"YES": "yes", "NO": "no"}
"""Values of BreastImplantPresent."""
