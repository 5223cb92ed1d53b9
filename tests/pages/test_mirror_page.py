"""The page Mirror: its sections in order, its sentences, what it does with what it cannot show."""

from __future__ import annotations

import base64
import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from apps import figure_of, headings, html_of, text_of
from conftest import Tiny
from mirror_page import opened
from PIL import Image
from starlette.requests import Request

from core.results import Contrast
from core.service import (
    DISTANCE,
    Distances,
    DistancesQuery,
    FirstMirrorQuery,
    ImageQuery,
    Mirror,
    MirrorQuery,
    MirrorRay,
    MirrorRayQuery,
    Overview,
    OverviewQuery,
    Share,
    Target,
    ask,
    read_study,
)
from pages._mirror import ablation, distances, files, looked, ray, thumbnails
from pages._mirror.mirroring import Mirroring
from pages._shared.picker import Own

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick_apps")]

AMA = Target("tiny", "ama")
SECTIONS = ["The ray of its code", "Mix three images", "One side or two", "Pairs that fool it"]


def image(set_name: str = "strokes", index: int = 3) -> ImageQuery:
    return ImageQuery(AMA, set_name, index)


def mirroring() -> Mirroring:
    overview: Overview = ask(OverviewQuery("tiny"))
    return Mirroring(overview, overview.detectors[0], "strokes", 0)


# What is there ------------------------------------------------------------------------------------


def test_sections_stand_in_their_order(ama: Tiny) -> None:
    app = opened()
    assert [h for h in headings(app) if h in SECTIONS] == SECTIONS
    assert [e.value for e in app.error] == []


def test_the_page_opens_with_a_typical_strange_image_and_says_the_rule(ama: Tiny) -> None:
    app = opened()
    name, index = ask(FirstMirrorQuery(AMA, "strokes"))
    assert f"The image: Strokes {index}" in html_of(app)
    assert f"Chosen by a rule: {looked.RULES['typical']}." in text_of(app)
    assert "mirror_image" not in app.query_params
    app = opened(image=f"{name}#{index + 1}")
    assert f"The image: Strokes {index + 1}" in html_of(app)
    assert "Chosen by a rule" not in text_of(app)


@pytest.mark.parametrize("rule", ["too-good", "as-normal", "worst-normal"])
def test_a_link_names_the_rule_by_which_an_image_opens(ama: Tiny, rule: str) -> None:
    app = opened(first=rule)
    name, index = ask(FirstMirrorQuery(AMA, "strokes", rule))
    title = {"strokes": "Strokes", "boxes": "Boxes"}[name]
    assert f"The image: {title} {index} " in html_of(app)
    assert f"Chosen by a rule: {looked.RULES[rule]}." in text_of(app)
    assert app.query_params["mirror_first"] in (rule, [rule])


def test_the_map_lies_over_the_image_and_has_its_shape(ama: Tiny) -> None:
    view = ask(MirrorQuery(image()))
    sources = re.findall(r"base64,([^\"]+)", looked.three(view, "Strokes 3"))
    pictures = [Image.open(io.BytesIO(base64.b64decode(s))) for s in sources]
    assert [p.size for p in pictures] == [(28, 28)] * 4  # image, mirror, and image below the map
    assert (np.asarray(pictures[0]) == view.image[..., 0]).all()
    assert (np.asarray(pictures[1]) == view.mirror[..., 0]).all()
    opaque = np.asarray(pictures[3])[..., 3]
    assert opaque.max() == 255
    assert np.unravel_index(opaque.argmax(), (28, 28)) == np.unravel_index(
        np.abs(view.map).argmax(), (28, 28)
    )


def test_the_map_says_from_where_its_colours_are_if_that_is_not_zero(ama: Tiny) -> None:
    view = ask(MirrorQuery(image()))
    both = np.linspace(-1, 2, 28 * 28, dtype=np.float32).reshape(28, 28)
    above = np.linspace(1, 2, 28 * 28, dtype=np.float32).reshape(28, 28)
    for values, said in (
        (both, "a difference: up to 2 a pixel<"),
        (above, "a difference: 1.2 to 2 a pixel, less is not drawn<"),
    ):
        shown = looked.three(replace(view, map=values), "Strokes 3")
        assert said in shown
        sources = re.findall(r"base64,([^\"]+)", shown)
        opaque = np.asarray(Image.open(io.BytesIO(base64.b64decode(sources[3]))))[..., 3]
        assert (opaque == 0).mean() == pytest.approx(0.25 if values is above else 0, abs=0.01)


