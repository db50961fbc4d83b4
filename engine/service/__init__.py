"""The running engine: clock, the one writer's loop, recovery, replica, and the door for fronts."""
