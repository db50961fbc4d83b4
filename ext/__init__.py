"""The fast twin: compiled modules whose faces equal those of their plain Python counterparts."""
