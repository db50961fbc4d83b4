"""Cells and rows: what is read, and what is said about dirt."""

import gzip

import pytest

from engine.core import limits
from engine.replay import fields
from engine.replay.documents import Findings
from engine.replay.tables import Table


@pytest.mark.parametrize(
    ("text", "value"),
    [("2.55", 255), ("0.1", 10), ("7", 700), ("1.", 100), ("0.290", 29), ("-11062.06", -1106206)],
)
def test_money_is_exact(text, value):
    assert fields.minor_units(text) == value


def test_every_hundredth_survives():
    assert [fields.minor_units(f"{n // 100}.{n % 100:02}") for n in range(20_000)] == list(
        range(20_000)
    )


@pytest.mark.parametrize("text", ["", "1e3", "nan", "1,5", "0.001", "£2", " 2", "٣", "1" * 15])
def test_money_that_is_none(text):
    with pytest.raises(ValueError):
        fields.minor_units(text)


@pytest.mark.parametrize("text", ["", "0", "1.0", "five", "1e3", "1_000", "１", "1000000001"])
def test_units_that_are_none(text):
    with pytest.raises(ValueError):
        fields.units(text)


def test_units_have_a_sign():
    assert (fields.units("74215"), fields.units("-9600")) == (74_215, -9_600)


def test_naive_time_is_utc():
    naive = fields.moment_us("2011-01-18 10:17:00")
    assert naive == 1_295_345_820_000_000
    assert fields.moment_us("2011-01-18T08:17:00-02:00") == naive


@pytest.mark.parametrize("text", ["", "2011-01-18", "18/01/2011 10:17", "2011-02-30 10:00:00"])
def test_time_that_is_none(text):
    with pytest.raises(ValueError):
        fields.moment_us(text)


@pytest.mark.parametrize("text", ["", "a\x00b", "a\tb", "x" * (limits.ID_CHARS_MAX + 1)])
def test_id_that_is_none(text):
    with pytest.raises(ValueError):
        fields.identifier(text)


def _read(path, columns=("a", "b")):
    findings = Findings()
    return list(Table(path, findings).rows(columns, findings)), findings


def test_columns_are_found_by_name_and_gzip_by_suffix(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b'\xef\xbb\xbfb,x,a\r\n1,2,"q ""u"", ote"\r\n\r\n4,5,6\r\n'))
    rows, findings = _read(path)
    assert rows == [(2, ['q "u", ote', "1"], True), (4, ["6", "4"], True)]
    assert not findings.fault_count


def test_each_dirty_row_is_named_and_the_next_is_read(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'a,b\nk1\nk2,1,2\nk3,\xff\nk4,"open\nk5,"a"b\nk6,6\n')
    rows, findings = _read(path)
    assert rows == [(n, [f"k{n - 1}"], False) for n in range(2, 7)] + [(7, ["k6", "6"], True)]
    assert [(fault.line, fault.column) for fault in findings.faults] == [
        (2, "b"),
        (3, ""),
        (4, "b"),
        (5, ""),
        (6, ""),
    ]
    assert str(findings.faults[2]) == (
        f"{path}:4: column b: byte 4 of the line, 0xff, is not UTF-8"
    )


def test_a_cut_gzip_gives_its_rows_and_one_fault(tmp_path):
    path = tmp_path / "t.csv.gz"
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(50_000)))
    path.write_bytes(whole[: len(whole) // 2])
    rows, findings = _read(path)
    assert 0 < len(rows) < 50_000 and findings.fault_count == 1
    assert "damage" in findings.faults[0].detail


def test_an_endless_line_is_not_read_into_memory(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,2\n" + b"x" * (limits.REPLAY_ROW_BYTES_MAX + 2))
    rows, findings = _read(path)
    assert len(rows) == 1 and findings.faults[0].line == 3


def test_faults_are_kept_up_to_a_bound_and_all_counted():
    findings = Findings()
    for line in range(limits.REPLAY_FAULTS_KEPT_MAX + 5):
        findings.fault("f", line, "c", "d")
    assert len(findings.faults) == limits.REPLAY_FAULTS_KEPT_MAX
    assert findings.fault_count == limits.REPLAY_FAULTS_KEPT_MAX + 5
