#!/usr/bin/env python3
"""Requests that each send one mail, in one nginx worker, through a link with a round trip.

Every way gets the same: an nginx of its own with one worker, so many requests, so many in flight,
to the reference sink behind the delaying proxy. README.md tells what is measured.
"""
# SPDX-License-Identifier: MIT
import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.dirname(HERE)
ROOT = os.path.dirname(BENCH)

# Each way: the module of its handlers, the function they call.
WAYS = {
    "resty-mail": ("mail_resty", "send"),
    "ettsumailer": ("mail_ettsumailer", "send"),
    "ettsumailer-enqueue": ("mail_ettsumailer", "enqueue"),
}

CONFIGURATION = """
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
daemon off;
worker_processes 1;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
{env}
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  lua_package_path "{root}/lua/?.lua;{root}/lua/?/init.lua;{here}/?.lua;{bench}/peers/?.lua;{resty};{lua};;";
  lua_package_cpath "{root}/build/luajit/?.so;;";
  {trust}
  init_worker_by_lua_block {{ require "{module}" }}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    keepalive_requests 1000000;
    location = /ping {{ content_by_lua_block {{ ngx.print "pong" }} }}
    location = /mail {{ content_by_lua_block {{
      require("{module}").{function}(ngx.var.arg_n)
      ngx.print "sent"
    }} }}
  }}
}}
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port):
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.02)
    sys.exit(f"nobody listens on port {port}")


class Sink:
    """The reference sink, and the delaying proxy in front of it."""

    def __init__(self, how, tls_files):
        command = [f"{BENCH}/build/sink", "--port", "0"]
        if tls_files:
            command += ["--cert", tls_files[0], "--key", tls_files[1], "--user", "bench",
                        "--password", "secret"]
        self.sink = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        port = json.loads(self.sink.stdout.readline())["port"]
        self.port = free_port()
        self.lines = tempfile.TemporaryFile("w+")  # one for every connection: more than a pipe holds
        self.proxy = subprocess.Popen(
            [f"{BENCH}/build/delayproxy", "--rtt-ms", str(how.rtt_ms), "--port", str(self.port),
             "--to", str(port)], stdout=self.lines)
        while os.fstat(self.lines.fileno()).st_size == 0 and self.proxy.poll() is None:
            time.sleep(0.01)  # its first line says that it listens

    def counts(self):
        self.sink.send_signal(signal.SIGUSR1)
        return json.loads(self.sink.stdout.readline())

    def stop(self):
        """The turns of all connections."""
        self.proxy.terminate()
        self.proxy.wait()
        self.lines.seek(0)
        last = self.lines.read().strip().splitlines()[-1]
        self.sink.terminate()
        self.sink.stdout.read()
        self.sink.wait()
        return json.loads(last).get("turns", 0)


class Nginx:
    def __init__(self, found, way, env):
        module, function = WAYS[way]
        self.port, self.folder = free_port(), tempfile.mkdtemp()
        trust = ""
        if "BENCH_CA" in env:
            trust = (f"lua_ssl_trusted_certificate {env['BENCH_CA']}; lua_ssl_verify_depth 2; "
                     "lua_ssl_protocols TLSv1.2 TLSv1.3;")
        text = CONFIGURATION.format(
            modules=found["modules"], lua=found["lua"], folder=self.folder, root=ROOT, here=HERE,
            bench=BENCH, port=self.port, module=module, function=function, trust=trust,
            resty=os.environ.get("RESTY_PATH", ""), env="\n".join(f"env {name};" for name in env))
        with open(f"{self.folder}/nginx.conf", "w", encoding="ascii") as file:
            file.write(text)
        self.process = subprocess.Popen(
            [found["program"], "-p", self.folder, "-c", f"{self.folder}/nginx.conf"],
            env=dict(os.environ, LD_LIBRARY_PATH=found["library"], **env))
        wait_for(self.port)
        children, pids = f"/proc/{self.process.pid}/task/{self.process.pid}/children", []
        while not pids and self.process.poll() is None:  # it listens before it has forked
            time.sleep(0.01)
            with open(children, encoding="ascii") as file:
                pids = file.read().split()
        self.worker = int(pids[0])

    def cpu(self):
        """Seconds on a processor, of the worker."""
        with open(f"/proc/{self.worker}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9

    def peak(self):
        """Octets of memory at most, of the worker."""
        with open(f"/proc/{self.worker}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        self.process.terminate()
        self.process.wait()
        with open(f"{self.folder}/error.log", encoding="utf-8", errors="replace") as file:
            log = [line for line in file if "[notice]" not in line]
        shutil.rmtree(self.folder)
        return log


async def ask(port, path, count, in_flight):
    """So many requests; returns how many were answered as wished."""
    numbers, good = iter(range(1, count + 1)), 0

    async def client():
        nonlocal good
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            writer.write(f"GET {path}?n={number} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:  # the handler has raised
                return
            body = b""
            if b"chunked" in head:
                while not body.endswith(b"0\r\n\r\n"):
                    body += await reader.read(4096)
            else:
                size = int(head.lower().split(b"content-length:")[1].split()[0])
                body = await reader.readexactly(size)
            good += head.startswith(b"HTTP/1.1 200") and (b"sent" in body or b"pong" in body)
        writer.close()

    await asyncio.gather(*(client() for _ in range(in_flight)))
    return good


def run(how, found, way, tls_files):
    sink = Sink(how, tls_files)
    env = {"BENCH_JOB": "send", "BENCH_COUNT": str(how.count), "BENCH_HOST": "127.0.0.1",
           "BENCH_PORT": str(sink.port), "BENCH_RCPTS": "1", "BENCH_FIXTURE": f"{BENCH}/peers/fixture"}
    if tls_files:
        env.update(BENCH_CA=tls_files[0], BENCH_USER="bench", BENCH_PASSWORD="secret")
    try:
        nginx = Nginx(found, way, env)
    except BaseException:
        sink.stop()
        raise
    try:
        asyncio.run(ask(nginx.port, "/ping", 100, how.in_flight))
        cpu, began = nginx.cpu(), time.monotonic()
        good = asyncio.run(ask(nginx.port, "/mail", how.count, how.in_flight))
        while sink.counts()["messages"] < good and time.monotonic() - began < 300:
            time.sleep(0.005)
        seconds, cpu, peak = time.monotonic() - began, nginx.cpu() - cpu, nginx.peak()
        counts = sink.counts()
    finally:
        log = nginx.stop()
        turns = sink.stop()
    if good != how.count or counts["messages"] != how.count or counts.get("violations"):
        print(f"{way}: {good} answered, {counts['messages']} of {how.count} delivered, "
              f"violations {counts.get('violations')}", "".join(log[:5]), file=sys.stderr)
        return None
    return {"seconds": seconds, "cpu_ms": cpu * 1000 / how.count, "peak_mb": peak / 1e6,
            "turns": turns / how.count, "connections": counts["connections"]}


def certificate(folder):
    files = f"{folder}/cert.pem", f"{folder}/key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", files[1], "-out", files[0], "-days", "7", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, stderr=subprocess.DEVNULL)
    return files


def nginx_of():
    script = subprocess.run(["sh", f"{ROOT}/spec/resty/bring.sh"], stdout=subprocess.PIPE, text=True,
                            check=False)
    if script.returncode != 0:
        sys.exit("there is no nginx to be had here")
    return dict(line.split("=", 1) for line in script.stdout.splitlines())


def table(name, runs, base):
    print(f"\n{name}\n\n| way | seconds | mails/s | against | CPU ms a mail | against | peak MB | "
          "turns a mail | connections |\n|---|---|---|---|---|---|---|---|---|")
    middle = {way: {key: statistics.median(run[key] for run in of_way) for key in of_way[0]}
              for way, of_way in runs.items() if of_way}
    for way, m in middle.items():
        b = middle.get(base, m)
        print(f"| {way} | {m['seconds']:.2f} | {COUNT / m['seconds']:.0f} | "
              f"{b['seconds'] / m['seconds']:.2f} | {m['cpu_ms']:.3f} | {m['cpu_ms'] / b['cpu_ms']:.2f} | "
              f"{m['peak_mb']:.1f} | {m['turns']:.2f} | {m['connections']:.0f} |")


def main():
    global COUNT  # pylint: disable=global-statement
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=20)
    parser.add_argument("--rtt-ms", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", default=",".join(WAYS), help="names of ways, commas between")
    how = parser.parse_args()
    COUNT = how.count
    found = nginx_of()
    ways = how.only.split(",")
    for way in ways:
        if way not in WAYS:
            parser.error(f"{way} is none of {', '.join(WAYS)}")
    if "RESTY_PATH" not in os.environ and "resty-mail" in ways:
        print("left out: resty-mail (RESTY_PATH is not set)", file=sys.stderr)
        ways.remove("resty-mail")
    with tempfile.TemporaryDirectory() as folder:
        for name, files in (("plain", None), ("STARTTLS and AUTH", certificate(folder))):
            runs = {way: [] for way in ways}
            for _ in range(how.repeat):
                for way in ways:
                    result = run(how, found, way, files)
                    if result:
                        runs[way].append(result)
                    print(f"{name}, {way}: {result}", file=sys.stderr)
            table(name, runs, "resty-mail")


if __name__ == "__main__":
    main()
