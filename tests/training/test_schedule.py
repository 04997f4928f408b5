import pytest

from pose3d.config import TrainingSettings
from pose3d.training.schedule import learning_rate


def test_the_learning_rate_rises_in_a_line_and_stays():
    training = TrainingSettings(learning_rate=0.4, warmup=2.0)
    found = [learning_rate(training, place) for place in (0.5, 1.0, 2.0, 7.5)]
    assert found == pytest.approx([0.1, 0.2, 0.4, 0.4])
    assert learning_rate(TrainingSettings(learning_rate=0.4), 0.01) == 0.4
