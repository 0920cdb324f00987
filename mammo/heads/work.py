"""How much work a sweep is, and how fast this machine does it."""

from __future__ import annotations

import math

from mammo.data.labels import LABELS
from mammo.features.cache import Cache
from mammo.features.trunks import find_trunk
from mammo.heads.finetune import layers_of, map_shape
from mammo.heads.pools import POOLS
from mammo.rates import SWEEP, remember
from mammo.specs import HeadSpec, Home, SweepSpec

STEP = 8e-4
"""Seconds that one step of a bank is taken to cost, whatever its size."""
UPDATES = 3e8
"""Weights of heads that are taken to be updated in a second."""
GIGAFLOPS = 100.0
"""What a learning tail's passes are taken to do in a second."""
NEWTONS = 50
"""Steps of Newton's method that a probe's path takes."""
PRODUCTS = 2e10
"""Products of two numbers in a matrix product that are taken to be summed in a second."""
PASSES = 2
"""A tail's step in passes forward: the gradient of its weights costs another, that of its first inputs none."""


def vector_lengths(caches: list[Cache]) -> dict[tuple[str, str], int]:
    """The number of features that each pool makes of each cache, by the cache's and the pool's name."""
    return {(cache.name, pool): POOLS[pool].length(map_shape(cache)) for cache in caches for pool in POOLS}


def sweep_work(spec: SweepSpec, features: dict[tuple[str, str], int], train_images: int) -> tuple[float, float]:
    """Weights to update and steps to take: `features` gives the vector's length of each cache and pool."""
    updates = steps = 0.0
    outputs = [LABELS[split.labels].outputs for split in spec.splits]
    for cache in spec.caches:
        banks: dict[tuple[str, int, int, int], int] = {}
        for head in (one for one in spec.heads if not one.solved):
            count = math.ceil(train_images / head.batch) * head.epochs
            updates += count * sum(head_weights(head, features[cache, head.pool], number) for number in outputs)
            banks[head.pool, head.hidden, head.batch, head.seed] = count
        steps += sum(banks.values())
    return updates, steps * len(spec.splits)


def head_weights(head: HeadSpec, features: int, outputs: int) -> int:
    """The numbers in a head's weight matrices."""
    return head.hidden * (features + outputs) if head.hidden else features * outputs


def tail_weights(cache: Cache, head: HeadSpec) -> int:
    """The numbers that a head keeps of its tail, to within the biases."""
    channels, tuned = cache.shape[1], head.finetune != "none"
    names = layers_of(cache.spec.trunk, head.finetune) if tuned else ()
    squares = {"28": 9.0, "conv1": 1 / 4, "conv2": 9 / 16, "conv3": 1 / 4}
    return int(sum(squares[name] for name in names) * channels**2)


def guessed_seconds(spec: SweepSpec, caches: list[Cache], train_images: int) -> float:
    """What a sweep would take on a machine of which nothing is known."""
    features = vector_lengths(caches)
    updates, steps = sweep_work(spec, features, train_images)
    tuned = sum(head.epochs for head in spec.heads if head.finetune != "none") * len(spec.splits) * train_images
    passes = tuned * PASSES * sum(map(_gigaflops, caches)) / GIGAFLOPS
    return updates / UPDATES + steps * STEP + passes + _probe_products(spec, features, train_images) / PRODUCTS


def _probe_products(spec: SweepSpec, features: dict[tuple[str, str], int], train_images: int) -> float:
    """What the probes multiply: every image with every other, and a Cholesky factor a step and split."""
    lengths = [features[cache, head.pool] for cache in spec.caches for head in spec.heads if head.solved]
    factors = len(lengths) * len(spec.splits) * NEWTONS * train_images**3 / 3
    return factors + train_images**2 * sum(lengths)


def _gigaflops(cache: Cache) -> float:
    """What one image costs in the tail of a cache."""
    return find_trunk(cache.spec.trunk).taps[cache.spec.tap].gigaflops * (cache.spec.size / 224) ** 2


def remember_rate(home: Home, spec: SweepSpec, caches: list[Cache], train_images: int, seconds: float) -> None:
    """Keep how many times faster than guessed this machine trained a sweep."""
    remember(home, SWEEP, guessed_seconds(spec, caches, train_images) / max(seconds, 1e-3))
