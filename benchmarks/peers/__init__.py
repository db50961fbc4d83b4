"""What one would write or install instead, in its best settings, for runs side by side."""
