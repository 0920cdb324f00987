"""The spec of a classification head and of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mammo.errors import MammoError
from mammo.specs.axis import Bounds, FormField, axes_of, axis
from mammo.specs.spec import LARGEST, Spec

PROBE = "probe"
"""The optimiser by which stored specs, addresses and `--json` name a head that is solved instead of trained."""
STRENGTHS = tuple(10 ** (half / 2) for half in range(-8, 9))
"""C of every step of a probe's path, the strongest regularisation first."""
RATES = ("1e-2", "3e-3", "1e-3", "3e-4", "1e-4", "3e-5", "1e-5")


@dataclass(frozen=True)
class HeadSpec(Spec):
    """One classification head and how it is trained: every field is an axis that runs can differ in.

    `hidden` is the number of ReLU units between pooled features and the logit, 0 for none. `patience` is the number
    of epochs without a better validation AUC after which training stops and the best epoch's weights are kept; 0
    trains all `epochs` and keeps the last. `seed` fixes the initial weights, the order of batches and the dropout.
    `finetune` names the layers behind the tap `last-layer` that learn too, at their own learning rate `tail_lr`.
    `first_draws` is how many of a cache's augmented versions can train, the first ones; 0 for all. `scoring` names
    how images that do not train are scored. A probe is a linear head that is solved on plain images: learning rate,
    batch, epochs, patience, seed, draws and scoring do not apply to it.
    """

    what: ClassVar[str] = "head spec"

    pool: str = axis(
        "flatten",
        label="Pooling",
        help="how maps become vectors",
        choices=True,
        form=FormField(several=True, first=("flatten", "gap")),
    )
    hidden: int = axis(
        0,
        label="Hidden units",
        help="ReLU units between features and output; 0 is a linear head",
        bounds=Bounds(0, 8192),
        form=FormField(several=True, offered=("0", "32", "64", "128", "256")),
    )
    dropout: float = axis(
        0.0,
        label="Dropout",
        help="share of the last layer's inputs that a training step leaves out",
        bounds=Bounds(0, 1, open_most=True),
        shares_bank=lambda head: bool(head.hidden),  # a linear head's falls on the features, which its bank shares
        form=FormField(several=True, offered=("0", "0.25", "0.5")),
    )
    optimizer: str = axis(
        "adam",
        label="Optimiser",
        help="how weights follow gradients",
        choices=True,
        shares_bank=True,
        form=FormField(several=True, first=("adam", "nadam")),
    )
    lr: float = axis(
        1e-4,
        label="Learning rate",
        help="step size of the optimiser",
        bounds=Bounds(0, 10, open_least=True),
        logarithmic=True,
        shares_bank=True,
        in_probe=0.0,
        form=FormField(several=True, first=("1e-3", "1e-4"), offered=RATES),
    )
    batch: int = axis(
        32,
        label="Images a batch",
        help="images in a batch",
        bounds=Bounds(1, 65536),
        in_probe=0,
        form=FormField(most=1024),
    )
    epochs: int = axis(
        50,
        label="Epochs",
        help="how often all training images are seen",
        bounds=Bounds(1, 10_000),
        shares_bank=True,
        in_probe=len(STRENGTHS),
        form=FormField(first=(30,), most=1000),
    )
    patience: int = axis(
        0,
        label="Patience",
        help="epochs without a better validation AUC before training stops and the best are kept; 0 trains all epochs",
        bounds=Bounds(0, 10_000),
        shares_bank=True,
        in_probe=0,
        form=FormField(first=(10,), most=1000),
    )
    seed: int = axis(
        0,
        label="Seed of the head",
        help="fixes the random start, the order of batches and the dropout",
        bounds=Bounds(-LARGEST, LARGEST),
        in_probe=0,
        form=FormField(count=True, key="seeds", label="Random starts of each head", most=20),
    )
    finetune: str = axis(
        "none",
        label="Fine-tuning",
        help="layers behind the tap last-layer that learn too",
        choices=True,
        since=2,
        absent="none",
    )
    tail_lr: float = axis(
        1e-5,
        label="Learning rate of the tail",
        help="learning rate of the trunk's layers that learn",
        bounds=Bounds(0, 10, open_least=True),
        logarithmic=True,
        since=2,
        absent=0.0,
        used=lambda head: head.finetune != "none",
        form=FormField(several=True, first=("1e-5",), offered=RATES, label="Learning rate of the trunk's layers"),
    )
    first_draws: int = axis(
        0,
        label="First draws",
        help="how many of an augmentation's draws can train, the first ones; 0 for all",
        bounds=Bounds(0, 1000),
        since=3,
        absent=0,
        in_probe=0,
        form=FormField(advanced=True),
    )
    scoring: str = axis(
        "plain",
        label="Scoring",
        help="which versions of an image that does not train make its score",
        choices=True,
        shares_bank=True,
        since=4,
        absent="plain",
        in_probe="plain",
        form=FormField(advanced=True),
    )
    weight_decay: float = axis(
        1e-2,
        label="Weight decay",
        help="share of the weights, times the learning rate, that a step of AdamW takes away",
        bounds=Bounds(0, 10, open_least=True),
        logarithmic=True,
        shares_bank=True,
        since=5,
        absent=0.0,
        used=lambda head: head.optimizer == "adamw",
        form=FormField(several=True, first=("1e-2",), offered=("1e-1", "1e-2", "1e-3")),
    )
    loss: str = axis(
        "cross-entropy",
        label="Loss",
        help="what training makes small",
        choices=True,
        since=5,
        absent="cross-entropy",
        in_probe="cross-entropy",
        form=FormField(advanced=True),
    )
    pos_weight: float = axis(
        2.0,
        label="Weight of positives",
        help="how many times a malignant image counts in the weighted loss",
        bounds=Bounds(0, 1000, open_least=True),
        logarithmic=True,
        since=5,
        absent=1.0,
        used=lambda head: head.loss == "weighted",
        form=FormField(several=True, first=("2",), offered=("2", "4", "8"), advanced=True),
    )
    gamma: float = axis(
        2.0,
        label="Focusing",
        help="exponent by which the focal loss plays down images that are easy",
        bounds=Bounds(0, 10, open_least=True),
        since=5,
        absent=0.0,
        used=lambda head: head.loss == "focal",
        form=FormField(several=True, first=("2",), offered=("1", "2", "5"), advanced=True),
    )

    def __post_init__(self) -> None:
        """Refuse settings that cannot train, and give axes that do not apply the value that says so."""
        if self.solved:
            self._refuse_trained_settings()
        for name, head_axis in HEAD_AXES.items():
            if self.solved and head_axis.in_probe is not None:
                object.__setattr__(self, name, head_axis.in_probe)
            elif not head_axis.used_by(self):
                object.__setattr__(self, name, head_axis.absent)
            elif head_axis.bounds is not None:
                head_axis.check(getattr(self, name))

    @property
    def method(self) -> str:
        """How the head comes to its weights, a name of `mammo.heads.methods.METHODS`."""
        if self.optimizer == PROBE:
            return "probe"
        return "bank" if self.finetune == "none" else "tail"

    @property
    def solved(self) -> bool:
        """Whether the head is a probe."""
        return self.method == "probe"

    def _refuse_trained_settings(self) -> None:
        if self.hidden or self.dropout or self.finetune != "none":
            raise MammoError(
                "A probe is a linear head on frozen features: leave its hidden units and dropout at 0 and fine-tuning "
                "at none, or run the probes as a sweep of their own with `mammo probe`."
            )


HEAD_AXES = axes_of(HeadSpec)
"""The axes of a head by name."""
NOT_IN_PROBES = frozenset(name for name, head_axis in HEAD_AXES.items() if head_axis.in_probe is not None)
"""The axes that do not apply to probes."""
