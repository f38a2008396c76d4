"""Programs that publish what their streams do, and folders in memory for it."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile

from processes import wait_until


@contextlib.contextmanager
def shared_folder():
    """A folder in memory for shared dicts, removed afterwards."""
    path = tempfile.mkdtemp(prefix="h5flume-test-", dir="/dev/shm")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Streaming:
    """A program that streams for hours and publishes that in a folder."""

    def __init__(self, h5flume, file, folder, *options):
        self.h5flume = h5flume
        self.folder = folder
        endless = ["stream", file, "/images", "--cyclic", "--blocks", 10_000_000, "--quiet"]
        self.process = h5flume.start(
            *endless, *options, env={**os.environ, "H5FLUME_STATISTICS": folder}
        )
        self.pid = self.process.pid
        assert wait_until(lambda: self.streams)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.process.kill()
        self.process.wait()

    @property
    def programs(self):
        return self.h5flume.ok("top", "--once", "--folder", self.folder)["programs"]

    @property
    def streams(self):
        return [stream for one in self.programs if one["pid"] == self.pid for stream in one["streams"]]


def lines_of(process, count):
    """The first lines that a program prints, as JSON."""
    return [json.loads(process.stdout.readline()) for _ in range(count)]


def start_piped(h5flume, *arguments):
    return h5flume.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
