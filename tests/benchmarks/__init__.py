"""What autotrack costs, beside what other loggers cost: `python -m tests.benchmarks`.

Machines differ and drift, so what counts is a ratio inside one run: everything that is compared is measured in
turn, round after round, and the median over the rounds is shown.
"""
