"""A name server for one minute: names_server.py [rcode=N | ADDRESS ...].

Whatever is asked has these IPv4 addresses, or is refused with that code (3: there is no such name).
Without any it answers nothing at all. It says its port.
"""
# SPDX-License-Identifier: MIT
import socket
import sys
import time

END = time.monotonic() + 60
ADDRESSES = [a for a in sys.argv[1:] if not a.startswith("rcode=")]
CODE = next((int(a[6:]) for a in sys.argv[1:] if a.startswith("rcode=")), 0)


def answer(query, addresses):
    question = query[12:query.index(b"\0", 12) + 5]
    asks_for_ipv4 = question[-4:-2] == b"\0\1"
    records = [b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(a) for a in addresses]
    records = records if asks_for_ipv4 else []
    return (query[:2] + bytes([0x81, 0x80 | CODE, 0, 1]) + bytes([0, len(records)]) + b"\0\0\0\0" + question
            + b"".join(records))


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
server.settimeout(1)
print("port", server.getsockname()[1], flush=True)
while time.monotonic() < END:
    try:
        query, client = server.recvfrom(512)
    except socket.timeout:
        continue
    if sys.argv[1:]:
        server.sendto(answer(query, ADDRESSES), client)
