"""Replay real order files against a running dibs, over HTTP, and judge what it answered.

Data goes one way: `files` finds and reads the tables (`tables`, `fields`), an adapter per format
(`online_retail`, `olist`) turns rows into documents in time order, `stocking` derives locations,
SKUs and opening stock from them, `plan` writes the requests, `sender` sends them over many
connections, `judge` keeps an account of its own and compares, `report` says what came out.
Nothing here imports the ledger or the server: it is a client like any other.
"""
