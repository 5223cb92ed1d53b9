"""Choices and the one picker: what they show, keep, and say in the address."""

import io
from types import SimpleNamespace

import pytest
from conftest import Tiny
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import service
from core.service import OverviewQuery
from pages._shared import links
from pages._shared.picker import parse_id

pytestmark = pytest.mark.usefixtures("quick_apps")


def chooser() -> None:
    """A page of its own, as the frame runs one: arrive, draw, say, leave."""
    import streamlit as st

    from pages._shared import links
    from pages._shared.controls import choice, choices

    links.arrive("toy")
    notes = st.container()
    shape = choice("Shape", {"a": "Apple", "b": "Big pear"}, key="toy_shape", default="b")
    sets = choices("Sets", {"x": "Letters", "y": "Doodles"}, key="toy_sets")
    st.text(f"{shape} {','.join(sets)}")
    with notes:
        links.say_unknown()
    links.leave()


def opened(**query: str | list[str]) -> AppTest:
    app = AppTest.from_function(chooser)
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    assert not app.exception
    return app


def address(app: AppTest) -> dict[str, list[str]]:
    query = app.query_params
    return {k: [v] if isinstance(v, str) else list(v) for k, v in query.items()}


def said(app: AppTest) -> str:
    return app.text[0].value


# Choices ----------------------------------------------------------------------------------------


def test_a_page_opens_with_its_defaults_and_an_address_without_them():
    app = opened()
    assert said(app) == "b x,y"
    assert address(app) == {}


def test_a_choice_stands_in_the_address_by_its_key_and_leaves_it_when_it_is_the_default_again():
    app = opened()
    app.button_group(key="toy_shape").set_value("a").run()
    assert (said(app), address(app)) == ("a x,y", {"toy_shape": ["a"]})
    app.button_group(key="toy_shape").set_value("b").run()
    assert (said(app), address(app)) == ("b x,y", {})


def test_of_several_choices_the_address_holds_each_key():
    app = opened(toy_sets=["y"])
    assert (said(app), address(app)) == ("b y", {"toy_sets": ["y"]})


@pytest.mark.parametrize("value", ["a", "Apple", "apple"])
def test_a_link_may_name_a_key_or_as_older_ones_do_a_label(value):
    app = opened(toy_shape=value)
    assert said(app) == "a x,y"
    assert address(app) == {"toy_shape": ["a"]}
    assert not app.info


def test_an_older_label_that_was_reworded_still_leads_there(monkeypatch):
    monkeypatch.setitem(links.RENAMED, "toy_shape=Fruit of the apple tree", "a")
    assert said(opened(toy_shape="Fruit of the apple tree")) == "a x,y"


def test_what_is_not_here_is_left_out_of_the_address_and_said():
    app = opened(toy_shape="quince", toy_sets=["x", "numbers"])
    assert (said(app), address(app)) == ("b x", {"toy_sets": ["x"]})
    assert "Shape: “quince”; Sets: “numbers”" in app.info[0].value


def test_an_address_that_is_older_than_the_last_click_does_not_undo_it():
    """A browser sends the next click before it has heard of the new address."""
    app = opened()
    app.button_group(key="toy_shape").set_value("a").run()
    app.query_params.clear()
    app.button_group(key="toy_sets").set_value(["x"]).run()
    assert (said(app), address(app)) == ("a x", {"toy_shape": ["a"], "toy_sets": ["x"]})


def test_models_of_one_title_are_told_apart():
    """A browser sends back the label of what is chosen."""

    def models() -> None:
        from types import SimpleNamespace

        import streamlit as st

        from pages._shared.controls import choose_model

        rows = {n: SimpleNamespace(title=t, text="") for n, t in zip("abc", "XXY", strict=True)}
        st.text(choose_model("Model", rows, "", "toy_model"))  # type: ignore[arg-type]

    app = AppTest.from_function(models).run()
    assert app.selectbox[0].options == ["X (a)", "X (b)", "Y"]
    for name in "abc":
        assert said(app.selectbox[0].select(name).run()) == name


def test_going_back_shows_what_the_address_says_and_else_the_defaults(monkeypatch):
    app = opened()
    app.button_group(key="toy_shape").set_value("a").run()
    app.button_group(key="toy_sets").set_value(["x"]).run()
    monkeypatch.setattr(links, "stepped", lambda: True)
    app.query_params.clear()
    app.query_params["toy_shape"] = "a"
    app.run()
    assert (said(app), address(app)) == ("a x,y", {"toy_shape": ["a"]})


