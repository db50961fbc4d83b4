"""Contestants of boundary B1: each takes two-line orders in batches and answers when durable."""
