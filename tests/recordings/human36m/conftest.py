import shutil

import pytest


@pytest.fixture
def tree(raw_tree, tmp_path):
    """A copy of S1's files, to be spoiled."""
    shutil.copytree(raw_tree / "S1", tmp_path / "tree" / "S1")
    shutil.copy(raw_tree / "metadata.xml", tmp_path / "tree")
    return tmp_path / "tree"
