#!/usr/bin/python3
"""What telling many clients the same costs, beside a bare epoll broadcaster and two peers. Asserts nothing; bounded; stops by itself.

    ninja -C build/release fanout_load fanout_raw fanout_hub convd
    tests/bench/fanout.py [KIND]... [--subscribers 100,1000,5000] [--seconds S] [--rounds R] [--servers raw,hub,...]

throughput  as many events as all subscribers take, --window of them in flight: deliveries a second, server CPU for one
compressed  the same with larger frames, plain and compressed
paced       20 events a second: from publishing to each subscriber
idle        10,000 connections and nothing to say: memory and connecting
stalled     1,000 subscribers and one of them never reads: memory, and the delay of the others
replay      one client that has missed 10,000 notes
herd        1,000 clients come back at once after a restart, having missed 20 notes, while 100 others listen

raw is fanout_raw.cc: no library, no log, no filter, one send() per subscriber and round. hub is fanout_hub.cc: the daemon's loop,
transport, hub and stream without jobs and store. convd is the whole daemon, with durable notes. ws (node) and nchan (nginx) are skipped
where they are not installed: apt-get install node-ws libnginx-mod-nchan. Servers run on one core, the client on another,
one server after the other within a round; figures are medians over the rounds.
"""

import argparse
import contextlib
import json
import statistics
import subprocess

from fanout_servers import CLIENT_CPU, Absent, Convd, Hub, NodeWs, Nchan, Raw, program

PATIENCE = 300


def command(kind, server, options):
    options = server.arguments | options
    options["size"] = max(40, options.get("size", 300) - server.envelope)
    words = ["taskset", "-c", str(CLIENT_CPU), program("fanout_load"), kind, "--target", server.target,
             "--pids", ",".join(map(str, server.pids()))]
    for name, value in options.items():
        words += [f"--{name}", str(value)]
    return words


def load(kind, server, **options):
    answer = subprocess.run(command(kind, server, options), capture_output=True, text=True, timeout=PATIENCE)
    if answer.returncode != 0:
        print(f"  {server.name}, {kind}: {' '.join(answer.stderr.split())[-300:]}", flush=True)
        return None
    return json.loads(answer.stdout.splitlines()[-1])


def table(title, columns, rows):
    print(f"\n{title}")
    rows = [columns] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(columns))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))))
    print(end="", flush=True)


def number(value, digits=2):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}f}"


def ratio(value, other):
    return "-" if value is None or not other else f"{value / other:.2f}x"


def probe(server):
    """Finds out how much larger its frames are than what is published. False: nothing comes."""
    if "hello" in server.arguments:
        size = 100
        found = load("probe", server, size=size)
        if found is None:
            return False
        server.envelope = int(found["payload_bytes"]) - size
    return True


@contextlib.contextmanager
def running(candidates, options, publishing=True):
    """Those of the candidates that can be had here."""
    with contextlib.ExitStack() as stack:
        servers = []
        for candidate in candidates:
            if options.servers and candidate.name.split()[0] not in options.servers:
                continue
            try:
                server = stack.enter_context(candidate)
            except Absent as reason:
                print(f"  skipped {candidate.name}: {reason}", flush=True)
                continue
            if publishing and not probe(server):
                continue
            servers.append(server)
        yield servers


def medians(kind, servers, options, **settings):
    """{server name: {figure: median over the rounds}}, the servers one after the other within each round."""
    found = {}
    for _ in range(options.rounds):
        for server in servers:
            if answer := load(kind, server, **settings):
                found.setdefault(server.name, []).append(answer)
    return {name: {key: statistics.median(a[key] for a in answers) for key in answers[0]} for name, answers in found.items()}


def figure(found, name, key):
    return found.get(name, {}).get(key)


def throughput_table(title, servers, options, baseline, **settings):
    found = medians("throughput", servers, options, seconds=options.seconds, window=options.window, **settings)
    rows = []
    for server in servers:
        mine = found.get(server.name)
        if mine is None:
            continue
        rate, cpu = mine["per_second"], mine["us_per_delivery"]
        rows.append([server.name, number(rate), f"{cpu:.3f}", number(mine["payload_bytes"], 0), f"{mine['server_cpu']:.2f}", f"{mine['client_cpu']:.2f}",
                     ratio(cpu, figure(found, baseline, "us_per_delivery")), *(ratio(rate, figure(found, n, "per_second")) for n in (baseline, "nchan", "ws"))])
    table(title, ["", "deliveries/s", "us CPU each", "bytes", "server CPU", "client CPU", f"CPU/{baseline}", f"rate/{baseline}", "rate/nchan", "rate/ws"], rows)
    return found


def throughput(options):
    with running([Raw(), Hub(), Nchan(), NodeWs()], options) as servers:
        for count in options.subscribers:
            throughput_table(f"throughput, {count:,} subscribers, window {options.window}", servers, options, "raw", subscribers=count, size=options.frame)
    with running([Raw(), Convd(), Convd(unix=True)], options) as servers:
        if len(servers) < 2:
            return
        # A note says more than `frame` bytes can hold, so here the limit is measured with frames of its size.
        size = max([options.frame, *(s.envelope + 100 for s in servers)])
        for count in options.subscribers:
            throughput_table(f"throughput of durable notes, {count:,} subscribers, window {options.window}", servers, options, "raw", subscribers=count, size=size)


