"""Load from outside, over HTTP only. Until its own generators are here, `dibs replay` sends real
orders with many connections, and `benchmarks.bench_http_order` drives the peak."""
