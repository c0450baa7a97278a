"""A server with small buffers for one client: crowd_server.py PATH greedy|slow|refusing.

It listens on a Unix socket, whose buffers do not grow, answers every RCPT with half a kilobyte, and
says in one line how many it took and how many octets of content.  greedy: it writes all its replies
to what it has read before it reads on.  slow: it reads a little at a time, with rests.  refusing: it
refuses a content in the middle, and reads no more of it.
"""
import socket
import sys
import time

path, manner = sys.argv[1:]
REPLY = b"250 2.1.5 " + b"accepted with many words " * 18 + b"\r\n"
FIXED = {b"EHLO": b"250-crowd.example.test\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n",
         b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 bye\r\n", b"RCPT": REPLY}

listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(1)
print("ready", flush=True)
client, _ = listener.accept()
client.sendall(b"220 crowd.example.test ESMTP\r\n")
rest, recipients, content, in_content = b"", 0, 0, False
while True:
    if manner == "slow":
        time.sleep(0.001)
    piece = client.recv(2000 if manner == "slow" else 65536)
    if not piece:
        break
    replies = []
    *lines, rest = (rest + piece).split(b"\r\n")
    for line in lines:
        verb = line[:4].upper()
        if in_content:
            content += len(line) + 2
            in_content = line != b"."
            if manner == "refusing" and content > 100000:
                client.sendall(b"552 5.3.4 too much\r\n")
                time.sleep(4)
                sys.exit()
            if not in_content:
                replies.append(b"250 2.0.0 taken\r\n")
        else:
            recipients += verb == b"RCPT"
            in_content = verb == b"DATA"
            replies.append(FIXED.get(verb, b"250 2.0.0 fine\r\n"))
    client.sendall(b"".join(replies))
print(recipients, content, flush=True)
