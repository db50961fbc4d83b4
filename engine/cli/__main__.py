"""`python -m engine.cli …` does what `dibs …` does."""

from engine.cli import main

main()