def compressed(options):
    with running([Raw(), Raw("--deflate-once"), Hub(), Hub(deflate=True), Nchan(), Nchan(deflate=True), NodeWs(), NodeWs(deflate=True)], options) as servers:
        throughput_table("compressed and plain, 1,000 subscribers", servers, options, "raw", subscribers=1000, size=1600)


def paced(options):
    with running([Raw(), Hub(), Convd(), Nchan(), NodeWs()], options) as servers:
        for count in options.subscribers:
            found = medians("paced", servers, options, subscribers=count, size=options.frame, seconds=options.seconds)
            limit = figure(found, "raw", "delay_p99_ms")
            table(f"paced, {count:,} subscribers, 20 events a second", ["", "p50 ms", "p99 ms", "max ms", "us CPU each", "p99/raw"],
                  [[name, *(number(f[k]) for k in ("delay_p50_ms", "delay_p99_ms", "delay_max_ms", "us_per_delivery")), ratio(f["delay_p99_ms"], limit)]
                   for name, f in found.items()])


def idle(options):
    # Memory that has been used once stays: each is asked once, right after its start.
    rows = []
    for candidate in [Raw(), Hub(), Convd(), Nchan(), NodeWs()]:
        with running([candidate], options, publishing=False) as servers:
            for server in servers:
                if f := load("idle", server, subscribers=options.idle):
                    rows.append([server.name, number(f["bytes_per_connection"]), number(f["rss_kib"] / 1024), number(f["connects_per_second"]), f"{f['idle_cpu']:.3f}"])
    table(f"idle, {options.idle:,} connections", ["", "bytes each", "RSS MiB", "connects/s", "CPU used"], rows)


def stalled(options):
    rows = []
    for make in [Raw, Hub, Convd, Nchan, NodeWs]:
        found = {}
        for deaf in (0, 1):
            with running([make()], options) as servers:
                for server in servers:
                    found[deaf] = load("paced", server, subscribers=1000, deaf=deaf, rate=50, seconds=20, size=3500)
        if found.get(0) and found.get(1):
            without, with_one = found[0], found[1]
            rows.append([server.name, *(number(f["rss_kib"] / 1024) for f in (without, with_one)), *(number(f["delay_p99_ms"]) for f in (without, with_one)),
                         ratio(with_one["delay_p99_ms"], without["delay_p99_ms"])])
    table("stalled: 1,000 subscribers, 50 x 3,500 bytes a second, without and with one that never reads",
          ["", "RSS MiB", "with it", "p99 ms", "with it", "ratio"], rows)


def replay(options):
    rows = []
    with running([Convd()], options) as servers:
        for server in servers:
            log = load("fill", server, events=options.events, size=server.envelope + 100)
            if log is None:
                return
            position = {"epoch": log["epoch"], "after": int(log["before"]), "through": int(log["after"])}
            for where in ("from the ring", "after a restart"):
                if found := load("replay", server, **position):
                    rows.append([where, number(found["events"]), *(number(found[k]) for k in ("first_ms", "best_ms", "replay_p50_ms", "us_per_event"))])
                server.restart()
            print(f"\n{options.events:,} notes committed: {log['per_second']:,.0f}/s on 32 connections")
    table("replay", ["", "events", "first ms", "best ms", "p50 ms", "us CPU each"], rows)


def herd(options):
    rows = []
    with running([Convd()], options) as servers:
        for server in servers:
            words = command("herd", server, {"subscribers": 1000, "others": 100, "events": 20, "rate": 50, "seconds": 3})
            with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
                if "connected" in client.stdout.readline():
                    server.restart()
                    client.stdin.write(",".join(map(str, server.pids())) + "\n")
                    client.stdin.flush()
                    f = json.loads(client.stdout.readline())
                    rows = [[f"{f['all_acked_ms']:.0f}", f"{f['all_current_ms']:.0f}", number(f["server_cpu_ms"], 0),
                             *(number(f[f"others_{w}_{p}_ms"]) for w in ("before", "during") for p in ("p50", "p99")), number(f["rss_kib"] / 1024)]]
    table("herd", ["all acked ms", "all current ms", "server CPU ms", "others p50 ms", "p99", "meanwhile p50", "p99", "RSS MiB"], rows)


KINDS = {f.__name__: f for f in (throughput, compressed, paced, idle, stalled, replay, herd)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", metavar="KIND")
    parser.add_argument("--subscribers", type=lambda text: [int(n) for n in text.split(",")], default=[100, 1000, 5000])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--window", type=int, default=32)
    parser.add_argument("--frame", type=int, default=304, help="bytes of payload in a frame")
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections")
    parser.add_argument("--events", type=int, default=10_000, help="missed ones, for replay")
    parser.add_argument("--servers", type=lambda text: text.split(","), help="only these: raw, hub, convd, nchan, ws")
    options = parser.parse_args()
    if unknown := set(options.what) - {*KINDS, "all"}:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    for what in options.what or ["all"]:
        for kind in KINDS if what == "all" else [what]:
            KINDS[kind](options)


if __name__ == "__main__":
    main()
