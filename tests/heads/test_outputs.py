"""The area under the curve of many heads at once."""

from __future__ import annotations

import numpy as np
import torch

from mammo.heads.outputs import areas
from mammo.statistics.metrics import auc


def test_areas_are_those_of_the_metric_with_ties_and_what_is_not_a_number():
    source = np.random.default_rng(0)
    scores = source.normal(size=(40, 57)).astype(np.float32)
    scores[10:20] = scores[10:20].round(0)
    scores[20] = 0
    scores[21, 3] = np.nan
    scores[22, ::3] = np.inf
    positive = source.random(57) < 0.4
    found = areas(torch.from_numpy(scores), torch.from_numpy(positive))
    np.testing.assert_allclose(found.numpy(), auc(positive, scores), atol=1e-15)
    assert found[20] == 0.5 and found[21].isnan()


def test_areas_of_one_class_are_not_defined():
    assert areas(torch.zeros(3, 5), torch.zeros(5, dtype=torch.bool)).isnan().all()
    assert areas(torch.zeros(3, 0), torch.zeros(0, dtype=torch.bool)).isnan().all()
