"""Maps of codes: what is said of a picture is what loops, scikit-learn and paper and pencil say."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import manifold
from sklearn.neighbors import NearestNeighbors

from core import atlas
from core.atlas import Atlas
from core.train import maps

K = atlas.NEIGHBOURS


def drawn(n: int, dimensions: int, *, seed: int = 0) -> np.ndarray:
    """Codes (n, dimensions) float32, wider along some axes than along others."""
    rng = np.random.default_rng(seed)
    widths = np.linspace(3, 0.2, dimensions)
    return (rng.normal(size=(n, dimensions)) * widths).astype(np.float32)


def far(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(((a.astype(np.float64) - b.astype(np.float64)) ** 2).sum()))


def order(point: np.ndarray, others: np.ndarray, *, but: int | None = None) -> list[int]:
    """Rows of others, the nearest to the point first, without one of them."""
    rows = [i for i in range(len(others)) if i != but]
    return sorted(rows, key=lambda i: far(point, others[i]))


def made(codes: np.ndarray, held_out: np.ndarray | None = None, **known) -> Atlas:
    """An atlas by PCA of two sets: the first 40 codes, and the rest."""
    cut = 40
    indices = {"n": np.arange(cut), "s": 5 * np.arange(len(codes) - cut)}
    known = {"seed": 0, "layouts": ("pca",)} | known
    others = {} if held_out is None else {"n": held_out[::2], "s": held_out[1::2]}
    return maps.build({"n": codes[:cut], "s": codes[cut:]}, indices, others, **known)


# Neighbours -------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 10])
def test_neighbours_are_those_of_scikit_learns_brute_force(k: int) -> None:
    codes, others = drawn(1100, 7), drawn(30, 7, seed=1)  # more than two chunks of 500
    reference = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(codes.astype(np.float64))
    for asked, itself in ((codes, True), (others, False)):
        rows, distances = atlas.nearest(codes, asked, neighbours=k, itself=itself)
        expected = reference.kneighbors(None if itself else others.astype(np.float64))
        assert np.array_equal(rows, expected[1])
        # Float64 in both: they differ by the order of a sum of squares of up to a hundred.
        np.testing.assert_allclose(distances, expected[0], rtol=1e-9, atol=1e-7)


def test_of_equal_distances_the_first_comes_first_and_nothing_is_its_own_neighbour() -> None:
    line = np.array([[3.0], [1.0], [1.0], [2.0], [9.0]])
    rows, distances = atlas.nearest(line, np.array([[2.0], [1.0]]), neighbours=4)
    assert rows.tolist() == [[3, 0, 1, 2], [1, 2, 3, 0]]
    assert distances.tolist() == [[0, 1, 1, 1], [0, 0, 1, 2]]
    rows, distances = atlas.nearest(line, line, neighbours=2, itself=True)
    assert rows.tolist() == [[3, 1], [2, 3], [1, 3], [0, 1], [0, 3]]
    assert distances.tolist() == [[1, 2], [0, 1], [0, 1], [1, 1], [6, 7]]


def test_of_equals_for_the_last_place_the_first_is_taken() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, (60, 2)).astype(float)
    exact = (((codes[:, None] - codes) ** 2).sum(2) ** 0.5).argsort(1, kind="stable")[:, :5]
    assert np.array_equal(atlas.nearest(codes, codes, neighbours=5)[0], exact)


# Trustworthiness --------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "k"), [(60, 1), (60, 5), (60, 29), (1100, 10)])
def test_trustworthiness_is_scikit_learns(n: int, k: int) -> None:
    codes, xy = drawn(n, 6), drawn(n, 2, seed=1)
    found = atlas.trustworthiness(codes, xy, neighbours=k)
    expected = manifold.trustworthiness(codes, xy, n_neighbors=k)
    assert expected < 0.7  # a picture that has nothing to do with the codes
    # A point's number is kept in float32.
    assert found.mean(dtype=np.float64) == pytest.approx(expected, abs=1e-7)


def test_the_trustworthiness_of_each_point_is_counted_by_hand() -> None:
    # k = 1 of n = 7: 1 - 2 (rank - 1) / (2 n - 3 - 1) = 1 - (rank - 1) / 5. The picture is the line
    # itself, but its two ends have changed places. Nearest on it to the ends are the fifth (15) and
    # the first (1), each of rank 5 in truth; to the first it is now the last, of rank 6.
    line = np.array([0.0, 1.0, 3.0, 6.0, 10.0, 15.0, 21.0])
    changed = np.array([21.0, 1.0, 3.0, 6.0, 10.0, 15.0, 0.0])
    xy = np.stack([changed, np.zeros(7)], 1)
    found = atlas.trustworthiness(line[:, None], xy, neighbours=1)
    assert found == pytest.approx([0.2, 0, 1, 1, 1, 1, 0.2], abs=1e-7)


def test_a_picture_that_could_not_be_worse_has_none_and_a_perfect_one_has_all_of_it() -> None:
    line, k = np.arange(1.0, 12.0), 3
    xy = np.stack([line, line], 1)
    asked = np.array([[0.0], [12.0], [0.0]])
    places = np.array([[12.0, 12.0], [0.0, 0.0], [0.0, 0.0]])
    found = atlas.trustworthiness(line[:, None], xy, neighbours=k, queries=(asked, places))
    assert found == pytest.approx([0, 0, 1], abs=1e-7)


@pytest.mark.parametrize("k", [1, 4, 10])
def test_of_images_that_a_picture_never_saw_it_is_counted_in_a_loop(k: int) -> None:
    codes, xy = drawn(45, 5), drawn(45, 2, seed=1)
    asked, places = drawn(8, 5, seed=2), drawn(8, 2, seed=3)
    expected = []
    for code, place in zip(asked, places, strict=True):
        ranks = {row: i + 1 for i, row in enumerate(order(code, codes))}
        strangers = sum(max(0, ranks[row] - k) for row in order(place, xy)[:k])
        n = 46  # the map's own, and the one that is asked of: as if it were the picture's
        expected.append(1 - 2 * strangers / (k * (2 * n - 3 * k - 1)))
    found = atlas.trustworthiness(codes, xy, neighbours=k, queries=(asked, places))
    assert found == pytest.approx(expected, abs=1e-6)


def test_too_few_points_for_the_neighbours_are_refused() -> None:
    line = np.arange(8.0)[:, None]
    with pytest.raises(ValueError, match="4 neighbours need more than 8 points, got 8"):
        atlas.trustworthiness(line, np.hstack([line, line]), neighbours=4)


# Placing ----------------------------------------------------------------------------------------


def test_an_image_is_placed_between_its_ten_neighbours_the_nearer_counting_more() -> None:
    # Five codes at distance 1 lie at (0, 8), five at distance 3 at (4, 0): weights 1 and 1/3, so
    # x = 4 (5/3) / (5 + 5/3) = 1 and y = 8 * 5 / (5 + 5/3) = 6. The eleventh counts for nothing.
    codes = np.array([[1.0]] * 5 + [[3.0]] * 5 + [[4.0]])
    xy = np.array([[0.0, 8.0]] * 5 + [[4.0, 0.0]] * 5 + [[1e4, 1e4]], np.float32)
    near = atlas.nearest(codes, np.array([[0.0]]), neighbours=10)
    assert atlas.place(*near, xy) == pytest.approx(np.array([[1, 6]]))


def test_an_image_lands_on_its_double_and_not_on_itself() -> None:
    codes, xy = drawn(30, 4), drawn(30, 2, seed=1)
    again = atlas.place(*atlas.nearest(codes, codes[[7]], neighbours=10), xy)
    assert again[0] == pytest.approx(xy[7], abs=1e-6)
    codes[8] = codes[7]
    placed = atlas.place(*atlas.nearest(codes, codes, neighbours=10, itself=True), xy)
    assert placed[7] == pytest.approx(xy[8], abs=1e-6)
    assert placed[8] == pytest.approx(xy[7], abs=1e-6)
    assert far(placed[3], xy[3]) > 0.1


# Codes that travel with the map -----------------------------------------------------------------


def compressed(codes: np.ndarray, normal: int, **known) -> atlas.Compressed:
    """Of these codes, of which the first are normal."""
    near = atlas.nearest(codes, codes, neighbours=K, itself=True)[0]
    return maps.compress(codes, normal=np.arange(len(codes)) < normal, neighbours=near, **known)


@pytest.mark.parametrize("dimensions", [5, 64])
def test_compressed_codes_of_normal_images_are_half_a_step_off(dimensions: int) -> None:
    codes = drawn(300, 80) + 7
    small = compressed(codes, 300, dimensions=dimensions)
    assert small.codes.shape == (300, dimensions)
    assert small.codes.dtype == np.int8
    assert len(set(small.step.tolist())) == 1  # one for all axes: distances stay distances
    # Rounding costs half a step; float32 another part in ten thousand of a step.
    off = np.abs(small.of(codes) - small.all())
    assert (off <= small.step * 0.5001 + 1e-5).all()


@pytest.mark.parametrize(("images", "axes"), [(200, 16), (640, 40), (2500, 128)])
def test_few_codes_travel_on_few_axes_which_still_list_their_neighbours(
    images: int, axes: int
) -> None:
    spread = 1 / np.sqrt(1 + np.arange(160))  # as of features: some directions hold most
    codes = (np.random.default_rng(0).normal(size=(images, 160)) * spread).astype(np.float32)
    small = compressed(codes, images)
    assert small.codes.shape == (images, axes)
    assert small.recall > 0.97


def test_other_codes_keep_their_distances_where_all_axes_are_kept() -> None:
    codes, others = drawn(200, 6), 0.5 * drawn(5, 6, seed=1)  # none beyond what 8 bits can say
    small = compressed(codes, 200)
    found = atlas.nearest(small.all(), small.of(others), neighbours=200)
    for i, other in enumerate(others):
        expected = np.array([far(other, codes[row]) for row in found[0][i]])
        # Each of six numbers is off by half a step; axes are float16, whose last bit is 1 in 2,048;
        # a few normal numbers lie beyond the largest step that is kept.
        bound = 1.5 * np.linalg.norm(small.step) + 2e-3 * expected
        assert (np.abs(found[1][i] - expected) <= bound).all()


def test_strange_codes_far_away_do_not_cost_the_normal_ones_their_neighbours() -> None:
    codes = drawn(300, 20)
    codes[200:] = 1e4 * drawn(100, 20, seed=1)
    small = compressed(codes, 200)
    kept = np.abs(small.of(codes[:200]) - small.all()[:200])
    assert (kept <= small.step * 0.5001 + 1e-5).all()
    assert small.step.max() < 0.2


@pytest.mark.slow
def test_the_recall_of_the_shortlist_is_counted_over_500_images() -> None:
    codes = np.random.default_rng(5).normal(size=(700, 300)).astype(np.float32)
    small = compressed(codes, 700)
    hits = []
    for i in np.linspace(0, 699, 500).astype(int):
        listed = set(order(small.all()[i], small.all())[:101])
        hits.append(np.mean([j in listed for j in order(codes[i], codes, but=i)[:K]]))
    assert small.recall == pytest.approx(np.mean(hits), abs=2e-3)  # ties in 8 bits
    assert 0.5 < small.recall < 0.999


def test_codes_that_are_all_the_same_are_compressed_to_nothing() -> None:
    small = compressed(np.full((30, 4), 3, np.float32), 30)
    assert not small.codes.any()
    assert np.abs(small.of(np.full((1, 4), 3, np.float32))).max() < 1e-6


# Choosing ---------------------------------------------------------------------------------------

SIZES = st.lists(st.integers(0, 60), min_size=1, max_size=5).map(
    lambda sizes: {f"set-{i}": size for i, size in enumerate(sizes)}
)
COUNTS = st.integers(0, 80)


@settings(max_examples=60, deadline=None)
@given(sizes=SIZES, points=COUNTS, fewer=COUNTS, beside=COUNTS, seed=st.integers(0, 5))
def test_a_choice_repeats_holds_out_others_and_begins_as_every_smaller_choice(
    sizes: Mapping[str, int], points: int, fewer: int, beside: int, seed: int
) -> None:
    shown, held_out = maps.choose(sizes, points, seed=seed, beside=beside)
    again = maps.choose(sizes, points, seed=seed, beside=beside)
    smaller, _ = maps.choose(sizes, min(points, fewer), seed=seed)
    assert list(shown) == list(held_out) == list(sizes)
    share = points // 2 // max(len(sizes) - 1, 1)
    for i, (name, size) in enumerate(sizes.items()):
        both = np.concatenate([shown[name], held_out[name]])
        assert len(set(both.tolist())) == len(both)
        assert set(both.tolist()) <= set(range(size))
        assert (np.diff(shown[name]) > 0).all()
        assert (np.diff(held_out[name]) > 0).all()
        wanted = share if i else points - share * (len(sizes) - 1)
        assert len(shown[name]) == min(wanted, size)
        assert np.array_equal(shown[name], again[0][name])
        assert np.array_equal(held_out[name], again[1][name])
        less, more = sorted((smaller[name].tolist(), shown[name].tolist()), key=len)
        assert set(less) <= set(more)


def test_half_of_the_points_are_of_the_first_set_and_another_seed_chooses_others() -> None:
    sizes = {"n": 500, "a": 500, "b": 500, "c": 500}
    shown, held_out = maps.choose(sizes, 100, seed=0, beside=50)
    assert [len(v) for v in shown.values()] == [52, 16, 16, 16]
    assert [len(v) for v in held_out.values()] == [26, 8, 8, 8]
    assert not np.array_equal(shown["a"], shown["b"])  # each set has an order of its own
    other, _ = maps.choose(sizes, 100, seed=1, beside=50)
    assert not np.array_equal(shown["n"], other["n"])


# Building ---------------------------------------------------------------------------------------


def placed_by_loops(codes: np.ndarray, xy: np.ndarray, code: np.ndarray, but: int | None):
    near = order(code, codes, but=but)[:10]
    weights = np.array([1 / far(code, codes[i]) for i in near])
    return (weights[:, None] * xy[near]).sum(0) / weights.sum()


def test_how_well_images_land_is_recomputed_by_loops() -> None:
    codes, held_out = drawn(90, 6), drawn(12, 6, seed=1)
    layout = made(codes, held_out).layouts["pca"]
    xy, landing = layout.xy, layout.landing
    shifts = []
    for i in range(90):
        landed = placed_by_loops(codes, xy, codes[i], i)
        shifts.append(np.mean([far(landed, place) < far(landed, xy[i]) for place in xy]))
    # Distances are kept to 11 bits: a place may change by one in ninety.
    assert landing.normal == pytest.approx(np.median(shifts[:40]), abs=1.1 / 90)
    assert landing.strange == pytest.approx(np.median(shifts[40:]), abs=1.1 / 90)
    scores = []
    for code in held_out:
        landed = placed_by_loops(codes, xy, code, None)
        ranks = {row: i + 1 for i, row in enumerate(order(code, codes))}
        strangers = sum(max(0, ranks[row] - K) for row in order(landed, xy)[:K])
        scores.append(1 - 2 * strangers / (K * (2 * 91 - 3 * K - 1)))
    assert landing.normal_trust == pytest.approx(np.mean(scores[::2]), abs=1e-6)
    assert landing.strange_trust == pytest.approx(np.mean(scores[1::2]), abs=1e-6)
    assert layout.trustworthiness == pytest.approx(
        manifold.trustworthiness(codes, xy, n_neighbors=K), abs=1e-6
    )


def test_rows_are_the_sets_in_order_with_their_own_neighbours() -> None:
    codes = drawn(70, 6)
    found = made(codes)
    assert (found.sets, len(found), found.seed) == (("n", "s"), 70, 0)
    assert found.which.tolist() == [0] * 40 + [1] * 30
    assert found.indices.tolist() == [*range(40), *range(0, 150, 5)]
    for row in range(70):
        near = order(codes[row], codes, but=row)[:K]
        assert found.neighbours[row].tolist() == near
        exact = np.array([far(codes[row], codes[i]) for i in near])
        # Kept to 11 bits: half of the last is one part in 4,096.
        np.testing.assert_allclose(found.distances[row], exact, rtol=2**-11)
    assert np.isnan(found.layouts["pca"].landing.normal_trust)  # there were none to try


def test_the_pca_layout_is_the_first_two_principal_axes() -> None:
    codes = drawn(70, 6)
    centred = codes - codes.mean(0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    xy = made(codes).layouts["pca"].xy
    for axis in (0, 1):
        expected = left[:, axis] * values[axis]
        sign = np.sign(expected @ xy[:, axis])
        # To 11 bits of the largest.
        np.testing.assert_allclose(xy[:, axis], sign * expected, atol=2**-11 * np.abs(xy).max())


def test_codes_that_cannot_be_laid_out_are_refused_with_words() -> None:
    with pytest.raises(ValueError, match="a map needs more than 20 codes, got 20"):
        maps.build({"n": drawn(20, 3)}, {"n": np.arange(20)}, {}, seed=0)
    for bad in (np.nan, np.inf):
        codes = drawn(60, 3)
        codes[11, 1] = bad
        with pytest.raises(ValueError, match="some codes are not finite numbers"):
            made(codes)


def test_codes_held_out_that_are_not_finite_are_refused_too() -> None:
    codes, held_out = drawn(60, 3), drawn(9, 3, seed=1)
    held_out[4, 1] = np.nan
    with pytest.raises(ValueError, match="some codes are not finite numbers"):
        made(codes, held_out)


def test_one_code_more_than_too_few_is_enough() -> None:
    codes = drawn(21, 3)
    found = maps.build(
        {"n": codes}, {"n": np.arange(21)}, {"n": codes[:2]}, seed=0, layouts=("pca",)
    )
    assert len(found) == 21


# Keeping ----------------------------------------------------------------------------------------


def assert_same(one: object, other: object) -> None:
    """Every field equal, bit by bit and of one type."""
    assert type(one) is type(other)
    for field in dataclasses.fields(one):  # type: ignore[arg-type]
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, field.name
            assert np.array_equal(a, b), field.name
        elif isinstance(a, Mapping):
            assert list(a) == list(b)
            for key in a:
                assert_same(a[key], b[key])
        elif dataclasses.is_dataclass(a):
            assert_same(a, b)
        else:
            assert a == b or (a != a and b != b), field.name


def test_an_atlas_taken_apart_is_put_together_as_it_was() -> None:
    found = made(drawn(90, 70), drawn(12, 70, seed=1), seed=5)
    arrays = atlas.to_arrays(found)
    assert not any("/" in name for name in arrays)
    # Half the bytes where nothing is lost by it.
    for name in ("pca.xy", "distances", "axes"):
        assert arrays[name].dtype == np.float16
    assert_same(atlas.from_arrays(arrays), found)


def test_values_too_large_for_16_bits_are_kept_as_they_are() -> None:
    found = made(1e6 * drawn(90, 5))
    assert np.abs(found.layouts["pca"].xy).max() > 1e6
    assert_same(atlas.from_arrays(atlas.to_arrays(found)), found)


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
def test_values_too_large_for_16_bits_lose_nothing() -> None:
    found = made(1e6 * drawn(90, 5))
    arrays = atlas.to_arrays(found)
    assert arrays["pca.xy"].dtype == arrays["distances"].dtype == np.float32
    assert_same(atlas.from_arrays(arrays), found)
    more = dataclasses.replace(found, neighbours=found.neighbours + 70_000)
    assert np.array_equal(atlas.to_arrays(more)["neighbours"], more.neighbours)


def test_a_map_of_tiny_codes_is_the_same_map_on_a_small_scale() -> None:
    xy, small = made(drawn(60, 4)).layouts["pca"].xy, made(1e-6 * drawn(60, 4)).layouts["pca"].xy
    np.testing.assert_allclose(1e6 * small, xy, atol=2**-10 * np.abs(xy).max())


def test_an_atlas_with_a_part_missing_is_not_put_together() -> None:
    arrays = atlas.to_arrays(made(drawn(60, 4)))
    for name in arrays:
        with pytest.raises(KeyError, match=name):
            atlas.from_arrays({key: values for key, values in arrays.items() if key != name})


@pytest.mark.parametrize(
    ("name", "spoil", "words"),
    [
        ("indices", lambda a: a[:5], r"indices must be \(60,\), got \(5,\)"),
        ("pca.xy", lambda a: a[:, :1], r"pca\.xy must be \(60, 2\), got \(60, 1\)"),
        ("pca.local", lambda a: a[1:], r"pca\.local must be \(60,\)"),
        ("distances", lambda a: a[:, 1:], r"distances must be \(60, 10\)"),
        ("codes", lambda a: a[:-1], r"codes must be \(60, 4\)"),
        ("axes", lambda a: a.T[1:], r"axes must be \(4, 4\)"),
        ("neighbours", lambda a: a + 1, "neighbours must be 0 to 59"),
        ("which", lambda a: a + 1, "which must be 0 to 1"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_arrays_of_different_maps_are_not_put_together(name: str, spoil, words: str) -> None:
    arrays = atlas.to_arrays(made(drawn(60, 4)))
    with pytest.raises(ValueError, match=words):
        atlas.from_arrays(arrays | {name: spoil(arrays[name])})


# Layouts by other people's code -----------------------------------------------------------------


@pytest.mark.slow
def test_layouts_show_two_clusters_repeat_with_their_seed_and_say_how_far_they_can_be_trusted() -> (
    None
):
    codes = drawn(150, 20)
    codes[75:, 0] += 60  # the clusters are twenty times as far apart as they are wide
    left = np.arange(150) < 75
    found, again = (made(codes, layouts=atlas.LAYOUTS, seed=3) for _ in range(2))
    other = made(codes, layouts=("umap", "pca"), seed=4)
    assert tuple(found.layouts) == ("umap", "tsne", "pca")
    assert_same(found, again)
    for name, layout in found.layouts.items():
        centres = layout.xy[left].mean(0), layout.xy[~left].mean(0)
        width = max(
            np.linalg.norm(layout.xy[rows] - centre, axis=1).max()
            for rows, centre in zip((left, ~left), centres, strict=True)
        )
        assert far(*centres) > 1.5 * width, name
        expected = manifold.trustworthiness(codes, layout.xy, n_neighbors=K)
        assert layout.trustworthiness == pytest.approx(expected, abs=1e-6), name
        assert layout.xy.dtype == np.float32
    assert not np.array_equal(found.layouts["umap"].xy, other.layouts["umap"].xy)
    assert_same(found.layouts["pca"], other.layouts["pca"])  # PCA draws nothing


def test_axes_of_wide_codes_are_those_of_all_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = drawn(300, 40).astype(np.float64)
    codes -= codes.mean(0)
    narrow = maps._principal(codes, 5)
    monkeypatch.setattr(maps, "WIDE", 39)
    few = codes[np.linspace(0, 299, 39).round().astype(int)]
    _, _, rows = np.linalg.svd(few)
    found = maps._principal(codes, 5)
    assert np.abs((found * rows[:5].T).sum(0)) == pytest.approx(np.ones(5), abs=1e-6)
    assert found.T @ found == pytest.approx(np.eye(5), abs=1e-9)
    assert np.linalg.norm(narrow.T @ found[:, 0]) > 0.5  # of a sample, much the same directions
