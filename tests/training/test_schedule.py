import pytest

from pose3d.config import TrainingSettings
from pose3d.training.schedule import hyper, learning_rate


def test_the_learning_rate_rises_in_a_line_and_stays():
    training = TrainingSettings(learning_rate=0.4, warmup=2.0)
    found = [learning_rate(training, place) for place in (0.5, 1.0, 2.0, 7.5)]
    assert found == pytest.approx([0.1, 0.2, 0.4, 0.4])
    assert learning_rate(TrainingSettings(learning_rate=0.4), 0.01) == 0.4


def test_the_learning_rate_falls_to_0_in_the_last_epochs():
    training = TrainingSettings(learning_rate=0.4, epochs=8, decay=0.25)
    found = [learning_rate(training, place) for place in (0.5, 6.0, 7.0, 7.5, 8.0)]
    assert found == pytest.approx([0.4, 0.4, 0.2, 0.1, 0.0])
    both = TrainingSettings(learning_rate=0.4, epochs=4, warmup=2.0, decay=1.0)
    assert [learning_rate(both, place) for place in (1.0, 2.0, 3.0)] == pytest.approx([0.2, 0.2, 0.1])


def test_mean_squares_weigh_all_gradients_alike_at_first_and_then_fade():
    training = TrainingSettings(learning_rate=0.4, rms_steps=3)
    found = [hyper(training, place=steps / 2, steps=steps) for steps in (1, 2, 3, 4, 90)]
    assert [step["share"] for step in found] == [1, 1 / 2, 1 / 3, 1 / 3, 1 / 3]
    assert {step["learning_rate"] for step in found} == {0.4}
