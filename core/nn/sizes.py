"""Pictures at another size: averaged down, enlarged, maps shared out; and how many go at once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["at_once", "averaged", "enlarged", "resized", "shared_out"]

ROOM = 64 * 64 * 64  # pixels that go through a network at once: it keeps about 300 bytes for each


def at_once(most: int, height: int, width: int) -> int:
    """How many pictures of height x width go through a network at once: ``most``, if small.

    Of large ones as many as have the pixels of 64 of 64x64, and 1 at least: whoever asks for 64 of
    300x300 at once waits as long, and holds 1 GB meanwhile.

    Example:
        >>> at_once(64, 28, 28), at_once(64, 64, 64), at_once(64, 300, 300), at_once(64, 999, 999)
        (64, 64, 2, 1)
    """
    return max(1, min(most, ROOM // (height * width)))


def averaged(x: Tensor, height: int, width: int) -> Tensor:
    """Images x (N, C, H, W) averaged down to cells (N, C, height, width).

    Where H and W are multiples, every pixel lies in one cell; else cells of whole pixels overlap.

    Example:
        >>> averaged(torch.tensor([[[[1.0, 3.0, 5.0, 5.0]]]]), 1, 2).flatten().tolist()
        [2.0, 5.0]
    """
    return x if x.shape[-2:] == (height, width) else F.adaptive_avg_pool2d(x, (height, width))


def resized(x: Tensor, side: int) -> Tensor:
    """Images x (N, C, H, W) at side x side pixels, by their slopes; 0: as they come.

    Example:
        >>> resized(torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]]), 1).flatten().tolist()
        [4.0]
    """
    if not side or x.shape[-2:] == (side, side):
        return x
    return F.interpolate(x, (side, side), mode="bilinear", antialias=True)


def shared_out(cells: Tensor, height: int, width: int) -> Tensor:
    """Values of cells (..., h, w) over the pixels (..., height, width) that `averaged` took in.

    A cell's pixels get even shares, and the sum stays: it is the transpose of averaging, so that
    weights W of cells, shared out, give W v of a picture as W gives it of its averages.

    Example:
        >>> shared_out(torch.tensor([[[4.0, 8.0]]]), 2, 4)[0, 0].tolist()
        [1.0, 1.0, 2.0, 2.0]
        >>> shared_out(torch.tensor([[[4.0, 8.0]]]), 1, 3)[0, 0].tolist()
        [2.0, 6.0, 4.0]
    """
    if cells.shape[-2:] == (height, width):
        return cells
    rows, columns = (
        F.adaptive_avg_pool1d(torch.eye(pixels).to(cells)[None], some)[0]  # (pixels, cells)
        for pixels, some in ((height, cells.shape[-2]), (width, cells.shape[-1]))
    )
    return rows @ cells @ columns.T


def enlarged(images: Tensor, height: int, width: int) -> Tensor:
    """Images (N, C, h, w) in (N, C, height, width), each pixel the nearest one of theirs.

    What was enlarged comes back as it was.

    Example:
        >>> large = enlarged(torch.tensor([[[[1.0, 2.0]]]]), 1, 5)
        >>> large.flatten().tolist(), enlarged(large, 1, 2).flatten().tolist()
        ([1.0, 1.0, 2.0, 2.0, 2.0], [1.0, 2.0])
    """
    if images.shape[-2:] == (height, width):
        return images
    rows, columns = (
        (2 * torch.arange(pixels, device=images.device) + 1) * some // (2 * pixels)
        for pixels, some in ((height, images.shape[-2]), (width, images.shape[-1]))
    )
    return images[..., rows[:, None], columns]
