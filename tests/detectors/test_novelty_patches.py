"""Novelty asked of a pretrained network: its own truths."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core import checkpoint
from core.detectors._base import Batch
from core.detectors._novelty_patches import PatchNovelty
from core.nn.bank import coreset
from core.shape import Shape

SHAPE = Shape(1, 64, 64)
CONFIG = {"backbone": "efficientnet_lite0", "bank": 400, "explained": 12, "rank": 4}


def rods(n: int, *, seed: int) -> Tensor:
    """Dark bars on grained light ground, (n, 1, 64, 64), each at a height of its own."""
    generator = torch.Generator().manual_seed(seed)
    x = 0.8 + 0.02 * torch.randn(n, 1, 64, 64, generator=generator)
    for image, row in zip(x, torch.randint(20, 40, (n,), generator=generator), strict=True):
        image[:, row : row + 8, 8:56] -= 0.5
    return x.clamp(0, 1)


def larger(x: Tensor, times: int) -> Tensor:
    """Images x (N, C, H, W) with each pixel so many times each way."""
    return x.repeat_interleave(times, 2).repeat_interleave(times, 3)


def fitted(times: int = 1, **changes: object) -> PatchNovelty:
    """A detector of 24 bars, standardised on 12 others, all so many times as large each way."""
    shape = Shape(1, 64 * times, 64 * times)
    found = checkpoint.from_config("novelty", {**CONFIG, **changes}, shape)
    assert isinstance(found, PatchNovelty)
    train, held_out = larger(rods(24, seed=0), times), larger(rods(12, seed=1), times)
    sets = {"train": train, "calibration": held_out}
    with torch.no_grad():
        for phase in found.phases():
            x = sets[phase.data]
            assert phase.prepare is not None
            phase.prepare([Batch(x, torch.ones(len(x)), torch.zeros(len(x)))])
    return found.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def novelty() -> PatchNovelty:
    return fitted()


def broken(x: Tensor) -> Tensor:
    """Bars with a chequered square, rows 24 to 32, columns 40 to 48, that none of them has."""
    damaged = x.clone()
    damaged[..., 24:32, 40:48] = (torch.arange(8)[:, None] + torch.arange(8)) % 2
    return damaged


def test_a_setting_that_names_a_backbone_makes_a_detector_of_patches() -> None:
    from core.detectors.novelty import Novelty

    assert type(checkpoint.from_config("novelty", CONFIG, SHAPE)) is PatchNovelty
    assert type(checkpoint.from_config("novelty", {}, SHAPE)) is Novelty


def test_an_unseen_square_is_unfamiliar_and_the_map_is_highest_there(novelty: PatchNovelty) -> None:
    x = rods(6, seed=2)
    whole, damaged = novelty.part(x, "familiarity"), novelty.part(broken(x), "familiarity")
    assert damaged.min() > whole.max()
    maps = novelty.explain(broken(x), "familiarity").map
    before = novelty.explain(x, "familiarity").map
    assert (maps[:, 22:34, 38:50].mean((1, 2)) > 1.2 * before[:, 22:34, 38:50].mean((1, 2))).all()
    rows, columns = maps.flatten(1).argmax(1) // 64, maps.flatten(1).argmax(1) % 64
    assert ((rows - 28).abs() <= 12).all()
    assert ((columns - 44).abs() <= 12).all()


def test_training_images_are_nearly_as_near_as_their_rounding_where_all_patches_are_held() -> None:
    found = fitted(bank=24 * 64)  # all places of all images
    distances = found._unfamiliar(found._patches(rods(24, seed=0)))
    # To the nearest of the two it is 0 but for 8 bits; the mean of both is half the second's.
    bank = found._held(found.bank, found.bank_step)
    rows = found._patches(rods(24, seed=0)).flatten(2).transpose(1, 2).flatten(0, 1)
    nearest = torch.cdist(rows, bank).min(1).values
    assert nearest.max() < 0.05
    assert distances.max() > 0.1


def test_the_largest_patch_decides_and_what_it_is_above_the_mean_is_left_over(
    novelty: PatchNovelty,
) -> None:
    x = broken(rods(3, seed=3))
    grid = novelty._unfamiliar(novelty._patches(x)).flatten(1)
    found = novelty.explain(x, "familiarity")
    torch.testing.assert_close(novelty.part(x, "familiarity"), grid.max(1).values)
    torch.testing.assert_close(found.map.sum((1, 2)), grid.mean(1), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(
        found.offset + found.map.sum((1, 2)) + found.residual, novelty.part(x, "familiarity")
    )


def test_novelty_of_the_input_is_the_share_of_its_cells_that_their_span_leaves() -> None:
    novelty, small = fitted(times=3), broken(rods(3, seed=3))
    x, cells = larger(small, 3), small.flatten(1)
    rest = cells - (cells @ novelty.span.T) @ novelty.span
    wanted = rest.norm(dim=1) / cells.norm(dim=1)
    torch.testing.assert_close(novelty.part(x, "novelty_input"), wanted)
    found = novelty.explain(x, "novelty_input")
    torch.testing.assert_close(found.map.sum((1, 2)), wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.residual, torch.zeros(3), rtol=0, atol=1e-4)


def test_a_share_of_the_patches_may_decide_instead() -> None:
    few, x = fitted(top=0.25), broken(rods(2, seed=3))
    grid = few._unfamiliar(few._patches(x)).flatten(1)
    assert grid.shape[1] == 64
    wanted = grid.sort(1, descending=True).values[:, :16].mean(1)
    torch.testing.assert_close(few.part(x, "familiarity"), wanted)


def test_the_map_of_the_whole_is_the_slope_of_the_likeness_times_the_pixels(
    novelty: PatchNovelty,
) -> None:
    """Against differences of the likeness itself: with the gates held they are exact."""
    x = rods(1, seed=4)
    found = novelty.explain(x, "familiarity_whole")
    units = novelty.embed(x)
    distances, rows = novelty._nearest_whole(units)
    bank = novelty._held(novelty.whole, novelty.whole_step)[rows[0]]
    length = novelty._whole(x).norm()

    def pulled(v: Tensor) -> float:
        likeness = novelty._whole(v)[0] / length @ bank.T
        return float((likeness / distances[0]).sum())  # 2 / 2 nearest

    step = 1e-3
    for row, column in ((30, 20), (10, 50)):
        up, down = x.clone(), x.clone()
        up[..., row : row + 4, column : column + 4] += step
        down[..., row : row + 4, column : column + 4] -= step
        slope = (pulled(up) - pulled(down)) / (2 * step)
        square = slice(row, row + 4), slice(column, column + 4)
        per_level = -(found.map[0][square] / x[0, 0][square]).sum()
        assert float(per_level) == pytest.approx(slope, rel=0.15, abs=2e-3)


def test_a_turned_image_is_familiar_where_training_images_were_turned() -> None:
    turned = rods(6, seed=5).rot90(1, (2, 3))
    without, with_turns = fitted(), fitted(turns=4)
    assert (
        with_turns.part(turned, "familiarity").mean()
        < 0.9 * without.part(turned, "familiarity").mean()
    )


def test_the_bank_holds_patches_of_copies_that_were_taken_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copied: list[Tensor] = []

    def turned(x: Tensor, generator: torch.Generator) -> Tensor:
        copied.append(x)
        return x.rot90(1, (2, 3))  # what no camera does, and no plain bank knows

    monkeypatch.setattr("core.detectors._novelty_patches.retaken", turned)
    x = rods(6, seed=5).rot90(1, (2, 3))
    without, with_copies = fitted(), fitted(copies=2)
    assert [len(batch) for batch in copied] == [24, 24]
    assert with_copies.part(x, "familiarity").mean() < 0.9 * without.part(x, "familiarity").mean()
    assert any("another time" in text for text in with_copies.deviations)
    assert not any("another time" in text for text in without.deviations)


def test_short_activations_stay_short_and_what_explains_them_is_at_length_1() -> None:
    unit, floor = fitted(), fitted(least=1.0)
    x = rods(4, seed=6)
    lengths = [found._patches(x).norm(dim=1) for found in (unit, floor)]
    torch.testing.assert_close(
        lengths[0][:, 1:-1, 1:-1].max(), torch.tensor(1.0), atol=0.05, rtol=0
    )
    assert lengths[0].min() > 0.93  # but for what lies between two places
    assert lengths[1].min() < 0.9 < 0.95 < lengths[1].max() <= 1.001
    stages = floor.backbone.activations(rods(24, seed=0), 4)
    means = [F.avg_pool2d(stages[i], 3, 1).norm(dim=1).mean() for i in (1, 2, 4)]
    torch.testing.assert_close(floor.mean_lengths, torch.stack(means), rtol=0.1, atol=0)
    torch.testing.assert_close(
        floor._patch_weights(x).norm(dim=1), unit._patch_weights(x).norm(dim=1)
    )


def test_a_coreset_leaves_no_row_as_far_off_as_a_sample_does() -> None:
    generator = torch.Generator().manual_seed(0)
    crowd = torch.randn(2000, 100, generator=generator) * 0.01
    few = torch.randn(20, 100, generator=generator)
    rows = torch.cat([crowd, few])
    chosen = coreset(rows, 40)
    assert len(chosen.unique()) == 40
    drawn = torch.randperm(len(rows), generator=generator)[:40]
    farthest = [float(torch.cdist(rows, rows[i]).min(1).values.max()) for i in (chosen, drawn)]
    assert farthest[0] < 0.5 < 5 < farthest[1]
    with pytest.raises(ValueError, match="coreset of 3 needs as many rows, got 2"):
        coreset(rows[:2], 3)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"stages": (6,)}, "stages are one or more of 0 to 5"),
        ({"stages": (4, 2)}, "must rise"),
        ({"grid": 3}, "the grid is that of one of the stages"),
        ({"rank": 13}, "12 explanations do not span 13"),
        ({"turns": 5}, "turns are 1 to 4"),
        ({"backbone": "resnet"}, "no backbone 'resnet'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes: dict, complaint: str) -> None:
    with pytest.raises(checkpoint.CardError, match=complaint):
        checkpoint.from_config("novelty", {**CONFIG, **changes}, SHAPE)
