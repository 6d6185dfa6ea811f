"""A finished ONNX file becomes an artifact: what is found in it, what is added to it, and what is refused."""

from __future__ import annotations

import json
import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper

from backends.registry import open_backend
from exporters.errors import ExportError
from exporters.manifest import read_manifest, verify_files
from exporters.onnx.graph_facts import tensor_shapes
from exporters.pooling import POOLINGS, pool, pooling_nodes
from exporters.prebuilt.onnx import DeclaredMetadata, check_outputs, export_prebuilt, look_at
from exporters.prebuilt.outputs import last_normalisation
from exporters.tasks import QUESTION_ANSWERING
from tests.exporters.small_model import small_model

LABELS = ("bad", "fair", "good")


def options(name: str, pooling: str = "cls", **declared: Any) -> dict[str, Any]:
    answering = name.endswith("qa")
    return {
        "task": "question-answering" if answering else "text-classification",
        "labels": () if answering else LABELS,
        "pooling": pooling,
        "declared": DeclaredMetadata(**declared),
    }


def take_in(path: Path, destination: Path, chosen: dict[str, Any]) -> Any:
    destination.mkdir()
    (destination / "tokenizer.json").write_text("{}", encoding="utf-8")
    manifest = export_prebuilt(path, destination, digests=look_at(path, **chosen).digests, **chosen)
    verify_files(destination, manifest)
    assert read_manifest(destination) == manifest
    return manifest


def without_representation(path: Path, destination: Path) -> Path:
    """The model as others export it: its logits alone."""
    model = onnx.load(str(path))
    graph = model.graph
    outputs = [value.name for value in graph.output if value.name != "representation"]
    cut = onnx.utils.Extractor(model).extract_model([value.name for value in graph.input], outputs)
    onnx.save(cut, str(destination))
    return destination


def renamed(path: Path, destination: Path, names: dict[str, str]) -> Path:
    """The model with other names of tensors, wherever they stand."""
    model = onnx.load(str(path))
    for node in model.graph.node:
        for row in (node.input, node.output):
            for index, name in enumerate(row):
                row[index] = names.get(name, name)
    for value in (*model.graph.input, *model.graph.output):
        value.name = names.get(value.name, value.name)
    onnx.save(model, str(destination))
    return destination


def refused(path: Path, chosen: dict[str, Any], *parts: str) -> None:
    with pytest.raises(ExportError) as caught:
        look_at(path, **chosen)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message, message


@pytest.mark.parametrize(
    ("format", "precision"),
    [
        ("onnx-fp32", "fp32"),
        ("onnx-fp16", "fp16"),
        ("onnx-int8-dynamic", "int8 weights, activations scaled at run time"),
        ("onnx-int8-static", "int8 weights, int8 activations"),
    ],
)
@pytest.mark.parametrize("name", ["bert-classes", "distilbert-qa"])
def test_what_lacks_nothing_is_copied_and_described(name, format, precision, tmp_path, artifact):
    source = artifact(name, format) / "model.onnx"
    manifest = take_in(source, tmp_path / "own", options(name))
    copy = tmp_path / "own" / "model.onnx"
    assert copy.read_bytes() == source.read_bytes()
    assert copy.stat().st_ino != source.stat().st_ino
    exported = read_manifest(source.parent)
    assert manifest.found["changes"] == []
    assert (manifest.precision, manifest.layers, manifest.hidden) == (precision, 2, 32)
    assert manifest.parameters == pytest.approx(exported.parameters, rel=0.05)
    assert (manifest.inputs, manifest.outputs, manifest.opset) == (exported.inputs, exported.outputs, exported.opset)
    assert manifest.files["model.onnx"] == exported.files["model.onnx"]
    assert bool(manifest.found["quantization"]) == ("int8" in format)
    if "int8" not in format:
        assert manifest.found["vocabulary"] == 120


