"""Names of runs: of trained runs, of ensembles, and of both at the level of breasts or patients."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from mammo.runs.fusion import FUSIONS, LEVELS
from mammo.runs.sweep import sweep_name_of
from mammo.specs import pick

AND, AT = "+", "@"
USUAL = "mean"


@dataclass(frozen=True)
class RunName:
    """A run `SWEEP.NUMBER`, or an ensemble of several, its fusion `combine`, and its level with the fusion `fuse`.

    As text: `SWEEP.3`, `SWEEP.3+7`, `SWEEP.3+OTHER.1@mean-logit`, and any of these with `@breast-max`. A number without
    a sweep belongs to the sweep before it.
    """

    members: tuple[str, ...]
    combine: str = USUAL
    level: str = "image"
    fuse: str = USUAL

    @classmethod
    def parse(cls, text: str) -> RunName:
        """The name that a text stands for; raises MammoError where it is no name."""
        runs, *suffixes = text.strip().replace(" ", AND).split(AT)  # an address turns + into a space
        members: list[str] = []
        for word in runs.split(AND):
            members.append(f"{sweep_name_of(members[-1])}.{word}" if word.isdecimal() and members else word)
            sweep_name_of(members[-1])
        name = cls(tuple(dict.fromkeys(members)))
        for suffix in suffixes:
            level, _, fuse = suffix.partition("-")
            if level in LEVELS and fuse:
                name = cls(name.members, name.combine, level, _fusion(fuse))
            else:
                name = cls(name.members, _fusion(suffix), name.level, name.fuse)
        return name

    def __str__(self) -> str:
        """The name as text, in its shortest form."""
        words = [self.members[0]]
        for before, member in pairwise(self.members):
            same = sweep_name_of(before) == sweep_name_of(member)
            words.append(member.rpartition(".")[2] if same else member)
        combined = AT + self.combine if len(self.members) > 1 and self.combine != USUAL else ""
        level = f"{AT}{self.level}-{self.fuse}" if self.level != "image" else ""
        return AND.join(words) + combined + level


def _fusion(name: str) -> str:
    pick(FUSIONS, name, "fusion")
    return name
