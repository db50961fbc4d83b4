"""Sync: what keeps channels and dibs of one mind. A process beside the writer: `dibs sync`.

    hooks ──┐                                 ┌─▶ publisher ─▶ connector.publish
            ├─▶ inbox ─▶ ingest ─▶ dibs API ──┤
    sweeps ─┘      └─▶ dead letters           └─▶ outbox ────▶ connector.ship

    store      what is remembered, in the log's server: inbox, cursors, quotas, what was sent
    accounts   which accounts there are, in files of the data folder, readable by its owner only
    gate       quotas of an account: a token bucket and a breaker that all workers share
    hooks      hears pushes: proves them, keeps them, answers; all work comes later
    listener   hears channels that push into a queue of ours
    sweep      asks each channel what changed, in windows that overlap, and finds what no push told
    ingest     applies each document to dibs; comparing versions, so any order of them will do
    publisher  shows on every listing what may be shown, sell-outs first, within the quota
    bulk       what single calls would not reach in time, in one slow delivery
    outbox     tells channels what has left, what goes back, and what was cancelled here
    handoff    gives work of locations to whoever ships for us, and tells dibs what came of it
    office     runs all of it

Nothing here is needed for the promises of the ledger: everything may be killed at any time and
repeats itself without harm.
"""
