"""A tenth of what ``python -m tests.fuzz`` does by default; see there."""

import pytest

from tests.fuzz import fuzz


@pytest.mark.slow
def test_damaged_inputs_are_accepted_or_refused_by_one_line():
    counts, faults = fuzz(50, seed=0)
    assert not faults, "\n\n".join(faults)
    assert all(count["accepted"] for count in counts.values())  # of each kind at least the sound input
