"""The one door for pages and the command line: frozen queries in, frozen numpy answers out."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from core import lectures, notebook
from core.answers import answered, loaded
from core.answers.absent import not_here
from core.answers.across import Across, AcrossQuery
from core.answers.bought import Bought, BoughtQuery, Gain, ScoreSplit, ScoreSplitQuery
from core.answers.classes import Classes, ClassesQuery
from core.answers.columns import Stakes
from core.answers.committee import Committee, CommitteeQuery, Judgement
from core.answers.comparison import comparison_table
from core.answers.corrections import Correction, corrections
from core.answers.disagree import (
    QUADRANTS,
    Disagree,
    DisagreeQuery,
    DisagreeShown,
    DisagreeShownQuery,
)
from core.answers.distances import Distances, DistancesQuery
from core.answers.disturbed import (
    NEUTRAL,
    Along,
    AlongQuery,
    Disturbance,
    Disturbed,
    DisturbedQuery,
    Patch,
)
from core.answers.explain import (
    BaselineRow,
    MapQuery,
    MapView,
    MethodRow,
    Methods,
    MethodsQuery,
)
from core.answers.faithfulness import (
    CurvesQuery,
    MapCurves,
    Randomised,
    RandomisedQuery,
    Steadiness,
    SteadinessQuery,
)
from core.answers.finders import Best, Finding, best_of, fooled_parts, hardest, most_fooled
from core.answers.gamma import LABELS_STUDY, Curve, Gamma, GammaQuery
from core.answers.images import (
    ORDERS,
    Gallery,
    GalleryQuery,
    ImageQuery,
    ImageView,
    display_table,
    per_image_table,
)
from core.answers.labels import (
    IMAGE_GROUPS,
    KNOWN,
    NEVER,
    NORMAL,
    Groups,
    Spread,
    SpreadQuery,
    groups_of,
)
from core.answers.latent import (
    LatentMap,
    LatentQuery,
    Near,
    NearQuery,
    ids_of_keys,
    keys_of_ids,
    pictures_of,
)
from core.answers.learnt import Asked, Label, Learnt, Lesson, Side
from core.answers.lectures import Lecture, LectureQuery, LectureRow, ShownStep, lecture_rows
from core.answers.lesson import (
    LESSON_COUNTS,
    MOST_LABELS,
    Candidates,
    LessonError,
    cancel_lesson,
    label_of_own,
    lesson_candidates,
    lesson_state,
    start_lesson,
)
from core.answers.lesson_queue import LessonState, QueueFull
from core.answers.likelihoods import Likelihoods, LikelihoodsQuery, PartView, ScaleGap
from core.answers.loaded import Target, parse_target, shared_of, variants_of
from core.answers.mirror import (
    CANDIDATES,
    DISTANCE,
    FIRSTS,
    TWO_SIDED,
    FirstMirrorQuery,
    Mirror,
    Mirrored,
    MirroredQuery,
    MirrorQuery,
    MirrorRay,
    MirrorRayQuery,
)
from core.answers.misses import GROUPS, Misses, MissesQuery, MissesShownQuery
from core.answers.models import (
    Drawn,
    Pair,
    PairQuery,
    Resampled,
    ResampleQuery,
    SamplesQuery,
    pair_table,
)
from core.answers.operating import (
    CELLS,
    CellQuery,
    Operating,
    OperatingQuery,
    Verdict,
    Verdicts,
    VerdictsQuery,
)
from core.answers.outskirts import (
    COLLAPSED,
    Draws,
    DrawsQuery,
    Field,
    FieldQuery,
    Plane,
    PlaneQuery,
    Recipe,
)
from core.answers.overview import (
    DetectorRow,
    Luck,
    Measured,
    Overview,
    OverviewQuery,
    Seen,
    flagged_above,
    luck,
    scenarios,
    seeds_of,
    warm_up,
)
from core.answers.own import Batch, BatchQuery, BatchScores, Steps, StepsQuery, join_batches
from core.answers.own_scores import MAX_SCORES_BYTES, OWN, OwnScores, own_scores
from core.answers.painted import Painted, PaintedQuery, Strokes
from core.answers.picture import PictureQuery, PictureView
from core.answers.place import Place, PlaceQuery, Simple, fully_connected
from core.answers.planting import PlantedQuery, PlantedView
from core.answers.pointing import pointing
from core.answers.points import Column, ColumnQuery, Points, PointsQuery, shuffled
from core.answers.query import Query
from core.answers.rays import Ray, RayQuery, RayScores, RayScoresQuery
from core.answers.rebuilt import RULES, Examples, ExamplesQuery, Rebuilt, RebuiltQuery
from core.answers.report import Report, Reported, ReportEntry, report_of
from core.answers.scoring import Evaluation, Scored, evaluate, score
from core.answers.sides import (
    CHANGES,
    WHICH,
    Changed,
    ChangedQuery,
    FirstChangedQuery,
    Moved,
    changed_table,
)
from core.answers.simplex import (
    SIDES,
    Corner,
    Corners,
    CornersQuery,
    Edge,
    MixedPart,
    Simplex,
    SimplexQuery,
    edges_of,
    node_of,
)
from core.answers.stored import StoredQuery
from core.answers.sums import (
    Quadrant,
    Sum,
    SumPlane,
    SumPlaneQuery,
    SumPoint,
    SumPointQuery,
    Sums,
    SumsQuery,
)
from core.answers.truth import (
    Overlap,
    PixelPiece,
    PixelPieceQuery,
    PixelTruth,
    PixelTruthQuery,
    StoredTruthQuery,
    overlap_of,
)
from core.answers.weights import WeightsQuery, WeightsView
from core.cache import Cache, freeze, size_of
from core.card import Card
from core.data.decode import SUFFIXES
from core.data.uploads import MAX_IMAGES, MAX_UNPACKED, Item, uploaded_items
from core.errors import NotTrained, OutskirtsError, PicturesElsewhere
from core.evaluate.metrics import Mean, Metrics, mean_of
from core.evaluate.operating import Estimate, Estimates, Rates
from core.evaluate.pixels import PixelMetrics
from core.evaluate.shares import Share
from core.evaluate.threshold import Threshold
from core.explain.rendering import coloured, floor_of, limit_of, map_npy, map_png, map_svg
from core.explain.weights import BRIGHT, DARK, weights_png
from core.numerals import counted, numeral
from core.report import report_csv, report_html
from core.results import ArmResult, StudyMissing, StudyResult, read_study
from core.results import Row as StudyRow
from core.scenario import Scenario
from core.schema import ImageSet, StartTile
from core.settings import settings
from core.shape import Shape

# Packed: a name a line would be most of the file.
__all__ = [
    "ANSWERED", "BRIGHT", "CANDIDATES", "CELLS", "CHANGES", "COLLAPSED", "DARK", "DISTANCE",
    "FIRSTS", "GROUPS", "IMAGE_GROUPS", "KNOWN", "LABELS_STUDY", "LESSON_COUNTS", "MAX_IMAGES",
    "MAX_SCORES_BYTES", "MAX_UNPACKED", "MOST_LABELS", "NEUTRAL", "NEVER", "NORMAL", "ORDERS",
    "OWN", "QUADRANTS", "RULES", "SIDES", "SUFFIXES", "TWO_SIDED", "WHICH", "Across", "AcrossQuery",
    "Along", "AlongQuery", "ArmResult", "Asked", "BaselineRow", "Batch", "BatchQuery",
    "BatchScores", "Best", "Bought", "BoughtQuery", "Candidates", "Card", "CellQuery", "Changed",
    "ChangedQuery", "Classes", "ClassesQuery", "Column", "ColumnQuery", "Committee",
    "CommitteeQuery", "Corner", "Corners", "CornersQuery", "Correction", "Curve", "CurvesQuery",
    "DetectorRow", "Disagree", "DisagreeQuery", "DisagreeShown", "DisagreeShownQuery", "Distances",
    "DistancesQuery", "Disturbance", "Disturbed", "DisturbedQuery", "Drawn", "Draws", "DrawsQuery",
    "Edge", "Estimate", "Estimates", "Evaluation", "Examples", "ExamplesQuery", "Field",
    "FieldQuery", "Finding", "FirstChangedQuery", "FirstMirrorQuery", "Gain", "Gallery",
    "GalleryQuery", "Gamma", "GammaQuery", "Groups", "ImageQuery", "ImageSet", "ImageView", "Item",
    "Judgement", "Label", "LatentMap", "LatentQuery", "Learnt", "Lecture", "LectureQuery",
    "LectureRow", "Lesson", "LessonError", "LessonState", "Likelihoods", "LikelihoodsQuery", "Luck",
    "MapCurves", "MapQuery", "MapView", "Mean", "Measured", "MethodRow", "Methods", "MethodsQuery",
    "Metrics", "Mirror", "MirrorQuery", "MirrorRay", "MirrorRayQuery", "Mirrored", "MirroredQuery",
    "Misses", "MissesQuery", "MissesShownQuery", "MixedPart", "Moved", "Near", "NearQuery",
    "NotTrained", "Operating", "OperatingQuery", "OutskirtsError", "Overlap", "Overview",
    "OverviewQuery", "OwnScores", "Painted", "PaintedQuery", "Pair", "PairQuery", "PartView",
    "Patch", "PictureQuery", "PictureView", "PicturesElsewhere", "PixelMetrics", "PixelPiece",
    "PixelPieceQuery", "PixelTruth", "PixelTruthQuery", "Place", "PlaceQuery", "Plane",
    "PlaneQuery", "PlantedQuery", "PlantedView", "Points", "PointsQuery", "Quadrant", "Query",
    "QueueFull", "Randomised", "RandomisedQuery", "Rates", "Ray", "RayQuery", "RayScores",
    "RayScoresQuery", "Rebuilt", "RebuiltQuery", "Recipe", "Report", "ReportEntry", "Reported",
    "ResampleQuery", "Resampled", "SamplesQuery", "ScaleGap", "Scenario", "ScoreSplit",
    "ScoreSplitQuery", "Scored", "Seen", "Shape", "Share", "ShownStep", "Side", "Simple", "Simplex",
    "SimplexQuery", "Spread", "SpreadQuery", "Stakes", "StartTile", "Steadiness", "SteadinessQuery",
    "Steps", "StepsQuery", "StoredQuery", "StoredTruthQuery", "Strokes", "StudyMissing",
    "StudyResult", "StudyRow", "Sum", "SumPlane", "SumPlaneQuery", "SumPoint", "SumPointQuery",
    "Sums", "SumsQuery", "Target", "Threshold", "Verdict", "Verdicts", "VerdictsQuery",
    "WeightsQuery", "WeightsView", "ask", "best_of", "cancel_lesson", "changed_table", "coloured",
    "comparison_table", "corrections", "counted", "display_table", "edges_of", "evaluate",
    "flagged_above", "floor_of", "fooled_parts", "forget", "fully_connected", "groups_of",
    "hardest", "ids_of_keys", "join_batches", "keys_of_ids", "label_of_own", "lecture_rows",
    "lectures", "lesson_candidates", "lesson_state", "limit_of", "luck", "map_npy", "map_png",
    "map_svg", "mean_of", "most_fooled", "node_of", "not_here", "notebook", "numeral", "overlap_of",
    "own_scores", "pair_table", "parse_target", "per_image_table", "pictures_of", "pointing",
    "read_study", "report_csv", "report_html", "report_of", "scenarios", "score", "seeds_of",
    "settings", "shared_of", "shuffled", "start_lesson", "uploaded_items", "variants_of", "warm_up",
    "weights_png",
]  # fmt: skip

A = TypeVar("A")

ANSWERED = answered()  # what answers each type of query
# With its query, which weighs as well: a lasso names thousands of images.
_answers: Cache[tuple[Query[Any], Any]] = Cache(limit=256_000_000, sized=size_of)
# So many answers are computed at a time. Of more, each takes longer and none comes sooner, and
# pages whose answers are there wait with them.
_turns = threading.BoundedSemaphore(2 * (os.cpu_count() or 1))


def ask(
    query: Query[A],
    data: bytes | None = None,
    *,
    wait: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> A:
    """The answer to a query, read-only, and the same one for all who ask while its files stay.

    Args:
        data: the user's file, where the query is about one.
        wait: makes what is entered while the answer is computed; one that is there needs none.

    Raises:
        ImageError: ``data`` is not an image that can be read.
        OutskirtsError: no such scenario, set, image or checkpoint, or it is damaged.
    """
    digest = None if data is None else hashlib.sha256(data).digest()
    key: Hashable = (settings().checkpoints, query, digest)
    version = loaded.version_of(query.files())  # before the answer reads them
    if (entry := _answers.peek(key, version)) is not None:
        return entry.value[1]
    answer = ANSWERED[type(query)]
    given = (query,) if data is None else (query, data)

    def make() -> tuple[Query[Any], Any]:
        with _turns:
            return query, freeze(answer(*given))

    with wait():
        return _answers.get(key, version, make)[1]


def forget() -> None:
    """Answer anew, from models, scores and images that are read anew."""
    _answers.cache_clear()
    loaded.forget()
