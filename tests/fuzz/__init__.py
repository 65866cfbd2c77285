"""Fuzzing: what strangers write, bent by chance, must not crash, stall or bloat whoever reads it.

Run ``.venv/bin/python -m tests.fuzz --minutes 60``, or the tests of this folder, which take a few seconds a target;
``FLOTILLA_FUZZ_MINUTES=60`` makes the tests take an hour over all targets. See ``harness`` on how to add a target.
"""
