#!/usr/bin/env python3
"""Reads message files with Python's email package and prints what it understood, as JSON.

read_mail.py FILE... prints a list with one object a file:
  headers    [{name, value, defects}] in order, values decoded
  addresses  {header name in lower case: [{name, local_part, domain, group}]}; group is null outside one
  parts      depth first, multiparts too: {type, charset, parameters, disposition, filename, id, encoding,
             depth, size, sha256, content (base64, up to 1 MiB), text (of text parts), defects}
  defects    of the message itself;  longest_line, seven_bit  of the file as it is

SPDX-License-Identifier: MIT
"""

import base64
import hashlib
import json
import sys
from email import message_from_bytes, message_from_string, policy

CONTENT_LIMIT = 1 << 20
ADDRESS_HEADERS = ("from", "sender", "reply-to", "to", "cc", "bcc")


def names_of(defects):
    return [type(defect).__name__ for defect in defects]


def mailbox(address, group):
    return {
        "name": address.display_name,
        "local_part": address.username,
        "domain": address.domain,
        "group": group,
    }


def addresses_of(header):
    return [
        mailbox(address, group.display_name) for group in header.groups for address in group.addresses
    ]


def text_of(part):
    if part.get_content_maintype() != "text":
        return None
    try:
        return part.get_content()
    except (LookupError, UnicodeError) as error:
        return "cannot be decoded: %s" % error


def parameters_of(part):
    header = part["content-type"]
    return dict(header.params) if header is not None else {}


def describe(part, depth):
    content = b"" if part.is_multipart() else part.get_payload(decode=True) or b""
    return {
        "type": part.get_content_type(),
        "charset": part.get_content_charset(),
        "parameters": parameters_of(part),
        "disposition": part.get_content_disposition(),
        "filename": part.get_filename(),
        "id": part["content-id"],
        "encoding": part["content-transfer-encoding"],
        "depth": depth,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": base64.b64encode(content).decode() if len(content) <= CONTENT_LIMIT else None,
        "text": text_of(part),
        "defects": names_of(part.defects),
    }


def parts_of(part, depth=0):
    yield describe(part, depth)
    if part.is_multipart():
        for child in part.get_payload():
            yield from parts_of(child, depth + 1)


def parse(raw):
    """Headers in UTF-8 (RFC 6532) are read as such: message_from_bytes knows ASCII only."""
    if raw.isascii():
        return message_from_bytes(raw, policy=policy.default)
    try:
        return message_from_string(raw.decode("utf-8"), policy=policy.SMTPUTF8)
    except UnicodeDecodeError:
        return message_from_bytes(raw, policy=policy.default)


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    message = parse(raw)
    addresses = {}
    for name in ADDRESS_HEADERS:
        for header in message.get_all(name, []):
            addresses.setdefault(name, []).extend(addresses_of(header))
    return {
        "headers": [
            {"name": name, "value": str(value), "defects": names_of(value.defects)}
            for name, value in message.items()
        ],
        "addresses": addresses,
        "parts": list(parts_of(message)),
        "defects": names_of(message.defects),
        "longest_line": max((len(line.rstrip(b"\r")) for line in raw.split(b"\n")), default=0),
        "seven_bit": raw.isascii(),
    }


def printable(value):
    """Octets that were no text come as lone surrogates, which are no JSON; they become U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [printable(item) for item in value]
    return value


def main():
    json.dump(printable([read(path) for path in sys.argv[1:]]), sys.stdout)
    print()


if __name__ == "__main__":
    main()
