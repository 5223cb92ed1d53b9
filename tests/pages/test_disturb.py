"""Disturb an image: what the sliders ask, what bars, curves and sentences say of the answers."""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from types import SimpleNamespace

import numpy as np
import pytest
from apps import figure_of, html_of, text_of
from conftest import Tiny
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import service
from core.data.disturbance import Disturbance, Patch, disturbed
from core.service import Along, DisturbedQuery, ImageQuery, Target
from pages._own import canvas, disturb, disturb_curve
from pages._own import disturb_sliders as sliders
from pages._own.disturb_curve import Curves, Visit

BOX = ImageQuery(Target("tiny", "glow"), "boxes", 3)
MODELS = ("glow", "glow.outliers")
TITLES = {
    "early": "Early",
    "late": "Late_one",
    "later": "Later",
    "never": "Never",
    "always": "Always",
}


# Sentences by hand --------------------------------------------------------------------------------


def line_at(**raw: float) -> SimpleNamespace:
    """A threshold that flags above these raw scores, by model."""
    said = {m: SimpleNamespace(raw=v, percentile=95.0) for m, v in raw.items()}
    return SimpleNamespace(of=said.__getitem__, verdicts=SimpleNamespace(standing=95.0))


def curves(name: str, raw: dict[str, list[float]], path: list[Visit] | None = None) -> Curves:
    """Curves of these raw scores, which are percentiles too, over a threshold of 95."""
    positions = sliders.SLIDERS[name].positions
    images = np.zeros((len(positions), 2, 2, 1), np.uint8)
    columns = {m: np.array(v, float) for m, v in raw.items()}
    found = Along(np.array(positions), images, columns, columns, {})
    first = {m: v[0] for m, v in raw.items()}
    here = Visit(positions[0], first, first)
    return Curves(name, found, path or [here], TITLES, line_at(**dict.fromkeys(raw, 95.0)))


def rising(first: int | None, many: int) -> list[float]:
    """Scores that are above 95 from a place on."""
    return [99.0 if first is not None and k >= first else 95.0 for k in range(many)]


def test_who_notices_first_is_who_flags_nearest_to_where_the_slider_does_nothing() -> None:
    many = len(sliders.SLIDERS["noise"].positions)
    raw = {"late": rising(6, many), "early": rising(2, many), "never": rising(None, many)}
    raw |= {"later": rising(7, many), "always": rising(6, many)}
    said = disturb_curve.said_of(curves("noise", raw))
    assert said == (
        "**Early notices first, at 10**; then Late\\_one and Always at 30; Later at 35. Flagged "
        "at none of 25 positions by Never."
    )


def test_who_flags_it_as_it_is_has_nothing_to_notice() -> None:
    many = len(sliders.SLIDERS["blur"].positions)
    raw = {"always": rising(0, many), "early": rising(1, many), "late": rising(1, many)}
    said = disturb_curve.said_of(curves("blur", raw))
    assert said == (
        "Even at 0\u00a0% Always flags it. **Early and Late\\_one notice first, at 1\u00a0%**."
    )


def test_a_slider_of_two_sides_counts_how_far_it_is_from_its_middle() -> None:
    positions = sliders.SLIDERS["turn"].positions
    raw = {"early": [99.0 if p <= -30 else 10.0 for p in positions]}
    raw["late"] = [99.0 if p >= 45 else 10.0 for p in positions]
    said = disturb_curve.said_of(curves("turn", raw))
    assert said == "**Early notices first, at −30°**; then Late\\_one at 45°."


def test_where_the_slider_has_been_counts_too_and_is_a_point_of_the_curve() -> None:
    many = len(sliders.SLIDERS["turn"].positions)
    quiet = {"early": [10.0] * many}
    path = [Visit(7, {"early": 97.0}, {"early": 97.0}), Visit(0, {"early": 10.0}, {"early": 10.0})]
    seen = curves("turn", quiet, path)
    assert disturb_curve.said_of(seen) == "**Early notices at 7°**."  # alone, before nobody
    positions, percentiles, _ = seen.of("early")
    assert len(positions) == many + 1
    assert percentiles[positions == 7].tolist() == [97.0]
    open_marks, present = disturb_curve.figure(seen).to_dict()["data"][1:]
    assert (list(open_marks["x"]), list(open_marks["y"])) == ([7], [97.0])
    assert list(present["x"]) == [0]


def test_places_of_a_patch_are_counted_for_none_of_them_is_the_first() -> None:
    many = len(sliders.SLIDERS["patch_row"].positions)
    raw = {"late": rising(20, many), "early": rising(9, many)}
    assert disturb_curve.said_of(curves("patch_row", raw)) == (
        "Of 21 positions of the slider “Patch down”, flagged by Early at 12 and Late\\_one at 1."
    )


