"""People and programs that use a shop, for Locust: each acts, and keeps books of what it did."""
