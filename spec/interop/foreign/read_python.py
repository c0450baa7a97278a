#!/usr/bin/env python3
"""Reads every .eml file of a folder with Python's email package under its strict policy, and prints
what it understood: one JSON object a line, see foreign_spec.lua.

SPDX-License-Identifier: MIT
"""

import hashlib
import json
import os
import sys
from email import message_from_bytes, message_from_string, policy

ADDRESS_HEADERS = ("from", "sender", "reply-to", "to", "cc")


def mailbox(address):
    # Not addr_spec: it leaves out quotes where dots are at odd places.
    return {
        "name": address.display_name,
        "local_part": address.username,
        "domain": address.domain,
    }


def items_of(header):
    for group in header.groups:
        members = [mailbox(address) for address in group.addresses]
        if group.display_name is None:
            yield from members
        else:
            yield {"group": group.display_name, "members": members}


def leaf(part):
    found = {
        "type": part.get_content_type(),
        "disposition": part.get_content_disposition(),
        "filename": part.get_filename(),
        "id": part["content-id"] and str(part["content-id"]),
    }
    if part.get_content_maintype() == "text" and found["disposition"] is None:
        found["text"] = part.get_content(errors="strict")
    else:
        content = part.get_payload(decode=True)
        found["size"] = len(content)
        found["sha256"] = hashlib.sha256(content).hexdigest()
    return found


def leaves(part):
    if part.is_multipart():
        return [found for child in part.get_payload() for found in leaves(child)]
    return [leaf(part)]


def shape(part):
    if not part.is_multipart():
        return part.get_content_type()
    children = ",".join(shape(child) for child in part.get_payload())
    return "%s(%s)" % (part.get_content_subtype(), children)


def defects_of(message):
    for part in message.walk():
        yield from map(str, part.defects)
        for name, value in part.items():
            for defect in value.defects:
                yield "%s: %s" % (name, defect)


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    if raw.isascii():
        message = message_from_bytes(raw, policy=policy.strict)
    else:  # message_from_bytes knows no UTF-8 in headers (RFC 6532)
        message = message_from_string(raw.decode("utf-8"), policy=policy.strict + policy.SMTPUTF8)
    return {
        "names": [name.lower() for name in message.keys()],
        "fields": {name.lower(): str(value) for name, value in message.items()},
        "addresses": {
            name: list(items_of(message[name])) for name in ADDRESS_HEADERS if name in message
        },
        "parts": leaves(message),
        "shape": shape(message),
        "defects": list(defects_of(message)),
    }


def main(folder):
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".eml"):
            continue
        try:
            found = read(os.path.join(folder, name))
        except Exception as error:  # whatever it is, it is what this reader makes of the message
            found = {"failed": "%s: %s" % (type(error).__name__, error)}
        found["file"] = name
        line = json.dumps(found, ensure_ascii=False)
        # Octets that were no text come as lone surrogates, which are no JSON.
        sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")


main(sys.argv[1])