def test_the_table_of_the_curves_has_a_row_a_position_with_every_verdict() -> None:
    many = len(sliders.SLIDERS["mix"].positions)
    seen = curves("mix", {"early": rising(3, many), "never": rising(None, many)})
    rows = list(csv.DictReader(io.StringIO(disturb_curve.table(seen).decode())))
    assert [float(row["mix"]) for row in rows] == list(sliders.SLIDERS["mix"].positions)
    assert [row["early flagged"] for row in rows] == ["0"] * 3 + ["1"] * (many - 3)
    assert {row["never score"] for row in rows} == {"95.0"}


def test_every_curve_has_its_own_colour_or_sign_or_dash() -> None:
    many = {f"m{i}": [float(i)] * 25 for i in range(13)}
    seen = curves("turn", many)
    lines = disturb_curve.figure(
        Curves("turn", seen.found, seen.path, dict.fromkeys(many, "x"), seen.line)
    ).to_dict()["data"][::3]
    looks = {(t["line"]["color"], t["line"]["dash"], t["marker"]["symbol"]) for t in lines}
    assert len(looks) == 13


def answer(**percentiles: float) -> SimpleNamespace:
    return SimpleNamespace(
        percentiles=percentiles,
        raw=percentiles,
        displayed={m: v / 8 for m, v in percentiles.items()},
        units=dict.fromkeys(percentiles, "bits"),
        foreign={m: v > 99.5 for m, v in percentiles.items()},
    )


def test_bars_say_percentile_verdict_and_what_was_before() -> None:
    now, before = answer(early=99.9, late=40.0), answer(early=12.0, late=95.0)
    titles = {"early": "<b>Early</b>", "late": "Late"}
    text = disturb.bars(now, before, titles=titles, line=line_at(early=95.0, late=40.0))
    first, second = text.split("<tbody>")[1].split("</tr>")[:2]
    assert "&lt;b&gt;Early&lt;/b&gt;" in first
    assert "<b>99.9</b> flagged" in first
    assert "score 12.49 bits" in first
    assert "not its kind of image" in first
    assert "left:12.0%" in first
    assert "left:95.00%" in first
    assert "<b>40.0</b> " in second
    assert "flagged" not in second  # what is equal to the threshold is not above it
    said = disturb.verdict(now, titles, line=line_at(early=95.0, late=40.0))
    assert said.startswith("**1 of 2 flag it now**: ")
    assert disturb.verdict(now, titles, line=line_at(early=99.9, late=40.0)) == (
        "**None of 2 detectors flags it now.**"
    )


# Sliders ------------------------------------------------------------------------------------------


def test_every_number_of_a_disturbance_has_a_slider_whose_curve_has_both_ends() -> None:
    assert set(sliders.SLIDERS) == set(service.NEUTRAL)
    for name, slider in sliders.SLIDERS.items():
        assert (slider.positions[0], slider.positions[-1]) == (slider.low, slider.high), name
        assert len(slider.positions) <= 25
        rest = sliders.neutral(name)
        assert rest in slider.positions or name == "patch_level"
        assert (rest - slider.low) % slider.step == 0
        for end in (slider.low, slider.high):
            sliders.disturbance({n: sliders.neutral(n) for n in sliders.SLIDERS} | {name: end})


def test_sliders_that_rest_do_nothing() -> None:
    rest = sliders.disturbance({name: sliders.neutral(name) for name in sliders.SLIDERS})
    assert rest.values() == dict(service.NEUTRAL)


# The page's part ----------------------------------------------------------------------------------


def script(models: tuple[str, ...], set_name: str, index: int) -> None:
    import streamlit as st

    from core.service import ImageQuery, OverviewQuery, Target
    from pages._own import disturb
    from pages._own.subject import Subject
    from pages._shared.ask import ask

    st.session_state.setdefault("seed", 0)
    overview = ask(OverviewQuery("tiny"))
    query = ImageQuery(Target("tiny", "glow"), set_name, index)
    image = ask(query).image
    subject = Subject(f"{set_name}#{index}", "It", image, None, query)
    st.session_state["_shown"] = disturb.section(subject, models, overview)


def opened(**state: int) -> AppTest:
    """The section as a link opens it, without an exception."""
    given = {"models": MODELS, "set_name": "boxes", "index": 3}
    app = AppTest.from_function(script, default_timeout=60, kwargs=given)
    for name, value in state.items():
        app.session_state[sliders.key_of(name)] = value
    app.run()
    assert not app.exception
    return app


@pytest.mark.slow
def test_at_rest_the_picture_is_the_image_and_every_detector_is_said(models: Tiny) -> None:
    app = opened()
    assert np.array_equal(app.session_state["_shown"], service.ask(BOX).image)
    found = service.ask(DisturbedQuery("tiny", MODELS, BOX))
    html = html_of(app)
    for value in found.percentiles.values():
        assert f"<b>{value:.1f}</b>" in html
    assert "What you see:" in text_of(app)
    names = [t["name"] for t in figure_of(app, "own_along_chart")["data"] if "name" in t]
    assert len(names) == len(MODELS)
    assert app.button("own_put_back").disabled


