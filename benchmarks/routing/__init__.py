"""Instances and the exact solver for tests of the planner; Olist's network and scarcity prices."""