def test_a_file_name_is_no_html() -> None:
    assert "<b>" not in looked._figure("x", "<b>a</b>", "<b>a</b>")


def test_every_part_has_a_value_and_a_percentile(ama: Tiny) -> None:
    view, table = ask(MirrorQuery(image())), looked.numbers(mirroring(), ask(MirrorQuery(image())))
    assert table in html_of(opened(image="strokes#3"))
    said = re.findall(r">([\d.]+)</td></tr>", table)
    assert said == [f"{p:.1f}" for p in view.percentiles.values()]
    titles = re.findall(r'<th scope="row">(.*?)</th>', table)
    assert titles == [
        f"{'★ ' if part == 'two_sided' else ''}{title}"
        for part, title in mirroring().row.part_titles.items()
    ]


def test_the_simplex_stands_on_top_where_a_link_wants_it(ama: Tiny) -> None:
    shown = [h for h in headings(opened(leads="simplex")) if h in SECTIONS]
    assert shown == ["Mix three images", *(h for h in SECTIONS if h != "Mix three images")]


# What is said -------------------------------------------------------------------------------------


@pytest.fixture
def view(ama: Tiny) -> Mirror:
    return replace(ask(MirrorQuery(image())), mean=10.0, std=2.0, limit=2.0)


@pytest.mark.parametrize(
    ("deviation", "said"),
    [
        (0.4, "0.4 s.d. above the mean of training images: it is mirrored as well as they are."),
        (-0.4, "0.4 s.d. below the mean of training images: it is mirrored as well as they are."),
        (1.5, "it is mirrored worse than most, but others are as badly."),
        (-1.5, "it is mirrored better than most, but others are as well."),
        (2.5, "such a bad mirror is rare, and that is strange."),
        (-2.5, "such a good mirror is rare. R alone calls that normal, a score of two sides "),
    ],
)
def test_a_mirror_is_called_what_its_deviation_makes_it(
    view: Mirror, deviation: float, said: str
) -> None:
    assert said in looked.said_of(replace(view, deviation=deviation))


def test_a_mistake_of_the_detector_is_named(view: Mirror) -> None:
    def verdict(flagged: bool, set_name: str) -> str:
        usual = dict.fromkeys(view.percentiles, 50.0)
        told = replace(view, flagged=flagged, percentiles=usual, foreign=False)
        return looked.verdict(mirroring(), told, set_name)

    assert "though it is strange" in verdict(False, "strokes")
    assert "though it is normal" in verdict(True, "boxes")
    for right in (verdict(True, "strokes"), verdict(False, "boxes"), verdict(True, "")):
        assert "though" not in right
        assert "kind" not in right
    assert verdict(True, "boxes").startswith("**Flagged**")
    assert verdict(False, "boxes").startswith("**Not flagged**")
    beyond = replace(view, percentiles=dict.fromkeys(view.percentiles, 100.0), foreign=True)
    assert "6 of its 6 parts" in looked.verdict(mirroring(), beyond, "")


@pytest.fixture
def walked(ama: Tiny) -> MirrorRay:
    return ask(MirrorRayQuery(image()))


def test_the_sentence_of_a_ray_counts_its_flags(walked: MirrorRay) -> None:
    none = replace(walked, norm=2.0, usual=(1.0, 3.0), flagged=np.zeros(13, bool))
    said = ray.said_of(none)
    assert "The code of this image has length 2.00, as that of 98 in 100 training images" in said
    assert "Of the 4 pictures inward none is flagged. Of the 8 pictures outward none" in said
    some = replace(none, norm=4.0, flagged=np.array([1, 1, 1, 1] + [0] * 7 + [1, 1], bool))
    said = ray.said_of(some)
    assert "length 4.00, longer than those of 98 in 100 training images (1.00 to 3.00)." in said
    assert "All 4 pictures inward are flagged." in said
    assert "Of the 8 pictures outward 2 are flagged, at 2.75 and 3." in said
    assert "shorter than those" in ray.said_of(replace(none, norm=0.5))
    assert "every factor gives the same picture" in ray.said_of(replace(none, norm=0.0))


