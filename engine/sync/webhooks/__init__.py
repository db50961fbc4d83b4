"""Webhooks: telling anybody's service what happened, signed as Standard Webhooks.

    views, stock stream ─▶ Watcher ─▶ a queue for each webhook ─▶ Sender ─▶ the service
                                          └─ when each is due      └─▶ log of deliveries

    book      which webhooks there are, and their secrets
    shelf     what is kept in the log's server: webhooks, queues, logs
    events    what happened, as messages
    places    which addresses may be called at all
    sender    calls them, and again, over days

A message is queued in the same step that moves the cursor of who read of it, and stays until its
service took it, or three days of tries are over. The same message always has the same id.
"""