def test_the_precision_that_is_told_stands(tmp_path, artifact):
    source = artifact("bert-qa", "onnx-fp32") / "model.onnx"
    assert take_in(source, tmp_path / "own", options("bert-qa", precision="fp16")).precision == "fp16"


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("name", ["bert-qa", "distilbert-qa", "bert-classes", "distilbert-classes"])
@pytest.mark.parametrize("format", ["onnx-fp32", "onnx-fp16", "onnx-int8-static"])
def test_the_representation_is_found_where_the_exporters_take_it(
    format, name, pooling, tmp_path, artifact, batches, run
):
    exported = artifact(name, format, pooling)
    bare = without_representation(exported / "model.onnx", tmp_path / "bare.onnx")
    manifest = take_in(bare, tmp_path / "own", options(name, pooling))
    assert "the last normalisation before the head" in manifest.found["representation"]
    assert manifest.hidden == 32
    for expected, actual in zip(run(exported, batches), run(tmp_path / "own", batches), strict=True):
        assert expected.keys() == actual.keys()
        for output, array in expected.items():
            tolerance = 2e-3 if format == "onnx-fp16" else 1e-6
            np.testing.assert_allclose(actual[output], array, atol=tolerance, rtol=tolerance)
            assert actual[output].dtype == np.float32


def test_a_last_hidden_state_among_the_outputs_is_pooled(tmp_path, artifact, batches, run):
    exported = artifact("bert-classes", "onnx-fp32", "mean")
    bare = without_representation(exported / "model.onnx", tmp_path / "bare.onnx")
    model = onnx.load(str(bare))
    last = last_normalisation(model.graph, ["logits"], tensor_shapes(model))
    assert last is not None
    first = next(node.output[0] for node in model.graph.node if "Norm" in node.output[0] and node.output[0] != last)
    for tensor in (last, first):
        model.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, ["b", "l", 32]))
    onnx.save(model, str(tmp_path / "two.onnx"))
    # Two of rank 3: which of them is the last hidden state is for a person to say.
    refused(tmp_path / "two.onnx", options("bert-classes", "mean"), last, "representation: NAME", "none")
    take_in(tmp_path / "two.onnx", tmp_path / "told", options("bert-classes", "mean", representation=last))
    named = renamed(tmp_path / "two.onnx", tmp_path / "named.onnx", {last: "last_hidden_state"})
    manifest = take_in(named, tmp_path / "found", options("bert-classes", "mean"))
    assert "'last_hidden_state'" in manifest.found["representation"]
    for folder in ("told", "found"):
        for expected, actual in zip(run(exported, batches), run(tmp_path / folder, batches), strict=True):
            np.testing.assert_allclose(actual["representation"], expected["representation"], atol=1e-6)


def test_one_that_is_pooled_already_is_taken_by_name_as_it_is(tmp_path, artifact, batches, run):
    exported = artifact("bert-classes", "onnx-fp32", "mean")
    source = renamed(exported / "model.onnx", tmp_path / "other.onnx", {"representation": "sentence"})
    take_in(source, tmp_path / "own", options("bert-classes", "cls", representation="sentence"))
    for expected, actual in zip(run(exported, batches), run(tmp_path / "own", batches), strict=True):
        np.testing.assert_array_equal(actual["representation"], expected["representation"])


def test_none_leaves_the_representation_out(tmp_path, artifact):
    bare = without_representation(artifact("bert-qa", "onnx-fp32") / "model.onnx", tmp_path / "bare.onnx")
    manifest = take_in(bare, tmp_path / "own", options("bert-qa", representation="none"))
    assert [output.name for output in manifest.outputs] == ["start_logits", "end_logits"]
    assert manifest.hidden is None and manifest.found["changes"] == []
    assert (tmp_path / "own" / "model.onnx").read_bytes() == bare.read_bytes()