def test_a_ray_marks_what_training_took_and_nothing_else(walked: MirrorRay) -> None:
    def marks(one: MirrorRay) -> list[tuple[float, float]]:
        bands = [s for s in ray._marks(one)["shapes"] if s["type"] == "rect"]
        assert all(s["y0"] >= 105 for s in bands)  # a mark of percentile 100 reaches up to 104
        return [(band["x0"], band["x1"]) for band in bands]

    usual = replace(walked, norm=2.0, usual=(1.0, 3.0))
    assert marks(usual) == [(0.5, 1.5), (0.0, 0.5), (2.0, 3.0)]
    assert marks(replace(usual, inward=None)) == [(0.5, 1.5), (2.0, 3.0)]
    assert marks(replace(usual, inward=None, outward=None)) == [(0.5, 1.5)]
    assert marks(replace(usual, norm=0.1, usual=(1.0, 3.0), inward=None, outward=None)) == []
    assert "below factor 0.5 and above factor 2 stood for anomalies" in ray.why(usual)
    assert "without atypical codes" in ray.why(replace(usual, inward=None, outward=None))


@pytest.fixture
def found(ama: Tiny) -> Distances:
    return ask(DistancesQuery(AMA, "strokes"))


def test_a_second_side_gains_or_loses_only_beyond_the_interval(found: Distances) -> None:
    def said(gain: float, low: float, high: float) -> str:
        one = replace(found, gain=gain, gain_low=low, gain_high=high)
        return distances.said_of(one, "boxes", "strokes")

    assert "**the second side loses 0.120** (−0.130 to −0.110)" in said(-0.12, -0.13, -0.11)
    assert "**the second side gains 0.050** (+0.010 to +0.090)" in said(0.05, 0.01, 0.09)
    assert "no clear difference (−0.010 to +0.050)" in said(0.02, -0.01, 0.05)
    assert "of one image alone" in said(0.02, float("nan"), float("nan"))


def test_the_tails_are_counted_and_a_border_below_nothing_is_said(found: Distances) -> None:
    def said(normal: int, strange: int, **more: float) -> str:
        lower = {
            side: Share(n, 100, n / 100, 0.0, 1.0)
            for side, n in (("normal", normal), ("strange", strange))
        }
        one = replace(found, lower=lower, **{"mean": 10.0, "std": 2.0, "limit": 2.0, **more})
        return distances.tails_of(one, "boxes", "strokes").replace("\u00a0", " ")

    assert "in the lower one 7.0 % of strokes and 2.0 % of boxes: mirrors that are too" in said(
        2, 7
    )
    assert "too good a mirror is no sign of strangeness here" in said(7, 2)
    assert "no strange mirror is too good to be true" in said(1, 0)
    assert "There is no lower tail" in said(0, 0, limit=5.0)


def test_the_histogram_shades_both_tails_and_draws_the_gaussian(ama: Tiny) -> None:
    spec = figure_of(opened(image="strokes#3"), "mirror_distances")
    names = [trace["name"] for trace in spec["data"]]
    assert names == ["Training images", "Boxes", "Strokes", "fitted Gaussian"]
    found, view = ask(DistancesQuery(AMA, "strokes")), ask(MirrorQuery(image()))
    low, high = found.bounds
    shaded = [s for s in spec["layout"]["shapes"] if s["type"] == "rect"]
    borders = [x for x in (low, high) if found.edges[0] < x < found.edges[-1]]
    assert len(shaded) == len(borders)
    for border in borders:
        assert any(border in (s["x0"], s["x1"]) for s in shaded)
    [line] = [s for s in spec["layout"]["shapes"] if s["type"] == "line"]
    assert line["x0"] == pytest.approx(
        np.clip(view.parts[DISTANCE], found.edges[0], found.edges[-1])
    )


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.01, 0.03, "Looking at pairs helps"),
        (-0.03, -0.01, "Looking at pairs does not help here"),
        (-0.01, 0.03, "makes no difference that can be told"),
    ],
)
def test_the_study_says_of_pairs_what_the_interval_carries(
    low: float, high: float, said: str
) -> None:
    one = Contrast(
        arm="full", other="ordinary", data=None, value=(low + high) / 2, low=low, high=high
    )
    result = read_study("outskirts").model_copy(
        update={"contrasts": (one,), "notes": ("Pairs: first.", "Score: second.")}
    )
    text = ablation.why(result)
    assert said in text
    assert text.endswith("- Pairs: first.\n- Score: second.")
    others = {key: words for key, words in ablation.PAIRS.items() if said not in words}
    assert not any(words in text for words in others.values())


# What can be done ---------------------------------------------------------------------------------


