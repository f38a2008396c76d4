"""What slice_many.cpp answers: selections of the datasets of one file, many in one process."""

import ast
import json
import os
import subprocess

import numpy as np
import pytest


class Refusal(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def take_slices(file, questions, cache_bytes=None):
    """The answers to (dataset, selection, way): arrays and Refusals."""
    program = os.environ.get("H5FLUME_SLICE_MANY")
    if not program:
        pytest.exit("H5FLUME_SLICE_MANY does not name the program", returncode=2)
    lines = "".join(
        json.dumps({"dataset": dataset, "selection": selection, "way": way}) + "\n"
        for dataset, selection, way in questions
    )
    arguments = [program, str(file), *([] if cache_bytes is None else [str(cache_bytes)])]
    done = subprocess.run(arguments, input=lines.encode(), capture_output=True, timeout=600)
    assert done.returncode == 0, done
    assert not done.stderr, done.stderr
    answers = list(read_answers(done.stdout))
    assert len(answers) == len(questions)
    return answers


def read_answers(output):
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        header = json.loads(output[at:end])
        at = end + 1 + header["bytes"]
        if "error" in header:
            yield Refusal(header["code"], header["error"])
        else:
            dtype = np.lib.format.descr_to_dtype(ast.literal_eval(header["descr"]))
            memory = output[end + 1 : at]
            if header["lists"]:
                count = int(np.prod(header["shape"], dtype=np.int64))
                values = read_lists(memory, dtype, count)
            else:
                values = np.frombuffer(memory, dtype)
            yield values.reshape(header["shape"])


def read_lists(memory, dtype, count):
    """Elements of variable length, see docs/variable-length.md, as an array of arrays."""
    elements = np.empty(count, object)
    offsets = np.frombuffer(memory[: 8 * (count + 1)], "i8")
    values = np.frombuffer(memory[8 * (count + 1) :], dtype)
    for index in range(count):
        elements[index] = values[offsets[index] : offsets[index + 1]]
    return elements
