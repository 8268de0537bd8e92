"""What a mutation is, and the kinds of tests that can notice it."""

import dataclasses

LEFT_OVER = ("unused-parameter", "unused-variable", "unused-function", "unused-but-set-variable", "unused-const-variable")
PROGRAMS = ("convd", "convctl", "convd-runner", "convd-layout", "convd-inspect")


@dataclasses.dataclass(frozen=True)
class Test:
    """`command` in the copied tree; {build} stands for its build directory."""

    name: str
    targets: tuple
    command: tuple
    timeout_s: int = 300


def unit(program, case):
    """A case of a unit program; `*` at its end stands for the rest of its name."""
    return Test(f"{program}: {case}", (program,), (f"{{build}}/tests/{program}", case.replace(",", "\\,")))


def runner_unit(case):
    """One that runs children in a real runner."""
    return Test(f"runner_test: {case}", ("runner_test", "convd-runner"), ("{build}/tests/runner_test", case.replace(",", "\\,")))


def story(file, test):
    """Of tests/e2e, told to the real programs."""
    return Test(f"{file}: {test}", PROGRAMS, ("/usr/bin/python3", f"tests/e2e/{file}.py", test), 600)


def chaos(fault, cycles, seed=1):
    """Cycles of one fault of tests/chaos: enough that this seed comes to it."""
    words = ("/usr/bin/python3", "tests/chaos/run.py", "--only", fault, "--cycles", str(cycles), "--seed", str(seed))
    return Test(f"chaos: {fault}, {cycles} cycles, seed {seed}", PROGRAMS, words, 900)


def simulation(seeds):
    """Queue, runner and store with a clock and faults of their own; the seeds from 1 on."""
    return Test(f"simulation: {seeds} seeds", ("simulation",), ("{build}/tests/simulation/simulation", "--seeds", str(seeds)), 600)


@dataclasses.dataclass(frozen=True)
class Mutation:
    """`old`, which is once in `file`, becomes `new`, and the mechanism called `name` is no more. `also`: further such pairs."""

    name: str
    file: str
    old: str
    new: str
    test: Test
    also: tuple = ()

    def changes(self):
        return ((self.old, self.new), *self.also)

    def applied_to(self, text):
        """With the warnings off that tell of what is used no more: they may be errors."""
        for old, new in self.changes():
            text = text.replace(old, new)
        return "".join(f'#pragma GCC diagnostic ignored "-W{warning}"\n' for warning in LEFT_OVER) + text
