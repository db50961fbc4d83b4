"""A quota that allows everything, for tests of what is called and not of how often."""


class OpenGate:
    """A gate that lets everything through."""

    async def take(
        self, operation: str, units: int = 1, ticket: str = "", patient: bool = False
    ) -> float:
        """Allow it."""
        return 0.0

    async def refused(self, operation: str, wait_s: float, units: int = 1) -> None:
        """Pass over it."""

    async def failing(self) -> float:
        """Nothing fails."""
        return 0.0

    async def landed(self, operation: str, calls: dict[str, int], well: bool) -> None:
        """Pass over it."""

    async def spared(self, operation: str, ticket: str, units: int = 1) -> None:
        """Pass over it."""
