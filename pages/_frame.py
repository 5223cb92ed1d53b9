"""What every page shares: navigation, the scenario, the seed, and the sheet of terms."""

from pathlib import Path

import streamlit as st

from core import service
from pages._shared import draw, history, links

TERMS = """
| term | meaning |
| --- | --- |
| normal, strange | What the detector was trained on; everything else. Larger scores are stranger, always. |
| AUROC | Chance that a strange image scores above a normal one. 1 is perfect, 0.5 a coin, below 0.5 is the wrong way round. |
| interval | The range that 95 % of 1,000 resamplings of the test images give. It does not cover other training seeds. |
| percentile | Share of held-out normal images that score lower. 50 is an ordinary image, 99 a rare one. |
| AUPR | Area under the curve of precision over recall: of all that is called strange, how much is strange, averaged over how much of the strange is found. 1 is perfect. A coin has the share of strange images among all, so it depends on how many there are. |
| FPR at 95 % TPR | Share of normal images that are flagged where the threshold is set so that 95 % of the strange ones are found. 0 is perfect, 95 % a coin. |
| flow | A network that turns an image into numbers and back without losing anything. Because it can be undone, it can say how likely each image is to it. |
| likelihood | How densely the model's own images lie around this one: a density, no probability. An image of high likelihood is one that it can describe in few bits, which does not make it a normal one. |
| bits per dimension | What the detector pays to describe one number of the picture (a pixel of a grey one), those of the black margin that a flow adds among them (1,024 for 28x28 pixels). Fewer bits: likelier. To be scored, grey levels are spread by noise, as when the flow learned; the score is the mean over a few fixed draws of it, the same for all images. |
| typicality | How far an image's likelihood is from that of ordinary ones, to either side. One that is far too likely is no ordinary image either. Here in standard deviations, over all scales at once. |
| complexity-corrected | The likelihood, less what a plain compressor (PNG) needs for the same picture. It takes out that simple pictures are likely for being simple. |
| logit | What a classifier says before it is made a probability: 0 is even odds, above it rather strange, below it rather normal; each further 1 makes the odds 2.7 times as large. |
| scale | Glow splits an image into a fine (16x16), a middle (8x8) and a coarse (4x4) description. |
| general model | A flow that learned other images (letters, doodles), or normal ones under noise, or a plain compressor. What is cheap for everybody cancels out when it is subtracted. |
| outlier loss | Training that also teaches the flow to find general images less likely than the general model does. |
| rank correlation | 1: two models put all images in the same order; 0: their orders have nothing in common. |
| temperature | How far from the middle latents are drawn: 0 always the middle, 1 as learned. |
| latent code | The numbers that a detector turns an image into; its latent space holds the codes of all images. |
| layout | A flat picture of codes of many numbers: UMAP and t-SNE keep neighbours together, PCA is a shadow. None keeps all distances. |
| trustworthiness | 1: all that lies close in the picture is close in the latent space. It falls with each of an image's 10 nearest on the map that is none of its true neighbours, the more the farther away that one is. A picture at random has 0.5. |
| posterior | Where an autoencoder of the variational kind (VAE) puts an image: no point, but a small cloud around a mean. |
| prior | The one round cloud that all posteriors together are asked to fill. |
| KL | How much a posterior differs from the prior, in nats; 0: not at all. A latent number whose KL is near 0 says nothing of the image: it has collapsed. |
| outskirts | The rim of the normal images: the posteriors that lie furthest out. |
| generator | One of these posteriors, from which synthetic outliers are drawn. |
| ρ, τ, κ | How synthetic outliers are made. Rho: the share of posteriors that generate. Tau: how wide the draws scatter around a generator. Kappa: how far it is pushed from the centre, 1 being where it is. |
| flagged | Above the threshold that flags 5 % of held-out normal images. |

**Keys.** `H` opens this sheet, `Esc` closes it, `Tab` goes from control to control; the left and
right arrow keys turn the pages of a gallery. Without a mouse, *Select all shown* selects on a map what
the filter leaves over: sets, classes, a range of percentiles. A region of the map needs a mouse or a
finger.
"""


@st.dialog("Terms and keys", width="large")
def terms() -> None:
    st.markdown(TERMS)


st.set_page_config(
    page_title="Outskirts",
    page_icon=str(Path(__file__).with_name("_icon.png")),
    layout="wide",
    initial_sidebar_state=220,
)
page = st.navigation(
    [
        st.Page("overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("latent.py", title="Latent space", icon=":material/scatter_plot:"),
        st.Page("outskirts.py", title="Outskirts", icon=":material/blur_on:"),
        st.Page("likelihoods.py", title="Likelihoods", icon=":material/stacked_bar_chart:"),
        st.Page("cards.py", title="Model cards", icon=":material/badge:"),
    ]
)
links.arrive(page.url_path)
st.html(draw.TOUCH)
with st.sidebar:
    # One class against the others is the harder thing to grasp: such scenarios stand last.
    rows = sorted(service.scenarios(), key=lambda row: bool(row.get("variants")))
    for row in rows:
        if "error" in row:
            st.error(row["error"], icon=":material/error:")
    st.selectbox(
        "Scenario",
        [row["scenario"] for row in rows if "error" not in row],
        key="scenario",
        bind="query-params",
        help="What counts as normal, and what as strange.",
    )
    classes: list[str] = next(
        (r["variants"] for r in rows if r["scenario"] == st.session_state["scenario"]), []
    )
    if classes:
        if st.session_state.get("normal") not in classes:
            st.session_state["normal"] = classes[0]
        st.selectbox(
            "Normal class",
            classes,
            key="normal",
            bind="query-params",
            persist_state="session",
            help="The class that the detectors learned; all others are strange.",
        )
    st.number_input(
        "Seed",
        min_value=0,
        max_value=9999,
        value=0,
        key="seed",
        bind="query-params",
        help="Draws the random examples. The same seed shows the same images to everybody.",
    )
    if st.button("Terms and keys", shortcut="H", icon=":material/help:", width="stretch"):
        terms()
    history.one_entry_an_act()

if st.session_state["scenario"] is None:
    st.error("There is no scenario in the checkpoints folder.", icon=":material/error:")
    st.stop()
# What pages ask for: the scenario, or that of the class that is normal.
parts = (st.session_state["scenario"], st.session_state["normal"] if classes else "")
st.session_state["world"] = ".".join(parts).rstrip(".")
try:
    page.run()
except service.OutskirtsError as error:
    st.error(str(error), icon=":material/error:")