@pytest.mark.parametrize("names", [("first", "last"), ("end_logits", "start_logits")])
def test_logits_of_other_names_even_swapped_ones(names, tmp_path, artifact, batches, run):
    exported = artifact("bert-qa", "onnx-fp32")
    given = dict(zip(QUESTION_ANSWERING.outputs, names, strict=True))
    source = renamed(exported / "model.onnx", tmp_path / "other.onnx", given)
    take_in(source, tmp_path / "own", options("bert-qa", **given))
    for expected, actual in zip(run(exported, batches), run(tmp_path / "own", batches), strict=True):
        for name in QUESTION_ANSWERING.outputs:
            np.testing.assert_array_equal(actual[name], expected[name])


@pytest.mark.parametrize(
    "names",
    [
        {"attention_mask": "input_mask", "token_type_ids": "segment_ids"},  # those of MLPerf, and of BERT's own code
        {"attention_mask": "token_type_ids", "token_type_ids": "attention_mask"},
        {"input_ids": "args_0", "attention_mask": "args_0_1", "token_type_ids": "args_0_2"},
    ],
)
def test_inputs_of_other_names_even_swapped_ones(names, tmp_path, artifact, batches, run):
    exported = artifact("bert-classes", "onnx-fp32", "mean")
    source = renamed(exported / "model.onnx", tmp_path / "other.onnx", names)
    manifest = take_in(source, tmp_path / "own", options("bert-classes", "mean", **names))
    assert manifest.found["changes"] == [f"input {own!r} called {name!r}" for name, own in names.items()]
    for expected, actual in zip(run(exported, batches), run(tmp_path / "own", batches), strict=True):
        for name in expected:
            np.testing.assert_array_equal(actual[name], expected[name])


def test_an_input_whose_usual_name_a_tensor_inside_has(tmp_path, artifact, batches, run):
    """TensorFlow's exports call the additive mask so."""
    exported = artifact("bert-classes", "onnx-fp32")
    model = onnx.load(str(exported / "model.onnx"))
    made = next(node.output[0] for node in model.graph.node if "attention_mask" in node.input)
    names = {"attention_mask": "input_mask"}
    source = renamed(exported / "model.onnx", tmp_path / "other.onnx", {**names, made: "attention_mask"})
    take_in(source, tmp_path / "own", options("bert-classes", **names))
    for expected, actual in zip(run(exported, batches), run(tmp_path / "own", batches), strict=True):
        np.testing.assert_array_equal(actual["logits"], expected["logits"])


def test_inputs_that_are_not_there_or_told_twice(tmp_path, artifact):
    path = artifact("bert-classes", "onnx-fp32") / "model.onnx"
    refused(path, options("bert-classes", attention_mask="mask"), "no input 'mask'", "attention_mask: NAME")
    refused(path, options("bert-classes", attention_mask="token_type_ids"), "'attention_mask' beside 'token_type_ids'")
    odd = renamed(path, tmp_path / "odd.onnx", {"attention_mask": "a", "token_type_ids": "b"})
    refused(odd, options("bert-classes", attention_mask="a", token_type_ids="a"), "one input for attention_mask and")


@pytest.mark.parametrize("kind", [TensorProto.INT64, TensorProto.INT32])
@pytest.mark.parametrize("first", [0, 2])
def test_positions_are_made_and_narrow_integers_cast(first, kind, tmp_path, batches, run):
    small_model(tmp_path / "small.onnx", inputs=("input_ids", "attention_mask", "position_ids"), kind=kind)
    manifest = take_in(tmp_path / "small.onnx", tmp_path / "own", options("bert-classes", first_position=first))
    assert [(value.name, value.dtype) for value in manifest.inputs] == [
        ("input_ids", "int64"),
        ("attention_mask", "int64"),
    ]
    narrow = 2 if kind == TensorProto.INT32 else 0
    assert len(manifest.found["changes"]) == 2 + narrow  # positions, and the representation
    session = onnxruntime.InferenceSession(str(tmp_path / "small.onnx"), providers=["CPUExecutionProvider"])
    short = [
        {**batch, "input_ids": np.where(batch["attention_mask"] == 0, max(0, first - 1), batch["input_ids"])}
        for batch in batches
        if first + batch["input_ids"].shape[1] <= 64
    ]
    for batch, actual in zip(short, run(tmp_path / "own", short), strict=True):
        rows, length = batch["input_ids"].shape
        kept = batch["input_ids"] != first - 1
        roberta = kept.cumsum(1) * kept + first - 1  # as RobertaEmbeddings counts them
        feeds = {
            "input_ids": batch["input_ids"],
            "attention_mask": batch["attention_mask"],
            "position_ids": roberta if first else np.tile(np.arange(length), (rows, 1)),
        }
        dtype = np.int32 if narrow else np.int64
        (expected,) = session.run(["logits"], {name: array.astype(dtype) for name, array in feeds.items()})
        np.testing.assert_allclose(actual["logits"], expected, atol=1e-6)


