"""The tables, as data: names, types, keys, meanings. docs/views.md shows what is written here.

A type is `int`, `text` or `blob`, with `?` where it may be null. Any change of a table, or of what
is written to it, is a new VERSION: a database of another version is built anew from the log.
"""

from engine.views.schema_work import WORK
from engine.views.table import Column, Table, table

__all__ = ["BY_NAME", "TABLES", "VERSION", "Column", "Table"]

VERSION = 6

TABLES = (
    table(
        "cursor",
        "one",
        "How far the log has been read: one row, written with the rows that it speaks of.",
        """
        one       int   always 1
        version   int   version of these tables
        epoch     int   epoch of the last frame
        seq       int   log position of the last event
        stamp_us  int   stamp of the last frame
        digest    blob  digest of the last frame
        """,
    ),
    table(
        "locations",
        "number",
        "Locations, as last put.",
        """
        number    int   the location's number in the log
        location  text  its id
        name      text  its name
        kind      text  warehouse, third_party, store, marketplace or supplier
        country   text  ISO 3166 code
        active    int   1 if it may ship, else 0
        priority  int   lower is preferred
        document  text  all of it, JSON
        seq       int   log position of the last change
        """,
    ),
    table(
        "skus",
        "number",
        "SKUs, as last put.",
        """
        number         int   the SKU's number in the log
        sku            text  its id
        title          text  its title
        weight_g       int?  weight of one unit, grams
        backorderable  int   1 if it may be sold without stock, else 0
        bundle         int   1 if it is made of components, else 0
        document       text  all of it, JSON
        seq            int   log position of the last change
        """,
        "sku",
    ),
    table(
        "components",
        "sku_number n",
        "What bundles are made of.",
        """
        sku_number        int  the bundle
        n                 int  order of the component in it, from 0
        component_number  int  the SKU that goes into it
        quantity          int  units of it for one bundle
        """,
    ),
    table(
        "channels",
        "number",
        "Channels that have rules, as last put. Orders may name others.",
        """
        number    int   the channel's number in the log
        channel   text  its id
        name      text  its name
        priority  int   lower comes first
        document  text  all of it with its buffers, JSON
        seq       int   log position of the last change
        """,
    ),
    table(
        "entries",
        "register number",
        "Everything that is kept in registers (channels, purchase orders, ...), as last put.",
        """
        register  int   number of the register
        number    int   number of the entry in it
        name      text  the entry's id
        document  text  all of it, JSON
        seq       int   log position of the last change
        """,
    ),
    table(
        "positions",
        "position",
        "Stock: one row per SKU and location that ever had any.",
        """
        position         int  the position's number in the log
        sku_number       int  the SKU
        location_number  int  the location
        on_hand          int  units that are physically there
        reserved         int  units promised to checkouts
        allocated        int  units promised to orders
        damaged          int  units on hand that are damaged
        quality_control  int  units on hand that are in quality control
        safety_stock     int  units on hand that are kept back
        available        int  on_hand less all of these; below 0 only if backorderable
        seq              int  log position of the last change
        """,
        "sku_number",
        "location_number position",
        fixed="sku_number location_number",
    ),
    table(
        "movements",
        "position seq n",
        "Every change of a position. The deltas of a bucket add up to what positions says.",
        """
        position  int    the position
        seq       int    log position of the event that did it: its cause is in activity
        n         int    order within the event
        bucket    text   on_hand, reserved, allocated, damaged, quality_control or safety_stock
        delta     int    units that came (or went, if negative)
        quantity  int    units in the bucket after it
        available int    units available after it
        reason    text?  reason of an adjustment
        """,
    ),
    table(
        "reservations",
        "seq",
        "Promises to checkouts.",
        """
        seq             int   log position of the event that made it
        reservation_id  text  its id; may be used again once it has ended
        channel         text  where it came from
        status          text  reserved, committed, released or expired
        reserved_us     int   when it was made
        expires_us      int   when it ends, or would have
        closed_us       int?  when it was committed, released or expired
        order_seq       int?  the order that it became
        units           int   units promised
        takes           text  JSON: [[position, units], ...]
        """,
        "reservation_id",
        fixed="reservation_id channel reserved_us units takes",
    ),
    table(
        "orders",
        "seq",
        "Orders, as they stand.",
        """
        seq              int    log position of the event that placed it: names it elsewhere
        channel          text   where it came from
        order_id         text   the channel's id; may be used again 90 days after it was closed
        status           text   as in docs/orders.md
        placed_us        int    when it was placed
        changed_us       int    when it last changed
        changed_seq      int    log position of its last change
        reservation_seq  int?   the reservation that it was committed from
        customer         text?  as the channel gave it
        currency         text?  ISO 4217 code
        payment          text?  paid, pending or authorized
        country          text?  of the destination, ISO 3166 code
        city             text?  of the destination
        postcode         text?  of the destination
        required_by_us   int?   when it has to be there
        lines            int    number of lines
        units            int    units wanted now: asked for less cancelled
        backordered      int    units of them that wait for stock
        shipped          int    units of them that have left
        value_minor      int    price of the units wanted now, minor units; lines above 2^43 count 0
        hold_reason      text?  reason of the newest hold that is live
        document         text   its details, JSON
        """,
        "status seq",
        "order_id channel",
        "customer",
        fixed="channel order_id placed_us reservation_seq",
    ),
    table(
        "order_lines",
        "order_seq line",
        "Lines of orders, as they stand.",
        """
        order_seq    int    the order
        line         int    number of the line, from 0
        line_id      text?  the channel's id
        sku_number   int    the SKU
        quantity     int    units asked for
        unit_price   int?   minor units of the order's currency
        backordered  int    units that wait for stock
        cancelled    int    units that were cancelled
        shipped      int    units that have left
        """,
        "sku_number order_seq",
    ),
    table(
        "allocations",
        "order_seq line take",
        "Where the units of a line come from.",
        """
        order_seq  int  the order
        line       int  number of the line
        take       int  number of the allocation within the line, from 0
        position   int  where the units are
        quantity   int  units still promised; 0 if they have left or were given back
        """,
    ),
    table(
        "holds",
        "order_seq hold_id",
        "Stops on orders.",
        """
        order_seq    int    the order
        hold_id      text   its id, once per order
        reason       text   payment, review, ...
        owner        text   who is to look at it
        then_what    text   what happens at its end by itself: release, cancel or escalate
        keeps_stock  int    1 if the order keeps its units meanwhile, else 0
        placed_us    int    when it was put on
        until_us     int?   when it ends by itself
        escalated_us int?   when nobody had decided in time, so that it was for somebody else
        ended_us     int?   when it ended
        ended_how    text?  by what: release, cancel, escalate, a fact told, closed with its order
        seq          int    log position of the event that put it on
        n            int    order within the event
        """,
    ),
    table(
        "shipments",
        "seq",
        "What has left.",
        """
        seq              int    log position of the event
        order_seq        int    the order
        shipment_id      text   its id, once per order
        carrier          text?  who carries it
        tracking_number  text?  the carrier's number
        shipped_us       int    when it left
        units            int    units in it
        fulfillment      int?   number of the order's fulfillment, if it is of one
        """,
        "order_seq",
        "tracking_number",
    ),
    table(
        "shipment_lines",
        "shipment_seq line",
        "Units of a line in a shipment. Their positions are the movements of the same seq.",
        """
        shipment_seq  int  the shipment
        line          int  number of the order's line
        quantity      int  units of it, whole bundles if it is one
        """,
    ),
    *WORK,
    table(
        "terms",
        "seq",
        "Words by which orders are found: what events told of their ids, customers and tracking.",
        """
        seq        int   log position of the event
        order_seq  int   the order
        text       text  the words
        """,
    ),
    table(
        "activity",
        "seq",
        "One row per event of the log: the timeline of everything.",
        """
        seq        int    log position
        stamp_us   int    when
        kind       text   the event's kind, as in docs/log-format.md
        what       text?  what happened to the order, if kind is order_changed: held, edited, ...
        order_seq  int?   the order that it is about
        ref        text?  id of the paper, order, reservation, SKU, ... that it is about
        actor      text?  who asked for it: a key's id, user:NAME; or timer, or system
        document   text?  more about it, JSON
        """,
        "order_seq seq",
    ),
    table(
        "audit",
        "seq",
        "What was done by people and keys, but for keys that placed orders or reserved.",
        """
        seq       int    log position: the rest is in activity
        stamp_us  int    when
        actor     text?  who did it: a key's id or user:NAME
        subject   text?  what was put: sku:ID, location:ID or a register's name and the entry's id
        changes   text?  of a paper, JSON: [[position, bucket, before, after, reason], ...]
        """,
        "actor seq",
        "subject seq",
        "stamp_us",
    ),
    table(
        "kpis",
        "hour_us channel currency",
        "Counts by hour. Sums of the differences are what orders and lines say.",
        """
        hour_us              int   begin of the hour
        channel              text  where the orders came from
        currency             text  of the amounts; empty if unknown
        orders               int   orders placed, those made by a split among them
        lines                int   lines of them
        units                int   units asked for, also by later changes
        revenue_minor        int   price of these units, minor units of the currency
        units_backordered    int   units that waited at placing
        units_cancelled      int   units cancelled in this hour, whenever placed
        cancelled_minor      int   price of these units
        units_shipped        int   units that left in this hour, whenever placed
        units_returned       int   units of stocked SKUs that came back in this hour
        refunded_minor       int   money that went back; a refund above 2^43 counts 0
        """,
    ),
)
BY_NAME = {table.name: table for table in TABLES}
