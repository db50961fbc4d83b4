"""Pure rules: no clock, socket, disk, randomness or framework below this folder."""
