"""Read models: tables for screens and reports, written from the log and from nothing else.

    log ─▶ projector ─▶ orders · stock · reservations · catalogue · activity · kpis ─▶ database
                         one file per read model, each event once

A transaction holds the rows of some frames and the cursor behind them, so a crash at any moment
leaves what a rebuild from zero would give. docs/views.md describes every table.
"""
