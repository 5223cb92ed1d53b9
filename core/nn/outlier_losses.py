"""What a flow of normal images pays where it finds general images likely, too.

References:
    Schirrmeister et al. 2020, sec. 4, https://arxiv.org/abs/2006.10848.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

__all__ = ["margin_loss", "outlier_loss"]


def outlier_loss(
    log_p: Tensor, log_general: Tensor, *, weight: float, temperature: float
) -> Tensor:
    """weight * softplus((log p_f - log p_g) / temperature), (N,), of general images in nats.

    Args:
        log_p, log_general: of the flow that learns and of the general one, (N,).

    References:
        Schirrmeister et al. 2020, sec. 4; in the released code weight 6000 and temperature 1000.

    Example:
        >>> import torch
        >>> log_p = torch.tensor([-5000.0, 0.0])
        >>> outlier_loss(log_p, torch.zeros(2), weight=6000.0, temperature=1000.0).round().tolist()
        [40.0, 4159.0]
    """
    return weight * F.softplus((log_p - log_general) / temperature)


def margin_loss(nll_out: Tensor, nll_in: Tensor, *, margin: float) -> Tensor:
    """relu(margin + mean NLL_in - NLL_out), (N,): the baseline that asks for a gap and no more.

    No gradient reaches the likelihood of the normal images NLL_in (M,) through it.

    Example:
        >>> import torch
        >>> margin_loss(torch.tensor([5.0, 1.0]), torch.tensor([2.0]), margin=1.0).tolist()
        [0.0, 2.0]
    """
    return (margin + nll_in.detach().mean() - nll_out).relu()
