"""Clients that send requests over new TLS connections: https_load.py PORT CA PATH.

Four at a time, the certificate checked, until standard input ends; then one line: "ok N failed M",
and the first failures.
"""
# SPDX-License-Identifier: MIT
import socket
import ssl
import sys
import threading

port, ca, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=ca)
counts, failures, is_over, lock = {"ok": 0, "failed": 0}, [], threading.Event(), threading.Lock()


def ask():
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            answer = b""
            while piece := secure.recv(65536):
                answer += piece
    if not answer.startswith(b"HTTP/1.1 200") or b"sent" not in answer:
        raise ValueError(answer[-300:])


def client():
    while not is_over.is_set():
        try:
            ask()
            name, why = "ok", None
        except (OSError, ValueError) as error:  # those of TLS are OSErrors
            name, why = "failed", repr(error)
        with lock:
            counts[name] += 1
            if why and len(failures) < 5:
                failures.append(why)


threads = [threading.Thread(target=client) for _ in range(4)]
for thread in threads:
    thread.start()
sys.stdin.read()
is_over.set()
for thread in threads:
    thread.join()
print("ok", counts["ok"], "failed", counts["failed"], *failures, flush=True)
