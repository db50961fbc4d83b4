"""The durable log: frames, one writer, readers that trust nothing. Only `store` speaks Redis."""
