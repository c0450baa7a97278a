#!/usr/bin/env python3
"""How long one nginx worker lets others wait while it sends mail: ping.c's requests, all at once.

The sends wait for a server that takes five seconds before each reply, or for a resolver that never
answers, or carry attachments of 25 MB as fast as they are taken. README.md tells what is measured.
"""
# SPDX-License-Identifier: MIT
import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from mail import BENCH, ROOT, certificate, free_port, nginx_of, wait_for

CONFIGURATION = """
load_module {modules}/ndk_http_module.so;
load_module {modules}/ngx_http_lua_module.so;
daemon off;
worker_processes 1;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  lua_package_path "{root}/lua/?.lua;{root}/lua/?/init.lua;{lua};;";
  lua_package_cpath "{root}/build/luajit/?.so;;";
  resolver 127.0.0.1:{resolver};
  init_worker_by_lua_block {{
    local ettsumailer = require "ettsumailer"
    local function mailer(more)
      more.from, more.connections, more.ehlo_name = "a@example.com", {sends}, "client.example"
      more.insecure_skip_verify = true
      return assert(ettsumailer.mailer(more))
    end
    mailers = {{
      slow = mailer {{ host = "127.0.0.1", port = {slow}, security = "none" }},
      name = mailer {{ host = "smtp.example.test", timeouts = {{ connect = 600 }} }},
      large = mailer {{ host = "127.0.0.1", port = {fast}, security = "none" }},
      secure = mailer {{ host = "127.0.0.1", port = {fast}, security = "starttls" }},
    }}
    function send(way)
      local fields = {{ to = "b@example.com", text = "Hello\\n" }}
      if way == "large" or way == "secure" then
        fields.attachments = {{ "{attachment}" }}
      end
      local ok, err = mailers[way]:send(fields)
      ngx.print(ok and "sent" or tostring(err))
    end
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /ping {{ return 200 pong; }}
    location = /send {{ content_by_lua_block {{ send(ngx.var.arg_way) }} }}
  }}
}}
"""


class Sends:
    """So many requests that each send a mail, again and again until it is enough."""

    def __init__(self, port, way, count):
        self.url, self.is_over, self.done = f"http://127.0.0.1:{port}/send?way={way}", False, []
        for _ in range(count):
            threading.Thread(target=self.send, daemon=True).start()
        time.sleep(0.5)

    def send(self):
        while not self.is_over:
            try:
                with urllib.request.urlopen(self.url, timeout=300) as answer:
                    self.done.append(answer.read().decode())
            except OSError:
                return


def ping(port, count):
    result = subprocess.run([f"{BENCH}/build/ping", str(port), str(count)], stdout=subprocess.PIPE,
                            text=True, check=False)
    return json.loads(result.stdout) if result.returncode == 0 else None


def sink(options):
    process = subprocess.Popen([f"{BENCH}/build/sink", "--port", "0", *options],
                               stdout=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())["port"]


class Nginx:
    """One worker with the handlers above."""

    def __init__(self, found, values):
        self.folder, self.port = tempfile.mkdtemp(), free_port()
        with open(f"{self.folder}/nginx.conf", "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(
                modules=found["modules"], lua=found["lua"], folder=self.folder, root=ROOT,
                port=self.port, **values))
        self.process = subprocess.Popen(
            [found["program"], "-p", self.folder, "-c", f"{self.folder}/nginx.conf"],
            env=dict(os.environ, LD_LIBRARY_PATH=found["library"]))
        wait_for(self.port)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        with open(f"{self.folder}/error.log", encoding="utf-8", errors="replace") as file:
            log = [line for line in file if "[notice]" not in line]
        shutil.rmtree(self.folder)
        return log


def measure(how, found, values, way):
    """Rounds of a worker that is idle, in turn with those of one that sends."""
    idle, busy, rounds = Nginx(found, values), Nginx(found, values), ([], [])
    sends = Sends(busy.port, way, how.sends)
    try:
        for _ in range(how.rounds):
            for nginx, list_of in zip((busy, idle), rounds):
                list_of.append(ping(nginx.port, how.count))
        sends.is_over = True
        bad = [text for text in sends.done if text != "sent"]
    finally:
        log = busy.stop()
        idle.stop()
    if None in rounds[0] + rounds[1] or bad:
        sys.exit(f"{way}: not every request was answered as wished {bad[:1]} {log[:3]}")
    return rounds


def table(how, found, values):
    print("| while it | p50 | p99 | max | idle: p50 | p99 | max | p99 later by |\n"
          "|---|---|---|---|---|---|---|---|")
    for way in how.only.split(","):
        busy, idle = measure(how, found, values, way)
        figures = [f"{statistics.median(r[key] for r in rounds):.1f}"
                   for rounds in (busy, idle) for key in ("p50", "p99", "max")]
        pairs = (b["p99"] - i["p99"] for b, i in zip(busy, idle))
        figures.append(f"{statistics.median(pairs):.1f}")
        print(f"| {way} | {' | '.join(figures)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="requests at once")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sends", type=int, default=20)
    parser.add_argument("--megabytes", type=int, default=25)
    parser.add_argument("--only", default="slow,name,large,secure")
    how = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/attachment.bin", "wb") as file:
            file.write(os.urandom(1000000) * how.megabytes)
        files = certificate(folder)
        slow, slow_port = sink(["--delay-ms", "5000"])
        fast, fast_port = sink(["--cert", files[0], "--key", files[1]])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            try:
                table(how, nginx_of(), {
                    "slow": slow_port, "fast": fast_port, "resolver": silent.getsockname()[1],
                    "sends": how.sends, "attachment": f"{folder}/attachment.bin"})
            finally:
                for process in (slow, fast):
                    process.terminate()
                    process.wait()


if __name__ == "__main__":
    main()
