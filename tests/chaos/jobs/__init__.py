"""The parts of tests/chaos/run.py: see README.md beside it."""
