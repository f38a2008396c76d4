"""The ring is anonymous memory: a container's small /dev/shm does not limit it."""

import hashlib
import json
import shutil
import subprocess

import h5py
import numpy as np
import pytest


def can_mount():
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"]
    return shutil.which("unshare") and subprocess.run(probe, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="mounting a small /dev/shm needs root")
def test_a_ring_larger_than_dev_shm_works(h5flume, tmp_path):
    file = tmp_path / "large.h5"
    values = np.arange(8 << 20, dtype="u4").reshape(64, -1)
    with h5py.File(file, "w") as written:
        written["x"] = values
    stream = [h5flume.path, "stream", str(file), "/x", "--block-rows", "16", "--digest", "--json"]
    script = 'mount -t tmpfs -o size=64k tmpfs /dev/shm && exec "$@"'
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *stream],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["sha256"] == hashlib.sha256(values.tobytes()).hexdigest()
