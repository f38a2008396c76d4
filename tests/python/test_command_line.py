"""The program as a person or a script uses it."""

import os
import subprocess

import h5py
import numpy as np
import pytest

from oracle import sha256

SUBCOMMANDS = ["inspect", "stream", "slice", "sample"]


# --- exit status and messages -----------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-command"],
        ["stream"],
        ["stream", "FILE"],
        ["stream", "FILE", "/images", "--no-such-option"],
        ["stream", "FILE", "/images", "--block-rows", "0"],
        ["stream", "FILE", "/images", "--block-rows", "-5"],
        ["stream", "FILE", "/images", "--block-rows", "many"],
        ["stream", "FILE", "/images", "--workers", "0"],
        ["stream", "FILE", "/images", "--workers", "256"],
        ["stream", "FILE", "/images", "--read-ahead", "0"],
        ["stream", "FILE", "/images", "--timeout", "-1"],
        ["stream", "FILE", "/images", "--cyclic"],
        ["stream", "FILE", "/images", "--blocks", "3"],
        ["stream", "FILE", "/images", "--cyclic", "--blocks", "0"],
        ["stream", "FILE", "/images", "--cyclic", "--blocks", "3", "--skip-errors"],
        ["sample", "other.h5", "--kind", "music"],
        ["sample", "other.h5", "--rows", "0"],
        ["inspect"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(h5flume, images, arguments):
    result = h5flume.run(*[images if word == "FILE" else word for word in arguments])
    assert result.status == 2, result
    assert "usage" in (result.out + result.err).lower() or result.err.startswith("h5flume: ")


@pytest.mark.parametrize("command", ["stream", "inspect", "slice"])
@pytest.mark.parametrize(
    "file, dataset, words",
    [
        ("missing.h5", "/images", ["missing.h5", "No such file"]),
        (".", "/images", ["directory"]),
        ("text", "/images", ["text", "not an HDF5 file"]),
        ("empty", "/images", ["empty", "not an HDF5 file"]),
        ("FILE", "/imagse", ["/imagse", "images.h5"]),
        ("FILE", "/", ["group"]),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_status_1_and_says_why(
    h5flume, images, command, file, dataset, words, tmp_path
):
    (tmp_path / "text").write_text("not HDF5 at all\n" * 100)
    (tmp_path / "empty").touch()
    file = images if file == "FILE" else file
    result = h5flume.run(command, file, dataset, "--json", cwd=tmp_path)
    assert result.status == 1, result
    assert result.err.startswith("h5flume: ") and result.err.count("\n") == 1
    for word in words:
        assert word in result.err
    assert set(result.json) == {"error"} and set(result.json["error"]) == {"code", "message"}


def test_wrong_usage_with_json_is_an_error_object_too(h5flume):
    result = h5flume.run("stream", "--json")
    assert result.status == 2
    assert result.json["error"]["code"] == "usage"


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_every_subcommand_has_help_with_an_example(h5flume, command):
    result = h5flume.run(command, "--help")
    assert result.status == 0 and not result.err
    assert f"h5flume {command}" in result.out and "Example" in result.out


def test_help_names_the_subcommands_and_version_the_version(h5flume):
    result = h5flume.run("--help")
    assert result.status == 0 and all(command in result.out for command in SUBCOMMANDS)
    assert h5flume.run().out == result.out
    version = h5flume.run("--version")
    assert version.status == 0 and version.out.startswith("h5flume ")


def test_a_full_disk_under_standard_output_is_an_error(h5flume, images):
    with open("/dev/full", "w") as full:
        process = h5flume.start("inspect", images, "--json", stdout=full, stderr=subprocess.PIPE)
        message = process.communicate(timeout=30)[1]
    assert process.returncode == 1 and "standard output" in message


def test_names_in_a_file_cannot_steer_the_terminal(h5flume, tmp_path):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        file["red\x1b[31m"] = np.arange(3)
    for result in (h5flume.run("inspect", path), h5flume.run("stream", path, "\x1b[31m")):
        assert "\x1b" not in result.out + result.err


# --- inspect ----------------------------------------------------------------------------------


def test_inspect_describes_every_dataset(h5flume, images):
    result = h5flume.ok("inspect", images)
    assert set(result) == {"file", "datasets"}
    by_path = {dataset["path"]: dataset for dataset in result["datasets"]}
    data = by_path["/images"]
    assert set(by_path) == {"/images", "/labels"}
    assert data["shape"] == [1000, 64, 64, 3] and data["chunk"] == [32, 64, 64, 3]
    assert data["dtype"] == "uint8" and data["layout"] == "chunked"
    assert "gzip" in [entry["name"] for entry in data["filters"]]
    assert data["decoded_bytes"] == 1000 * 12288 and data["row_bytes"] == 12288
    assert 0 < data["stored_bytes"] < data["decoded_bytes"]
    assert data["ratio"] == pytest.approx(data["decoded_bytes"] / data["stored_bytes"])
    assert data["read_path"] == "direct" and data["why"]
    assert data["default_block_rows"] % 32 == 0
    assert any("32 times" in sentence for sentence in data["advice"])


def test_inspect_of_one_dataset_shows_that_one(h5flume, images):
    assert [entry["path"] for entry in h5flume.ok("inspect", images, "/labels")["datasets"]] == ["/labels"]


def test_inspect_prints_a_table_for_people(h5flume, images):
    lines = h5flume.run("inspect", images).out.splitlines()
    column = lines[0].index("SHAPE")
    assert lines[1][column:].startswith("(1000, 64, 64, 3)") and "gzip" in lines[1]
    assert lines[2][column:].startswith("(1000,)")


def test_inspect_lists_what_it_cannot_serve_with_the_reason(h5flume, tmp_path):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        file["good"] = np.arange(3)
        file.create_dataset("links", (2,), h5py.ref_dtype)
        file["link"] = h5py.ExternalLink("gone.h5", "/data")
    result = h5flume.ok("inspect", path)
    failures = {entry["path"]: entry["error"] for entry in result["datasets"] if "error" in entry}
    assert set(failures) == {"/links", "/link"}
    assert "reference" in failures["/links"]["message"]
    assert "gone.h5" in failures["/link"]["message"]
    assert h5flume.run("inspect", path, "/links").status == 1
    assert "not served" in h5flume.run("inspect", path).out


def test_inspect_advises_on_chunks_that_make_streaming_slow(h5flume, tmp_path):
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("tiny", (1000, 8), "f4", chunks=(2, 8), compression="gzip")
        file.create_dataset("split", (1000, 800), "f4", chunks=(100, 80), compression="gzip")
    advice = {entry["path"]: " ".join(entry["advice"]) for entry in h5flume.ok("inspect", path)["datasets"]}
    assert "tiny chunks" in advice["/tiny"]
    assert "spread over 10 chunks" in advice["/split"]


# --- stream -----------------------------------------------------------------------------------


def test_stream_reports_what_it_did(h5flume, images):
    result = h5flume.ok("stream", images, "/images", "--workers", 2, "--block-rows", 64)
    assert result["rows"] == 1000 and result["blocks"] == 16
    assert result["bytes"] == 1000 * 12288
    assert result["workers"] == 2 and result["path"] == "direct"
    assert result["mb_per_s"] == pytest.approx(result["bytes"] / 1e6 / result["seconds"], rel=0.01)
    assert 0 <= result["wait_seconds"] <= result["seconds"]
    assert 0 < result["first_block_seconds"] <= result["seconds"]
    assert result["worker_restarts"] == 0 and result["skipped_blocks"] == 0
    assert "sha256" not in result and result["read_seconds"] > 0


def test_stream_tells_people_the_same_in_words(h5flume, images):
    result = h5flume.run("stream", images, "/images", "--digest")
    assert result.status == 0 and not result.err
    assert "1000 rows" in result.out and "MB/s" in result.out and "sha256" in result.out
    quiet = h5flume.run("stream", images, "/images", "--quiet")
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "")


@pytest.mark.parametrize("out", ["no/such/folder/out.npy", ".", "/dev/null"])
def test_an_output_file_that_cannot_be_made_is_an_error(h5flume, images, tmp_path, out):
    result = h5flume.run("stream", images, "/images", "--out", out, cwd=tmp_path)
    assert result.status == 1 and out in result.err
    assert os.listdir(tmp_path) == []


@pytest.fixture
def damaged(tmp_path):
    """One chunk of ten fails its checksum."""
    path = tmp_path / "damaged.h5"
    values = np.arange(1000, dtype="<i8")
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", data=values, chunks=(100,), fletcher32=True)
        place = data.id.get_chunk_info_by_coord((300,)).byte_offset
    with open(path, "r+b") as raw:
        raw.seek(place + 8)
        raw.write(b"\xff")
    return path, values


def test_a_corrupt_chunk_ends_the_stream_with_its_rows_and_the_cause(h5flume, damaged, tmp_path):
    path, _ = damaged
    out = tmp_path / "out.npy"
    result = h5flume.run("stream", path, "data", "--block-rows", 100, "--out", out, "--json")
    assert result.status == 1
    assert "300" in result.err and "damaged.h5" in result.err and "'data'" in result.err
    assert result.json["error"]["code"] == "corrupt_data"
    assert os.listdir(tmp_path) == ["damaged.h5"]


def test_skip_errors_leaves_the_corrupt_block_out_and_says_so(h5flume, damaged, tmp_path):
    path, values = damaged
    out = tmp_path / "out.npy"
    arguments = ["--block-rows", 100, "--skip-errors", "--out", out, "--digest", "--json"]
    result = h5flume.run("stream", path, "data", *arguments)
    assert result.status == 0, result
    assert result.json["rows"] == 900 and result.json["skipped_blocks"] == 1
    assert result.json["sha256"] == sha256(np.delete(values, np.s_[300:400]))
    assert result.err.count("skipped") == 1 and "300" in result.err
    values[300:400] = 0
    assert np.array_equal(np.load(out), values)


# --- sample -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, dataset", [("images", "/images"), ("table", "/events"), ("sensor", "/sensor")]
)
def test_a_sample_can_be_streamed_as_it_says(h5flume, tmp_path, kind, dataset):
    path = tmp_path / "sample.h5"
    result = h5flume.ok("sample", path, "--kind", kind, "--rows", 500)
    assert result["next"] == f"h5flume stream {path} {dataset}"
    assert result["rows"] == 500 and result["stored_bytes"] == os.path.getsize(path)
    assert h5flume.ok(*result["next"].split()[1:])["rows"] == 500
    with h5py.File(path) as file:
        assert h5flume.digest(path, dataset) == sha256(file[dataset][()])


def test_a_sample_replaces_a_file_only_when_told_to(h5flume, tmp_path):
    path = tmp_path / "precious.h5"
    path.write_text("precious")
    result = h5flume.run("sample", path, "--rows", 10)
    assert result.status == 1 and "exists" in result.err
    assert path.read_text() == "precious"
    h5flume.ok("sample", path, "--rows", 10, "--overwrite")
    assert h5py.is_hdf5(path)