@pytest.mark.slow
def test_a_link_to_sliders_disturbs_the_picture_and_the_curve_is_along_the_one_that_is_moved(
    models: Tiny,
) -> None:
    app = opened(noise=40, patch_size=28, patch_level=255)
    patch = Patch(size=0.28, level=255)
    expected = disturbed(service.ask(BOX).image, Disturbance(noise=40, patch=patch))
    assert np.array_equal(app.session_state["_shown"], expected)
    drawn = figure_of(app, "own_along_chart")
    assert drawn["layout"]["xaxis"]["title"]["text"].startswith("noise")
    app.slider("own_turn").set_value(90).run()
    assert not app.exception
    assert app.session_state["own_along"] == "turn"
    turned = disturbed(service.ask(BOX).image, Disturbance(turn=90, noise=40, patch=patch))
    assert np.array_equal(app.session_state["_shown"], turned)
    assert "turn" in figure_of(app, "own_along_chart")["layout"]["xaxis"]["title"]["text"]


@pytest.mark.slow
def test_the_path_that_a_slider_took_is_kept_as_long_as_the_others_stand(models: Tiny) -> None:
    app = opened()

    def visited() -> list[int]:
        return figure_of(app, "own_along_chart")["data"][1]["x"]

    for value in (10, 25, 100):
        app.slider("own_turn").set_value(value).run()
    assert visited() == [0, 10, 25]
    app.slider("own_blur").set_value(3).run()
    assert visited() == []
    app.slider("own_blur").set_value(0).run()
    app.selectbox("own_along").set_value("turn").run()
    assert visited() == [0, 10, 25]  # and there it stands still
    assert figure_of(app, "own_along_chart")["data"][2]["x"] == [100]
    assert not app.exception


@pytest.mark.slow
def test_putting_all_back_shows_the_image_again(models: Tiny) -> None:
    app = opened(turn=180, contrast=50, patch_size=40, patch_row=10)
    assert not np.array_equal(app.session_state["_shown"], service.ask(BOX).image)
    app.button("own_put_back").click().run()
    assert np.array_equal(app.session_state["_shown"], service.ask(BOX).image)
    assert app.slider("own_patch_row").value == 50


@pytest.mark.slow
def test_what_is_kept_is_the_picture_as_the_slider_left_it(models: Tiny) -> None:
    app = opened()
    assert not [b for b in app.button if b.key == "own_keep"]
    app.slider("own_turn").set_value(90).run()
    app.button("own_keep").click().run()
    assert not app.exception
    kept = app.session_state["_own_image"]
    turned = disturbed(service.ask(BOX).image, Disturbance(turn=90))
    assert kept.name == "boxes#3, disturbed.png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(kept.data))), turned[..., 0])
    assert app.slider("own_turn").value == 0


@pytest.mark.slow
def test_mixing_takes_a_typical_strange_image_unless_another_is_named(models: Tiny) -> None:
    app = opened(mix=100)
    [glow] = [r for r in service.ask(service.OverviewQuery("tiny")).detectors if r.name == "glow"]
    part = glow.card.score.part
    typical = service.ask(
        service.GalleryQuery(Target("tiny", "glow"), ("strokes",), part, "typical", 1)
    )
    assert np.array_equal(app.session_state["_shown"], typical.images[0])
    app.number_input("own_mix_image").set_value(7).run()
    seven = service.ask(ImageQuery(Target("tiny", "glow"), "strokes", 7)).image
    assert np.array_equal(app.session_state["_shown"], seven)
    app.session_state["own_mix_image"] = 10**6
    app.run()
    assert not app.exception
    assert np.array_equal(app.session_state["_shown"], typical.images[0])


@pytest.mark.slow
def test_a_model_that_is_damaged_is_said_and_the_others_have_their_bars(models: Tiny) -> None:
    opened()
    (models.folder / "glow.outliers.safetensors").write_bytes(b"no weights")
    service.forget()
    app = opened()
    assert "tiny/glow.outliers" in text_of(app)
    [value] = service.ask(DisturbedQuery("tiny", ("glow",), BOX)).percentiles.values()
    assert f"<b>{value:.1f}</b>" in html_of(app)
    assert "What you see:" in text_of(app)


