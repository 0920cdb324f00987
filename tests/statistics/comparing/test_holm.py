import numpy as np
import pytest

from mammo.statistics.comparing.holm import holm


def test_holms_own_steps():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_one_test_is_not_corrected_and_none_is_above_one():
    assert holm([0.2]).tolist() == [0.2]
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert holm([]).shape == (0,)


def test_an_undefined_p_value_is_no_test():
    np.testing.assert_allclose(holm([0.02, np.nan, 0.04]), [0.04, np.nan, 0.04])
