"""Selections at random, and what numpy takes by them.

A selection is a chain of steps. A step is a list of items, one for each axis, or the text of a field
in its brackets.
"""

import random

import numpy as np

# --- what numpy takes -------------------------------------------------------------------------


def numpy_takes(array, steps):
    """What indexing by the text of each step takes, or None where numpy refuses it."""
    for step in steps:
        try:
            taken = eval(f"array{step}", {"array": array})
            # A single string would lose the size of its type.
            array = np.asarray(taken, array.dtype if isinstance(taken, bytes) else None)
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
    for step in chain:
        places = np.arange(array.size).reshape(array.shape)
        has_list = not isinstance(step, str) and any(item.startswith("[") for item in step)
        if has_list and moves_the_list(places, step):
            return True
        array = numpy_takes(array, [step_text(step)])
    return False


def step_text(step, end=""):
    return step if isinstance(step, str) else f"[{', '.join(step)}{end}]"


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
        if size > 5000:  # which would take long to write and read
            return self.list(size)
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

    def fields(self, names):
        """A step that takes one field by itself, or some as a compound."""
        if self.random() < 0.6:
            return f"[{self.choice(names)!r}]"
        return f"[{self.sample(names, self.randint(1, len(names)))!r}]"

    def chain(self, array):
        """One, two or three steps, for the shape that each meets; more where there are fields."""
        chain = []
        names = array.dtype.names
        for _ in range(self.choice([1, 1, 1, 2, 3]) + (self.choice([0, 1, 2]) if names else 0)):
            by_name = array.dtype.names and self.random() < 0.4
            chain.append(self.fields(array.dtype.names) if by_name else self.items(array.shape))
            array = numpy_takes(array, [step_text(chain[-1])])
            if array is None:
                break
        return chain