def test_three_rules_have_their_pairs_and_a_press_looks_at_one(ama: Tiny) -> None:
    app = opened(image="boxes#0")
    tiles = [b for b in app.button if re.fullmatch(r"mirror_(good|random|bad)_\d", b.key or "")]
    assert len(tiles) == 24
    assert all("](mirrored/" in b.label and "/tiny/ama/" in b.label for b in tiles)
    name, index = ask(FirstMirrorQuery(AMA, "strokes", "too-good"))
    app.button("mirror_good_0").click().run()
    assert app.session_state["mirror_image"] == f"{name}#{index}"
    assert f"The image: Strokes {index} " in html_of(app)
    worst = ask(FirstMirrorQuery(AMA, "strokes", "worst-normal"))
    app.button("mirror_bad_0").click().run()
    assert app.session_state["mirror_image"] == f"{worst[0]}#{worst[1]}"


def test_another_seed_draws_other_pairs(ama: Tiny) -> None:
    app = opened()
    before = [app.button(f"mirror_random_{i}").label for i in range(8)]
    app.number_input("seed").set_value(1).run()
    assert [app.button(f"mirror_random_{i}").label for i in range(8)] != before
    assert not app.exception


def test_files_hold_what_the_page_shows(view: Mirror, walked: MirrorRay) -> None:
    rows = list(csv.DictReader(io.StringIO(files.numbers_csv(view).decode())))
    assert [row["part"] for row in rows] == list(view.parts)
    assert [float(row["percentile"]) for row in rows] == list(view.percentiles.values())
    steps = list(csv.DictReader(io.StringIO(files.ray_csv(walked).decode())))
    assert [float(row["factor"]) for row in steps] == list(walked.factors)
    assert [row["flagged"] for row in steps] == [str(int(f)) for f in walked.flagged]
    assert Image.open(io.BytesIO(files.pair_png(view))).size == (899, 448)  # 3 between
    assert Image.open(io.BytesIO(files.ray_png(walked))).height == 84
    table = files.table_csv(AMA, ("boxes", "strokes")).decode().splitlines()
    assert len(table) == 1 + 2 * 96


def request(**path: str) -> Request:
    return Request({"type": "http", "path_params": path, "query_string": b"", "headers": []})


def test_the_server_shows_a_pair_and_nothing_for_what_is_not_there(ama: Tiny) -> None:
    there = {"version": "v", "scenario": "tiny", "model": "ama", "set_name": "strokes"}
    pair = thumbnails.mirrored(request(**there, index="3"))
    assert Image.open(io.BytesIO(pair.body)).size == (56, 28)
    for wrong in (
        {"index": "99999999"},
        {"index": "-1"},
        {"index": "9" * 4000},
        {"index": "1e3"},
        {"index": "0", "set_name": "nope"},
        {"index": "0", "model": "glow"},
        {"index": "0", "scenario": "../tiny"},
    ):
        assert thumbnails.mirrored(request(**{**there, **wrong})).status_code == 404


# What cannot be shown -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        {"image": "strokes#99999999999999999999"},
        {"image": "nope#0"},
        {"strange": "nope"},
        {"first": "nope"},
        {"leads": "nope"},
    ],
)
def test_a_link_to_what_is_not_here_says_so_and_shows_the_rest(ama: Tiny, state: dict) -> None:
    app = opened(**state)
    assert any("asks for what is not here" in i.value for i in app.info)
    assert [h for h in headings(app) if h in SECTIONS] == SECTIONS


def test_an_image_of_another_shape_has_a_mirror_and_a_ray(ama: Tiny) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (90, 30), (250, 30, 90)).save(stream, "PNG")
    app = opened()
    app.session_state["_own_image"] = Own("a*b*.png", stream.getvalue())
    app.run()
    assert not app.exception
    assert "The image: a*b*.png" in html_of(app)
    assert [h for h in headings(app) if h in SECTIONS] == SECTIONS
    assert "your own image" in figure_of(app, "mirror_ray")["layout"]["title"]["text"]


def test_a_file_that_is_no_image_is_named_and_whole_sets_are_shown(ama: Tiny) -> None:
    app = opened()
    app.session_state["_own_image"] = Own("notes.txt", b"no image")
    app.run()
    assert not app.exception
    assert [e for e in app.error if "notes" in e.value]
    assert [h for h in headings(app) if h in SECTIONS] == SECTIONS[1:]
    assert "notes" not in html_of(app)


def test_a_model_that_is_not_trained_is_said_with_the_command_that_trains_it(ama: Tiny) -> None:
    for path in ama.folder.glob("ama.*"):
        path.unlink()
    app = opened()
    assert any("`python -m core train tiny/ama`" in i.value for i in app.info)
    assert headings(app) == []
    assert [e.value for e in app.error] == []


def test_a_scenario_that_trains_none_says_so(models: Tiny) -> None:
    app = opened()
    (info,) = app.info
    assert info.value.startswith("Boxes: none of its models is a mirrored autoencoder, and")
