import numpy as np
import pytest

from pose3d.dataset.samples import Dataset
from pose3d.dataset.sources import recordings_of
from pose3d.errors import UserError


def test_a_source_that_is_gone_is_named_without_the_options_of_a_command(built, monkeypatch):
    monkeypatch.setattr("pose3d.dataset.sources.read_provenance", lambda _: {"source": "gone"})
    with pytest.raises(UserError, match=r"Walking-S1\.h5: .* needs the raw tree .* \(gone is no") as raised:
        recordings_of(Dataset.open(built), np.arange(3))
    assert "--" not in str(raised.value)
