#!/usr/bin/env python3
"""Reads folders of messages: in each, base.eml tells what is expected of the others: the same names of
header fields, the same parts. Prints what differs, one line a file, and how many were read.

SPDX-License-Identifier: MIT
"""

import os
import sys
from email import message_from_bytes, policy


def names_of(part):
    return sorted(name.lower() for name in part.keys())


def shape_of(path):
    with open(path, "rb") as file:
        message = message_from_bytes(file.read(), policy=policy.compat32)
    return [names_of(part) for part in message.walk()], [
        type(defect).__name__ for part in message.walk() for defect in part.defects
    ]


count = 0
for folder in sorted(os.listdir(sys.argv[1])):
    where = os.path.join(sys.argv[1], folder)
    wanted = shape_of(os.path.join(where, "base.eml"))
    for name in sorted(os.listdir(where)):
        count += 1
        found = shape_of(os.path.join(where, name))
        if found != wanted:
            print("%s/%s: wanted %r, got %r" % (folder, name, wanted, found))
print("read %d" % count)
