"""`make bench`: the short cut of every benchmark, one after the other."""

import subprocess
import sys

SHORT = (
    ("benchmarks.bench_ledger", "--short"),
    ("benchmarks.bench_recovery", "--events", "500000", "--rounds", "1"),
    ("benchmarks.bench_http_order", "--rounds", "3", "--seconds", "4"),
)

for module, *options in SHORT:
    print(f"── {module} {' '.join(options)}", flush=True)
    subprocess.run([sys.executable, "-m", module, *options], check=True)
