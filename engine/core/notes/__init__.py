"""Notes: what may happen to an order beside its units, one room per noun. `lives` folds them."""
