"""Instances, rivals and the exact solver for `bench_routing`."""
