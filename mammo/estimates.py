"""What a cache or a sweep will cost, before it is begun."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from mammo.data.dataset import Dataset
from mammo.data.labels import LABELS
from mammo.features.cache import Cache
from mammo.features.chunks import STORAGES, USUAL
from mammo.features.precision import PRECISIONS
from mammo.features.trunks import find_trunk
from mammo.heads.finetune import check_finetunes
from mammo.heads.work import guessed_seconds, head_weights, tail_weights, vector_lengths
from mammo.images.augment import versions
from mammo.parallel import cores
from mammo.rates import SWEEP, extraction_key, recall
from mammo.specs import CacheSpec, Home, SweepSpec

GIGAFLOPS = 60.0
"""What a processor core is taken to do in a trunk's forward pass before it was measured."""
IMAGES = 25.0
"""Images a second that a core is taken to read and resize before it was measured."""

MEASURED = "from this machine's last such work"
ROUGH = "a rough guess: no such work was done on this machine yet"


@dataclass(frozen=True)
class Estimate:
    """Bytes on disk and seconds of work; `note` says where the figure comes from."""

    bytes: int
    seconds: float
    note: str


def cache_estimate(home: Home, spec: CacheSpec, images: int, storage: str = USUAL) -> Estimate:
    """What the cache of `spec` takes for so many images; a timm trunk's size is unknown and given as 0."""
    kind = find_trunk(spec.trunk)
    total = images * versions(spec.augment, spec.draws)
    width = 2 if PRECISIONS[spec.precision].stored == "float16" else 4
    raw = total * math.prod(kind.map_shape(spec.tap, spec.size)) * width
    rate = recall(home, extraction_key(spec))
    flops = kind.gigaflops * (spec.size / 224) ** 2
    guess = 1 / (1 / (IMAGES * cores()) + flops / (GIGAFLOPS * cores()))
    return Estimate(int(raw * STORAGES[storage].share), total / (rate or guess), MEASURED if rate else ROUGH)


def sweep_estimate(home: Home, spec: SweepSpec) -> Estimate:
    """What a sweep over whole caches takes; raises MammoError where one of them cannot be opened."""
    caches = [Cache.open(home, spec.dataset, name) for name in spec.caches]
    check_finetunes(caches, spec.heads)
    features = vector_lengths(caches)
    images = len(Dataset.open(home, spec.dataset).table(caches[0].spec.kind))
    split = spec.splits[0]
    guess = guessed_seconds(spec, caches, round(images * (1 - split.validation - split.test)))
    outputs = [LABELS[split.labels].outputs for split in spec.splits]
    made = itertools.product(spec.caches, spec.heads, outputs)
    size = 4 * sum(head_weights(head, features[cache, head.pool], number) + images for cache, head, number in made)
    size += 4 * len(spec.splits) * sum(tail_weights(cache, head) for cache in caches for head in spec.heads)
    rate = recall(home, SWEEP)
    return Estimate(int(size), guess / (rate or 1.0), MEASURED if rate else ROUGH)
