"""Any selection of any dataset gives what numpy takes of the values that h5py reads."""

import random

import h5py
import hdf5plugin
import numpy as np
import pytest

import ragged
from corpus import files_in
from element_types import TYPES
from harm import LARGEST_BYTES
from layouts import LAYOUTS
from oracle import elements, is_variable_length, same_values, sha256_of_elements
from random_datasets import write_random
from seeds import choose_seed
from selections import Chooser, moves_a_list, numpy_takes, step_text
from slices import Refusal, take_slices

SHAPE = (23, 5)
FORMATS = {"old format": "earliest", "new format": ("v110", "v110")}  # the newest 1.10 can read
CACHES = (0, 3000, 1 << 20, 256 << 20)
WAYS = ("read", "request")


# --- the comparison ---------------------------------------------------------------------------


def chains_for(values, choose, count):
    """Everything, nothing and one element, then chains at random."""
    fixed = [["[...]"], ["[:0]"], [step_text([str(size - 1) for size in values.shape])]]
    fixed = [chain for chain in fixed if numpy_takes(values, chain) is not None]
    return [*fixed, *(choose.chain(values) for _ in range(count))]


def is_array_of_compounds(dtype):
    """True if it is or contains one, whose fields are not served."""
    if dtype.subdtype is not None:
        return dtype.base.fields is not None or is_array_of_compounds(dtype.base)
    return any(is_array_of_compounds(field[0]) for field in (dtype.fields or {}).values())


def values_of(dataset):
    """Those that h5py reads. Of elements of variable length their places in the list of them, with
    which numpy does as with others, and that list; else nothing in its place."""
    if not is_variable_length(dataset):
        return np.asarray(dataset[()]), None
    return np.arange(dataset.size).reshape(dataset.shape), elements(dataset)


def same_elements(answer, theirs, lists):
    """True if the answer holds those of `lists` whose places numpy takes."""
    wanted = [lists[place] for place in theirs.flat]
    return sha256_of_elements(answer.flat) == sha256_of_elements(wanted)


def compare(values, lists, dtype, chain, answer, outcomes):
    """Fails unless the answer is what numpy takes, or both refuse, or it is said not to be served:
    fields of arrays of compounds, and what makes numpy reorder axes."""
    theirs = numpy_takes(values, [step_text(step) for step in chain])
    if theirs is None:
        outcomes["refused"] += 1
        assert isinstance(answer, Refusal) and answer.code == "invalid_argument", answer
    elif isinstance(answer, Refusal) and is_array_of_compounds(dtype):
        outcomes["in arrays"] += 1
        assert "has no fields" in str(answer) or moves_a_list(values, chain), answer
    elif isinstance(answer, Refusal):
        outcomes["moved"] += 1
        assert "numpy would move the axis" in str(answer), answer
        assert moves_a_list(values, chain)
    else:
        outcomes["taken"] += 1
        assert answer.shape == theirs.shape
        assert same_values(answer, theirs) if lists is None else same_elements(answer, theirs, lists)


def compare_file(path, datasets, choose, count):
    """Compares `count` random selections of each of the datasets; says how they ended."""
    with h5py.File(path) as file:
        values, lists = {}, {}
        for name in datasets:
            values[name], lists[name] = values_of(file[name])
        dtypes = {name: file[name].dtype for name in datasets}
    chains = [(name, chain) for name in datasets for chain in chains_for(values[name], choose, count)]
    choose.shuffle(chains)
    questions = [(name, "".join(map(step_text, chain)), choose.choice(WAYS)) for name, chain in chains]
    cache = choose.choice(CACHES)
    answers = take_slices(path, questions, cache)
    outcomes = {"taken": 0, "refused": 0, "moved": 0, "in arrays": 0}
    for (name, chain), question, answer in zip(chains, questions, answers):
        try:
            compare(values[name], lists[name], dtypes[name], chain, answer, outcomes)
        except AssertionError:
            print(f"cache {cache}, {question} of {values[name].shape} {dtypes[name]}: {answer}")
            raise
    print(outcomes)
    return outcomes


# --- what we write ----------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_and_element_type(tmp_path, layout):
    choose = Chooser(choose_seed())
    generator = np.random.default_rng(choose.randrange(2**32))
    path = str(tmp_path / "file.h5")
    with h5py.File(path, "w", libver=choose.choice(list(FORMATS.values()))) as file:
        for kind in TYPES:
            LAYOUTS[layout](file, kind.name, kind, kind.values(SHAPE, generator), SHAPE)
    outcomes = compare_file(path, [kind.name for kind in TYPES], choose, count=40)
    assert outcomes["taken"] > 1500


@pytest.mark.parametrize("libver", FORMATS.values(), ids=FORMATS)
def test_every_element_type_in_random_chunks_of_random_rank(tmp_path, monkeypatch, libver):
    monkeypatch.setenv("HDF5_PLUGIN_PATH", hdf5plugin.PLUGIN_PATH)
    seed = choose_seed()
    choose, chooser, generator = Chooser(seed), random.Random(seed), np.random.default_rng(seed)
    path = str(tmp_path / "random.h5")
    with h5py.File(path, "w", libver=libver) as file:
        for kind in TYPES:
            print(write_random(file, kind.name, kind, chooser, generator, libver != "earliest"))
    outcomes = compare_file(path, [kind.name for kind in TYPES], choose, count=120)
    assert outcomes["taken"] > 4000


