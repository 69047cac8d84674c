"""What it costs to start: import, first call, memory, many cold starts, a swarm."""
