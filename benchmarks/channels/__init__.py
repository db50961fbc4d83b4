"""Proofs of sync: dibs, its worker and its office as processes, and twins of all channels at once.

site      the processes, the twins, and how they are connected
shoppers  who buys, pays, cancels and takes less, and what each order must end as
books     the judge: dibs' orders and stock against what the channels have
control   an office as others have it, to compare with: batches, first in first out
"""