@pytest.mark.parametrize("layout", ragged.LAYOUTS)
def test_every_element_type_of_variable_length(tmp_path, layout):
    choose = Chooser(choose_seed())
    path = str(tmp_path / "ragged.h5")
    with h5py.File(path, "w", libver=choose.choice(list(FORMATS.values()))) as file:
        ragged.write_every_type(file, layout, np.random.default_rng(choose.randrange(2**32)))
        names = list(file)
    outcomes = compare_file(path, names, choose, count=40)
    assert outcomes["taken"] > 500


# --- what others made -------------------------------------------------------------------------


def datasets_of(file):
    """Names of the datasets that h5py can read, each object once, and at most sixty."""
    names = []

    def visit(name, thing):
        if isinstance(thing, h5py.Dataset) and thing.shape and thing.nbytes <= LARGEST_BYTES:
            names.append("/" + name)

    file.visititems(visit)
    names = names[:: 1 + len(names) // 60]
    return [name for name in names if can_read(file[name])]


def can_read(dataset):
    try:
        values = dataset[()]
    except (OSError, TypeError, ValueError, MemoryError):
        return False
    if is_variable_length(dataset):
        base = h5py.check_vlen_dtype(dataset.dtype)
        return base in (None, bytes, str) or not base.hasobject
    return not values.dtype.hasobject


@pytest.mark.parametrize("path", files_in("good"), ids=lambda path: path.name)
def test_a_few_selections_of_the_datasets_of_a_good_file(path):
    try:
        with h5py.File(path) as file:
            datasets = datasets_of(file)
    except OSError as reason:
        pytest.skip(f"h5py cannot open it: {reason}")
    if not datasets:
        pytest.skip("it has no datasets that h5py reads")
    compare_file(path, datasets, Chooser(choose_seed()), count=6)


# --- the cases of multitables' own test-suite -------------------------------------------------

ROWS = np.dtype([("id", "<i8"), ("pos", [("x", "<f4"), ("y", "<f4", (3,))]), ("tag", "S6")])
OF_AN_ARRAY = [
    "[3]", "[-1]", "[-200]", "[5:9]", "[-5:]", "[5:-5:7]", "[::-3]", "[4, 1]", "[2:4, -1]", "[..., 2]",
    "[1, ..., 2]", "[...]", "[()]", "[[7, 7, 0, -1]]", "[[199, 100, 3]]", "[:, [1, 0]]", "[[]]",
    f"[{list(range(199, 0, -3)) * 15}]", f"[{[row % 3 == 0 for row in range(200)]}]", "[10:20][3]",
    "[10:20][2:4][:, 1]", "[[9, 8, 7]][[2, 0]]",
]
OF_A_TABLE = [
    "['id']", "['id'][5]", "['id'][5:9]", "[5:9]['id']", "[5]['id']", "['id'][[4, 4, 1]]", "[[4, 4, 1]]['id']",
    "['pos']", "['pos']['x'][::2]", "['pos'][3]['y']", "[3:9]['pos']['y'][:, 1]", "['pos/y'][-1]",
    "[['tag', 'id']]", "[['tag', 'id']][3:5]", "[3:5][['id', 'tag']]['tag']", f"['tag'][{[False, True] * 100}]",
    "[::-1]['tag']", "[..., -1]", "[3]", "[-1]", "[5:9]", "[::-7]", "[[7, 7, 0, -1]]", "[10:20][[1, 0]][1]",
]
BAD = ["[200]", "[-201]", "[0, 0, 0, 0]", "[[0, 200]]", "[[True]]", "['nothing']", "[..., ...]", "[1.5]", "['id', 3]"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("options", [{}, {"chunks": True}, {"compression": "gzip"}], ids=str)
def test_every_way_of_indexing_and_bad_ones_between_them(tmp_path, options, way):
    path = str(tmp_path / "file.h5")
    table = np.zeros(200, ROWS)
    table["id"] = np.arange(200)
    table["pos"]["x"] = np.arange(200) / 4
    table["pos"]["y"] = np.arange(600).reshape(200, 3)
    table["tag"] = [str(row) for row in range(200)]
    values = {"/array": np.arange(200 * 6 * 3, dtype="<i4").reshape(200, 6, 3), "/table": table}
    with h5py.File(path, "w") as file:
        for name, array in values.items():
            file.create_dataset(name, data=array, **options)

    good = [("/array", text) for text in OF_AN_ARRAY] + [("/table", text) for text in OF_A_TABLE]
    questions = []
    for number, (name, text) in enumerate(good):
        questions += [(name, text, way), (name, BAD[number % len(BAD)], way)]
    answers = take_slices(path, questions)
    for (name, text, _), answer in zip(questions, answers):
        if text in BAD:
            assert isinstance(answer, Refusal), text
            continue
        theirs = eval("array" + text.replace("pos/y", "pos']['y"), {"array": values[name]})
        assert same_values(answer, np.asarray(theirs)), text
