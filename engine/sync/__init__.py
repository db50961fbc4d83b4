"""Sync: what keeps channels and dibs of one mind. A process beside the writer: `dibs channels run`.

    hooks ──┐                                 ┌─▶ publisher ─▶ connector.publish
            ├─▶ inbox ─▶ ingest ─▶ dibs API ──┤
    sweeps ─┘      └─▶ dead letters           └─▶ outbox ────▶ connector.ship

    store      what is remembered, in the log's server: inbox, cursors, quotas, what was sent
    accounts   which accounts there are, in files of the data folder, readable by its owner only
    gate       quotas of an account, and a breaker, that all workers share
    hooks      hears pushes: proves them, keeps them, answers; all work comes later
    listener   hears channels that push into a queue of ours
    sweep      asks each channel what changed, in windows that overlap, and finds what no push told
    inbox      hands documents out, and again those that were put back
    ingest     applies each document to dibs; comparing versions, so any order of them will do
    revisions  how often each listing may be changed, where a channel counts that
    publisher  shows on every listing what may be shown, sell-outs first, within the quota
    bulk       what single calls would not reach in time, in one slow delivery
    outbox     tells channels what has left, what goes back, and what was cancelled here
    handoff    gives work of locations to whoever ships for us, and tells dibs what came of it
    audit      finds what somebody changed at the channel, and has it published again
    standing   how many orders the seller cancels, beside what its channel allows
    status     how each account is doing, noted every second; metrics shows it to Prometheus
    connections  the same for who asks from outside, with listings and dead letters
    office     runs all of it, and follows which accounts there are

Nothing here is needed for the promises of the ledger: everything may be killed at any time and
repeats itself without harm.
"""
