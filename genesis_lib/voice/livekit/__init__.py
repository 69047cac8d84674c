"""Voice in LiveKit rooms: two workers that are agents of the bus, what brings them together, and what records them."""
