"""Sync with channels: real processes of dibs, real log server, twins that speak the contracts."""
