"""compose.py FILE: Python's email composes a message with the file attached, into /dev/null."""
import sys
import time
from email.generator import BytesGenerator
from email.message import EmailMessage
from email.policy import SMTP


class Counter:
    """Hands on what is written, counted."""

    def __init__(self, out):
        self.out, self.octets = out, 0

    def write(self, data):
        self.octets += len(data)
        return self.out.write(data)


start = time.monotonic()
message = EmailMessage(policy=SMTP)
message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "A large file"
message.set_content("See the attachment.\n")
with open(sys.argv[1], "rb") as file:
    message.add_attachment(file.read(), maintype="application", subtype="octet-stream",
                           filename="attachment.bin")
with open("/dev/null", "wb") as null:
    out = Counter(null)
    BytesGenerator(out, policy=SMTP).flatten(message)
print("seconds %.6f octets %d" % (time.monotonic() - start, out.octets))
