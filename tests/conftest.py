import pytest

from pose3d import synthetic


@pytest.fixture(scope="session")
def raw_tree(tmp_path_factory):
    """A tiny raw tree: S1, S5, S11; Walking, both takes, four cameras; 12 poses; frames 250 px wide."""
    out = tmp_path_factory.mktemp("raw") / "tree"
    return synthetic.generate(out, subjects=("S1", "S5", "S11"), frames=12, image_size=250, workers=1)
