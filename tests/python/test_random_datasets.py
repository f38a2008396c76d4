"""Whatever filters, masks, edges, ranks and element types: both ways of reading give the same."""

import random

import h5py
import hdf5plugin
import numpy as np
import pytest

from element_types import TYPES
from oracle import read_with_h5py, sha256
from random_datasets import write_random
from seeds import choose_seed

CONVERTED = "its elements are converted while they are read"


@pytest.mark.parametrize("libver", ["earliest", ("v110", "v110")], ids=["old format", "new format"])
def test_every_element_type_in_random_chunks(h5flume, tmp_path, monkeypatch, libver):
    monkeypatch.setenv("HDF5_PLUGIN_PATH", hdf5plugin.PLUGIN_PATH)
    seed = choose_seed()
    chooser, generator = random.Random(seed), np.random.default_rng(seed)
    path = str(tmp_path / "random.h5")
    userblock = chooser.choice([0, 512, 4096])
    with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
        for kind in TYPES:
            print(write_random(file, kind.name, kind, chooser, generator, libver != "earliest"))

    result = h5flume.ok("verify", path)
    assert result["differing"] == []
    assert {entry["reason"] for entry in result["unsupported"]} <= {CONVERTED}
    assert result["compared"] + len(result["unsupported"]) == len(TYPES)
    for kind in TYPES:
        digest = h5flume.digest(path, kind.name, "--block-rows", chooser.randint(1, 50))
        assert kind.padded or digest == sha256(read_with_h5py(path, kind.name)), kind.name
