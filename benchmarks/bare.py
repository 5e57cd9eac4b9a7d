"""The yardstick: a Flask route that does nothing."""

from flask import Flask

app = Flask("bare", static_folder=None)


@app.route("/", methods=["GET", "POST"])
def nothing() -> tuple[str, int, dict[str, str]]:
    """Answer a constant."""
    return '{"Success":true}', 200, {"Content-Type": "application/json;charset=utf-8"}
