# A mail as Python's email reads it: its fields, whom an answer goes to, its parts, its text.
# SPDX-License-Identifier: MIT
import email
import email.policy
import email.utils
import sys

with open(sys.argv[1], "rb") as file:
    mail = email.message_from_binary_file(file, policy=email.policy.default)
out = sys.stdout.buffer
for name, value in mail.items():
    out.write(f"{name}: {value}\n".encode())
for address in mail["Reply-To"].addresses:
    out.write(f"reply to: {address.addr_spec}\n".encode())
parts = ", ".join(part.get_content_type() for part in mail.walk())
out.write(f"parts: {parts}\n\n".encode())
out.write(mail.get_content().replace("\r\n", "\n").encode())
