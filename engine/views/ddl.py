"""The tables of `schema` as statements of a database, and as a page for people."""

from engine.views.schema import TABLES

# Views over the tables, the same SQL everywhere: names instead of numbers.
VIEWS = {
    "stock": """
        SELECT p.position, s.sku, s.title, l.location, p.on_hand, p.reserved, p.allocated,
               p.damaged + p.quality_control + p.safety_stock AS unavailable,
               p.available, p.seq
        FROM positions p
        JOIN skus s ON s.number = p.sku_number
        JOIN locations l ON l.number = p.location_number""",
    "sellable": """
        SELECT c.channel, s.sku, s.title, a.available, a.sellable, s.backorderable
        FROM availability a
        JOIN channels c ON c.number = a.channel_number
        JOIN skus s ON s.number = a.sku_number""",
    "order_items": """
        SELECT o.seq AS order_seq, o.channel, o.order_id, o.status, o.placed_us, o.currency,
               i.line, i.line_id, s.sku, i.quantity, i.unit_price, i.backordered, i.cancelled,
               i.shipped
        FROM order_lines i
        JOIN orders o ON o.seq = i.order_seq
        JOIN skus s ON s.number = i.sku_number""",
    "stock_history": """
        SELECT m.seq, m.n, s.sku, l.location, m.bucket, m.delta, m.quantity, m.available, m.reason,
               a.stamp_us, a.kind, a.what, a.ref, a.order_seq, a.actor
        FROM movements m
        JOIN positions p ON p.position = m.position
        JOIN skus s ON s.number = p.sku_number
        JOIN locations l ON l.number = p.location_number
        JOIN activity a ON a.seq = m.seq""",
}


def statements(types: dict[str, str], clustered: str) -> list[str]:
    """Return the statements that make tables, indexes and views; `types` are the database's words
    for the base types, `clustered` what it says behind a table of which the key is its order."""
    made = []
    for table in TABLES:
        columns = [
            f"{c.name} {types[c.base]}{'' if c.optional else ' NOT NULL'}" for c in table.columns
        ]
        columns.append(f"PRIMARY KEY ({', '.join(table.key)})")
        body = ", ".join(columns)
        tail = clustered if len(table.key) > 1 else ""
        made.append(f"CREATE TABLE {table.name} ({body}){tail}")
        for number, index in enumerate(table.indexes):
            made.append(f"CREATE INDEX {table.name}_{number} ON {table.name} ({', '.join(index)})")
    made += [f"CREATE VIEW {name} AS {text}" for name, text in VIEWS.items()]
    return made


def described() -> str:
    """Return the tables as Markdown, for docs/views.md."""
    parts = []
    for table in TABLES:
        rows = "\n".join(f"| `{c.name}` | {c.type} | {c.meaning} |" for c in table.columns)
        key = ", ".join(f"`{name}`" for name in table.key)
        head = "| column | type | meaning |\n|---|---|---|"
        parts.append(f"### {table.name}\n\n{table.meaning} Key: {key}.\n\n{head}\n{rows}")
    return "\n\n".join(parts)
