"""What a page that AppTest ran holds, for the tests of all pages."""

from __future__ import annotations

import json

from streamlit.testing.v1 import AppTest

__all__ = ["figure_of", "headings", "html_of", "text_of"]


def text_of(app: AppTest) -> str:
    return "\n".join([m.value for m in app.markdown] + [c.value for c in app.caption])


def html_of(app: AppTest) -> str:
    return "\n".join(h.proto.body for h in app.get("html"))


def headings(app: AppTest) -> list[str]:
    return [h.value for h in app.subheader]


def figure_of(app: AppTest, key: str) -> dict:
    [chart] = [c for c in app.get("plotly_chart") if key in c.proto.id]
    return json.loads(chart.proto.spec)
