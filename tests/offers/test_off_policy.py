"""Off-policy estimates: fixed values, and agreement with obp on the Open Bandit Dataset."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from offers.experiments.off_policy import CLIP, estimate


def test_the_off_policy_intervals_are_these():
    """Weights 2, 2, 4 and 0. IPS: deviation of the terms 2, 0, 4, 0; SNIPS: of weight times (reward - 0.75)."""
    found = estimate([1, 0, 1, 0], [0.5, 0.5, 0.25, 0.25], [1, 1, 1, 0])
    assert found.ips[:3] == pytest.approx((1.5, -0.125117, 3.125117), abs=1e-6)
    assert found.snips[:3] == pytest.approx((0.75, 0.291655, 1.208345), abs=1e-6)
    assert found.snips.effective == pytest.approx(64 / 24)


def test_only_weights_over_the_clip_count_as_clipped():
    found = estimate([1, 1, 1, 1], [0.001, 0.005, 0.01, 0.5], [1, 1, 1, 1])
    assert found.ips.clipped == found.snips.clipped == 2
    assert found.ips.value == (100 + 100 + 100 + 2) / 4


DATA = Path(__file__).parent / "open_bandit"


def sample(policy: str) -> dict[str, np.ndarray]:
    with gzip.open(DATA / f"obd_{policy}.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in ("item", "click", "propensity")}


@pytest.mark.parametrize("policy", ["bts", "random"])
def test_estimates_agree_with_obp_on_the_open_bandit_dataset(policy: str):
    golden = json.loads((DATA / "obd_golden.json").read_text())[policy]
    rows = sample(policy)
    assert len(rows["click"]) == 10_000 and len(golden) == 81
    for target, (ips, snips) in golden.items():
        if target == "tilted":
            targets = (rows["item"] + 1) / np.arange(1, 81).sum()
        else:
            targets = (rows["item"] == int(target)).astype(float)
        found = estimate(rows["click"], rows["propensity"], targets, clip=np.inf)
        assert found.ips.value == pytest.approx(ips, abs=1e-6)
        assert found.snips.value == pytest.approx(snips, abs=1e-6)


def test_what_another_variant_would_have_earned():
    """A skewed policy's log; the truth is within the intervals, and the plain mean is not the truth."""
    generator = np.random.default_rng(4)
    rates, shares = np.array([0.05, 0.10]), np.array([0.9, 0.1])
    hits = {"ips": 0, "snips": 0}
    for _ in range(300):
        shown = generator.choice(2, 20_000, p=shares)
        rewards = (generator.random(20_000) < rates[shown]).astype(float)
        found = estimate(rewards, shares[shown], (shown == 1).astype(float))
        for name in hits:
            each = getattr(found, name)
            hits[name] += each.low <= 0.10 <= each.high
        assert found.snips.effective == pytest.approx((shown == 1).sum())
    assert min(hits.values()) / 300 > 0.92


def test_weights_are_clipped_and_counted():
    found = estimate([1.0, 0.0], [0.001, 0.5], [1.0, 1.0])
    assert found.ips.clipped == 1
    assert found.ips.value == CLIP / 2
    assert 0 <= found.snips.value <= 1
    nothing = estimate([1.0], [0.5], [0.0])
    assert nothing.snips.value == nothing.snips.effective == 0.0
    for bad in ([0.0], [1.5]):
        with pytest.raises(ValueError, match="propensity"):
            estimate([1.0], bad, [1.0])
    with pytest.raises(ValueError, match="no showings"):
        estimate([], [], [])
