"""What one score is of: the level at which runs are read, and how the scores of several images become one."""

from mammo.runs.fusion import FUSIONS, LEVELS
from pages.shared.base import choose

SAID = "A breast or patient is positive where any image is. Scores are fused from the stored ones; nothing is trained."


def choose_reading() -> tuple[str, tuple[str, ...]]:
    """A level of `LEVELS`, and some of `FUSIONS` where scores are fused; each run has a row for each of them."""
    level = choose.entry("Level", LEVELS, "level", width=150)
    if not LEVELS[level].columns:
        return level, ("mean",)
    about = "\n\n".join(f"**{way.label}**: {way.description}" for way in FUSIONS.values())
    named = {name: way.label for name, way in FUSIONS.items()}
    help_said = f"{SAID}\n\n{about}"
    ways = choose.several(
        "Fused by", list(named), "fuse", named.__getitem__, default=["mean"], width=300, help=help_said
    )
    return level, tuple(ways)


def counted_by_patient(unit: str) -> str:
    """What intervals count of scores that are each of a `unit`."""
    return "count patients" if unit == "patients" else f"count patients, not {unit}"


def singular(unit: str) -> str:
    """One of what scores are of."""
    return unit.removesuffix("s")


def unit_of(level: str) -> str:
    """What is counted at a level, in the plural."""
    return LEVELS[level].unit
