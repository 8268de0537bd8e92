#!/usr/bin/python3
"""LibreOffice through convd beside its peers on the same documents, in turns. Asserts nothing; bounded; stops by itself.

    tests/bench/office.py [latency] [rate] [memory] [flat] [confinement] [progress] [--rounds N] [--seconds N] [--conversions N]
                          [--unoserver CHECKOUT]

latency      one document at a time: 1, 30 and 300 pages; medians. convd's figure is the whole job over HTTP: accepted and
             durable, converted, result stored
rate         documents a minute at one and two slots
memory       what a further child costs beside a further soffice (proportional set size)
flat         resident memory and latency over --conversions (2,000) documents
confinement  latency with the sandbox and without
progress     what `convctl watch` shows of 300 pages: distinct measured steps, and how progress goes with time (correlation)

Peers: soffice started for each document; unoconv with a listener (apt-get install unoconv python3-uno); unoserver from a
checkout of its sources, which its package information has to lie beside. The packages without a graphical interface lack what unoserver needs for spreadsheets; it is left out
there when it fails.
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import xmlrpc.client

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.path.insert(0, str(ROOT / "tests" / "bench"))
import harness  # noqa: E402
import office_documents  # noqa: E402
from bench import row, rss_kib  # noqa: E402

QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
PATIENCE = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port, process):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("a peer did not start")


class Cold:
    name = "cold soffice"

    def __init__(self, folder):
        self.folder = folder

    def convert(self, document):
        subprocess.run(
            ["soffice", f"-env:UserInstallation=file://{self.folder}/profile", "--headless", "--convert-to", "pdf", "--outdir", str(self.folder), str(document)],
            check=True, **QUIET)
        return (self.folder / document.with_suffix(".pdf").name).exists()

    def close(self):
        pass


class Listener:
    """A peer that keeps a soffice, started by `command`, and listens on `port`."""

    def start(self, command, port, env=None):
        self.process = subprocess.Popen(command, env=env, start_new_session=True, **QUIET)
        self.group = self.process.pid
        await_port(port, self.process)

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.group, 15)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.group, 9)


class Unoconv(Listener):
    name = "unoconv + listener"

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.start(
            ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--nologo", "--norestore", "--nodefault",
             f"--accept=socket,host=127.0.0.1,port={self.port};urp;"], self.port)

    def convert(self, document):
        target = self.folder / document.with_suffix(".pdf").name
        subprocess.run(["/usr/bin/python3", "/usr/bin/unoconv", "-n", "-p", str(self.port), "-f", "pdf", "-o", str(target), str(document)], check=True, timeout=PATIENCE, **QUIET)
        return target.exists()


class Unoserver(Listener):
    name = "unoserver (RPC)"
    checkout = None

    def __init__(self, folder):
        self.folder, port, uno = folder, free_port(), free_port()
        self.start(
            ["/usr/bin/python3", "-m", "unoserver.server", "--port", str(port), "--uno-port", str(uno), "--user-installation", f"{folder}/profile"],
            port, os.environ | {"PYTHONPATH": f"{self.checkout}/src"})
        socket.setdefaulttimeout(PATIENCE)  # the proxy has none of its own
        self.server = xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port}", allow_none=True)
        await_port(uno, self.process)

    def convert(self, document):
        target = self.folder / document.with_suffix(".pdf").name
        self.server.convert(str(document), None, str(target), "pdf")
        return target.exists()


class Convd:
    name = "convd"

    def __init__(self, slots=1, **options):
        self.daemon = harness.Daemon(slots=slots, tcp=False, warm_office="always", **options).start()
        harness.eventually(lambda: self.warm(), "LibreOffice never became warm")
        self.known = {}

    def warm(self):
        return "LibreOffice is warm" in self.daemon.log()

    def convert(self, document):
        if document not in self.known:
            self.known[document] = self.daemon.upload(document.name, document.read_bytes())
        answer = self.daemon.http("POST", "/v1/conversions", f'{{"filename":"{document.name}","to":"pdf"}}',
                                  {"Content-Type": "application/json", "Prefer": f"wait={PATIENCE}"})
        return answer.json()["status"] == "completed"

    def close(self):
        self.daemon.close()


def peers(folder, options):
    made = [Cold, Unoconv] if shutil.which("unoconv") else [Cold]
    if options.unoserver:
        Unoserver.checkout = options.unoserver
        made.append(Unoserver)
    started = []
    for peer in made:
        own = folder / f"{peer.__name__}-{len(started)}-{time.monotonic_ns()}"
        own.mkdir()
        started.append(peer(own))
    return started


def timed(peer, document):
    """Milliseconds, or nothing when the peer could not."""
    start = time.monotonic()
    try:
        done = peer.convert(document)
    except Exception:  # a peer that dies on a document is a finding, not the end of the bench
        return None
    return (time.monotonic() - start) * 1000 if done else None


def latency(options, folder, documents):
    everyone = [*peers(folder, options), Convd()]
    for name, document in documents.items():
        rounds = options.rounds if not name.endswith("-300") else max(3, options.rounds // 3)
        times = {peer.name: [] for peer in everyone}
        for turn in range(rounds + 1):
            for peer in everyone:
                taken = timed(peer, document)
                if turn > 0 and taken is not None:  # the first turn warms
                    times[peer.name].append(taken)
        own = statistics.median(times["convd"])
        figures = {}
        for peer in everyone:
            if not times[peer.name]:
                figures[peer.name] = "fails"
                continue
            median = statistics.median(times[peer.name])
            figures[peer.name] = f"{median:.0f} ms" + (f" ({median / own:.1f}x)" if peer.name != "convd" else "")
        row(f"latency, {name}", **figures)
    for peer in everyone:
        peer.close()


def per_minute(workers, documents, seconds):
    """`workers` convert side by side, each its share of the documents over and over."""
    done = []
    end = time.monotonic() + seconds

    def work(index, worker):
        turn = index
        while time.monotonic() < end:
            if timed(worker, documents[turn % len(documents)]) is not None:
                done.append(time.monotonic())
            turn += 1

    threads = [threading.Thread(target=work, args=(i, worker)) for i, worker in enumerate(workers)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done) * 60 / (time.monotonic() - start)


def rate(options, folder, documents):
    groups = {"small": [d for n, d in documents.items() if n.endswith("-1")], "30 pages": [d for n, d in documents.items() if n.endswith("-30")]}
    for slots in (1, 2):
        for label, group in groups.items():
            figures = {}
            teams = list(zip(*[peers(folder, options) for _ in range(slots)]))
            own = Convd(slots=slots)
            for document in group:
                timed(own, document)
            figures["convd"] = per_minute([own] * slots, group, options.seconds)
            own.close()
            for team in teams:
                for worker in team:
                    for document in group:
                        timed(worker, document)
                figures[team[0].name] = per_minute(team, group, options.seconds)
                for worker in team:
                    worker.close()
            row(f"rate, {label}, {slots} at a time",
                **{n: f"{v:.0f}/min" + (f" ({figures['convd'] / v:.1f}x)" if n != "convd" and v else "") for n, v in figures.items()})


def rollup(pid, key):
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(key + ":")), 0)


def highest(convert, processes):
    """The largest proportional set size of any single process that `processes()` names while `convert` runs."""
    most, done = [0], threading.Event()

    def look():
        while not done.is_set():
            most[0] = max([most[0], *(rollup(pid, "Pss") for pid in processes())])
            time.sleep(0.01)

    watcher = threading.Thread(target=look)
    watcher.start()
    convert()
    done.set()
    watcher.join()
    return most[0]


def memory(options, folder, documents):
    for name in ("text-1", "text-30", "sheet-30"):
        own = Convd(slots=2)
        offices = lambda: {p for p, n in harness.descendants(own.daemon.pid()).items() if n == "convd-office"}  # noqa: E731
        before = offices()
        child = highest(lambda: [own.convert(documents[name]) for _ in range(3)], lambda: offices() - before)
        own.close()
        cold_folder = folder / "memory"
        cold_folder.mkdir(exist_ok=True)
        cold = Cold(cold_folder)
        soffice = highest(lambda: cold.convert(documents[name]), lambda: {p for p, n in harness.descendants(os.getpid()).items() if n.startswith("soffice")})
        row(f"memory, {name}", child=f"{child} KiB", soffice=f"{soffice} KiB", ratio=f"{child / soffice:.2f}" if soffice else "-")


def flat(options, folder, documents):
    own = Convd(slots=1)
    taken, sizes = [], {}
    for turn in range(options.conversions):
        taken.append(timed(own, documents["text-1"]))
        if turn + 1 in (100, options.conversions):
            office = [p for p, n in harness.descendants(own.daemon.pid()).items() if n == "convd-office"]
            sizes[turn + 1] = (rss_kib(own.daemon.pid()), max(rss_kib(p) for p in office))
    own.close()
    first, last = (statistics.median(part) for part in (taken[:100], taken[-100:]))
    row(f"flat, {options.conversions:,} conversions", first_100=f"{first:.1f} ms", last_100=f"{last:.1f} ms", ratio=f"{last / first:.2f}",
        failed=sum(t is None for t in taken))
    for count, (daemon, office) in sizes.items():
        row(f"flat, after {count:,}", daemon=f"{daemon} KiB", office=f"{office} KiB")


def confinement(options, folder, documents):
    walls, none = Convd(), Convd(sandbox="off")
    times = {walls: [], none: []}
    for _ in range(5 * options.rounds):
        for one in times:
            times[one].append(timed(one, documents["text-1"]))
    with_walls, without = (statistics.median(times[one]) for one in (walls, none))
    row("confinement, text-1", on=f"{with_walls:.1f} ms", off=f"{without:.1f} ms", cost=f"{with_walls - without:.1f} ms")
    walls.close()
    none.close()


def correlation(pairs):
    xs, ys = zip(*pairs)
    mean_x, mean_y = statistics.mean(xs), statistics.mean(ys)
    both = sum((x - mean_x) * (y - mean_y) for x, y in pairs)
    return both / (sum((x - mean_x) ** 2 for x in xs) * sum((y - mean_y) ** 2 for y in ys)) ** 0.5


def progress(options, folder, documents):
    own = Convd(slots=2)
    for name in ("text-300", "sheet-300", "slides-300"):
        document = documents[name]
        id = own.daemon.submit(document.name, "pdf", document.read_bytes())
        watch = subprocess.Popen([str(harness.BIN / "convctl"), "watch", "--json", id], stdout=subprocess.PIPE, env=os.environ | {"CONVD_SOCKET": own.daemon.socket})
        start, seen, measured = time.monotonic(), [], set()
        for line in watch.stdout:
            frame = json.loads(line)
            if 0 < frame["progress"] < 100:
                seen.append((time.monotonic() - start, frame["progress"]))
            if frame["stage"] and frame["stage"]["kind"] == "measured":
                measured.add((frame["progress"], frame["stage"]["done"]))
        row(f"progress, {name}", seconds=f"{time.monotonic() - start:.2f}", measured_steps=len(measured), correlation=f"{correlation(seen):.3f}")
    own.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--conversions", type=int, default=2000)
    parser.add_argument("--documents", help="where to keep the documents that are made; default: a new folder")
    parser.add_argument("--unoserver", help="a checkout of unoserver")
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="convd-bench."))
    try:
        documents = office_documents.make(options.documents or folder / "documents")
        for what in options.what or ["latency", "rate", "memory", "flat", "confinement", "progress"]:
            globals()[what](options, folder, documents)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
