"""Whether the latent space tells anything: how many of its dimensions have collapsed."""

from __future__ import annotations

import streamlit as st

from core.service import COLLAPSED, Plane, Target
from pages._outskirts import figures
from pages._shared import draw

__all__ = ["show"]


def show(target: Target, view: Plane) -> None:
    """The section: KL of each latent dimension, and what it means."""
    st.subheader("Does the latent space tell anything?")
    draw.chart(
        figures.divergences(view.kl, title="KL of each latent dimension to the prior"),
        key="outskirts_kl",
        name=f"{target.scenario}-{target.stem}-kl",
        alt="Mean KL to the prior of each latent dimension, largest first",
    )
    collapsed = int((view.kl < COLLAPSED).sum())
    st.markdown(
        f"**What you see:** {collapsed or 'None'} of {len(view.kl)} latent dimensions "
        f"{'has' if collapsed == 1 else 'have'} collapsed, that is, a mean KL below {COLLAPSED:g} "
        f"nats; all together hold {view.kl.sum():.1f} nats an image. **Why:** a collapsed dimension "
        "is the same for every image. If most were, any ranking of posteriors would be chance."
    )