@pytest.mark.parametrize(
    "told",
    [
        None,
        "patch",
        {"serial": 1},
        {"serial": 1, "across": 50, "down": "50"},
        {"serial": 1, "across": 101, "down": 50},
        {"serial": 1, "across": -1, "down": 50},
        {"serial": 1, "across": True, "down": 50},
        {"serial": "1", "across": 10, "down": 50},
        {"serial": 1, "across": float("nan"), "down": 50},
    ],
)
def test_what_no_browser_of_ours_says_moves_no_patch(monkeypatch, told) -> None:
    state = {disturb.PICTURE: {"patch": told}}
    monkeypatch.setattr("streamlit.session_state", state)
    disturb._patch_moved()
    assert list(state) == [disturb.PICTURE]


def test_a_patch_that_is_let_go_moves_its_sliders_and_the_first_one_has_a_size(monkeypatch) -> None:
    state = {disturb.PICTURE: {"patch": {"serial": 4, "across": 70, "down": 55}}}
    monkeypatch.setattr("streamlit.session_state", state)
    disturb._patch_moved()
    assert (state["own_patch_column"], state["own_patch_row"]) == (70, 55)
    assert state["own_patch_size"] == disturb.FIRST_PATCH
    assert state["own_along"] == "patch_column"  # it went further across than down


# The canvas ---------------------------------------------------------------------------------------


def drawing(channels: int) -> None:
    import streamlit as st

    from core.service import Shape
    from pages._own import canvas

    st.session_state["_png"] = canvas.draw(Shape(channels, 4, 3), key="own_canvas")


def text(pixels: np.ndarray) -> str:
    return b64encode(pixels.tobytes()).decode()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_drawing_becomes_a_png_of_its_very_pixels_and_survives_a_rerun(channels: int) -> None:
    app = AppTest.from_function(drawing, kwargs={"channels": channels}).run()
    assert app.session_state["_png"] is None
    pixels = (np.arange(12 * channels) * 7 % 256).astype(np.uint8).reshape(4, 3, channels)
    shape = service.Shape(channels, 4, 3)
    app.session_state["_own_drawn"] = {f"own_canvas {shape}": pixels.tobytes()}
    for _ in range(2):
        app.run()
        assert not app.exception
        png = app.session_state["_png"]
        read = np.asarray(Image.open(io.BytesIO(png))).reshape(4, 3, channels)
        assert np.array_equal(read, pixels)


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"token": "a"},
        {"token": "b", "pixels": "AAAA"},
        {"token": "a", "pixels": 3},
        {"token": "a", "pixels": "no base 64!"},
        {"token": "a", "pixels": "AAA="},
        {"token": "a", "pixels": "A" * 10**6},
    ],
)
def test_pixels_of_another_canvas_or_of_another_number_are_none(told) -> None:
    assert canvas.pixels_of(told, "a", size=(1, 3, 1)) is None
    assert canvas.pixels_of({"token": "a", "pixels": "AQID"}, "a", size=(1, 3, 1)) == b"\1\2\3"


def test_a_drawing_may_start_from_what_was_looked_at_if_it_is_as_large(monkeypatch) -> None:
    sent: list[dict] = []
    state: dict = {}
    monkeypatch.setattr("streamlit.session_state", state)
    monkeypatch.setattr(canvas, "_draw", lambda **given: sent.append(given["data"]) or {})
    canvas.offer(np.full((4, 3, 1), 9, np.uint8))
    canvas.draw(service.Shape(1, 4, 3), key="own_canvas")
    canvas.draw(service.Shape(3, 4, 3), key="own_canvas")
    assert [bool(data["start"]) for data in sent] == [True, False]
    assert sent[0]["start"] == text(np.full(12, 9, np.uint8))


def test_the_names_of_curves_take_no_height_from_them_and_go_along_with_the_figure() -> None:
    count = len(sliders.SLIDERS["turn"].positions)
    few, many = ({m: [50.0] * count for m in [*TITLES][:n]} for n in (2, 5))
    layouts = [disturb_curve.figure(curves("turn", raw)).layout for raw in (few, many)]
    assert layouts[0].height == layouts[1].height
    assert layouts[1].margin.t < 20  # nothing stands above the plot
    assert all(layout.showlegend and layout.legend.yanchor == "bottom" for layout in layouts)
    html = disturb_curve.key({"a": "A & B", "b": "C"})
    assert "A &amp; B" in html
    assert all(disturb_curve.sign_of(i)[1] in html for i in range(2))


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"early": 96.0}, "**Flagged now.**"),
        ({"early": 9.0}, "**Not flagged now.**"),
        ({"early": 9.0, "late": 9.0}, "**None of 2 detectors flags it now.**"),
        ({"early": 96.0, "late": 96.0}, "**2 of 2 flag it now**: all."),
    ],
)
def test_one_detector_alone_is_not_counted(raw: dict[str, float], said: str) -> None:
    found = SimpleNamespace(raw=raw)
    line = line_at(**dict.fromkeys(raw, 95.0))
    assert disturb.verdict(found, TITLES, line=line) == said  # type: ignore[arg-type]
