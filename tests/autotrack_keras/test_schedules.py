"""Our formulas for Keras's schedules give what Keras's own operations give."""

from typing import Any

import keras
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras.optimizers import schedules

from autotrack_keras.schedules import LearningRate

RATES = st.floats(1e-4, 1.0)
STEPS = st.integers(1, 50)
SCHEDULES = st.one_of(
    st.builds(schedules.ExponentialDecay, RATES, STEPS, st.floats(0.1, 0.99), staircase=st.booleans()),
    st.builds(schedules.InverseTimeDecay, RATES, STEPS, st.floats(0.1, 0.99), staircase=st.booleans()),
    st.builds(schedules.PolynomialDecay, RATES, STEPS, st.just(1e-4), st.sampled_from([1.0, 2.0]), st.booleans()),
    st.builds(schedules.CosineDecay, RATES, STEPS, st.floats(0.0, 0.5)),
    st.builds(schedules.CosineDecay, st.just(0.0), STEPS, warmup_target=RATES, warmup_steps=STEPS),
    st.builds(schedules.CosineDecayRestarts, RATES, STEPS, st.sampled_from([1.0, 2.0]), st.sampled_from([1.0, 0.5])),
    st.just(schedules.PiecewiseConstantDecay([10, 20], [0.3, 0.2, 0.1])),
)


@given(SCHEDULES, st.integers(0, 120))
@settings(max_examples=150)
def test_formulas_agree_with_keras(schedule: Any, step: int) -> None:
    optimizer = keras.optimizers.SGD(schedule)
    rate = LearningRate(optimizer)
    rate.starts(0)
    expected = float(keras.ops.convert_to_numpy(schedule(step)))
    assert rate.at_step(step) == pytest.approx(expected, rel=2e-3, abs=2e-5)
