"""Small order files with every quirk of the real ones, for the replay tests."""

import os
from pathlib import Path

import pytest

LINES_HEADER = "invoice,sku,qty,ts,unit_price,customer,country,note\n"
LINES = (
    LINES_HEADER
    + """\
1001,A,6,2010-12-01 08:26:00,2.55,C1,United Kingdom,
1001,A,2,2010-12-01 08:26:00,2.55,C1,United Kingdom,
1001,L,1,2010-12-01 08:26:00,3.39,C1,United Kingdom,
1001,POST,1,2010-12-01 08:26:00,18.00,C1,United Kingdom,
1002,A,4,2010-12-01 09:00:00,2.55,C1,EIRE,
1002,C,3,2010-12-01 09:00:00,0.0,C1,EIRE,
1003,D1,74215,2010-12-01 10:01:00,1.04,C2,Unspecified,
C1004,D1,-74215,2010-12-01 10:17:00,1.04,C2,Unspecified,
1005,L,-3,2010-12-01 11:00:00,0.0,,United Kingdom,damaged
1006,L,5,2010-12-01 11:01:00,0.0,,United Kingdom,
C1007,A,-4,2010-12-01 12:00:00,2.55,C1,EIRE,
C1008,A,-1,2010-12-01 12:30:00,2.55,C1,EIRE,
C1009,A,-9,2010-12-01 13:00:00,2.55,C1,EIRE,
C1009,M,-1,2010-12-01 13:00:00,5.00,C1,EIRE,
C1010,L,-1,2010-12-01 13:30:00,3.39,,United Kingdom,
A1011,B,1,2010-12-01 14:00:00,-11062.06,,United Kingdom,bad debt
1012,BANK CHARGES,1,2010-12-01 14:30:00,15.00,,United Kingdom,
1013,gift_0001_20,1,2010-12-01 14:40:00,17.02,,United Kingdom,
1013,C,1,2010-12-01 14:41:00,0.42,,United Kingdom,
"""
)
SKUS = "sku,description\nA,HOLDER\nPOST,POSTAGE\nL,LANTERN \n"

ORDERS = """\
order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at
o1,c1,delivered,2017-11-24 10:00:00,2017-11-24 10:10:00
o2,c2,canceled,2017-11-24 11:00:00,2017-11-25 09:00:00
o3,c3,unavailable,2017-11-24 12:00:00,
o4,c4,canceled,2017-11-24 13:00:00,
"""
ITEMS = """\
order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value
o1,1,p1,s1,2017-11-30 10:00:00,12.99,8.1
o1,2,p1,s1,2017-11-30 10:00:00,12.99,8.1
o1,3,p2,s2,2017-11-30 10:00:00,48.9,8.1
o2,1,p1,s1,2017-11-30 10:00:00,12.99,8.1
o4,1,p2,s2,2017-11-30 10:00:00,48.9,8.1
o9,1,p2,s2,2017-11-30 10:00:00,48.9,8.1
"""
CUSTOMERS = """\
customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state
c1,person1,01037,sao paulo,SP
"""
SELLERS = """\
seller_id,seller_zip_code_prefix,seller_city,seller_state
s1,01037,sao paulo,SP
s3,01037,sao paulo,SP
"""
GEO = "zip_prefix,lat,lon,city,state\n01037,-23.54562,-46.63929,sao paulo,SP\n"
PRODUCTS = "product_id,product_category_name,product_weight_g\np1,perfumaria,225\np2,,\n"


def retail(folder: Path, lines: str = LINES) -> Path:
    """Write the Online Retail files; returns the folder."""
    (folder / "lines.csv").write_text(lines)
    (folder / "skus.csv").write_text(SKUS)
    return folder


def olist(folder: Path) -> Path:
    """Write the Olist files under names that say nothing; returns the folder."""
    for number, text in enumerate((GEO, ITEMS, SELLERS, ORDERS, PRODUCTS, CUSTOMERS)):
        (folder / f"{number}.csv").write_text(text)
    return folder


def many(orders: int = 200, skus: int = 7) -> str:
    """A file of orders over few SKUs, so that some are refused, each tenth cancelled in part."""
    rows = [LINES_HEADER]
    for n in range(orders):
        at = f"2011-01-{n // 48 + 1:02}T{n // 2 % 24:02}:{n % 2 * 30:02}:00"
        for line in range(n % 4 + 1):
            sku = f"S{(n * 3 + line * line) % skus}"
            rows.append(f"{n},{sku},{n % 5 + line + 1},{at},1.{n % 10}5,K{n},Germany,\n")
        if n % 10 == 9:
            rows.append(f"C{n},S{n * 3 % skus},-1,{at},1.05,K{n},Germany,\n")
        if n % 25 == 24:
            rows.append(f"{n}X,S{n % skus},-1,{at},0,,Germany,lost\n")
    return "".join(rows)


def real_data(name: str) -> Path:
    """The folder of a real data set, or skip: it is not part of the repository."""
    root = os.environ.get("DIBS_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data"
    folder = Path(root) / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there; set DIBS_SHARED_DATA to the folder with {name}/")
    return folder
