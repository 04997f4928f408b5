import pytest

from tests import kill


@pytest.mark.slow
def test_killed_builds_and_trainings_lose_nothing_and_end_with_the_same_bits(capsys):
    status = kill.main(["--kills", "7", "--seed", "1"])
    assert status == 0, capsys.readouterr().out