def test_who_follows_a_link_to_a_page_finds_no_state_of_an_earlier_visit():
    app = opened()
    app.button_group(key="toy_sets").set_value(["x"]).run()
    app.session_state["_page"] = "another"
    app.query_params.clear()
    app.query_params["toy_shape"] = "a"
    assert said(app.run()) == "a x,y"


def test_the_state_of_a_tile_is_the_same_by_button_and_by_link():
    state = {"shape": "a", "sets": ["x"], "kappa": 2.0}
    assert links.query_of("toy", state) == {
        "toy_shape": "a",
        "toy_sets": ["x"],
        "toy_kappa": "2.0",
    }

    def pressed() -> None:
        import streamlit as st

        from pages._shared import links

        st.session_state["toy_old"], st.session_state["other_old"] = 1, 1
        links.go("toy", {"shape": "a"})
        st.text(sorted(k for k in st.session_state if k.endswith(("old", "shape"))))

    assert said(AppTest.from_function(pressed).run()) == "['other_old', 'toy_shape']"


def elsewhere() -> None:
    """A choice whose options hang on the scenario."""
    import streamlit as st

    from pages._shared import links
    from pages._shared.controls import choices

    links.arrive("toy")
    here = st.session_state.get("world", ["a", "b", "c"])
    st.text(",".join(choices("Models", {k: k.upper() for k in here}, key="toy_models")))
    links.leave()


@pytest.mark.parametrize("kept", [None, ["b", "c"], ["c"], []])
def test_a_look_at_a_scenario_of_other_options_leaves_no_trace_in_a_choice(kept):
    app = AppTest.from_function(elsewhere).run()
    if kept is not None:
        app.session_state["toy_models"] = kept
        app.run()
    first = said(app)
    assert first == ",".join("abc" if kept is None else kept)
    for there, shown in ((["a"], "" if kept == [] else "a"), (["a", "b", "c"], first)):
        app.session_state["world"] = there
        app.run()
        assert not app.exception
        assert said(app) == shown


def alike() -> None:
    """Options of which two have the same label."""
    import streamlit as st

    from pages._shared import links
    from pages._shared.controls import choice, choices

    links.arrive("toy")
    titles = {"glow": "Glow", "glow.b": "Glow", "c": "Control"}
    one = choice("Model", titles, key="toy_model", kind="select")
    some = choices("Models", titles, key="toy_models", kind="select")
    st.text(f"{one} {','.join(some)}")
    links.leave()


def test_options_of_one_label_are_told_apart_by_their_keys():
    app = AppTest.from_function(alike).run()
    assert said(app) == "glow glow,glow.b,c"
    assert app.selectbox[0].options == ["Glow (glow)", "Glow (glow.b)", "Control"]
    app.selectbox[0].set_value("glow.b").run()
    app.multiselect[0].set_value(["glow"]).run()
    assert said(app) == "glow.b glow"


# The picker -------------------------------------------------------------------------------------

SIZES = {"boxes": 10, "strokes": 5}


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("boxes#3", ("boxes", 3)),
        (" boxes#9 ", ("boxes", 9)),
        ("boxes#10", None),
        ("boxes#-1", None),
        ("boxes#3.0", None),
        ("boxes#٣", None),
        ("circles#1", None),
        ("boxes", None),
        ("", None),
        ("boxes#" + "9" * 40, None),
    ],
)
def test_an_id_names_an_image_that_is_there_or_none(text, image):
    assert parse_id(text, SIZES) == image


def picking() -> None:
    import streamlit as st

    from core.service import OverviewQuery, Target, ask
    from pages._shared import links, picker

    page = st.session_state.get("where", "toy")
    links.arrive(page)
    overview = ask(OverviewQuery("tiny"))
    query, data = picker.pick(
        page,
        Target.of("tiny", "glow"),
        overview.scenario,
        sizes=st.session_state.get("cut", overview.sizes),
        default=("strokes", 0),
        part="total",
        seed=0,
    )
    st.text(f"{query.set_name} {query.index} {None if data is None else len(data)}")
    links.say_unknown()
    links.leave()


