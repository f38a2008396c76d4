"""Indices of chunks that are kept between runs of the program."""

import os
import time

import h5py
import numpy as np
import pytest


@pytest.fixture
def many_chunks(tmp_path):
    """A dataset of 12,000 chunks, in a file that was left alone for long; and its values."""
    path = tmp_path / "many.h5"
    values = np.arange(24_000, dtype="<i4")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=(2,), shuffle=True)
    long_ago = time.time() - 3600
    os.utime(path, (long_ago, long_ago))
    return path


@pytest.mark.parametrize("mode", [[], ["--threads"], ["--threads", "--trusted"]], ids=str)
def test_an_index_is_kept_and_makes_no_difference(h5flume, many_chunks, tmp_path, mode):
    folder = tmp_path / "cache" / "index"
    plain = h5flume.digest(many_chunks, "data", "--no-index")
    assert h5flume.digest(many_chunks, "data", "--index-folder", folder, *mode) == plain
    assert len(list(folder.glob("*.index"))) == 1
    assert h5flume.digest(many_chunks, "data", "--index-folder", folder, *mode) == plain
    assert len(list(folder.iterdir())) == 1


def test_inspect_and_verify_keep_and_use_it_too(h5flume, many_chunks, tmp_path):
    plain = h5flume.ok("inspect", many_chunks, "--no-index")
    for _ in range(2):
        assert h5flume.ok("inspect", many_chunks, "--index-folder", tmp_path / "inspect") == plain
        result = h5flume.ok("verify", many_chunks, "--index-folder", tmp_path / "verify")
        assert (result["compared"], result["differing"]) == (1, [])
    assert list((tmp_path / "inspect").iterdir()) != []
    assert list((tmp_path / "verify").iterdir()) != []


def test_a_damaged_index_is_made_anew(h5flume, many_chunks, tmp_path):
    plain = h5flume.digest(many_chunks, "data", "--index-folder", tmp_path / "index")
    (kept,) = (tmp_path / "index").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:1000])
    assert h5flume.digest(many_chunks, "data", "--index-folder", tmp_path / "index") == plain
    assert kept.read_bytes() == whole


def test_the_environment_names_the_folder_and_the_home_is_the_default(
    h5flume, many_chunks, tmp_path, monkeypatch
):
    monkeypatch.setenv("H5FLUME_INDEX_FOLDER", str(tmp_path / "named"))
    h5flume.digest(many_chunks, "data")
    assert len(list((tmp_path / "named").iterdir())) == 1
    monkeypatch.delenv("H5FLUME_INDEX_FOLDER")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    h5flume.digest(many_chunks, "data", "--no-index")
    assert not (tmp_path / "home").exists()
    h5flume.digest(many_chunks, "data")
    assert len(list((tmp_path / "home" / ".cache" / "h5flume").iterdir())) == 1


def test_a_folder_that_cannot_be_used_is_no_error(h5flume, many_chunks, tmp_path):
    (tmp_path / "file").write_text("no folder")
    assert h5flume.digest(many_chunks, "data", "--index-folder", tmp_path / "file" / "x")
    result = h5flume.run("stream", many_chunks, "data", "--index-folder", "x", "--no-index")
    assert result.status == 2
