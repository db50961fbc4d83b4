"""The tables of what comes after an order is placed, fulfillments and returns, and of what is to be
received and sold: purchase orders, availability. `schema` takes them up."""

from engine.views.table import table

WORK = (
    table(
        "fulfillments",
        "order_seq number",
        "The work of one location for one order.",
        """
        order_seq        int    the order
        number           int    number of the fulfillment in it, from 1
        fulfillment_id   text   its id, as calls name it
        location_number  int    who is to do it
        status           text   as in docs/fulfillment.md
        pickup           int    1 if the customer fetches the goods there, else 0
        reason           text?  why it was rejected, cancelled or picked short
        units            int    units of stocked SKUs that it was asked for
        open             int    units of them that it still has to see to
        shipped          int    units of them that have left
        requested_us     int    when the order was released to it
        accept_by_us     int?   when it is lost unless it was accepted
        accepted_us      int?   when it was accepted, or picking began without that
        picking_us       int?   when picking began
        packed_us        int?   when it was packed
        left_us          int?   when the last of it left, by a carrier or with the customer
        closed_us        int?   when nothing more was to be done: delivered, picked up, given up
        changed_us       int    when it last changed
        seq              int    log position of its release
        """,
        "location_number status",
        "status order_seq",
        fixed="fulfillment_id location_number pickup units requested_us accept_by_us seq",
    ),
    table(
        "fulfillment_lines",
        "order_seq number line position",
        "Units of a fulfillment, by line of the order and position.",
        """
        order_seq  int  the order
        number     int  number of the fulfillment
        line       int  number of the order's line
        position   int  where the units are taken from
        quantity   int  units of the stocked SKU that were asked for
        open       int  units that are still to be seen to
        shipped    int  units that have left
        """,
        fixed="quantity",
    ),
    table(
        "packages",
        "order_seq number seq n",
        "Boxes, as they were told when packing or shipping.",
        """
        order_seq        int    the order
        number           int    number of the fulfillment
        seq              int    log position of the event that told of it
        n                int    order within the event, from 0
        package_id       text   its id, once per event
        shipment_id      text?  the shipment, if it was told when that left
        weight_g         int?   grams
        carrier          text?  who carries it, if told of the box itself
        tracking_number  text?  the carrier's number, if told of the box itself
        contents         text   JSON: [{"sku": ..., "quantity": ...}, ...], empty if not told
        """,
        "tracking_number",
    ),
    table(
        "returns",
        "order_seq return_id",
        "Goods that come back.",
        """
        order_seq          int    the order
        return_id          text   its id, once per order
        status             text   requested, approved, rejected, received or closed
        reason             text   why, as announced
        by_cancel          int    1 if a cancellation after shipping made it, else 0
        exchange_order_id  text?  id of the order that is given for it, of the same channel
        carrier            text?  who carries it, by its label
        tracking_number    text?  the carrier's number, by its label
        label_url          text?  where its label is
        why                text?  why it was rejected, or closed before all had come
        expected           int    units of stocked SKUs that are to come
        received           int    units that have come
        inspected          int    units of which it is decided what becomes of them
        opened_us          int    when it was announced
        changed_us         int    when it last changed
        closed_us          int?   when it was closed or rejected
        seq                int    log position of its announcement
        """,
        "status seq",
        "tracking_number",
        fixed="reason by_cancel exchange_order_id expected opened_us seq",
    ),
    table(
        "return_lines",
        "order_seq return_id n",
        "Lines of a return, as announced.",
        """
        order_seq   int    the order
        return_id   text   the return
        n           int    number of the line in it, from 0
        line        int    number of the order's line
        sku_number  int    what is to come, perhaps a bundle
        quantity    int    units of it
        reason      text?  why, if it was told of this line
        """,
    ),
    table(
        "return_units",
        "order_seq return_id line sku_number",
        "Units of a return by stocked SKU: bundles come back by their parts.",
        """
        order_seq   int   the order
        return_id   text  the return
        line        int   number of the order's line
        sku_number  int   the stocked SKU
        each        int   units of it that make one unit of the line
        expected    int   units that were announced
        received    int   units that have come
        """,
        fixed="each",
    ),
    table(
        "return_receipts",
        "seq n",
        "What arrived of returns, when and where.",
        """
        seq              int   log position of the event
        n                int   order within the event, from 0
        order_seq        int   the order
        return_id        text  the return
        receipt_id       text  its id, once per return
        received_us      int   when it arrived
        location_number  int   where
        line             int   number of the order's line
        sku_number       int   the stocked SKU
        units            int   units of it
        """,
        "order_seq",
    ),
    table(
        "dispositions",
        "seq n",
        "What became of units that came back.",
        """
        seq              int    log position of the event
        n                int    order within the event, from 0
        order_seq        int    the order
        return_id        text   the return
        inspection_id    text   its id, once per return
        inspected_us     int    when it was decided
        location_number  int    where
        sku_number       int    the stocked SKU
        units            int    units of it
        disposition      text   restock, damaged, quality_control or scrap
        reason           text?  why
        """,
        "order_seq",
    ),
    table(
        "refunds",
        "seq",
        "Money that went back, or is to.",
        """
        seq           int    log position of the event
        order_seq     int    the order
        return_id     text   the return
        refund_id     text   its id, once per return
        amount_minor  int    minor units of the currency
        currency      text   ISO 4217 code, empty if unknown
        reason        text?  why
        refunded_us   int    when it was told
        """,
        "order_seq",
    ),
    table(
        "availability",
        "channel_number sku_number",
        "What each channel that has rules may show of each SKU, by the rules of docs/channels.md.",
        """
        channel_number  int  the channel
        sku_number      int  the SKU
        available       int  units available at all locations, of a bundle as many as can be built
        sellable        int  units of them that the channel may show; seasons are the cursor's
        """,
        "sku_number",
    ),
    table(
        "purchase_orders",
        "number",
        "What is on its way from suppliers, as it stands.",
        """
        number          int   the purchase order's number in the log
        purchase_order  text  its id
        status          text  open, received or cancelled
        location        text  where it is to come
        supplier        text  from whom, empty if not told
        expected_us     int   when it is to come
        units           int   units that were ordered
        received        int   units that have come, more than ordered among them
        seq             int   log position of the last change
        """,
        "status expected_us",
    ),
    table(
        "purchase_lines",
        "number line",
        "Lines of purchase orders, as they stand.",
        """
        number    int   the purchase order
        line      int   number of the line in it, from 0
        sku       text  the SKU's id
        quantity  int   units that were ordered
        received  int   units that have come; the last line of a SKU takes what is too much
        """,
        "sku",
    ),
)
