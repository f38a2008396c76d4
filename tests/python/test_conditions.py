"""`h5flume stream --where` finds the rows that PyTables and numpy find."""

import h5py
import numpy as np
import pytest
import tables

from oracle import same_values, sha256, stream_to_numpy

ROWS = 3000


class Event(tables.IsDescription):
    name = tables.StringCol(8)
    energy = tables.Float64Col()
    weight = tables.Float32Col()
    pos = tables.Int32Col()
    hits = tables.UInt16Col()
    id = tables.Int64Col()
    flag = tables.BoolCol()
    level = tables.EnumCol({"low": 1, "high": 7}, "low", base="int8")

    class track(tables.IsDescription):
        length = tables.Float64Col()
        points = tables.Int32Col()


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    """A file of PyTables, with a table in chunks that are compressed."""
    path = str(tmp_path_factory.mktemp("conditions") / "file.h5")
    random = np.random.default_rng(11)
    filters = tables.Filters(complevel=3, complib="zlib", shuffle=True)
    with tables.open_file(path, "w") as file:
        table = file.create_table("/", "events", Event, filters=filters, chunkshape=(256,))
        rows = np.zeros(ROWS, table.dtype)
        rows["name"] = random.choice(["", "muon", "electron", "pion"], ROWS)
        rows["energy"] = random.normal(size=ROWS)
        rows["energy"][::50] = np.nan
        rows["weight"] = random.integers(0, 20, ROWS) / 10
        rows["pos"] = random.integers(-5, 6, ROWS)
        rows["hits"] = random.integers(0, 2**16, ROWS)
        rows["id"] = np.arange(ROWS) * 3_000_000_000
        rows["flag"] = random.integers(0, 2, ROWS)
        rows["level"] = random.choice([1, 7], ROWS)
        rows["track"]["length"] = random.normal(size=ROWS)
        rows["track"]["points"] = random.integers(0, 5, ROWS)
        table.append(rows)
    return path


def found(h5flume, path, tmp_path, condition, *options):
    return stream_to_numpy(
        h5flume, path, "events", tmp_path, "--where", condition, "--block-rows", 100, *options
    )


# --- PyTables ---------------------------------------------------------------------------------

SHARED = [
    "(pos > 3) & (hits < 30000)",
    "(pos > 3) | ~(energy <= 0.5)",
    "flag & (pos != 2)",
    "~flag",
    "flag == True",
    "(energy > -0.25) & (energy < 0.25)",
    "energy != energy",
    "weight > 1.1",
    "weight == 0.5",
    "name == b'muon'",
    "(name == 'muon') | (name > 'm')",
    "id > 4500000000000",
    "id * 2 + 1 >= 9000000000001",
    "(pos * pos + hits) % 7 == 3",
    "(hits & 12) == 4",
    "hits & 12 == 4",
    "(pos ^ 3) > 2",
    "pos ** 2 > 9",
    "-pos > 2",
    "sqrt(abs(energy)) + weight > 1.5",
    "arctan2(energy, weight) > 0.75",
    "log10(hits + 1.0) < 3",
    "exp(energy) * cos(weight) > sin(energy)",
    "level == 7",
    "contains(name, 'on')",
    "pos > 100",
    "pos < 100",
]


@pytest.mark.parametrize("condition", SHARED)
def test_a_condition_finds_what_pytables_finds(h5flume, events, tmp_path, condition):
    with tables.open_file(events) as file:
        wanted = file.root.events.read_where(condition)
    assert same_values(found(h5flume, events, tmp_path, condition), wanted)


def test_a_field_inside_a_field_has_a_name_of_its_own(h5flume, events, tmp_path):
    with tables.open_file(events) as file:
        table = file.root.events
        variables = {"points": table.cols.track.points, "length": table.cols.track.length}
        wanted = table.read_where("(points > 2) & (length < 0)", variables)
    for condition in [
        "(track.points > 2) & (track.length < 0)",
        "(`track/points` > 2) and `track/length` < 0",
    ]:
        assert same_values(found(h5flume, events, tmp_path, condition), wanted)


# --- numpy ------------------------------------------------------------------------------------

# Where numexpr has another meaning or none; see docs/conditions.md.
OURS = {
    "pos > 2 and not flag": lambda e: (e["pos"] > 2) & (e["flag"] == 0),  # uint8 to h5py
    "pos / 2 == 1.5": lambda e: e["pos"] / 2 == 1.5,
    "pos // 2 == -2": lambda e: e["pos"] // 2 == -2,
    "pos % 3 == 1": lambda e: e["pos"] % 3 == 1,
    "weight % 0.25 > 0.1": lambda e: e["weight"].astype("f8") % 0.25 > 0.1,
    "level == 'high'": lambda e: e["level"] == 7,
    "isnan(energy)": lambda e: np.isnan(e["energy"]),
    "id == 8997000000000": lambda e: e["id"] == 8997000000000,
    "flag + pos > 4": lambda e: e["flag"] + e["pos"] > 4,
}


@pytest.mark.parametrize("condition", OURS)
def test_a_condition_finds_what_numpy_finds(h5flume, events, tmp_path, condition):
    with h5py.File(events) as file:
        rows = file["events"][()]
    wanted = rows[OURS[condition](rows)]
    assert 0 < len(wanted) < ROWS
    assert same_values(found(h5flume, events, tmp_path, condition), wanted)


# --- ways to stream ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [[], ["--threads"], ["--no-direct"], ["--workers", 3]], ids=str)
def test_fields_and_digest_go_with_a_condition(h5flume, events, tmp_path, mode):
    with h5py.File(events) as file:
        rows = file["events"][()]
    wanted = rows[rows["pos"] == 3]
    condition = ["--where", "pos == 3", *mode]
    result = h5flume.ok("stream", events, "events", "--field", "id", "--digest", *condition)
    assert result["rows"] == len(wanted) and result["where"] == "pos == 3"
    assert result["sha256"] == sha256(wanted["id"])
    both = found(h5flume, events, tmp_path, *condition[1:], "--field", "energy", "--field", "flag")
    assert both.dtype.names == ("energy", "flag")
    assert np.array_equal(both["energy"], wanted["energy"], equal_nan=True)
    assert np.array_equal(both["flag"], wanted["flag"])


def test_a_cyclic_stream_takes_blocks_that_have_rows(h5flume, events, tmp_path):
    with h5py.File(events) as file:
        rows = file["events"][()]
    wanted = np.flatnonzero(rows["id"] < 100 * 3_000_000_000)
    ours = found(
        h5flume, events, tmp_path, "id < 300000000000", "--cyclic", "--blocks", 3, "--field", "id"
    )
    assert np.array_equal(ours, np.tile(rows["id"][wanted], 3))


def test_what_is_no_condition_is_refused_with_its_place(h5flume, events):
    refused = h5flume.refusal(events, "events", "--where", "(pos > 3) & (enrgy < 1)")
    assert "position 14: no field 'enrgy'; the fields are" in refused
    refused = h5flume.refusal(events, "events", "--where", "pos > 3 & flag == 1")
    assert "position 16: comparisons do not follow each other" in refused
    refused = h5flume.refusal(events, "events", "--where", "track > 3")
    assert "field 'track' is a compound" in refused
