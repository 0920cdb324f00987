"""How a head comes to its weights: trained in a bank, trained with a tail, or solved."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    """One way to fit a head."""

    label: str
    description: str


METHODS: dict[str, Method] = {
    "bank": Method("Trained", "Many heads on frozen features, trained in one step."),
    "tail": Method("Fine-tuned", "One head and the trunk's last layers, trained together."),
    "probe": Method("Converged probe", "A linear head, solved to its optimum at every strength of regularisation."),
}
"""By the name that `HeadSpec.method` gives."""
