#!/usr/bin/python3
"""What a crowd of slow connections costs those who are not slow. Asserts nothing; bounded; stops by itself.

    tests/bench/edge.py [--crowd N] [--rounds N] [--requests N]

GET /version over TCP, one connection, request after request: without the crowd and with it, in turns. The crowd is of
slowhttptest, half with slow heads and half with slow bodies, in processes of its own. Prints the quantiles of both, and
the ratio of their p99. Mind the limit of open files: `ulimit -n`.
"""

import argparse
import http.client
import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.path.insert(0, str(ROOT / "tests" / "bench"))
import harness  # noqa: E402
import test_edge  # noqa: E402
from bench import quantile, row  # noqa: E402


def ask(port, requests):
    """Milliseconds of each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=harness.PATIENCE)
    took = []
    for _ in range(requests):
        start = time.perf_counter()
        connection.request("GET", "/version")
        answer = connection.getresponse()
        answer.read()
        took.append((time.perf_counter() - start) * 1000)
        if answer.status != 200:
            raise SystemExit(f"a request was answered with {answer.status}")
    connection.close()
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--crowd", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=2000, help="of each round")
    arguments = parser.parse_args()
    alone, crowded = [], []
    with harness.Daemon() as daemon:
        ask(daemon.port, 200)
        for _ in range(arguments.rounds):
            alone += ask(daemon.port, arguments.requests)
            with test_edge.slow_crowd(daemon, arguments.crowd, seconds=6):
                crowded += ask(daemon.port, arguments.requests)
            harness.eventually(lambda: test_edge.figure(daemon, "convd_http_connections") == 1, "all are gone")
    for name, took in (("alone", alone), ("crowded", crowded)):
        quantiles = {f"p{q}_ms": f"{quantile(took, q / 100):.3f}" for q in (50, 95, 99)}
        row(f"edge, {name}", requests=len(took), **quantiles)
    row("edge, ratio", crowd=arguments.crowd, p99=f"{quantile(crowded, 0.99) / quantile(alone, 0.99):.2f}")


if __name__ == "__main__":
    main()