@pytest.mark.parametrize("opset", [11, 12, 13, 18])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_pooling_in_the_graph_is_pooling_in_torch(kind, pooling, opset):
    generator = np.random.default_rng(3)
    hidden = generator.normal(size=(3, 5, 4)).astype(kind)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], dtype=np.int64)
    element = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    graph = helper.make_graph(
        pooling_nodes("hidden", "attention_mask", "representation", pooling, opset),
        "pooling",
        [
            helper.make_tensor_value_info("hidden", element, ["b", "l", 4]),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["b", "l"]),
        ],
        [helper.make_tensor_value_info("representation", TensorProto.FLOAT, ["b", 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {"hidden": hidden, "attention_mask": mask}
    (actual,) = session.run(None, {value.name: feeds[value.name] for value in session.get_inputs()})
    expected = pool(torch.from_numpy(hidden.astype(np.float32)), torch.from_numpy(mask), pooling).numpy()
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def test_weights_beside_the_file_come_along(tmp_path, artifact, batches, run):
    exported = artifact("bert-qa", "onnx-fp32")
    bare = without_representation(exported / "model.onnx", tmp_path / "bare.onnx")
    source = beside(bare, tmp_path / "shipped")
    manifest = take_in(source, tmp_path / "own", options("bert-qa"))
    assert set(manifest.files) == {"model.onnx", "weights/all.bin", "tokenizer.json"}
    weights = tmp_path / "own" / "weights" / "all.bin"
    assert weights.stat().st_nlink == 1 and weights.read_bytes() == (source.parent / "weights/all.bin").read_bytes()
    assert manifest.parameters == pytest.approx(read_manifest(exported).parameters, rel=0.05)
    for expected, actual in zip(run(exported, batches), run(tmp_path / "own", batches), strict=True):
        np.testing.assert_allclose(actual["representation"], expected["representation"], atol=1e-6)


def test_weights_that_are_missing_short_or_elsewhere(tmp_path, artifact):
    source = beside(artifact("bert-qa", "onnx-fp32") / "model.onnx", tmp_path / "shipped")
    weights = source.parent / "weights" / "all.bin"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-10])
    refused(source, options("bert-qa"), str(weights), f"{len(whole) - 10:,} bytes", "copy it again")
    weights.unlink()
    refused(source, options("bert-qa"), "'weights/all.bin'", "not beside it")
    for place in ("../outside.bin", "/etc/hostname", "", "tokenizer.json"):
        model = onnx.load(str(source), load_external_data=False)
        for weight in model.graph.initializer:
            for entry in weight.external_data:
                if entry.key == "location":
                    entry.value = place
        onnx.save(model, str(source.parent / "odd.onnx"))
        refused(source.parent / "odd.onnx", options("bert-qa"), repr(place), "no name of a file beside it")


def test_weights_behind_links(tmp_path, artifact):
    """Within the folder, or into the blobs of a hub's cache; never anywhere else."""
    source = beside(artifact("bert-qa", "onnx-fp32") / "model.onnx", tmp_path / "shipped")
    weights = source.parent / "weights" / "all.bin"
    inside, elsewhere = weights.rename(source.parent / "inside.bin"), tmp_path / "elsewhere" / "all.bin"
    weights.symlink_to("../inside.bin")
    found = look_at(source, **options("bert-qa")).digests

    elsewhere.parent.mkdir()
    inside.rename(elsewhere)
    weights.unlink()
    weights.symlink_to(elsewhere)
    refused(source, options("bert-qa"), str(weights), f"is a link to {elsewhere}, outside of its folder")
    weights.unlink()
    weights.parent.rmdir()
    weights.parent.symlink_to(elsewhere.parent)
    refused(source, options("bert-qa"), str(weights), f"is a link to {elsewhere}, outside of its folder")
    with pytest.raises(ExportError, match="outside of its folder"):
        take_in(source, tmp_path / "own", options("bert-qa"))

    hub = tmp_path / "models--org--name"
    snapshot = hub / "snapshots" / "0123" / "onnx"
    (hub / "blobs").mkdir(parents=True)
    (snapshot / "weights").mkdir(parents=True)
    source.rename(hub / "blobs" / "a")
    elsewhere.rename(hub / "blobs" / "b")
    (snapshot / "model.onnx").symlink_to("../../../blobs/a")
    (snapshot / "weights" / "all.bin").symlink_to("../../../../blobs/b")
    assert look_at(snapshot / "model.onnx", **options("bert-qa")).digests == found
    (hub / "blobs" / "b").rename(elsewhere)
    (hub / "blobs" / "b").symlink_to(elsewhere)
    refused(snapshot / "model.onnx", options("bert-qa"), f"is a link to {elsewhere}, outside of its folder")


def test_a_file_that_changes_under_way(tmp_path, artifact):
    source = tmp_path / "mine.onnx"
    source.write_bytes((artifact("bert-qa", "onnx-fp32") / "model.onnx").read_bytes())
    digests = look_at(source, **options("bert-qa")).digests
    source.write_bytes((artifact("bert-qa", "onnx-fp16") / "model.onnx").read_bytes())
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "tokenizer.json").write_text("{}")
    with pytest.raises(ExportError, match=r"mine\.onnx changed since the study was read"):
        export_prebuilt(source, tmp_path / "own", digests=digests, **options("bert-qa"))
    assert not (tmp_path / "own" / "manifest.json").exists()


