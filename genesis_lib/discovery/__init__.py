"""Discovery: who is there and what they can do."""
