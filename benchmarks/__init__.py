"""Benchmarks: `python -m benchmarks.run` compares request/reply stacks, `python -m benchmarks.startup` measures start-up."""
