"""`dibs webhooks …` beside the API."""

import httpx
from standardwebhooks import Webhook
from typer.testing import CliRunner

from engine.cli import app


def test_the_command_line_does_what_the_api_does(dibs) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["webhooks", *words, "--data", str(dibs.folder)])
        assert done.exit_code == 0, done.output
        return done.output

    def ask(method: str, path: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {dibs.key}"}
        return httpx.request(method, f"{dibs.url}/v1/webhooks{path}", headers=headers)

    made = run("put", "erp", "--url", "https://erp.example.com/x", "--kind", "order.shipped")
    there = ask("GET", "/erp").json()
    assert there["types"] == ["order.shipped"] and "secret" not in there
    first = made.partition("secret ")[2].split()[0]
    second = run("rotate", "erp", "--overlap-s", "60").partition("secret ")[2].split()[0]
    assert first != second and first.startswith("whsec_") and Webhook(second)
    assert "old_secret_until" in ask("GET", "/erp").json()
    assert "erp" in run("list") and "message" in run("deliveries", "erp")
    run("remove", "erp")
    assert ask("GET", "/erp").status_code == 404
    wrong = ("webhooks", "put", "erp", "--url", "https://10.0.0.1/", "--data", str(dibs.folder))
    refused = CliRunner().invoke(app, list(wrong))
    assert refused.exit_code != 0 and "public internet" in str(refused.exception)
