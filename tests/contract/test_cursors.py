"""A cursor says where a page starts, in the words of the list that it is of."""

import pytest

from api.problems import ProblemError
from api.routes import params
from tests.contract.world import BY_NAME, World, problem_of, url_of


@pytest.mark.parametrize("name", ["list_access", "list_deliveries", "list_dead_letters"])
@pytest.mark.parametrize("text", ["shoe", "1-", "-1", "1-2-3", "1" * 20 + "-0", "1-x", "١-٢"])
async def test_entries_are_paged_by_entries(world: World, name: str, text: str) -> None:
    response = await world.call(
        "GET", f"{url_of(BY_NAME[name])}?cursor={params.cursor_after(text)}"
    )
    document = problem_of(response)
    assert response.status_code == 422, document
    assert document["errors"][0]["path"] == "cursor"


def test_a_page_ends_with_the_cursor_of_the_next() -> None:
    rows = [(f"{n}-0", n) for n in range(5, 0, -1)]
    assert params.page_of(rows[:2], 2) == ([5, 4], None)
    page, cursor = params.page_of(rows[:3], 2)
    assert page == [5, 4] and params.entry_of(cursor) == "4-0"
    assert params.page_of([], 2) == ([], None)


def test_the_longest_entry_fits_into_a_cursor() -> None:
    entry = "9" * 19 + "-" + "9" * 19
    cursor = params.cursor_after(entry)
    assert len(cursor) <= 64 and params.entry_of(cursor) == entry


@pytest.mark.parametrize("name", ["a", "Größe 40/41", "x" * 128])
def test_a_name_comes_back_as_it_was(name: str) -> None:
    assert params.name_of(params.cursor_after(name)) == name


@pytest.mark.parametrize("read", [params.name_of, params.entry_of, lambda c: params.place_of(c, 0)])
@pytest.mark.parametrize("cursor", ["!!!!", "AAAA", "MQ==MQ==", "A", "YWZ0ZXI6_w"])
def test_what_is_no_cursor_is_refused(read, cursor: str) -> None:
    with pytest.raises(ProblemError):
        read(cursor)
