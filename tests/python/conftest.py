"""What the Python tests share: the program, and ways to run it."""

import json
import os
import pathlib
import subprocess

import pytest

# Indices of chunks do not go to the user's own folder.
os.environ.setdefault("H5FLUME_INDEX_FOLDER", "")


class Result:
    """How one run of the program ended."""

    def __init__(self, arguments, completed):
        self.arguments = arguments
        self.status = completed.returncode
        self.out = completed.stdout
        self.err = completed.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"h5flume {' '.join(self.arguments)}: status {self.status}\n{self.out}\n{self.err}"


class Program:
    """The program under test."""

    def __init__(self, path):
        self.path = str(path)

    def run(self, *arguments, timeout=60, cwd=None):
        """Runs it to its end, whatever that is."""
        arguments = [str(argument) for argument in arguments]
        completed = subprocess.run(
            [self.path, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
        )
        return Result(arguments, completed)

    def ok(self, *arguments, **options):
        """Runs it and expects success; gives its JSON object."""
        result = self.run(*arguments, "--json", **options)
        assert result.status == 0, result
        return result.json

    def digest(self, file, dataset, *options):
        """The SHA-256 of a dataset as the program streams it."""
        return self.ok("stream", file, dataset, "--digest", *options)["sha256"]

    def refusal(self, file, dataset, *options):
        """Streams what has to be refused; gives the message."""
        result = self.run("stream", file, dataset, *options)
        assert result.status == 1, result
        assert result.err.startswith("h5flume: "), result
        return result.err

    def start(self, *arguments, **options):
        """Starts it and does not wait."""
        return subprocess.Popen([self.path, *map(str, arguments)], text=True, **options)


@pytest.fixture(scope="session")
def h5flume():
    path = os.environ.get("H5FLUME_BIN")
    if not path:
        pytest.exit("H5FLUME_BIN does not name the program", returncode=2)
    return Program(pathlib.Path(path).resolve())


@pytest.fixture(scope="session")
def images(h5flume, tmp_path_factory):
    """A thousand images of `h5flume sample`."""
    path = tmp_path_factory.mktemp("sample") / "images.h5"
    h5flume.ok("sample", path, "--rows", 1000)
    return str(path)
