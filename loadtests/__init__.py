"""Load from outside, over HTTP only, and the judge of what it leaves behind.

openloop     the generator: arrivals that do not wait for answers
world        a catalogue with stock, made beforehand
scenarios    calm, ramp, flash sale, sold-out storm, expiry storm
verify       judges the books after each
report       one page about all of it: `python -m loadtests`
locustfile   many users who think and wait, with a live page
dashboard    people who watch meanwhile
"""
