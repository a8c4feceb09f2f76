"""Sample ratio mismatch."""

import numpy as np
import pytest

from offers.experiments.sample_ratio import SUSPICIOUS, sample_ratio


def test_a_sample_ratio_mismatch_is_noticed():
    assert sample_ratio(9_010, 990, 0.1) > 0.5
    assert sample_ratio(9_300, 700, 0.1) < SUSPICIOUS
    assert sample_ratio(19, 1, 0.01) == pytest.approx(1 - 0.99**20)  # exact where few are expected
    assert sample_ratio(0, 0, 0.1) == sample_ratio(5, 5, 0.0) == 1.0
    generator = np.random.default_rng(1)
    alarms = sum(
        sample_ratio(10_000 - held, held, 0.1) < SUSPICIOUS for held in generator.binomial(10_000, 0.1, 5_000)
    )
    assert alarms < 20
