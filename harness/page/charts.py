"""Charts of a task, as Vega-Lite rendered to SVG: no script in the page draws them.

Text has the page's own colour (``currentColor``), so that a chart is readable on light and on dark; what colours tell,
shapes or texts tell too. Every chart has a title for screen readers, and its figures stand in the tables as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import log
from typing import Any, get_args

from benchmarks.characteristics.calibration import ENOUGH
from harness.errors import UserError
from harness.report import causes
from harness.report.floors import DISAGREEMENT, floor
from harness.report.sections.matrices import members
from harness.report.summary.standings import standings
from harness.report.view import DeploymentView, Percentile, TaskView

Spec = dict[str, Any]
VEGA_LITE = "5.20"
WIDTH, HEIGHT = 620, 320
LABEL, LINE = 150, 12
"""Room for a label, in pixels."""
MATRIX_AT_MOST = 30
COLOURS = {"same": "#2a9d8f", "cannot tell": "#c98a1b", "different": "#d1495b", "not judged": "#7d8597"}
SHAPES = {"same": "circle", "cannot tell": "diamond", "different": "cross", "not judged": "square"}
CONFIG: Spec = {
    "background": None,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "domainColor": "#8888",
        "tickColor": "#8888",
        "gridColor": "#8883",
        "labelLimit": 260,
    },
    "legend": {"labelColor": "currentColor", "titleColor": "currentColor"},
    "header": {"labelColor": "currentColor", "titleColor": "currentColor"},
    "title": {"color": "currentColor", "subtitleColor": "currentColor"},
    "text": {"color": "currentColor"},
}


@dataclass(frozen=True)
class Chart:
    """A figure of the page."""

    title: str
    note: str
    """How to read it."""
    svg: str


def charts(task: TaskView) -> list[Chart]:
    """Those for which the task has figures.

    Raises:
        UserError: the extra ``page`` is not installed.
    """
    try:
        import vl_convert
    except ImportError:
        raise UserError(
            "--html: needs vl-convert; install scalemodel with its extra: pip install 'scalemodel[page]'"
        ) from None
    task_charts = []
    for title, note, spec in _specs(task):
        whole = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "config": CONFIG, **spec}
        task_charts.append(Chart(title, note, vl_convert.vegalite_to_svg(whole, vl_version=VEGA_LITE)))
    return task_charts


def _specs(task: TaskView) -> Iterator[tuple[str, str, Spec]]:
    for draw in (_speed, _memory, _matrices, _causes, _latency, _reliability, _server, _shapes):
        yield from draw(task)


# --- gain against change -----------------------------------------------------------------------------


def _speed(task: TaskView) -> Iterator[tuple[str, str, Spec]]:
    axis = f"times as fast as the reference: {task.speed_measure}"
    yield from _trade(task, task.speed_up, axis, "Speed against change", task.speed_up_interval)


def _memory(task: TaskView) -> Iterator[tuple[str, str, Spec]]:
    yield from _trade(task, task.size_ratio, "size of the files over the reference's", "Size against change")


def _trade(
    task: TaskView,
    gain: Callable[[DeploymentView], float | None],
    axis: str,
    title: str,
    between: Callable[[DeploymentView], tuple[float, float] | None] = lambda d: None,
) -> Iterator[tuple[str, str, Spec]]:
    points: list[Spec] = []
    for one in standings(task):
        d = one.deployment
        changed, value = DISAGREEMENT.of(task, d), gain(d)
        if changed.value is None or value is None or value <= 0 or one.verdict == "failed":
            continue
        low, high = between(d) or (value, value)
        points.append(
            {
                "name": d.short,
                "verdict": one.verdict,
                "gain": value,
                "gain low": low,
                "gain high": high,
                "changed": 100 * changed.value,
                "low": 100 * (changed.value if changed.low is None else changed.low),
                "high": 100 * (changed.value if changed.high is None else changed.high),
            }
        )
    if not points:
        return
    ends = [0.8 * min(p["gain low"] for p in points), 1.5 * max(p["gain high"] for p in points)]
    scale = {"type": "log", "domain": ends, "nice": False}
    x = {"field": "gain", "type": "quantitative", "scale": scale, "axis": {"title": axis, "tickCount": 6}}
    y = {"field": "changed", "type": "quantitative", "title": "predictions changed, %"}
    layers: list[Spec] = [
        {"mark": {"type": "rule", "color": "#8888"}, "encoding": {"y": {**y, "field": "low"}, "y2": {"field": "high"}}},
        {
            "mark": {"type": "rule", "color": "#8888"},
            "encoding": {"x": {**x, "field": "gain low"}, "x2": {"field": "gain high"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
            "encoding": {
                "color": {"field": "verdict", "scale": _scale(COLOURS), "legend": {"orient": "top", "title": None}},
                "shape": {"field": "verdict", "scale": _scale(SHAPES)},
            },
        },
    ]
    for height, names in _labels(points).items():
        mark = {"type": "text", "align": "left", "dx": 8, "dy": -8 - LINE * height}
        layers.append({"data": {"values": names}, "mark": mark, "encoding": {"text": {"field": "name"}}})
    for layer in layers:
        layer["encoding"] = {"x": x, "y": y, **layer["encoding"]}
    noise = floor(task, DISAGREEMENT, "seed").value or floor(task, DISAGREEMENT, "execution").value
    if noise:
        band = {"data": {"values": [{"from": 0, "to": 100 * noise}]}, "mark": {"type": "rect", "color": "#8882"}}
        layers.insert(0, {**band, "encoding": {"y": {**y, "field": "from"}, "y2": {"field": "to"}}})
    band_note = " Band: what the reference changes against itself, run or trained again." if noise else ""
    yield (
        title,
        f"Lines: 95 % intervals.{band_note}",
        {"data": {"values": points}, "layer": layers, "width": WIDTH, "height": HEIGHT},
    )


def _labels(points: list[Spec]) -> dict[int, list[Spec]]:
    """The points by the height of their label, so chosen from the left that no label covers another."""
    gains, most = [log(p["gain"]) for p in points], max(p["high"] for p in points) or 1.0
    wide = max(gains) - min(gains) or 1.0
    placed: list[tuple[float, float]] = []
    heights: dict[int, list[Spec]] = {}
    for point in sorted(points, key=lambda p: p["gain"]):
        x, y = WIDTH * log(point["gain"]) / wide, HEIGHT * point["changed"] / most
        free = (
            h
            for h in range(len(points) + 1)
            if not any(abs(x - left) < LABEL and abs(y + LINE * h - top) < LINE - 1 for left, top in placed)
        )
        height = next(free, 0)  # none is where a change is so large that a line beside it is lost
        placed.append((x, y + LINE * height))
        heights.setdefault(height, []).append(point)
    return heights


def _scale(values: dict[str, str]) -> Spec:
    return {"domain": list(values), "range": list(values.values())}


# --- the four characteristics ------------------------------------------------------------------------


def _matrices(task: TaskView) -> Iterator[tuple[str, str, Spec]]:
    k = task.neighbours_shown
    errors, attack = task.error_pairs.get("all"), task.attack_pairs
    drawn: list[tuple[str, Any, Callable[[Any], float | None], Callable[[Any], float | None]]] = []
    if errors and task.labelled:
        drawn.append(("Overlap of errors", errors, lambda p: p.jaccard.value, lambda p: p.expected_jaccard))
    if k and task.representation_pairs and task.characteristics.data_representation:
        chance = task.characteristics.data_representation.chance_jaccard[k]
        drawn.append(
            (
                f"Overlap of {k} nearest neighbours",
                task.representation_pairs,
                lambda p: p.neighbours[k].value,
                lambda p: chance,
            )
        )
    if task.distribution_pairs:
        drawn.append(
            (
                "Overlap of points detected as out-of-distribution",
                task.distribution_pairs,
                lambda p: p.jaccard_out_of_distribution.value,
                lambda p: p.expected_jaccard_out_of_distribution,
            )
        )
    if attack:
        drawn.append(("Overlap of attack success", attack, lambda p: p.jaccard.value, lambda p: p.expected_jaccard))
    for title, pairs, value, chance_of in drawn:
        shown = members(task, all_pairs=len(task.measured) <= MATRIX_AT_MOST)
        cells = []
        for i, one in enumerate(shown):
            for j, other in enumerate(shown):
                pair = None if i == j else pairs.between(other.name, one.name)
                if pair is None:
                    continue
                number = value(pair) if i > j else chance_of(pair)
                if number is not None:
                    cells.append({"row": one.short, "column": other.short, "value": number, "label": f"{number:.2f}"})
        if cells:
            note = "Below the diagonal the overlap (Jaccard, 1: the same), above it what chance alone would give."
            yield title, note, _heat_map(cells, [d.short for d in shown])


def _heat_map(cells: list[Spec], order: list[str]) -> Spec:
    place = {
        "x": {"field": "column", "type": "nominal", "sort": order, "axis": {"title": None, "labelAngle": -40}},
        "y": {"field": "row", "type": "nominal", "sort": order, "axis": {"title": None}},
    }
    colour = {"field": "value", "type": "quantitative", "scale": {"domain": [0, 1], "scheme": "blues"}, "legend": None}
    text = {"condition": {"test": "datum.value > 0.55", "value": "white"}, "value": "#123"}
    # Hundreds of cells, each with a name of its own, are no help to a screen reader, to which the table tells them.
    layers: list[Spec] = [{"mark": {"type": "rect", "aria": False}, "encoding": {**place, "color": colour}}]
    if len(order) <= 16:
        layers.append(
            {
                "mark": {"type": "text", "fontSize": 10, "aria": False},
                "encoding": {**place, "text": {"field": "label"}, "color": text},
            }
        )
    side = max(260, min(WIDTH, 34 * len(order)))
    return {"data": {"values": cells}, "layer": layers, "width": side, "height": side}


def _causes(task: TaskView) -> Iterator[tuple[str, str, Spec]]:
    """What each step of the chain changes by itself."""
    links = {
        "architecture": causes.architecture_step,
        "pruning": causes.pruning_step,
        "precision": causes.precision_step,
    }
    bars = []
    for one in standings(task):
        d, start = one.deployment, 0.0
        before = causes.fp32_of(task, d.model, d.backend)
        steps = [(name, link(task, at)) for at in (before, d) if at is not None for name, link in links.items()]
        for name, step in {step.after.name: (name, step) for name, step in steps if step is not None}.values():
            changed = DISAGREEMENT.between(task, step.before.name, step.after.name).value
            if changed is None:
                continue
            bars.append({"name": d.short, "step": name, "from": start, "to": start + 100 * changed})
            start += 100 * changed
    if bars:
        order = [one.deployment.short for one in standings(task)]
        yield (
            "What each step changes",
            "Predictions changed by each step alone, one after the other, from the reference to the deployment.",
            {
                "data": {"values": bars},
                "mark": {"type": "bar", "height": {"band": 0.7}},
                "encoding": {
                    "y": {"field": "name", "type": "nominal", "sort": order, "axis": {"title": None}},
                    "x": {"field": "from", "type": "quantitative", "title": "predictions changed, %"},
                    "x2": {"field": "to"},
                    "color": {
                        "field": "step",
                        "scale": {"domain": list(links), "range": ["#4c78a8", "#72b7b2", "#e39c37"]},
                        "legend": {"orient": "top", "title": None},
                    },
                },
                "width": WIDTH - 160,
            },
        )


# --- performance and calibration ---------------------------------------------------------------------


def _latency(task: TaskView) -> Iterator[tuple[str, str, Spec]]:
    points = []
    for d in task.measured:
        for figure in get_args(Percentile):
            value = d.latency(figure)
            if value is not None:
                points.append({"name": d.short, "percentile": figure, "ms": value})
    if not points:
        return
    place = {
        "y": {"field": "name", "type": "nominal", "sort": [d.short for d in task.measured], "axis": {"title": None}},
        "x": {
            "field": "ms",
            "type": "quantitative",
            "scale": {"type": "log"},
            "title": "milliseconds, one request at a time",
        },
    }
    shape = {"field": "percentile", "legend": {"orient": "top", "title": None}}
    layers = [
        {"mark": {"type": "line", "color": "#8888"}, "encoding": {**place, "detail": {"field": "name"}}},
        {"mark": {"type": "point", "filled": True, "size": 60}, "encoding": {**place, "shape": shape, "color": shape}},
    ]
    yield (
        "Latency",
        "Percentiles of single-stream: one request at a time.",
        {"data": {"values": points}, "layer": layers, "width": WIDTH - 160},
    )


def _reliability(task: TaskView) -> Iterator[tuple[str, str, Spec]]:
    calibration = task.characteristics.calibration
    if calibration is None:
        return
    points = [
        {"name": d.short, "sure": 100 * b.confidence, "right": 100 * b.accuracy, "count": b.count}
        for d in task.measured
        if d.replicate_kind is None and d.name in calibration.deployments
        for b in calibration.deployments[d.name].curve
        if b.confidence is not None and b.accuracy is not None and b.count >= ENOUGH
    ]
    if not points:
        return
    scale = {"domain": [0, 100]}
    place = {
        "x": {"field": "sure", "type": "quantitative", "scale": scale, "title": "confidence, %"},
        "y": {"field": "right", "type": "quantitative", "scale": scale, "title": "right, %"},
    }
    ideal = {"data": {"values": [{"sure": 0, "right": 0}, {"sure": 100, "right": 100}]}}
    layers = [
        {**ideal, "mark": {"type": "line", "strokeDash": [4, 4], "color": "#888"}, "encoding": place},
        {"mark": {"type": "line", "color": "#4c78a8"}, "encoding": place},
        {
            "mark": {"type": "point", "filled": True, "color": "#4c78a8", "opacity": 0.9},
            "encoding": {**place, "size": {"field": "count", "type": "quantitative", "legend": None}},
        },
    ]
    spec = {
        "data": {"values": points},
        "facet": {"field": "name", "title": None, "sort": [d.short for d in task.measured]},
        "columns": 4,
        "spec": {"layer": layers, "width": 130, "height": 130},
    }
    yield (
        "Reliability",
        f"On the dashed line a deployment is as often right as it says. Larger dots: more examples; bins of fewer than "
        f"{ENOUGH} are left out.",
        spec,
    )


def _server(task: TaskView) -> Iterator[tuple[str, str, Spec]]:
    points = [
        {"name": d.short, "rate": point.rate, "ms": point.p99_ms}
        for d in task.measured
        if d.timings and d.timings.server
        for point in d.timings.server.points
        if point.p99_ms is not None
    ]
    if points:
        encoding = {
            "x": {"field": "rate", "type": "quantitative", "title": "requests a second"},
            "y": {"field": "ms", "type": "quantitative", "scale": {"type": "log"}, "title": "p99, milliseconds"},
            "color": {"field": "name", "legend": {"title": None}},
        }
        spec = {
            "data": {"values": points},
            "mark": {"type": "line", "point": True},
            "encoding": encoding,
            "width": WIDTH - 160,
        }
        yield "Server load", "The p99 at each rate of Poisson arrivals that was tried.", spec


def _shapes(task: TaskView) -> Iterator[tuple[str, str, Spec]]:
    cells = [
        {
            "name": d.short,
            "batch": shape.batch,
            "length": shape.length,
            "ms": shape.p50_ms,
            "label": f"{shape.p50_ms:.3g}",
        }
        for d in task.measured
        if d.timings and d.replicate_kind is None
        for shape in d.timings.sweep
        if shape.p50_ms is not None
    ]
    if not cells:
        return
    place = {
        "x": {"field": "length", "type": "ordinal", "title": "tokens"},
        "y": {"field": "batch", "type": "ordinal", "title": "rows", "sort": "descending"},
    }
    colour = {"field": "ms", "type": "quantitative", "scale": {"type": "log", "scheme": "blues"}, "legend": None}
    layers = [
        {"mark": "rect", "encoding": {**place, "color": colour}},
        {"mark": {"type": "text", "fontSize": 9, "color": "#123"}, "encoding": {**place, "text": {"field": "label"}}},
    ]
    spec = {
        "data": {"values": cells},
        "facet": {"field": "name", "title": None, "sort": [d.short for d in task.measured]},
        "columns": 3,
        "spec": {"layer": layers, "width": 170, "height": 120},
    }
    yield "Fixed shapes", "Median latency in milliseconds, by rows and tokens.", spec
