"""Everybody can read and reach every page: axe-core, words in figures, and names."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from looked import IN_THE_HAND, faults_of_axe, faults_of_words, look_at
from visitor import DARK_AND_LIGHT, PAGES, SIZES, Seats, opened, painted_for

pytestmark = pytest.mark.browser

# How each page is looked at: by one visitor, a theme and a window after the other. What colours
# it has depends on the theme, and where things stand on the size: no rule of ours has both, and one
# look in the dark on a wall asks for both. In the hand, and in the dark there, it is looked at by
# test_phone.py, which opens it anyway.
LOOKS = (("light", "laptop"), ("dark", "wall"))
Look = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def look(seats: Seats, address, request) -> Iterator[Look]:
    """What is found on a page in a theme at a size."""
    seen: dict[tuple[str, str, str], dict[str, Any]] = {}

    def visit(tab, stem: str) -> None:
        opening = ""
        for theme, size in LOOKS:
            tab.emulate_media(color_scheme=theme)
            tab.set_viewport_size(SIZES[size]["viewport"])
            if not opening:
                opened(tab, address + PAGES[stem])
            elif theme != opening:  # figures follow the theme of a page that is open
                painted_for(tab, theme)
            opening = theme
            seen[stem, theme, size] = look_at(tab, size)

    with seats.taken(request) as tab:

        def once(stem: str, theme: str = "light", size: str = "laptop") -> dict[str, Any]:
            if (stem, theme, size) not in seen:
                visit(tab, stem)
            return seen[stem, theme, size]

        yield once


every_look = pytest.mark.parametrize(("theme", "size"), LOOKS)
every_page = pytest.mark.parametrize("stem", PAGES)


def test_every_theme_and_every_size_is_looked_at():
    looks = [*LOOKS, IN_THE_HAND]
    assert {theme for theme, _ in looks} == set(DARK_AND_LIGHT)
    assert {size for _, size in looks} == set(SIZES)


@every_page
@every_look
def test_axe_finds_nothing_serious_on_any_page(look, stem, theme, size):
    said = faults_of_axe(look(stem, theme, size))
    assert not said, f"{stem}, {theme}, {size}\n" + "\n".join(said)


@every_page
@every_look
def test_words_in_figures_are_large_and_stand_out(look, stem, theme, size):
    weak = faults_of_words(look(stem, theme, size))
    assert not weak, f"{stem}, {theme}, {size}\n" + "\n".join(weak)


@every_page
def test_no_two_controls_have_one_name_and_none_is_named_by_a_number_alone(look, stem):
    found = look(stem)["names"]
    assert found
    by_name: dict[str, list[dict[str, str]]] = defaultdict(list)
    for one in found:
        by_name[one["name"]].append(one)
    same = {
        name: [one["html"] for one in ones]
        for name, ones in by_name.items()
        if len(ones) > 1 and (len({one["to"] for one in ones}) > 1 or not ones[0]["to"])
    }
    bare = [one for one in found if not re.search(r"[^\W\d_]", one["name"])]
    assert not same, json.dumps(same, indent=1)
    assert not bare, "\n".join(map(json.dumps, bare))


def test_every_page_has_a_title_of_its_own_in_the_bar_of_the_browser(look):
    titles = {stem: look(stem)["title"] for stem in PAGES}
    assert len(set(titles.values())) == len(PAGES), titles
