"""dibs: one unit, one buyer, at peak speed."""

__version__ = "0.1.0"
