"""How sync asks dibs: a refusal is an answer; what says nothing of the question is asked again."""

import httpx

from engine.sync.desk import Desk, Refusal


async def test_neither_a_key_not_known_yet_nor_a_busy_dibs_makes_a_document_dead() -> None:
    answers = [
        httpx.Response(401, json={"code": "unauthorized", "status": 401}),
        httpx.Response(408, json={"code": "request_timeout", "status": 408}),
        httpx.Response(503),
        httpx.Response(200, content=b"{}"),
        httpx.Response(409, json={"code": "conflict", "status": 409, "detail": "no"}),
    ]
    transport = httpx.MockTransport(lambda _: answers.pop(0))
    async with httpx.AsyncClient(transport=transport) as client:
        desk = Desk(client, "http://dibs.example", "new")
        assert await desk.ask("POST", "/v1/orders", {}) == b"{}" and len(answers) == 1
        assert await desk.ask("POST", "/v1/orders", {}) == Refusal("conflict", 409, "no")
