"""Selections take what numpy's indexing takes, and refuse what it refuses."""

import json
import os
import random
import subprocess

import numpy as np
import pytest

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


# --- the oracle -------------------------------------------------------------------------------


def numpy_takes(array, steps):
    """What indexing by the text of each step takes, or None where numpy refuses it."""
    for step in steps:
        try:
            array = np.asarray(eval(f"array{step}", {"array": array}))
        except (IndexError, ValueError):  # ValueError: a step of 0
            return None
    return array


def is_integer(item):
    return item.lstrip("-").isdigit()


def moves_the_list(array, items):
    """True if numpy moves the axis of this step's list to the front, away from its place."""
    axis = [item.startswith("[") for item in items].index(True)
    covered = array.ndim - sum(item != "..." for item in items)
    kept = [covered if item == "..." else not is_integer(item) for item in items[:axis]]
    # In place: first everything but the integers, then those.
    others = [":" if is_integer(item) else item for item in items]
    integers = [item if is_integer(item) or item == "..." else ":" for item in items]
    in_place = numpy_takes(array, [step_text(others)])
    assert in_place is not None
    moved = np.moveaxis(numpy_takes(in_place, [step_text(integers)]), sum(kept), 0)
    return sum(kept) > 0 and np.array_equal(numpy_takes(array, [step_text(items)]), moved)


def moves_a_list(array, chain):
    """True if some step of a chain moves its list."""
    for items in chain:
        if any(item.startswith("[") for item in items) and moves_the_list(array, items):
            return True
        array = numpy_takes(array, [step_text(items)])
    return False


def step_text(items, end=""):
    return f"[{', '.join(items)}{end}]"


# --- random selections ------------------------------------------------------------------------


class Chooser(random.Random):
    def number(self, size):
        """Mostly inside an axis of this size, sometimes just or far outside."""
        kind = self.random()
        if kind < 0.97 and size > 0:
            return self.randrange(-size, size)
        return self.choice([size, -size - 1, 10**6, -(10**6), 2**63 - 1, -(2**63)])

    def bound(self, size):
        if self.random() < 0.3:
            return ""
        return str(self.choice([self.randint(-size - 2, size + 2), self.number(size)]))

    def slice(self, size):
        text = f"{self.bound(size)}:{self.bound(size)}"
        if self.random() < 0.5:
            steps = [1, 2, 3, -1, -2, -3, size + 1, -size - 1, 2**63 - 1, -(2**63)]
            step = self.choice(steps) if self.random() < 0.99 else 0
            text += ":" + self.choice([str(step), str(step), ""])
        return text

    def list(self, size):
        return str([self.number(size) for _ in range(self.choice([0, 1, 1, 2, 3, 5]))])

    def mask(self, size):
        if self.random() < 0.03:
            size += 1
        return str([self.random() < 0.5 for _ in range(size)])

    def items(self, shape):
        """The items of one step; sizes fit the shape unless there is an ellipsis in front."""
        count = self.randint(1, len(shape) + (self.random() < 0.05)) if shape else 1
        ellipsis = self.randrange(count + 1) if self.random() < 0.3 or not shape else None
        with_list = self.randrange(count) if self.random() < 0.5 else None
        items = []
        for number in range(count if shape else 0):
            behind = ellipsis is not None and number >= ellipsis
            axis = len(shape) - count + number if behind else number
            size = shape[axis] if 0 <= axis < len(shape) else 1
            if number == with_list:
                items.append(self.choice([self.list, self.mask])(size))
            elif self.random() < 0.45:
                items.append(str(self.number(size)))
            else:
                items.append(self.slice(size))
        if ellipsis is not None:
            items.insert(min(ellipsis, len(items)), "...")
        return items

    def shape(self):
        sizes = [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7]
        return [self.choice(sizes) for _ in range(self.choice([0, 1, 1, 2, 2, 3, 3, 3, 4, 4]))]

    def chain(self, array):
        """Items of one, two or three steps, for the shape that each step meets."""
        chain = []
        for _ in range(self.choice([1, 1, 1, 2, 3])):
            chain.append(self.items(array.shape))
            array = numpy_takes(array, [step_text(chain[-1])])
            if array is None:
                break
        return chain


def test_thousands_of_random_selections_take_what_numpy_takes(resolve):
    seed = int(os.environ.get("H5FLUME_SEED", random.SystemRandom().randrange(2**32)))
    print(f"H5FLUME_SEED={seed}")  # pytest shows it if the test fails
    choose = Chooser(seed)
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
