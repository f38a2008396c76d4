# -*- coding: utf-8 -*-
"""Lays down the folders beside this file with tastypy 0.0.3 itself, which needs Python 2.7.

    python2.7 make_folders.py

Beside each dict stands the same as JSON lines, written from the data and not from the files.
"""
import json
import os
import shutil
from collections import OrderedDict

import tastypy
import tastypy.json_serializer

HERE = os.path.dirname(os.path.abspath(__file__))

ITEMS = [
    (u"plain", 1),
    (5, u"five"),
    (u"5", u"text that looks like a number"),
    (-9223372036854775808, 18446744073709551615),
    (u"größe", u"𝄞 \u2028 ü"),
    (u"a tab\there", OrderedDict([(u"z", 1), (u"a", [1, 2.5, None, True])])),
    (u"\t", u"\t\t"),
    (u"a backslash \\ here", u"\\"),
    (u"\\t is no tab", u"\\t"),
    (u"\\\\t", u"\\\\t"),
    (u"ends in a backslash\\", u"\\"),
    (u'"quoted"\nand\r\x01', u'"'),
    (u"", {}),
    (u"a long float", 0.1),
]
TUPLES = [
    ((u"/images", 4096), 1),
    ((u"a\\b\tc", (1, (2, u"ü"))), 2),
    ((), 3),
]


def fresh(name):
    path = os.path.join(HERE, name)
    shutil.rmtree(path, ignore_errors=True)
    return path


def expect(name, items):
    with open(os.path.join(HERE, name + ".jsonl"), "w") as lines:
        for key, value in items:
            lines.write(json.dumps(OrderedDict([("key", key), ("value", value)])) + "\n")


def dict_folder(name, items, expected=True, **options):
    pod = tastypy.POD(fresh(name), init=items, **options)
    pod.sync()
    if expected:
        expect(name, items)
    return pod


def tracker_folder():
    tracker = tastypy.Tracker(fresh("tracker"), max_tries=2, file_size=3)
    tracker.add_many(["todo", "tried", "done", "aborted", "exhausted"])
    tracker.increment_tries("tried")
    tracker.increment_tries("done")
    tracker.mark_done("done")
    tracker.abort("aborted")
    tracker.increment_tries("exhausted")
    tracker.increment_tries("exhausted")
    tracker.update({"done": {"url": u"http://ü", "size": [1, 2]}})
    tracker.sync()


def damaged_folders():
    pod = dict_folder("emptied", [("a", 1), ("b", 2)], expected=False)
    pod["a"] = object()
    try:
        pod.sync()
    except TypeError:
        pass  # a value that is no JSON, for which the file has been emptied
    pod.revert()
    dict_folder(
        "not-a-number",
        [("a", 1), ("nan", float("nan")), ("inf", [float("-inf")]), ("z", 2)],
        expected=False,
    )


dict_folder("dict", ITEMS, file_size=4)
dict_folder("gzipped", ITEMS, gzipped=True)
many = [("key %d" % number, number) for number in range(1100)]
dict_folder("many", many, gzipped=True, file_size=100)
# Its own function does not find itself where it calls itself, and only for tuples it does.
tastypy.json_serializer.serialize_key = tastypy.JSONSerializer.serialize_key
dict_folder("tuples", TUPLES)
tracker_folder()
damaged_folders()
