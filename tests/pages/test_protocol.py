"""What the page says of the protocol, and what others published beside it."""

from __future__ import annotations

import pytest

from core.results import Contrast, Published, StudyResult, read_study
from pages._labels import protocol
from pages._shared import study


@pytest.fixture(scope="module")
def result() -> StudyResult:
    return read_study("esad_labels")


def contrasts(low: dict[str, float]) -> tuple[Contrast, ...]:
    """ESAD less Deep SAD at each share: an interval of width 0.02 from there."""
    return tuple(
        Contrast(
            arm=f"esad-{share}", other=f"deep_sad-{share}", data=data,
            value=start + 0.01, low=start, high=start + 0.02,
        )
        for share, start in low.items()
        for data in ("MNIST", "FashionMNIST")
    )  # fmt: skip


def test_both_methods_are_drawn_at_every_share_and_no_reading_is(result: StudyResult) -> None:
    wanted = [f"{k}-{gg}" for gg in ("00", "01", "05", "10", "20") for k in ("esad", "deep_sad")]
    assert list(protocol.drawn(result)) == wanted


def test_sides_are_said_by_the_intervals_of_paired_differences(result: StudyResult) -> None:
    starts = {"00": 0.01, "01": -0.01, "05": -0.03, "10": 0.02, "20": -0.005}
    told = protocol.said_of(result.model_copy(update={"contrasts": contrasts(starts)}))
    assert told.startswith(
        "On digits ESAD is above Deep SAD at 0 % and 10 %; level with Deep SAD at 1 % and 20 %; "
        "below Deep SAD at 5 % of known anomalies."
    )


def test_the_gain_is_from_no_known_anomalies_to_the_best_share(result: StudyResult) -> None:
    told = protocol.said_of(result)
    means = [result.row(f"esad-{s}", "MNIST").value for s in ("00", "01", "05", "10", "20")]
    assert f"ESAD on digits {max(means) - means[0]:+.3f} (at " in told


def test_published_values_stand_in_the_figure_and_in_the_table(result: StudyResult) -> None:
    names = protocol.drawn(result)
    drawn = {trace.name: trace for trace in study.figure(result, names).data}
    assert list(drawn) == ["digits", "garments", "digits, published", "garments, published"]
    assert list(drawn["digits, published"].x) == [
        p.value for name in names for p in result.published if (p.arm, p.data) == (name, "MNIST")
    ]
    assert list(drawn["digits"].x) == [result.row(name, "MNIST").value for name in names]
    first = study.rows(result)[0]
    std = result.std("esad-00", "MNIST")
    assert f"s.d. {std:.3f}, published 0.985 ± 0.013" in first["digits"]


def test_a_study_without_published_values_has_none_in_its_figure(result: StudyResult) -> None:
    bare = result.model_copy(update={"published": tuple[Published, ...]()})
    assert [trace.name for trace in study.figure(bare).data] == ["digits", "garments"]
    assert "published" not in study.rows(bare)[0]["digits"]
