import pytest

from tests.recordings.custom.drawn import write_folder


@pytest.fixture
def folder(tmp_path):
    """Twelve images, twelve masks, a video of the same, and tables of five rows for either."""
    return write_folder(tmp_path)