def test_files_that_are_no_models(tmp_path, artifact):
    whole = (artifact("bert-qa", "onnx-fp32") / "model.onnx").read_bytes()
    cases = {
        "half.onnx": (whole[: len(whole) // 2], "no whole ONNX file"),
        "short.onnx": (whole[:-1], "no whole ONNX file"),
        "empty.onnx": (b"", "0 bytes"),
        "text.onnx": (b"version https://git-lfs.github.com/spec/v1\n", "no whole ONNX file"),
    }
    for name, (content, words) in cases.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, options("bert-qa"), name, words, "again")
    refused(tmp_path, options("bert-qa"), "is a folder", ".onnx file in it")
    refused(tmp_path / "nowhere.onnx", options("bert-qa"), "nowhere.onnx", "no such file")


def test_what_does_not_fit_the_study(tmp_path, artifact):
    classes, spans = (artifact(name, "onnx-fp32") / "model.onnx" for name in ("bert-classes", "bert-qa"))
    two = {**options("bert-classes"), "labels": ("bad", "good")}
    refused(classes, two, "'logits'", "3 classes", "labels are 2")
    refused(spans, options("bert-classes"), "no output 'logits'", "start_logits (free, free)", "logits: NAME")
    refused(classes, options("bert-qa"), "no output 'start_logits'", "start_logits: NAME")
    refused(spans, options("bert-qa", representation="nothing"), "'nothing'", "representation: NAME")
    odd = renamed(spans, tmp_path / "odd.onnx", {"token_type_ids": "segments"})
    refused(odd, options("bert-qa"), "'segments'", "position_ids", "token_type_ids: segments")
    odd = renamed(spans, tmp_path / "odd.onnx", {"attention_mask": "mask"})
    refused(odd, options("bert-qa"), "no input 'attention_mask'", "mask", "attention_mask: NAME")


def test_what_a_file_says_of_itself_is_not_contradicted(tmp_path, artifact):
    path = artifact("bert-classes", "onnx-fp16", "mean") / "model.onnx"  # exported with LABELS
    chosen = options("bert-classes", "mean")
    assert look_at(path, **chosen).metadata["labels"] == json.dumps(LABELS, ensure_ascii=False)
    assert look_at(path, **{**chosen, "labels": ("poor", "middling", "fine")})
    refused(path, {**chosen, "labels": ("good", "fair", "bad")}, str(path), "bad, fair, good, in this order")
    refused(path, options("bert-classes", "cls"), str(path), "pooled by 'mean', not 'cls'", "representation: none")
    assert look_at(path, **options("bert-classes", "cls", representation="none"))
    bare = without_representation(path, tmp_path / "bare.onnx")
    assert look_at(bare, **options("bert-classes", "cls"))  # pooled here, so its own pooling does not matter


def test_a_file_of_another_task(tmp_path, artifact):
    model = onnx.load(str(artifact("bert-qa", "onnx-fp32") / "model.onnx"))
    for entry in model.metadata_props:
        if entry.key == "scalemodel.task":
            entry.value = "text-classification"
    onnx.save(model, str(tmp_path / "model.onnx"))
    refused(tmp_path / "model.onnx", options("bert-qa"), "exported for text-classification, not question-answering")


def test_changed_bytes_are_one_line_too(tmp_path):
    """Names that are no text, types that there are not, nodes without inputs: whatever still parses."""
    small_model(tmp_path / "small.onnx")
    whole = (tmp_path / "small.onnx").read_bytes()
    generator, refusals = random.Random(0), 0
    for _ in range(300):
        damaged = bytearray(whole)
        place = generator.randrange(500)
        damaged[place if generator.random() < 0.5 else -1 - place] = generator.randrange(256)
        (tmp_path / "small.onnx").write_bytes(bytes(damaged))
        try:
            look_at(tmp_path / "small.onnx", **options("bert-classes"))
        except ExportError as error:
            assert str(error).isprintable()
            refusals += 1
    assert refusals > 30


@pytest.mark.parametrize(("axis", "what"), [(0, "batch"), (1, "length")])
def test_a_fixed_axis_is_named(axis, what, tmp_path, artifact):
    model = onnx.load(str(artifact("bert-qa", "onnx-fp32") / "model.onnx"))
    value = next(value for value in model.graph.input if value.name == "attention_mask")
    value.type.tensor_type.shape.dim[axis].dim_value = 16
    onnx.save(model, str(tmp_path / "fixed.onnx"))
    refused(tmp_path / "fixed.onnx", options("bert-qa"), "'attention_mask'", f"fixed {what} (16)", "dynamic")


def test_a_way_around_the_last_normalisation_leaves_it_to_a_person(tmp_path):
    small_model(tmp_path / "small.onnx")
    look_at(tmp_path / "small.onnx", **options("bert-classes"))
    small_model(tmp_path / "around.onnx", around=True)
    refused(tmp_path / "around.onnx", options("bert-classes"), "clearly the last hidden state", "representation: NAME")
    small_model(tmp_path / "head.onnx", normalised_head=True)
    found = look_at(tmp_path / "head.onnx", **options("bert-classes")).representation
    assert found is not None and found.tensor == "states"


def test_a_graph_that_onnx_runtime_has_fused(tmp_path, artifact, batches, run):
    exported = artifact("bert-classes", "onnx-fp32", "mean")
    bare = without_representation(exported / "model.onnx", tmp_path / "bare.onnx")
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    settings.optimized_model_filepath = str(tmp_path / "fused.onnx")
    onnxruntime.InferenceSession(str(bare), settings, providers=["CPUExecutionProvider"])
    manifest = take_in(tmp_path / "fused.onnx", tmp_path / "own", options("bert-classes", "mean"))
    assert manifest.fused_operators and manifest.layers == 2
    for expected, actual in zip(run(exported, batches), run(tmp_path / "own", batches), strict=True):
        np.testing.assert_allclose(actual["representation"], expected["representation"], atol=1e-5)


def test_a_normalisation_in_parts_as_before_opset_17(tmp_path, artifact, batches, run):
    exported = artifact("distilbert-qa", "onnx-fp32")
    bare = without_representation(exported / "model.onnx", tmp_path / "bare.onnx")
    model = onnx.load(str(bare))
    take_apart(model.graph)
    assert "LayerNormalization" not in {node.op_type for node in model.graph.node}
    onnx.save(model, str(tmp_path / "parts.onnx"))
    manifest = take_in(tmp_path / "parts.onnx", tmp_path / "own", options("distilbert-qa"))
    assert "the last normalisation" in manifest.found["representation"]
    for expected, actual in zip(run(exported, batches), run(tmp_path / "own", batches), strict=True):
        np.testing.assert_allclose(actual["representation"], expected["representation"], atol=1e-5)


@pytest.mark.parametrize("backend", ["onnxruntime-cpu", "openvino-cpu"])
@pytest.mark.parametrize("first", [0, 2])
def test_every_change_is_read_by_every_runtime(first, backend, tmp_path, batches, run):
    """Positions, narrow integers, logits of another name, and a representation that is pooled or only renamed."""
    small_model(tmp_path / "small.onnx", inputs=("input_ids", "attention_mask", "position_ids"), kind=TensorProto.INT32)
    source = renamed(tmp_path / "small.onnx", tmp_path / "odd.onnx", {"logits": "classes_of_text"})
    for tensor in ("states", "text"):
        chosen = options("bert-classes", "mean", logits="classes_of_text", representation=tensor, first_position=first)
        take_in(source, tmp_path / tensor, chosen)
        with open_backend(backend, tmp_path / tensor, format="onnx-prebuilt", task="text-classification") as opened:
            actual = [opened.infer(batch) for batch in batches[:2]]
        for expected, outputs in zip(run(tmp_path / tensor, batches[:2]), actual, strict=True):
            assert outputs.keys() == {"logits", "representation"}
            for name, array in outputs.items():
                np.testing.assert_allclose(array, expected[name], atol=1e-4)


def ended_in(path: Path, operators: tuple[str, ...], output: str = "logits", classes: int = 3) -> Path:
    """The small model, whose output is what ``operators`` make of its logits."""
    small_model(path, classes=classes)
    model = onnx.load(str(path))
    model.graph.node[-1].output[0] = "before"
    names = ["before", *(f"between{index}" for index in range(len(operators) - 1)), output]
    for operator, taken, made in zip(operators, names[:-1], names[1:], strict=True):
        attributes: dict[str, Any] = {"to": TensorProto.FLOAT} if operator == "Cast" else {}
        model.graph.node.append(helper.make_node(operator, [taken], [made], **attributes))
    model.graph.output[0].name = output
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize(
    ("operators", "output"),
    [(("Softmax",), "logits"), (("Softmax", "Cast", "Identity"), "scores"), (("LogSoftmax",), "logits")],
)
def test_probabilities_that_are_called_logits(operators, output, tmp_path, batches, run):
    """Plain ONNX Runtime on the file without its Softmax says what is right."""
    small_model(tmp_path / "plain.onnx")
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain.onnx").rename(tmp_path / "plain" / "model.onnx")
    source = ended_in(tmp_path / "mine.onnx", operators, output)
    manifest = take_in(source, tmp_path / "own", options("bert-classes", logits=output))
    assert "the Softmax's input 'before' given as 'logits' too" in manifest.found["changes"]
    for expected, actual in zip(run(tmp_path / "plain", batches), run(tmp_path / "own", batches), strict=True):
        np.testing.assert_allclose(actual["logits"], expected["logits"], atol=1e-6)


def test_a_sigmoid_for_each_label(tmp_path):
    chosen = {**options("bert-classes"), "task": "multi-label-classification"}
    manifest = take_in(ended_in(tmp_path / "mine.onnx", ("Sigmoid", "Identity")), tmp_path / "own", chosen)
    assert "the Sigmoid's input 'before' given as 'logits' too" in manifest.found["changes"]
    refused(ended_in(tmp_path / "one.onnx", ("Softmax",)), chosen, "'logits'", "Softmax's, of which one class is right")


def test_heads_that_are_no_choice_among_classes(tmp_path):
    refused(ended_in(tmp_path / "sigmoid.onnx", ("Sigmoid", "Identity")), options("bert-classes"), "multi-label")
    one = ended_in(tmp_path / "one.onnx", ("Sigmoid",), classes=1)
    refused(one, options("bert-classes"), "'logits'", "a single number", "one sigmoid")


def test_position_ids_of_an_unknown_kind(tmp_path):
    small_model(tmp_path / "small.onnx", inputs=("input_ids", "attention_mask", "position_ids"))
    refused(tmp_path / "small.onnx", options("bert-classes"), "'position_ids'", "config.json", "first_position: 0")


def test_outputs_of_another_shape_than_the_task():
    batch = {"input_ids": np.ones((2, 5), dtype=np.int64)}
    check = partial(check_outputs, batch=batch, task="text-classification", labels=3, where=Path("mine.onnx"))
    good = {"logits": np.zeros((2, 3)), "representation": np.zeros((2, 4))}
    check(good)
    for wrong, words in (
        ({"logits": np.zeros((2, 5))}, r"logits of mine.onnx is \(2, 5\)"),
        ({"representation": np.zeros(2)}, "representation: NAME"),
        ({"representation": np.zeros((2, 5, 4))}, r"\(2, hidden\)"),
    ):
        with pytest.raises(ExportError, match=words):
            check({**good, **wrong})


def beside(source: Path, folder: Path) -> Path:
    """A copy of a model that keeps all of its weights in ``weights/all.bin``."""
    (folder / "weights").mkdir(parents=True)
    model = onnx.load(str(source))
    onnx.save_model(
        model,
        str(folder / "mine.onnx"),
        save_as_external_data=True,
        location="weights/all.bin",
        size_threshold=0,
    )
    return folder / "mine.onnx"


def take_apart(graph: onnx.GraphProto) -> None:
    """Replace every LayerNormalization by the operators that exporters wrote before there was one."""
    nodes = []
    for node in graph.node:
        if node.op_type != "LayerNormalization":
            nodes.append(node)
            continue
        at, (x, scale, bias) = node.output[0], node.input
        for operator, inputs, part in (
            ("ReduceMean", [x, "last"], "mean"),
            ("Sub", [x, f"{at}/mean"], "centred"),
            ("Mul", [f"{at}/centred", f"{at}/centred"], "squared"),
            ("ReduceMean", [f"{at}/squared", "last"], "variance"),
            ("Add", [f"{at}/variance", "epsilon"], "safe"),
            ("Sqrt", [f"{at}/safe"], "deviation"),
            ("Div", [f"{at}/centred", f"{at}/deviation"], "normal"),
            ("Mul", [scale, f"{at}/normal"], "scaled"),
        ):
            nodes.append(helper.make_node(operator, inputs, [f"{at}/{part}"]))
        nodes.append(helper.make_node("Add", [f"{at}/scaled", bias], [at]))
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.append(helper.make_tensor("epsilon", TensorProto.FLOAT, [], [1e-12]))
    graph.initializer.append(helper.make_tensor("last", TensorProto.INT64, [1], [-1]))
