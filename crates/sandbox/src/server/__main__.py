"""The sandbox's server: moto behind a middleware of ours.

By hand: `python3 THIS_DIRECTORY --port 5000 --detach` with a Python that has `moto[server]` (see stackbox/__init__.py).
It prints one line of JSON, `{"port": …, "pid": …}`, once it answers requests, and nothing else on standard output.
"""
import argparse
import json
import os
import signal
import sys

from stackbox import app, lifeline


def main() -> None:
    parser = argparse.ArgumentParser(prog="stackbox")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    parser.add_argument("--detach", action="store_true", help="outlive the process that started this one")
    parser.add_argument("--until", metavar="FILE", help="end when this file no longer names this process as its pid")
    parser.add_argument("--verbose", action="store_true", help="tracebacks of failed requests on standard error")
    options = parser.parse_args()
    if options.detach:
        lifeline.detach()
    else:
        lifeline.die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if options.until:
        lifeline.end_when_forgotten(options.until)
    sandbox = app.Sandbox(verbose=options.verbose)
    server = sandbox.listen(options.port)
    sys.stdout.write(json.dumps({"port": server.port, "pid": os.getpid()}) + "\n")
    sys.stdout.flush()
    server.serve_forever()


main()
