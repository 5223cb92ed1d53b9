"""scenario.json of a scenario to be, and what is said of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from core.detectors._novelty_patches import PatchNovelty
from core.founding.folders import DIRECT, JOINED, Folders
from core.founding.proposal import Proposal, Wishes
from core.founding.twins import words_of

__all__ = ["lines_of", "scenario_json"]

LICENCE = "not stated: images of whoever made this scenario"
NAMED = 5  # near copies that scenario.json names, and TOLD the command
TOLD = 20

# What detectors are trained with. Sizes that hang on how many images there are, are capped by them.
MAPS = {"points": 300, "layouts": ["umap", "pca"]}
TRAINING: Mapping[str, Mapping[str, Any]] = {
    "novelty": {
        "title": "Novelty",
        "text": "A network that learned ImageNet looks at the normal images, patch by patch: what "
        "is unfamiliar, or not explained by what explains them.",
        "batch_size": 16,
        **MAPS,
        "config": {
            **{"backbone": "efficientnet_lite0", "copies": 2, "bank": 4000, "offers": 15},
            **{"explained": 40, "rank": 20},
        },
    },
    "glow": {
        "title": "Glow",
        "text": "Learned the normal images, made small: how likely a picture is, scale by scale.",
        "minutes": 10,
        "batch_size": 32,
        **MAPS,
        "config": {
            **{"side": 64, "steps": 8, "hidden": 64, "leaves": "second", "rounded": True},
            "translations": 0.05,
        },
    },
    "ama": {
        "title": "Mirrored autoencoder",
        "text": "Learned the normal images, made small: to rebuild them so that a critic, which "
        "sees picture and mirror side by side, cannot tell.",
        "minutes": 10,
        "batch_size": 16,
        **MAPS,
        "config": {
            **{"side": 64, "code": 32, "width": 8, "critic_width": 16},
            **{"anomaly_weight": 1.0, "epochs": 60.0},
        },
    },
    "outskirts": {
        "title": "Outskirts with density",
        "text": "Learned the normal images, made small, and to tell them from outliers made at the "
        "edge of its latent space; its logits hold a density of normal codes, which is ours.",
        "minutes": 5,
        "batch_size": 32,
        **MAPS,
        "config": {
            **{"side": 64, "code": 16, "hidden": 24, "latent": 12, "fuse_hidden": 64},
            "exemplars": 128,
        },
    },
}
CAPPED = ("explained", "exemplars")  # settings that count training images


def scenario_json(
    name: str, folders: Folders, proposal: Proposal, wishes: Wishes
) -> dict[str, Any]:
    """What scenario.json of the scenario ``name`` holds: of folders, of what is proposed.

    Args:
        wishes: among which is the title.
    """
    common = _common(name, folders, proposal)
    learns = len(proposal.train) - proposal.calibration
    return {
        "schema": 1,
        "name": name,
        "title": wishes.title or _title(name.replace("-", " ")),
        "question": _question(learns, folders, proposal),
        "normal": {
            "name": "good",
            "title": "Normal images",
            "text": f"{_count(len(proposal.test), 'normal image')} that no detector learned from.",
            "only": 0,
            **common,
        },
        "strange": _strange(folders, proposal, common),
        "image": list(proposal.shape),
        "images": "shipped",
        "split": {"calibration": proposal.calibration, "seed": proposal.seed},
        "limits": _limits(proposal),
        "training": _trainings(learns, proposal),
    }


def _common(name: str, folders: Folders, proposal: Proposal) -> dict[str, Any]:
    """What all sets have in common."""
    classes = ["good", *(folders.titles[kind] for kind in proposal.kinds)]
    return {"source": f"mvtec:{name}", "classes": classes, "licence": LICENCE}


def _strange(
    folders: Folders, proposal: Proposal, common: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """A set of each kind; and one of all, where there are several."""
    found: list[dict[str, Any]] = [
        {
            "name": kind,
            "title": _title(folders.titles[kind]),
            "text": f"{_count(len(seen), 'strange image')} of the kind {folders.titles[kind]}.",
            "only": i,
            **({"masks": True} if folders.masked else {}),
            **common,
        }
        for i, (kind, seen) in enumerate(proposal.kinds.items(), start=1)
    ]
    if len(found) > 1:
        text = f"Strange images of all {len(found)} kinds."
        joined = {"name": JOINED, "title": "All kinds", "text": text, "joins": True}
        masks = {"masks": True} if folders.masked else {}
        found.append(joined | masks | {key: common[key] for key in ("classes", "licence")})
    return found


def _question(learns: int, folders: Folders, proposal: Proposal) -> str:
    seen = f"A detector has seen {_count(learns, 'normal image')}."
    kinds = [folders.titles[kind] for kind in proposal.kinds]
    if not kinds:
        return f"{seen} What does it find unlike them?"
    named = "the strange ones" if kinds == [DIRECT] else ", ".join(kinds)
    return f"{seen} Does it notice what is not: {named}?"


def _trainings(learns: int, proposal: Proposal) -> dict[str, Any]:
    """Training settings that so many training and held-out images, so large, are enough for."""
    found = copy.deepcopy({name: dict(training) for name, training in TRAINING.items()})
    for training in found.values():
        training["batch_size"] = min(training["batch_size"], learns, proposal.calibration)
        config = training["config"]
        for setting in CAPPED:
            if setting in config:
                config[setting] = min(config[setting], learns)
        if min(proposal.shape.size) < config.get("side", 0):  # as the pictures come
            del config["side"]
    novelty = found["novelty"]["config"]
    offered = PatchNovelty.offered(PatchNovelty.Config(**novelty), proposal.shape)
    novelty["bank"] = min(novelty["bank"], offered * learns)
    novelty["rank"] = min(novelty["rank"], novelty["explained"] // 2)
    return found


def _limits(proposal: Proposal) -> list[str]:
    """What every card says: near copies across the split, by name."""
    limits = []
    for what, pairs in _near(proposal):
        are = "is a near copy" if len(pairs) == 1 else "are near copies"
        count = _count(len(pairs), f"{what} image")
        limits.append(f"{count} {are} of training images: {words_of(pairs, NAMED)}.")
    return limits


def _near(proposal: Proposal) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for what in ("test", "calibration"):
        if pairs := [(one, other) for one, other, kind in proposal.near if kind == what]:
            yield what, pairs


# What is said -----------------------------------------------------------------------------------


def lines_of(folders: Folders, proposal: Proposal) -> list[str]:
    """What is proposed for the folders, a line each."""
    learns = len(proposal.train) - proposal.calibration
    lines = [
        f"pictures: {proposal.shape} ({_seen(folders)})",
        f"normal: {learns:,} train, {proposal.calibration:,} calibrate, {len(proposal.test):,} "
        f"test, drawn by seed {proposal.seed}",
        _kinds_line(folders, proposal),
    ]
    if proposal.twins:
        lines.append(
            f"{_count(proposal.twins, 'normal file')} repeat{'s' if proposal.twins == 1 else ''} "
            "another, byte for byte: copies stay on one side of the split"
        )
    for what, pairs in _near(proposal):
        lines.append(f"near copies of training images among {what} images: {words_of(pairs, TOLD)}")
    return lines


def _seen(folders: Folders) -> str:
    """Sizes of all images, upright, HEIGHTxWIDTH; how many are in colours."""
    every = [*folders.normal, *(one for seen in folders.kinds.values() for one in seen)]
    sizes = sorted({one.size[::-1] for one in every})
    named = [f"{height}x{width}" for height, width in (sizes[0], sizes[-1])]
    seen = named[0] if len(sizes) == 1 else f"{' to '.join(named)}, {len(sizes)} sizes"
    coloured = sum(one.coloured for one in every)
    return f"images seen: {seen}; {coloured:,} of {len(every):,} in colours"


def _kinds_line(folders: Folders, proposal: Proposal) -> str:
    if not proposal.kinds:
        return "strange: none; what is found is seen on pages, and evaluated by --against"
    counts = ", ".join(f"{kind} {len(seen):,}" for kind, seen in proposal.kinds.items())
    return f"strange: {counts}; {'each with a mask' if folders.masked else 'without masks'}"


def _title(text: str) -> str:
    words = text.replace("_", " ").strip() or text
    return words[:1].upper() + words[1:]


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
