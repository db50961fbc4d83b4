"""How many users there are, second by second."""

from locust import LoadTestShape

# Seconds, users at its end (as a share of --peak), of each phase.
SHAPES: dict[str, tuple[tuple[float, float], ...]] = {
    "calm": ((5, 0.3), (55, 0.3)),
    "ramp": ((60, 1.0),),
    "flash_sale": ((15, 0.1), (3, 1.0), (42, 1.0)),
    "sold_out_storm": ((5, 1.0), (55, 1.0)),
}
# SKUs that all want, and units of each at the start; 0 means all SKUs, None means plenty.
SALES: dict[str, tuple[int, int | None]] = {
    "calm": (0, None),
    "ramp": (0, None),
    "flash_sale": (5, 2_000),
    "sold_out_storm": (5, 20),
}


def users_at(shape: str, at_s: float, peak: int, stretch: float = 1.0) -> int | None:
    """Return how many users there are then, None after the end; `stretch` 2 is half the pace."""
    before, began = 0.0, 0.0
    for seconds, share in SHAPES[shape]:
        ends = began + seconds * stretch
        if at_s < ends:
            part = (at_s - began) / (ends - began)
            return max(round(peak * (before + (share - before) * part)), 1)
        before, began = share, ends
    return None


class Day(LoadTestShape):
    """Follows the shape that `--shape` names."""

    def tick(self) -> tuple[int, float] | None:
        """Return users and spawn rate for now, None at the end."""
        options = self.runner.environment.parsed_options
        users = users_at(options.shape, self.get_run_time(), options.peak, options.stretch)
        return None if users is None else (users, max(options.peak / 2, 10))
