"""The console in a real browser: Playwright drives the Chromium that the machine has.

Skipped, with the reason, where Playwright or Chromium is absent. What is measured here is recorded
in the run's output, never asserted.
"""
