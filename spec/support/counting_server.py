"""An SMTP server that notes who is there: counting_server.py LOG DELAY [COMPLAINTS].

Lines of LOG: "port N", and then, each with the monotonic time in seconds: "open", "close", "message
TIME ID". DELAY: seconds before the reply to a content. COMPLAINTS: so many of the first contents get
a 421 4.7.0. Ends with its standard input.
"""
# SPDX-License-Identifier: MIT
import asyncio
import sys
import time

log = open(sys.argv[1], "w", buffering=1, encoding="latin-1")
delay, complaints = float(sys.argv[2]), int((sys.argv[3:] or ["0"])[0])


def note(what):
    log.write(f"{what} {time.monotonic():.6f}\n")


async def content_of(reader):
    lines = []
    while True:
        line = await reader.readline()
        if line == b".\r\n":
            return lines
        if line == b"":
            raise ConnectionError
        lines.append(line)


async def answer(reader, writer):
    global complaints
    writer.write(b"220 counting.example ESMTP\r\n")
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"EHLO":
            writer.write(b"250-counting.example\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n")
        elif verb == b"DATA":
            writer.write(b"354 go on\r\n")
            await writer.drain()
            lines = await content_of(reader)
            await asyncio.sleep(delay)
            if complaints > 0:
                complaints -= 1
                writer.write(b"421 4.7.0 too fast\r\n")
                return
            ids = [text for text in lines if text.lower().startswith(b"message-id:")]
            note("message " + ids[0].split()[1].decode())
            writer.write(b"250 2.0.0 taken\r\n")
        elif verb == b"QUIT":
            writer.write(b"221 2.0.0 bye\r\n")
            return
        else:
            writer.write(b"250 2.0.0 ok\r\n")


async def serve(reader, writer):
    note("open")
    try:
        await answer(reader, writer)
        await writer.drain()
    except ConnectionError:
        pass
    note("close")
    writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    log.write(f"port {server.sockets[0].getsockname()[1]}\n")
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(main())
