"""Wholesale: any partner who buys by signed messages, or by CSV files in a folder.

With an address of `https://…` messages go both ways, signed as Standard Webhooks. Secrets:
`hook_secret` (theirs, of what they push), `out_secret` (ours, of what we send), `hook_path`.
With `file:///…` there are no secrets: files in the folder are read and written (see `drop`).
Options: `when_short`.
"""

from engine.connectors.wholesale.connector import Wholesale as CONNECTOR

__all__ = ["CONNECTOR"]
