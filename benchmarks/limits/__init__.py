"""What the machine itself can do at most: memory, disk, log server, sockets. Ratios stand on it."""