def picker_app(**query: str) -> AppTest:
    app = AppTest.from_function(picking, default_timeout=60)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def test_the_picker_opens_with_the_default_and_shows_set_and_number_of_it(models: Tiny):
    app = picker_app()
    assert said(app) == "strokes 0 None"
    assert (app.selectbox[0].value, app.number_input[0].value) == ("strokes", 0)
    assert address(app) == {}


@pytest.mark.parametrize(
    "query", [{"toy_image": "boxes#3"}, {"toy_set": "boxes", "toy_index": "3"}]
)
def test_a_link_names_an_image_by_its_id_or_as_older_ones_do_apart(models: Tiny, query):
    app = picker_app(**query)
    assert said(app) == "boxes 3 None"
    assert (app.selectbox[0].value, app.number_input[0].value) == ("boxes", 3)
    assert address(app) == {"toy_image": ["boxes#3"]}


def test_an_image_that_is_not_there_is_said_and_the_default_shown(models: Tiny):
    app = picker_app(toy_image="boxes#99999")
    assert said(app) == "strokes 0 None"
    assert "boxes\\#99999" in app.info[0].value


def test_the_address_names_no_image_that_nobody_picked(models: Tiny):
    """Then a page may open with another one, as where another strange set is chosen."""
    app = picker_app(toy_image="boxes#3")
    app.selectbox[0].select("strokes").run()
    app.number_input[0].set_value(0).run()
    assert (said(app), address(app)) == ("strokes 0 None", {})
    assert "toy_image" not in app.session_state


def test_a_smaller_set_has_its_last_image_for_a_number_beyond(models: Tiny):
    sizes = service.ask(OverviewQuery("tiny")).sizes
    assert len(set(sizes.values())) == 1
    app = picker_app(toy_image=f"boxes#{sizes['boxes'] - 1}")
    app.session_state["cut"] = {**sizes, "strokes": 2}
    app.run()
    app.selectbox[0].select("strokes").run()
    assert said(app) == "strokes 1 None"


def turning() -> None:
    import streamlit as st

    from pages._shared import links
    from pages._shared.controls import pager

    links.arrive("toy")
    st.text(pager(st.session_state.get("pages", 9), key="toy", order=st.session_state.get("by")))
    links.leave()


def test_a_gallery_opens_at_its_first_page_only_where_its_order_changes():
    app = AppTest.from_function(turning)
    app.query_params["toy_page"] = "4"
    assert said(app.run()) == "4"
    assert said(app.run()) == "4"
    app.session_state["by"] = "another"
    assert said(app.run()) == "1"
    app.session_state["toy_page"] = 9
    assert said(app.run()) == "9"
    app.session_state["pages"] = 3
    assert said(app.run()) == "3"


def test_another_number_and_another_set_are_what_is_shown(models: Tiny):
    app = picker_app()
    app.number_input[0].set_value(2).run()
    assert (said(app), address(app)) == ("strokes 2 None", {"toy_image": ["strokes#2"]})
    app.selectbox[0].select("boxes").run()
    assert said(app) == "boxes 2 None"


def test_each_press_of_random_draws_another_image(models: Tiny):
    app, seen = picker_app(), set()
    for _ in range(4):
        app.button(key="toy_random").click().run()
        seen.add(said(app))
    assert len(seen) == 4


def test_an_own_image_stays_while_pages_change_until_it_is_put_away(models: Tiny):
    from pages._shared.picker import Own

    stream = io.BytesIO()
    Image.new("L", (28, 28), 90).save(stream, "PNG")
    app = picker_app(toy_image="boxes#3")
    app.session_state["_own_image"] = Own("a*b*.png", stream.getvalue())
    app.run()
    assert said(app) == f"a*b*.png None {len(stream.getvalue())}"
    assert "a\\*b\\*\\.png" in app.markdown[0].value  # its name, letter by letter
    assert not app.selectbox
    app.session_state["where"] = "other"
    app.run()
    assert said(app).startswith("a*b*.png None")
    app.button(key="own_away").click().run()
    assert said(app) == "strokes 0 None"
    app.session_state["where"] = "toy"
    assert said(app.run()) == "boxes 3 None"


def test_two_runs_may_forget_the_same_state_at_a_time(monkeypatch):
    class State(dict):
        def __delitem__(self, key: str) -> None:  # the other run was there first
            raise KeyError(key)

    monkeypatch.setattr(links, "st", SimpleNamespace(session_state=State(toy_shape="a")))
    links._forget("toy")
