"""What `bench_http` is made of: workloads for wrk, targets to load, processes to watch, ratios."""
