"""What Likelihoods says of a flow and a strange set: sentences that the numbers carry.

A part is *fooled* where the interval of its AUROC lies below 0.5: it finds strange images more
normal than normal ones. What is said of a part in bold says, too, where other seeds contradict it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.service import ImageView, Likelihoods, Measured, PartView, Seen, seeds_of
from pages._shared.text import hundredths, numeral

__all__ = ["Story", "lengths"]

HOW_TO_READ = (
    "**How to read it:** where the two colours part, that number notices. The panels called *scale* "
    "share out the bits and sum to the full likelihood, so one scale can outvote the others."
)


@dataclass(frozen=True)
class Story:
    """One flow and one strange set.

    Attributes:
        model, normal, strange: titles; the sets' in lower case.
        set_name: of the strange set, as cards name it.
        others: metrics of the same training from other seeds: model to set to part.
    """

    found: Likelihoods
    model: str
    normal: str
    strange: str
    set_name: str
    others: Measured

    @property
    def parts(self) -> Mapping[str, PartView]:
        return {part.name: part for part in self.found.parts}

    @property
    def scales(self) -> list[PartView]:
        """Finest first."""
        return [part for name, part in self.parts.items() if name.startswith("scale_")]

    # Seeds --------------------------------------------------------------------------------------

    def seeds(self, part: str) -> list[Seen]:
        """What each other seed gives a part."""
        return list(seeds_of(self.found.card, self.set_name, part, self.others).values())

    def from_seeds(self, part: PartView) -> str:
        """How other seeds stand to this part finding the strange set, or being fooled by it."""
        rows = self.seeds(part.name)
        if not rows:
            return ""
        values = ", ".join(f"{auroc:.3f}" for auroc in sorted(seen.auroc for seen in rows))
        if part.figures.fooled:
            against = sum(not seen.fooled for seen in rows)
            return f", but not from {against} of {len(rows)} other seeds" if against else ""
        fooled = sum(seen.fooled for seen in rows)
        unsure = sum(not seen.fooled and not seen.finds for seen in rows)
        if fooled:
            return f", but from {fooled} of {len(rows)} other seeds it is ({values})"
        if unsure:
            return f", but {unsure} of {len(rows)} other seeds cannot tell ({values})"
        return f", nor from other seeds ({values})"

    def holds(self, part: PartView) -> bool:
        """Whether a part finds the strange set, from this seed and from every other that is known."""
        return part.figures.finds and all(seen.finds for seen in self.seeds(part.name))

    # Sentences ----------------------------------------------------------------------------------

    def seen(self) -> str:
        total, best = self.parts["total"], max(self.found.parts, key=lambda p: p.figures.auroc)
        better = f"**{best.title}** tells them apart best (AUROC {best.figures.auroc:.3f})"
        if not best.figures.finds:
            better = "no part tells them apart"
        elif round(best.figures.low, 3) <= round(total.figures.auroc, 3):
            better = "no other part tells them apart clearly better"
        elif not self.holds(best):
            better += f", **{self.doubt(best)}**"
        return (
            f"**What you see:** the full likelihood of {self.model} {self.verdict()}: half of them "
            f"cost less than {numeral(total.medians[1], '.2f')} bits per dimension, half of the {self.normal} "
            f"less than {numeral(total.medians[0], '.2f')}. Here {better}."
        )

    def verdict(self) -> str:
        """What the interval of the full likelihood's AUROC says."""
        total = self.parts["total"]
        if total.figures.fooled:
            return f"finds {self.strange} **likelier** than {self.normal}{self.from_seeds(total)}"
        if total.figures.finds:
            doubt = "" if self.holds(total) else f", **{self.doubt(total)}**"
            return f"finds {self.strange} stranger than {self.normal}{doubt}"
        return f"cannot tell {self.strange} from {self.normal}"

    def doubt(self, part: PartView) -> str:
        """That other seeds contradict a part which finds the strange set."""
        words = self.from_seeds(part).removeprefix(", ")
        return words.replace("it is (", "it is fooled (")

    def why(self) -> str:
        """Why the likelihood is upside down, where it is; else how to read the panels."""
        if not self.parts["total"].figures.fooled:
            return HOW_TO_READ if self.scales else ""
        card = self.found.card
        if card.config.get("data", "train") != "train":
            return (
                f"**Why:** this flow learned other images ({card.data.name}), not {self.normal}: what "
                f"is cheap to it need not be one of the {self.normal}."
            )
        return " ".join(text for text in (self.simple(), self.by_scale(), self.plain()) if text)

    def simple(self) -> str:
        """Whether the strange images are the simpler ones, by the size of their PNG data."""
        total, rest = self.parts["total"], self.parts["complexity"]
        normal, strange = (total.means[i] - rest.means[i] for i in (0, 1))
        sizes = (
            f"as PNG data {self.strange} take {strange:.2f} bits per dimension, {self.normal} "
            f"{normal:.2f}"
        )
        if strange >= normal:
            return f"**Why** is not their simplicity: {sizes}."
        return (
            "**Why:** edges and texture are most of what a likelihood has to pay for, so simple "
            f"pictures tend to come out cheap, whatever they show; {sizes}."
        )

    def by_scale(self) -> str:
        """Which scales are fooled; of the best of those that are not, whether seeds agree."""
        if not self.scales:
            return ""
        right = [part for part in self.scales if part.figures.finds]
        fooled = [part for part in self.scales if part.figures.fooled]
        if not right:
            text = f"**No scale finds them stranger{self.elsewhere()}**"
            return f"{text}: {', '.join(map(short, self.scales))}."
        best = max(right, key=lambda part: part.figures.auroc)
        text = f"**The {best.title} is not fooled{self.from_seeds(best)}**"
        if fooled:
            verb = "is" if len(fooled) == 1 else "are"
            text += f"; the {', '.join(map(short, fooled))} {verb}"
        return f"{text}. {self.reading()}"

    def elsewhere(self) -> str:
        """Scales that find the strange set from another seed."""
        found = [p.title for p in self.scales if any(seen.finds for seen in self.seeds(p.name))]
        return f", but from other seeds the {', '.join(found)} does" if found else ""

    def reading(self) -> str:
        """The paper's explanation, as what it is, and whether these numbers bear it out."""
        coarse, finer = self.scales[-1], self.scales[:-1]
        text = "The paper's reading: the coarse scale holds the object, the finer ones its texture"
        if not self.holds(coarse):
            return f"{text}. These numbers do not bear it out."
        if max(part.figures.auroc for part in finer) > coarse.figures.auroc:
            return f"{text}. Here a finer one notices more."
        if not self.seeds(coarse.name):
            return f"{text}. No other seed was measured."
        return f"{text}."

    def plain(self) -> str:
        """What subtracting a plain compressor's size does to a likelihood that is fooled."""
        part = self.parts["complexity"]
        text = "Subtracting what a plain compressor needs takes the simplicity out"
        if part.figures.finds:
            doubt = "" if self.holds(part) else f", **{self.doubt(part)}**"
            return f"{text}: {part.title} has AUROC {part.figures.auroc:.3f}{doubt}."
        return f"{text} and is not enough: {part.title} has AUROC {part.figures.auroc:.3f}."

    def background(self) -> str:
        """Why a ratio to a model of noisy images is fooled, where it is; two sentences."""
        part = self.parts.get("ratio_background")
        if part is None or not part.figures.fooled:
            return ""
        too = ", too" if self.parts["total"].figures.fooled else ""
        text = (
            f"**{part.title} finds {self.strange} likelier than {self.normal}{too}** "
            f"(AUROC {part.figures.auroc:.3f})"
        )
        scales = self.found.ratios["ratio_background"]
        if not scales:
            return text + "."
        gaps = ", ".join(
            f"{s.title} {numeral(s.gap, '+.2f')} (AUROC {s.auroc:.3f})" for s in scales
        )
        text += f": in bits per dimension {self.strange} lie off {self.normal} by {gaps}."
        finest, rest = scales[0], scales[1:]
        noise = self.found.mutations["ratio_background"]
        outvoted = any(scale.auroc > 0.5 for scale in rest)
        if noise and outvoted and finest.gap < 0 and -finest.gap > max(abs(s.gap) for s in rest):
            text += (
                f" Its general model learned {self.normal} with noise in {hundredths(noise)} of their "
                "pixels, so the ratio measures how either flow prices noise, which is fine detail: "
                f"the {finest.title} outvotes the others."
            )
        return text

    def spread(self) -> str:
        """Numbers of every seed, where they were measured; the score's, or the full likelihood's."""
        known, score = self.found.card.seeds, self.found.card.score.part
        measured = known.auroc.get(self.set_name, {}) if known else {}
        part = score if score in measured else "total"
        if known is None or part not in measured:
            return ""
        values = ", ".join(f"{auroc:.3f}" for auroc in sorted(measured[part]))
        return f" Seeds ({known.text}): {self.parts[part].title} has AUROC {values}."


def short(part: PartView) -> str:
    return f"{part.title} ({part.figures.auroc:.3f})"


def lengths(view: ImageView) -> str:
    """How long a code of the picture is as a PNG, and at most under the flow."""
    bound = view.displayed["total"] * view.extra["dimensions"] / 8
    text = f"Its picture compresses to {view.extra['png_bytes']:,.0f} bytes of PNG data; "
    if bound < 1:
        return f"{text}under the flow it is so likely that a few draws of noise bound no length."
    margin = ", its margin and all," if view.extra["dimensions"] > view.image.size else ""
    return f"{text}under the flow{margin} a code of it has at most about {bound:,.0f}."
