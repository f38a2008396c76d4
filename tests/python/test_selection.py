"""Selections take what numpy's indexing takes, and refuse what it refuses."""

import json
import os
import subprocess

import numpy as np
import pytest

from seeds import choose_seed
from selections import Chooser, moves_a_list, numpy_takes, step_text

CASES = 10000


@pytest.fixture(scope="module")
def resolve():
    """resolve(questions): the answers of the library; see resolve_selections.cpp."""
    program = os.environ.get("H5FLUME_RESOLVE_SELECTIONS")
    if not program:
        pytest.exit("H5FLUME_RESOLVE_SELECTIONS does not name the program", returncode=2)

    def run(questions):
        lines = "".join(
            json.dumps({"selection": text, "shape": shape, "element_shape": element_shape}) + "\n"
            for text, shape, element_shape in questions
        )
        done = subprocess.run([program], input=lines, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


# --- random selections ------------------------------------------------------------------------


def test_thousands_of_random_selections_take_what_numpy_takes(resolve):
    choose = Chooser(choose_seed())
    cases = []
    for _ in range(CASES):
        shape = choose.shape()
        array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        chain = choose.chain(array)
        cases.append((array, chain, [step_text(step, choose.choice(["", ","])) for step in chain]))

    answers = resolve([("".join(steps), array.shape, []) for array, _, steps in cases])
    assert len(answers) == CASES
    outcomes = {"taken": 0, "refused": 0, "moved": 0}
    for (array, chain, steps), answer in zip(cases, answers):
        case = ("".join(steps), array.shape, answer)
        theirs = numpy_takes(array, steps)
        if theirs is None:
            outcomes["refused"] += 1
            assert "error" in answer, case
        elif "numpy would move the axis" in answer.get("error", ""):
            outcomes["moved"] += 1
            assert moves_a_list(array, chain), case
        else:
            outcomes["taken"] += 1
            assert_takes(answer, theirs, case)
    print(outcomes)
    assert min(outcomes.values()) > CASES / 200, outcomes


def assert_takes(answer, theirs, case):
    assert answer.get("shape") == list(theirs.shape), case
    assert answer["indices"] == theirs.ravel().tolist(), case


# --- what the library writes ------------------------------------------------------------------


def test_a_selection_written_by_the_library_means_the_same_to_numpy(resolve):
    choose = Chooser(1)
    array = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    texts = ["".join(step_text(step) for step in choose.chain(array)) for _ in range(500)]
    answers = resolve([(text, array.shape, []) for text in texts])
    taken = [answer for answer in answers if "text" in answer]
    assert len(taken) > 100
    for answer in taken:
        theirs = eval("array" + answer["text"], {"array": array})
        assert_takes(answer, np.asarray(theirs), answer)


# --- fields -----------------------------------------------------------------------------------

INNER = [("x", "i8"), ("pos", "i8", (3,))]
COMPOUND = np.dtype([("a", "i8"), ("b", INNER), ("c", "i8")])


@pytest.mark.parametrize(
    "text, field",
    [
        ("['a'][1:3]", "a"),
        ("[1:3]['a']", "a"),
        ("[::-2, 1]['b']['x']", "b/x"),
        ("['b'][[3, 0]]['x'][:, 1]", "b/x"),
        ("['b']['pos']", "b/pos"),
        ("['b']['pos'][1:3, 0]", "b/pos"),
        ("['b']['pos'][..., 0]", "b/pos"),
        ("[..., 0]['b']['pos']", "b/pos"),
        ("[1]['b'][2:]['pos'][:, 0]", "b/pos"),
        ("[['a', 'b']]['b'][2]['x']", "b/x"),
    ],
)
def test_fields_and_axes_mix_as_in_numpy(resolve, text, field):
    table = np.zeros((4, 5), COMPOUND)
    values = table
    for name in field.split("/"):
        values = values[name]
    values[...] = np.arange(values.size).reshape(values.shape)
    (answer,) = resolve([(text, table.shape, values.shape[2:])])
    assert answer.get("fields") == [field], answer
    assert_takes(answer, eval("table" + text, {"table": table}), text)


@pytest.mark.parametrize(
    "text", ["[['a', 'b']]['c']", "[0, 0, 0]['b']['pos']", "['b'][0, 0, 0]['pos']"]
)
def test_what_numpy_refuses_beside_fields_is_refused(resolve, text):
    with pytest.raises((ValueError, IndexError)):
        eval("table" + text, {"table": np.zeros((4, 5), COMPOUND)})
    (answer,) = resolve([(text, (4, 5), (3,))])
    assert "error" in answer
