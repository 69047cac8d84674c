"""Voice: agents that talk to each other, hear each other, and work on the bus while they talk."""
