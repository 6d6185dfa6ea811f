"""What the report says, found in its text."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.report import causes
from harness.report.floors import DISAGREEMENT, conclusion
from harness.report.numbers import EN_DASH
from harness.report.sections.attack_examples import changed_words, cut
from harness.report.values import Pairs
from harness.report.view import TaskView
from harness.results.environment import Graphics, GraphicsDevice
from harness.results.timings import Efficiency, Intervals, LatencyFigures, ServerFigures, ShapeFigures
from tests.harness.report import synthetic_results as synthetic
from tests.harness.report.synthetic_results import QA, TEXT, deployment, deployment_name, filled, view_of

Printed = Callable[..., str]


def section(text: str, title: str) -> str:
    """From a heading to the next."""
    lines = text.splitlines()
    start = lines.index(title)
    rest = lines[start + 1 :]
    end = next((i for i, line in enumerate(rest) if line and not line.startswith(" ")), len(rest))
    return "\n".join(rest[:end])


def row(text: str, start: str) -> list[str]:
    return next(line for line in text.splitlines() if line.strip().startswith(start)).split()


def test_headline_names_machine_data_and_family(printed: Printed) -> None:
    text = printed(synthetic.small())
    assert text.startswith("scalemodel: quantized-vs-distilled\n")
    told = " ".join(section(text, "What was compared").split())
    assert "Intel Xeon Platinum 8481C, 2 cores, 8.0 GiB" in told
    assert "1,218 questions in 98 groups, 50 % answerable" in told
    assert "6: 2 models, 3 formats, all on onnxruntime-cpu" in told
    assert "Note: Demonstration family" in told


def test_a_run_that_explains_its_family_is_not_explained_twice(printed: Printed) -> None:
    results = synthetic.small()
    results["tasks"][QA]["notes"] = ["A demonstration family of six."]
    assert printed(results).lower().count("demonstration family") == 1


def test_gpus_are_named(printed: Printed) -> None:
    results = synthetic.small()
    devices = [filled(GraphicsDevice, name="NVIDIA L4") for _ in range(2)]
    results["environment"]["gpu"] = filled(Graphics, driver="580.1", devices=devices)
    assert "NVIDIA L4, NVIDIA L4, driver 580.1" in printed(results, width=120)


def test_timings_without_an_interval_are_said_once(printed: Printed) -> None:
    results = synthetic.small()
    timings = [d["performance"] for t in results["tasks"].values() for d in t["deployments"].values()]
    for processes, said in ((1, "1 process each"), (5, "5 processes each"), (6, None)):
        for figures in filter(None, timings):
            figures["processes"] = processes
        text = " ".join(printed(results, width=120).split())
        sentence = "no interval but of speed-ups in pairs. Set performance.replicates to 6."
        assert text.count(sentence) == (0 if said is None else 1)
        assert said is None or f"Note: Deployments were timed in {said}" in text


def test_speed_table(printed: Printed) -> None:
    table = section(printed(synthetic.small()), "Speed, memory and quality")
    assert row(table, "[3]") == [
        "[3]",
        "int8-dynamic",
        "158.3",
        "174.1",
        "3.7x",
        "10.1",
        "457",
        "319",
        "88.0",
        "85.0",
    ]


def test_failed_and_unstable_rows_are_marked(printed: Printed) -> None:
    table = section(
        printed({**synthetic.whole(), "tasks": {QA: synthetic.whole_task(QA)}}), "Speed, memory and quality"
    )
    assert row(table, "[14]")[:3] == ["[14]", "fp16", "failed"]
    assert row(table, "[12]")[2] == "!27.2"
    assert "! unstable timing" in table


def test_figures_of_a_disturbed_machine_are_marked(printed: Printed) -> None:
    results = synthetic.small()
    timings = results["tasks"][QA]["deployments"][deployment_name("bert-large", "onnx-fp32")]["performance"]
    quiet = section(printed(results, width=140), "Speed, memory and quality")
    assert "!" not in quiet
    timings["offline"]["disturbed"] = True
    timings["server"] = filled(
        ServerFigures, rate=12.5, p99_ms=99.0, bound_ms=777.7, bound_from="study", steady=True, disturbed=True
    )
    timings["sweep"] = [filled(ShapeFigures, batch=1, length=128, p50_ms=55.5, steady=True, scattered=True)]
    table = section(printed(results, width=140), "Speed, memory and quality")
    marked = [cell for line in table.splitlines() if line.strip().startswith("[1]") for cell in line.split()]
    assert [cell for cell in marked if cell.startswith("!")] == ["!2.7", "!12.5", "!55.5"]
    assert "or the machine was disturbed" in table


def test_a_peak_that_was_sampled_is_said(printed: Printed) -> None:
    results = synthetic.small()
    timings = results["tasks"][QA]["deployments"][deployment_name("bert-large", "onnx-fp32")]["performance"]
    timings["memory_method"] = "VmHWM"
    assert "every 10 ms" not in printed(results, width=140)
    timings["memory_method"] = "sampled"
    assert "peak of [1]: looked at every 10 ms" in printed(results, width=140)


def test_tuned_settings_have_a_table_of_their_own(printed: Printed) -> None:
    results = synthetic.small()
    tuned = {"setting": {"sessions": 2, "threads": 1, "token_budget": 512}, "reason": "", "ratio": 1.18}
    rates = {"samples_per_second": 118.0, "default_samples_per_second": 100.0, "measured_again": 1.18}
    none = dict.fromkeys(rates)
    told: list[dict[str, Any]] = [
        {**tuned, **rates},
        {**tuned, **rates, "samples_per_second": 100.0, "ratio": 1.0, "measured_again": 0.95},
        {**tuned, **none, "ratio": 1.0, "reason": "no memory"},
    ]
    listed = [d for d in results["tasks"][QA]["deployments"].values() if d["performance"]]
    for entry, found in zip(listed, told, strict=False):
        entry["performance"]["tuned"] = found
    text = section(printed(results, width=140), "Speed, memory and quality")
    lines = [" ".join(line.split()) for line in text[text.index("The fastest setting for offline") :].splitlines()]
    assert "[1] fp32 1.2x 118 100 2 1 512" in lines
    assert any(line.endswith("1.0x 100 100 2 1 512") for line in lines)
    said = " ".join(lines)
    assert "what the search chose has 0.95x the rate, measured again" in said
    assert "what the search chose could not be opened beside the study's own (no memory)" in said


def test_load_stages_and_fixed_shapes_have_tables_of_their_own(printed: Printed) -> None:
    results = synthetic.small()
    for entry in results["tasks"][QA]["deployments"].values():
        entry["performance"] |= {
            "single_stream": entry["performance"]["single_stream"] | {"p90_bound_ms": 444.4, "tail_steady": False},
            "multi_stream": filled(LatencyFigures, p99_ms=3333.3, steady=True, tail_steady=True),
            "server": filled(ServerFigures, rate=12.5, p99_ms=99.0, bound_ms=777.7, bound_from="study", steady=True),
            "intervals": filled(Intervals, single_stream_p50_ms=[150.5, 160.5]),
            "latency_breakdown": {
                "request": {"tokenise": 1, "batch": 1, "compute": 7, "decode": 1},
                "batch": {"tokenise": 7, "batch": 1, "compute": 1, "decode": 1},
                "device": None,
            },
            "sweep": [
                filled(ShapeFigures, batch=1, length=128, p50_ms=55.5, steady=True),
                filled(ShapeFigures, batch=8, length=1024, steady=True, reason="too long for it"),
            ],
        }
    table = section(printed(results, width=140), "Speed, memory and quality")
    load, rest = table[table.index("Latency and load") :].split("Where the time goes")
    stages, shapes = rest.split("Fixed shapes")
    assert {"444.4", "3,333.3", "12.5", "777.7", f"150.5{EN_DASH}160.5"} <= set(row(load, "[3]"))
    assert any(cell.startswith("!") for cell in row(load, "[3]")) and "(the study's)" in load
    assert row(stages, "[3]")[4:8] == ["10", "10", "70", "10"]
    assert row(stages, "[3]")[-2:] == ["compute", "tokenisation"]
    on_a_device = {"host_to_device": 1, "compute": 5, "device_to_host": 1}
    for entry in results["tasks"][QA]["deployments"].values():
        entry["performance"]["latency_breakdown"]["device"] = on_a_device
    table = section(printed(results, width=140), "Speed, memory and quality")
    assert row(table.split("Where the time goes")[1], "[3]")[-3:] == ["device", "host", "(tokenisation)"]
    assert row(shapes, "[3]")[-2:] == ["55.5", "-"] and "could not be run: too long for it" in shapes


def test_what_is_achieved_of_the_machine_has_a_table(printed: Printed) -> None:
    results = synthetic.small()
    assert "Against the machine's ceilings" not in printed(results)
    for entry, arithmetic in zip(results["tasks"][QA]["deployments"].values(), ("fp32", "int8", "int8"), strict=False):
        entry["performance"]["efficiency"] = filled(
            Efficiency,
            operations_per_sample=33.3e9,
            arithmetic=arithmetic,
            operations_per_second=44.44e9,
            operations_ceiling=88.9e9,
            operations_share=0.51,
            weight_bytes=77.7 * 2**20,
            bytes_per_second=5.55e9,
            bytes_ceiling=22.2e9,
            bytes_share=0.25,
        )
    table = section(printed(results, width=140), "Speed, memory and quality").split("Against the machine's ceilings")[1]
    assert {"33.3", "44.4", "51", "77.7", "5.55", "25"} <= set(row(table, "[2]"))
    assert "a product in fp32 89 GFLOP/s, a product in int8 89 GFLOP/s, an addition 22.2 GB/s" in " ".join(
        table.split()
    )


def test_a_deployment_whose_timing_failed_is_still_compared(printed: Printed) -> None:
    results = synthetic.small()
    name = deployment_name("bert-large", "onnx-int8-dynamic")
    results["tasks"][QA]["deployments"][name] |= {
        "status": "failed",
        "reason": "timed out",
        "performance": None,
    }
    text = printed(results)
    assert row(section(text, "Speed, memory and quality"), "[3]")[2] == "failed"
    assert row(section(text, "Prediction errors"), "[3]")[2] == "0.89"


def test_a_scenario_that_failed_leaves_the_figures_of_the_others(printed: Printed) -> None:
    results = synthetic.small()
    entry = results["tasks"][QA]["deployments"][deployment_name("bert-large", "onnx-int8-dynamic")]
    before = row(section(printed(results), "Speed, memory and quality"), "[3]")
    entry |= {"status": "failed", "reason": "the process died of SIGSEGV; last heard of: offline"}
    entry["performance"] |= {"offline": None, "peak_memory_bytes": None}
    text = printed(results)
    after = row(section(text, "Speed, memory and quality"), "[3]")
    assert after[:5] == before[:5] and after[5:7] == ["failed", "-"] and after[7:] == before[7:]
    assert "last heard of: offline" in " ".join(section(text, "Failures").split())


def test_matrix_has_the_figure_below_and_chance_above(printed: Printed) -> None:
    text = section(printed(synthetic.small()), "Prediction errors")
    matrix = text[text.index("Pairs:") :]
    assert row(matrix, "[1]") == ["[1]", "[2]", "[3]", "[4]", "[5]", "[6]"]
    first = next(line for line in matrix.splitlines() if "[1] bert-large/fp32" in line).split()
    assert first[2:] == ["14%", ".14", ".11", ".12", ".12", ".13"]
    third = next(line for line in matrix.splitlines() if "[3] bert-large" in line).split()
    assert third[2:] == [".89", ".88", "15%", ".15", ".14", ".13"]
    assert "widest 95 % interval" in matrix


def test_many_deployments_make_a_matrix_of_models_unless_all_are_asked_for(printed: Printed) -> None:
    results = synthetic.envelope({QA: synthetic.whole_task(QA)})
    few = section(printed(results), "Prediction errors")
    header = next(line for line in few[few.index("Pairs:") :].splitlines() if "[5]" in line)
    assert header.split() == ["[1]", "[5]", "[9]", "[13]", "[17]", "[21]", "[25]"]
    everything = printed(results, all_pairs=True)
    matrix = section(everything, "Prediction errors")
    matrix = matrix[matrix.index("Pairs:") :]
    headers = [line for line in matrix.splitlines() if re.fullmatch(r"( +\[\d+\])+", line)]
    assert len(headers) > 1  # in blocks
    assert sum(len(line.split()) for line in headers) == 24  # 25 less the one that failed


def test_floors_stand_in_the_tables_and_mark_figures(printed: Printed) -> None:
    entry = synthetic.whole_task(QA)
    text = section(printed(synthetic.envelope({QA: entry})), "Prediction errors")
    assert "bert-large-seed1 (seed floor: trained again)" in text
    assert "execution floor" not in text  # its rows stand with what changed, once
    changed = section(printed(synthetic.envelope({QA: entry})), "Quantized against distilled")
    assert "execution floor: bert-large run again" in changed
    assert row(text, "[2]")[2] == "?0.97"
    assert row(text, "[3]")[2] == "0.89"
    verdicts = entry["characteristics"]["prediction_errors"]["strata"]["all"]["verdicts"]["jaccard"]
    verdicts[deployment_name("bert-large", "onnx-fp16")]["conclusion"] = "same"
    assert row(section(printed(synthetic.envelope({QA: entry})), "Prediction errors"), "[2]")[2] == "~0.97"


def test_side_effects_are_grouped_by_cause(printed: Printed) -> None:
    text = section(printed(synthetic.envelope({QA: synthetic.whole_task(QA)})), "Quantized against distilled")
    order = [
        "precision: bert-large in fewer bits",
        "architecture: other models in FP32",
        "both: bert-tiny in fewer bits",
        "seed floor: trained with another seed",
        "execution floor: bert-large run again",
    ]
    places = [text.index(heading) for heading in order]
    assert places == sorted(places)
    found = row(text, "[9]")
    assert found[1:5] == ["distilbert", "8.6x", "90", "56"]
    assert float(found[6].removesuffix("x")) == pytest.approx(float(found[5]) / 8, rel=0.3)  # times the seed floor
    assert "execution floor 0.1 %" in " ".join(text.split())
    # by a step alone: INT8 against the same model's FP32, not against the reference
    steps = [line.split() for line in text[text.index("Where it comes from") :].splitlines() if "> [" in line]
    (int8,) = (step for step in steps if step[:3] == ["[21]", ">", "[23]"])
    assert int8[4] == "3.7x" and float(int8[8]) < 10


def test_every_link_of_the_chain_is_told_by_itself(printed: Printed) -> None:
    entry = synthetic.whole_task(QA)
    text = section(printed(synthetic.envelope({QA: entry})), "Quantized against distilled")
    text = text[text.index("Where it comes from") :]
    assert text.index("architecture: the reference's model") < text.index("precision: a model's FP32")
    line = next(line for line in text.splitlines() if "> [9] distilbert" in line)
    pair = next(
        pair
        for pair in entry["characteristics"]["prediction_errors"]["strata"]["all"]["pairs"]
        if {pair["a"], pair["b"]}
        == {deployment_name("bert-large", "onnx-fp32"), deployment_name("distilbert", "onnx-fp32")}
    )
    assert line.split()[5:7] == [str(pair["newly_wrong"]), str(pair["newly_right"])]
    other = round(1218 * pair["disagreement"]["value"]) - pair["newly_wrong"] - pair["newly_right"]
    assert line.split()[7] == str(other)


def test_a_speed_up_measured_in_pairs_stands_in_place_of_the_quotient_of_latencies(printed: Printed) -> None:
    results = synthetic.small(QA)
    entries = results["tasks"][QA]["deployments"]
    reference, int8 = (deployment_name("bert-large", f"onnx-{form}") for form in ("fp32", "int8-dynamic"))
    entries[int8]["performance"]["paired"] = synthetic.paired(reference, 2.5, 2.42, 2.61)
    entries[reference]["performance"]["single_stream"]["disturbed"] = True
    table = section(printed(results, width=200), "Speed, memory and quality")
    assert row(table, "[3]")[4] == "2.5x" and "2.42\u20132.61" in row(table, "[3]")
    assert row(table, "[1]")[4] == "1.0x"
    assert row(table, "[2]")[4] == "-"  # it was not measured in pairs: a column has one measure
    assert "speed-up: of single requests, timed in pairs with the reference." in " ".join(table.split())
    task = view_of(QA, results["tasks"][QA])
    one, other = task.by_name[int8], task.by_name[deployment_name("bert-tiny", "onnx-fp32")]
    assert task.speed_up(one) == 2.5 and task.speed_up_interval(one) == (2.42, 2.61)
    assert task.speed_up(other) is None is task.ranked_speed_up(other)
    assert task.speed_up_interval(other) is None and task.speed_up_interval(task.by_name[reference]) == (1.0, 1.0)
    entries[other.name]["performance"]["paired"] = synthetic.paired(reference, 10.0, 9.0, 11.1)
    task = view_of(QA, results["tasks"][QA])
    assert task.speed_up(task.by_name[other.name], task.by_name[int8]) == 4.0
    assert task.speed_up(task.by_name[reference], task.by_name[int8]) == 0.4


def test_the_pareto_front_ranks_no_speeds_whose_intervals_overlap(printed: Printed) -> None:
    results = synthetic.small(QA)
    entries = results["tasks"][QA]["deployments"]
    reference, fp16 = (deployment_name("bert-large", f"onnx-{form}") for form in ("fp32", "fp16"))

    def by_speed() -> str:
        return row(section(printed(results, width=200), "Quantized against distilled"), "[2]")[-2]

    for interval, place in (((0.85, 0.95), "<[1]"), ((0.85, 1.02), "front"), ((1.01, 1.02), "front")):
        entries[fp16]["performance"]["paired"] = synthetic.paired(reference, 0.9, *interval)
        assert by_speed() == place
    entries[fp16]["performance"] |= {"paired": None}
    entries[fp16]["performance"]["single_stream"]["steady"] = False
    assert by_speed() == "-"


def test_the_pareto_front_names_who_beats_whom(printed: Printed) -> None:
    def table(results: dict[str, Any]) -> str:
        return section(printed(results, width=200), "Quantized against distilled")

    text = table(synthetic.small(QA))
    assert row(text, "[3]")[-2:] == ["front", "front"]  # the fastest format of the reference
    assert row(text, "[2]")[-2] == "<[1]"  # FP16 is slower than the reference here, and changes more than nothing
    assert "front: no other deployment" in " ".join(text.split())
    results = synthetic.small(QA)
    entries = results["tasks"][QA]["deployments"]
    entries[deployment_name("bert-large", "onnx-fp16")]["performance"]["single_stream"]["p50_ms"] = 1e4
    for pair in results["tasks"][QA]["characteristics"]["prediction_errors"]["strata"]["all"]["pairs"]:
        if pair["b"] == deployment_name("bert-large", "onnx-fp16"):
            pair["disagreement"] = synthetic.estimate(0.5, 0.01)
    assert row(table(results), "[2]")[-2] == "<[1]"


def test_attack_examples_mark_the_changed_words(printed: Printed) -> None:
    text = printed(synthetic.small(TEXT), width=200)
    assert "a [wonderful -> decent] film with [red]warm[/red] actors" in text
    assert "[remembers -> forgets]" in text
    assert "~~wonderful~~ **decent**" in printed(synthetic.small(TEXT), format="markdown")


def test_an_example_of_a_question_shows_its_answers(printed: Printed) -> None:
    results = synthetic.small(synthetic.QA)
    text_attack = synthetic.small(TEXT)["tasks"][TEXT]["characteristics"]["adversarial_attack"]
    results["tasks"][synthetic.QA]["characteristics"]["adversarial_attack"] = text_attack
    [example] = text_attack["examples"]
    example["answers"] = {"gold": ["1066", "1066", "in 1066"], "before": "1066", "after": ""}
    text = " ".join(printed(results).split())
    assert '(gold: "1066" or "in 1066"; before: "1066"; after: no answer):' in text
    example["answers"] = None
    assert "gold:" not in printed(results)


def test_every_figure_of_the_attack_has_its_interval_where_there_is_room(printed: Printed) -> None:
    text = printed(synthetic.small(TEXT), width=250)
    table = text[text.index("Each deployment attacked itself") :]
    assert row(table, "[1]")[-5:] == ["84\u201396", "24\u201336", "12\u201316", "80\u2013102", "0.81\u20130.85"]


def test_what_ran_out_of_budget_has_a_column_where_anything_did(printed: Printed) -> None:
    results = synthetic.small(TEXT)
    assert "budget" not in printed(results, width=200)
    attacked = results["tasks"][TEXT]["characteristics"]["adversarial_attack"]["deployments"]
    attacked[deployment_name("bert-tiny", "onnx-fp32")]["out_of_budget"] = synthetic.estimate(0.37, 0.1)
    text = printed(results, width=200)
    table = text[text.index("Each deployment attacked itself") :]
    assert row(table, "[4]")[6] == "37" and row(table, "[1]")[6] == "0"


def test_the_transfer_matrix_has_a_row_for_what_was_crafted_on_each(printed: Printed) -> None:
    results = synthetic.small(TEXT)
    rows = results["tasks"][TEXT]["characteristics"]["adversarial_attack"]["transfers"]
    int8, tiny = deployment_name("bert-large", "onnx-int8-dynamic"), deployment_name("bert-tiny", "onnx-fp32")
    rows[2]["rates"][tiny] = synthetic.estimate(0.27, 0.05)
    rows[3]["rates"][int8] = synthetic.estimate(0.81, 0.05)
    del rows[3]["rates"][deployment_name("bert-tiny", "onnx-int8-dynamic")]
    text = printed(results)
    table = text[text.index("Transfer: texts crafted on one") :]
    assert row(table, "[3]")[:3] == ["[3]", "bert-large/int8-dynamic", "56"]
    assert row(table, "[3]")[6] == "27"
    assert row(table, "[4]")[5] == "81"
    assert row(table, "[4]")[-1] == "-"


def transfer_table(text: str) -> list[list[str]]:
    """The lines of the transfer matrix as words: the headings first, then a row for each deployment."""
    table = text[text.index("Transfer: texts crafted on one") : text.index("Robustness against speed-up")]
    lines = [line.split() for line in table.splitlines()]
    return [line for line in lines if line[:1] == ["crafted"] or (line[:1] and line[0].startswith("["))]


def test_formats_of_one_model_are_shown_beside_every_model_in_fp32(printed: Printed) -> None:
    """Of 28 deployments the formats of one model were attacked: its rows, and what the other models make of them."""
    results = synthetic.envelope({TEXT: synthetic.whole_task(TEXT)})
    attack = results["tasks"][TEXT]["characteristics"]["adversarial_attack"]
    attack["transfers"] = [row for row in attack["transfers"] if row["source"].startswith("bert-large/")][:4]
    text = printed(results, width=100)
    headings, *rows = transfer_table(text)
    assert [row[0] for row in rows] == ["[1]", "[2]", "[3]", "[4]"]
    # four formats of the large model, then the other five and the seed replicate in FP32
    assert headings == [
        "crafted",
        "on",
        "texts",
        *["[1]", "[2]", "[3]", "[4]", "[5]", "[9]", "[13]", "[17]", "[21]", "[25]"],
    ]
    assert all(len(row) == len(headings) for row in rows)


def test_a_large_transfer_matrix_always_shows_one_column_a_model(printed: Printed) -> None:
    results = synthetic.envelope({TEXT: synthetic.whole_task(TEXT)})
    headings, *rows = transfer_table(printed(results, width=70))
    assert headings[3:] == ["[1]", "[5]", "[9]", "[13]", "[17]", "[21]", "[25]"]
    headings, *rows = transfer_table(printed(results, width=300))
    assert len(rows) == 24 and len(headings) == 3 + 24
    headings, *rows = transfer_table(printed(results, all_pairs=True, width=300))
    assert len(rows) == 24 and len(headings) == 3 + 24


def test_robustness_stands_beside_the_speed(printed: Printed) -> None:
    text = printed(synthetic.small(TEXT))
    table = text[text.index("Robustness against speed-up") :]
    # accuracy after the attack, success against the reference, random swaps, any way to fall, missed by the attack
    assert row(table, "[1]")[2:] == ["1.0x", "30", "-", "-", "-", "20", "70", "21"]
    assert row(table, "[4]")[2:4] == ["447x", "11"]
    assert "search led astray" in " ".join(table.split())


def test_words_that_break_a_deployment_are_held_against_the_reference(printed: Printed) -> None:
    text = printed(synthetic.small(TEXT))
    table = text[text.index("Which words break whom") :]
    assert row(table, "[1]")[2:] == ["-", "wonderful", "16", "incomprehen…", "7"]
    assert row(table, "[4]")[3:] == ["wonderful", "16", "(20)", "incomprehen…", "7", "(0)"]
    assert "remembers 2" not in table  # changed in one text only


def test_changed_words_of_other_lengths_and_cut_texts() -> None:
    swapped = changed_words("a b c", "a x y c")
    assert [(word.text, word.before) for word in swapped] == [("a", None), ("x y", "b"), ("c", None)]
    long = "w " * 50
    words = cut(changed_words(f"{long}good {long}", f"{long}bad {long}"))
    assert len(words) == 13  # five on either side, the change, two cuts
    assert words[0].text == words[-1].text == "…"


def test_what_was_not_measured_is_said_once(printed: Printed) -> None:
    results = synthetic.small(TEXT)
    results["tasks"][TEXT]["characteristics"]["adversarial_attack"] = None
    text = printed(results)
    assert section(text, "Not measured in this run").split() == ["adversarial", "attack."]
    results["tasks"][TEXT]["characteristics"] |= {"data_distribution": None}
    assert "data distribution, adversarial attack." in section(printed(results), "Not measured in this run")


def test_failures_have_reason_and_command(printed: Printed) -> None:
    text = section(printed(synthetic.envelope({QA: synthetic.whole_task(QA)})), "Failures")
    assert text.count("NaN in the logits") == 1  # not once more for the deployment
    assert "    $ scalemodel run paper/published --only 'bert-medium/onnx-fp16@onnxruntime-cpu'" in text


def test_steps_that_were_skipped_stand_under_their_cause(printed: Printed) -> None:
    results = synthetic.small()
    task = results["tasks"][QA]
    command = "scalemodel step 12"
    skipped = {"status": "skipped", "reason": "could not train bert-tiny", "command": command}
    names = [name for name in task["deployments"] if name.startswith("bert-tiny")]
    for name in names:
        task["deployments"][name] |= {"quality": None, **skipped, "status": "failed", "step": f"run {name}"}
    task["failures"] = [
        synthetic.failed_step(model="bert-tiny", format="onnx-fp32", step="export bert-tiny", **skipped),
        synthetic.failed_step(
            model="bert-tiny",
            step="train bert-tiny on question-answering",
            status="out of memory",
            reason="killed",
            command=command,
        ),
    ]
    text = section(printed(results, width=200), "Failures")
    assert "train bert-tiny on question-answering (out of memory)\n    killed\n" in text
    assert text.count("$ ") == 1
    told = " ".join(text.split()).partition("Not done because of it: ")[2].rstrip(".")
    assert set(told.split(", ")) == {"bert-tiny/onnx-fp32", *names}


def test_steps_that_failed_for_one_reason_are_one_item(printed: Printed) -> None:
    results = synthetic.small()
    results["tasks"][QA]["failures"] = [
        synthetic.failed_step(
            deployment=f"m{n}", step=f"run m{n}", status="error", reason="no space", command=f"again {n}"
        )
        for n in range(12)
    ]
    text = " ".join(section(printed(results), "Failures").split())
    assert text.count("no space") == text.count("$ ") == 1
    assert "Failed for the same reason: run m1, question-answering (error), " in text
    assert text.endswith("and 5 more.")


def test_narrow_terminals_say_what_they_leave_out(printed: Printed) -> None:
    told = "more in a wider terminal: answerable 95 %, answerable points 95 %"
    assert told in " ".join(printed(synthetic.small(), width=80).split())
    assert "wider terminal" not in printed(synthetic.small(), width=200)
    assert "answerable points 95 %" in printed(synthetic.small(), format="markdown")


def test_recall_is_told_by_class_and_of_many_classes_for_those_that_lose_most(printed: Printed) -> None:
    results = synthetic.small(task=TEXT)
    found = results["tasks"][TEXT]["characteristics"]["prediction_errors"]["recalls"]
    told = " ".join(section(printed(results, width=120), "Speed, memory and quality").split())
    assert "Of the examples 612 are negative, 606 are positive. points:" in told
    for i, label in enumerate(("first", "a label as long as a sentence", "third", "fourth")):
        lost = copy.deepcopy(found["negative"])
        for change in lost["changes"].values():
            change["change"]["value"] = -0.6 - i / 10
        found[label] = lost
    told = " ".join(section(printed(results, width=120), "Speed, memory and quality").split())
    assert "Of 6 classes, the 4 in which a deployment loses most." in told
    assert "612 are a label as lo\u2026, 612 are third, 612 are fourth" in told
    assert "positive" not in told


def test_several_backends_are_told_apart(printed: Printed) -> None:
    text = printed(synthetic.two_backends())
    assert "bert-large on openvino-cpu (24 layers, 335M parameters)" in text
    assert "backend: bert-large, the same artifact on openvino-cpu" in text
    assert "export: bert-large in another FP32 format on torch-cpu" in text


# --- parts ---------------------------------------------------------------------------------------


def view(deployments: dict[str, Any], reference: str) -> TaskView:
    return view_of(QA, synthetic.task_results(QA, deployments, reference))


def deployment_named(name: str) -> dict[str, Any]:
    model, form, backend = re.split("[/@]", name)
    return deployment(QA, model, form, backend)


def test_causes() -> None:
    names = [
        deployment_name("bert-large", "onnx-fp32"),
        deployment_name("bert-large", "torch-fp32", "torch-cpu"),
        deployment_name("bert-large", "onnx-fp32", "openvino-cpu"),
        deployment_name("bert-large", "onnx-int8-static"),
        deployment_name("bert-tiny", "onnx-fp32"),
        deployment_name("bert-tiny", "onnx-fp16"),
    ]
    deployments = {name: deployment_named(name) for name in names}
    task = view(deployments, names[0])
    found = [causes.cause(task.by_name[name], task.reference_deployment) for name in names]
    assert found == ["reference", "export", "backend", "precision", "architecture", "both"]


def test_pruned_models_are_a_family_of_their_own() -> None:
    """In FP32 they are neither another architecture nor another precision; in fewer bits they are both."""
    names = [
        deployment_name(model, form)
        for model in ("bert-large", "sparse")
        for form in ("onnx-fp32", "onnx-fused", "onnx-int4")
    ]
    deployments = {name: deployment_named(name) for name in names}
    for name in names[3:]:
        deployments[name]["pruned_of"] = "bert-large"
    task = view(deployments, names[0])
    found = [causes.cause(task.by_name[name], task.reference_deployment) for name in names]
    assert found == ["reference", "export", "precision", "pruning", "pruning", "both"]
    link = causes.pruning_step(task, task.by_name[names[3]])
    assert link is not None and (link.before.name, link.after.name) == (names[0], names[3])
    assert causes.architecture_step(task, task.by_name[names[3]]) is None


def test_numbers_start_with_the_reference_and_its_model() -> None:
    names = [d.name for d in view_of(QA, synthetic.whole_task(QA)).deployments]
    assert names[0] == deployment_name("bert-large", "onnx-fp32")
    assert names[4] == deployment_name("bert-base", "onnx-fp32")
    assert names[-2:] == [f"{deployment_name('bert-large', form)}#rerun" for form in ("onnx-fp32", "onnx-int8-dynamic")]


def test_pairs_turn_around() -> None:
    (pair, *_) = view_of(QA, synthetic.whole_task(QA)).error_pairs["all"]
    pairs = Pairs([replace(pair, a="x", b="y", newly_wrong=3, newly_right=1)])
    found, turned = pairs.between("x", "y"), pairs.between("y", "x")
    assert found is not None and turned is not None
    assert (found.newly_wrong, found.newly_right) == (3, 1) == (turned.newly_right, turned.newly_wrong)
    assert (turned.a, turned.b) == ("y", "x") and turned.jaccard == found.jaccard
    assert turned.negative_flip_rate == found.positive_flip_rate
    assert pairs.between("x", "z") is None


def test_conclusions_are_those_of_the_results() -> None:
    entry = synthetic.whole_task(QA)
    task = view_of(QA, entry)
    fp16, tiny = (
        task.by_name[deployment_name(*of)] for of in (("bert-large", "onnx-fp16"), ("bert-tiny", "onnx-fp32"))
    )
    verdicts = entry["characteristics"]["prediction_errors"]["strata"]["all"]["verdicts"]["disagreement"]
    for held in (fp16, tiny):
        assert conclusion(task, DISAGREEMENT, held) == verdicts[held.name]["conclusion"]
    assert verdicts[tiny.name]["floor"]["value"] > 0.05  # another model is held against another seed
    del verdicts[tiny.name]
    assert conclusion(view_of(QA, entry), DISAGREEMENT, tiny) is None
