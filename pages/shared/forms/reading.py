"""The level at which runs are read, images, breasts or patients, and how the scores of images are fused."""

from mammo.runs.fusion import FUSIONS, LEVELS
from pages.shared.base import choose

HELP = "A breast or patient is positive if any of its images is. Stored scores are fused; nothing is trained."


def choose_reading() -> tuple[str, tuple[str, ...]]:
    """A level of `LEVELS`, and some of `FUSIONS` where scores are fused; each run has a row for each fusion."""
    level = choose.entry("Level", LEVELS, "level", width=150)
    if not LEVELS[level].columns:
        return level, ("mean",)
    about = "\n\n".join(f"**{way.label}**: {way.description}" for way in FUSIONS.values())
    labels = {name: way.label for name, way in FUSIONS.items()}
    help_text = f"{HELP}\n\n{about}"
    ways = choose.several(
        "Fused by", list(labels), "fuse", labels.__getitem__, default=["mean"], width=300, help=help_text
    )
    return level, tuple(ways)


def counted_by_patient(unit: str) -> str:
    """A clause that says that intervals count patients, for scores of `unit`."""
    return "count patients" if unit == "patients" else f"count patients, not {unit}"


def singular(unit: str) -> str:
    """The singular of a unit, such as `image`."""
    return unit.removesuffix("s")


def unit_of(level: str) -> str:
    """The unit of a level in the plural, such as `images`."""
    return LEVELS[level].unit
