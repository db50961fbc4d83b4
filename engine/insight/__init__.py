"""What the log and its tables are worth knowing for: jobs beside the writer, which learn something
and send it to the front door like anybody else.

    transport   what one more unit at each location would save: a small exact solver
    forecast    demand by destination, stock and rates of the SKUs that need prices
    scarcity    the job: prices from both, put over HTTP when they have changed
"""
