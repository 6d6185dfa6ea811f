"""A model given as a finished ONNX file: what the config may say of it, and what its steps depend on."""

from __future__ import annotations

import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from tokenizers import BertWordPieceTokenizer, ByteLevelBPETokenizer, Tokenizer, models, pre_tokenizers

from exporters.files import sha256
from harness.checkpoints.tokenizer_files import read_prebuilt_vocabulary, write_prebuilt_tokenizer
from harness.config.deployments import deployments
from harness.config.load import load_study
from harness.errors import UserError
from harness.planning.plan import Plan, make_plan
from harness.steps import prebuilt_artifact
from harness.tasks.fast_tokenizer import read_tokenizer
from tests.exporters.small_model import small_model

STUDY = """
study: small
formats: [onnx-fp32]
performance: {samples: 8}
tasks:
  text-classification:
    reference: big
    labels: [bad, fair, good]
    models:
      big: {checkpoint: {random: bert-tiny}}
      shipped: {artifact: {onnx: FOLDER/mine.onnx}}
    data:
      train: {embedded: train, size: 32}
      evaluation: {embedded: evaluation, size: 32}
      out_of_distribution: {embedded: out-of-distribution, size: 32}
"""
SHIPPED = "tasks.text-classification.models.shipped"
WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "film")


def save_tokenizer(folder: Path, tokens: int = len(WORDS)) -> None:
    words = {word: index for index, word in enumerate(WORDS)}
    words |= {f"word{index}": index for index in range(len(words), tokens)}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_truncation(3)
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A config, the file that it names, and its tokenizer."""
    small_model(tmp_path / "mine.onnx")
    save_tokenizer(tmp_path)
    (tmp_path / "study.yaml").write_text(STUDY.replace("FOLDER", str(tmp_path)))
    return tmp_path


def plan(folder: Path, *overrides: str) -> Plan:
    return make_plan(load_study(folder / "study.yaml", overrides))


def complaint(folder: Path, *overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        plan(folder, *overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def options_of(folder: Path, *overrides: str) -> prebuilt_artifact.Options:
    (task,) = plan(folder, *overrides).tasks
    (artifact,) = (step for step in task.artifacts if step.subject["model"] == "shipped")
    assert isinstance(artifact.options, prebuilt_artifact.Options)
    return artifact.options


def keys(folder: Path, model: str, *overrides: str) -> set[str]:
    (task,) = plan(folder, *overrides).tasks
    (found,) = [planned for planned in task.deployments if planned.deployment.model == model]
    return {found.artifact.key, *(step.key for step in (*found.outputs.values(), *found.performance))}


def test_it_has_one_format_and_no_checkpoint(folder: Path) -> None:
    planned = plan(folder, "backends=[onnxruntime-cpu, openvino-cpu]")
    assert [entry.name for entry in deployments(planned.study, "text-classification")][2:] == [
        "shipped/onnx-prebuilt@onnxruntime-cpu",
        "shipped/onnx-prebuilt@openvino-cpu",
    ]
    assert [step.subject["model"] for step in planned.checkpoints] == ["big"]


def test_it_may_be_the_reference_and_the_only_model(folder: Path) -> None:
    alone = f"tasks.text-classification.models={{shipped: {{artifact: {{onnx: {folder}/mine.onnx}}}}}}"
    planned = plan(folder, alone, "tasks.text-classification.reference=shipped")
    assert planned.checkpoints == () and len(planned.artifacts) == 1


def test_its_steps_depend_on_its_bytes_and_not_on_its_place(folder: Path) -> None:
    before, others = keys(folder, "shipped"), keys(folder, "big")
    (folder / "moved").mkdir()
    (folder / "mine.onnx").rename(folder / "moved" / "mine.onnx")
    moved = (f"{SHIPPED}.artifact.onnx={folder}/moved/mine.onnx", f"{SHIPPED}.artifact.tokenizer={folder}")
    assert keys(folder, "shipped", *moved) == before
    assert not keys(folder, "shipped", *moved, f"{SHIPPED}.artifact.precision=int8") & before
    save_tokenizer(folder, tokens=50)
    assert not keys(folder, "shipped", *moved) & before
    save_tokenizer(folder)
    small_model(folder / "moved" / "mine.onnx", normalised_head=True)
    assert not keys(folder, "shipped", *moved) & before
    assert keys(folder, "big", *moved) == others


def test_without_a_representation_only_the_evaluation_is_run(folder: Path) -> None:
    (task,) = plan(folder, f"{SHIPPED}.artifact.representation=none").tasks
    roles = {planned.deployment.model: set(planned.outputs) for planned in task.deployments}
    assert roles == {"big": {"bank", "evaluation", "out-of-distribution"}, "shipped": {"evaluation"}}


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("checkpoint={random: bert-tiny}", ["models.shipped", "a checkpoint or an artifact", "not both"]),
        ("artifact=null", ["models.shipped", "a checkpoint or an artifact"]),
        ("training={}", ["models.shipped.training", "cannot be trained", "checkpoint"]),
        ("formats=[onnx-fp32]", ["models.shipped.formats", "onnx-prebuilt"]),
        ("artifact.start_logits=start", ["artifact.start_logits", "text-classification has logits"]),
        ("artifact.onxx=a.onnx", ["artifact.onxx", "unknown key", "'onnx'"]),
        ("artifact.precision=int3", ["artifact.precision", "'int3'", "int8"]),
        ("replicate_of=big", ["replicate_of", "only one is a finished file"]),
        ("artifact.onnx=nowhere/none.onnx", ["models.shipped.artifact", "none.onnx", "no such file"]),
        ("artifact.tokenizer=nowhere", ["models.shipped.artifact", "nowhere", "vocab.txt"]),
        ("artifact.logits=other", ["models.shipped.artifact", "'other'", "logits (free, 3)", "logits: NAME"]),
    ],
)
def test_what_does_not_go_together(folder: Path, override: str, parts: list[str]) -> None:
    message = complaint(folder, f"{SHIPPED}.{override}")
    for part in parts:
        assert part in message, message


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("models.cut={checkpoint: {cut: shipped, layers: [0]}}", ["checkpoint.cut", "'shipped'", "finished file"]),
        ("labels=[bad, good]", ["models.shipped.artifact", "3 classes", "labels are 2"]),
    ],
)
def test_what_the_task_cannot_ask_of_it(folder: Path, override: str, parts: list[str]) -> None:
    message = complaint(folder, f"tasks.text-classification.{override}")
    for part in parts:
        assert part in message, message


def test_it_cannot_teach(folder: Path) -> None:
    message = complaint(
        folder,
        "tasks.text-classification.reference=shipped",
        "tasks.text-classification.recipe={}",
        "tasks.text-classification.models.big.training={distillation: {}}",
    )
    assert "models.big.training.distillation" in message and "finished file" in message


def test_files_that_will_not_do_are_one_line_before_anything_runs(folder: Path) -> None:
    whole = (folder / "mine.onnx").read_bytes()
    (folder / "mine.onnx").write_bytes(whole[:-20])
    assert "no whole ONNX file" in complaint(folder)
    assert "is a folder" in complaint(folder, f"{SHIPPED}.artifact={{onnx: {folder}, tokenizer: {folder}}}")
    (folder / "mine.onnx").write_bytes(whole)
    save_tokenizer(folder, tokens=121)
    assert "121 tokens, its model only 120" in complaint(folder)
    (folder / "tokenizer.json").write_text("{")
    assert "cannot be read as a tokenizer" in complaint(folder)


def tokens_of(folder: Path, text: str) -> list[str]:
    """As the artifact's tokenizer has them, once the one in ``folder`` is taken in."""
    with TemporaryDirectory() as artifact:
        write_prebuilt_tokenizer(folder, Path(artifact))
        return list(read_tokenizer(Path(artifact)).backend.encode(text).tokens)


def test_a_vocabulary_alone_is_a_tokenizer(folder: Path) -> None:
    assert tokens_of(folder, "good " * 9) == ["good"] * 9  # its truncation is off
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join([*WORDS, "für"]) + "\n")
    keys(folder, "shipped")
    assert tokens_of(folder, "GOOD film für") == ["[CLS]", "good", "film", "[UNK]", "[SEP]"]


@pytest.mark.parametrize(
    ("settings", "tokens"),
    [
        ({"do_lower_case": False}, ["[UNK]", "für", "[UNK]", "[UNK]"]),
        ({"strip_accents": False}, ["good", "für", "[UNK]", "[UNK]"]),
        ({"strip_accents": True, "do_lower_case": False}, ["[UNK]"] * 4),
        ({"strip_accents": False, "tokenize_chinese_chars": False}, ["good", "für", "中文"]),
        ({"unk_token": "good"}, ["good"] * 4),
    ],
)
def test_settings_beside_a_vocabulary_are_honoured(
    folder: Path, settings: dict[str, object], tokens: list[str]
) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join([*WORDS, "für", "中文"]) + "\n")
    before = keys(folder, "shipped")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    assert tokens_of(folder, "GOOD für 中文")[1:-1] == tokens
    assert not before & keys(folder, "shipped")


def test_settings_that_contradict_a_tokenizer_file_win_as_in_transformers(folder: Path) -> None:
    lower = BertWordPieceTokenizer({word: index for index, word in enumerate(WORDS)}, lowercase=True)
    lower.save(str(folder / "tokenizer.json"))
    assert tokens_of(folder, "GOOD film")[1:-1] == ["good", "film"]
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": false}')
    assert tokens_of(folder, "GOOD film")[1:-1] == ["[UNK]", "film"]


def test_settings_that_cannot_be_read_or_name_other_files(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text("{")
    assert "tokenizer_config.json" in complaint(folder)
    (folder / "tokenizer_config.json").write_text('{"vocab_file": "/tmp/vocab.txt"}')
    assert "vocab_file (/tmp/vocab.txt)" in complaint(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "vocab.txt", "tokenizer_config.json", "config.json"])
def test_links_to_outside_of_the_folder_are_not_followed(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    if name in ("vocab.txt", "tokenizer_config.json"):
        (folder / "tokenizer.json").unlink()
        (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    file = folder / name
    content = file.read_text() if file.exists() else "{}"
    file.unlink(missing_ok=True)
    (folder / "sub").mkdir()
    (folder / "sub" / name).write_text(content)
    file.symlink_to(f"sub/{name}")
    keys(folder, "shipped")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / name
    elsewhere.write_text(content)
    file.unlink()
    file.symlink_to(elsewhere)
    assert f"{file} is a link to {elsewhere}, outside of its folder" in complaint(folder)


def test_classes_in_another_order_than_the_configuration_beside_it(folder: Path) -> None:
    (folder / "config.json").write_text('{"id2label": {"0": "GOOD", "1": "fair", "2": "bad"}}')
    assert "labels are bad, fair, good in this order" in complaint(folder)
    unnamed = '{"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}'
    for harmless in (unnamed, "{", "[]", "[" * 100_000):
        (folder / "config.json").write_text(harmless)
        keys(folder, "shipped")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"problem_type": "multi_label_classification"}, "multi-label head"),
        ({"problem_type": "regression", "id2label": {"0": "a", "1": "b"}}, "regression"),
        ({"id2label": {"0": "LABEL_0"}}, "one output"),
    ],
)
@pytest.mark.parametrize("place", ["", "tokenizer"])
def test_a_head_that_its_configuration_says_is_none(
    folder: Path, place: str, config: dict[str, Any], said: str
) -> None:
    (folder / place).mkdir(exist_ok=True)
    save_tokenizer(folder / place)
    (folder / place / "config.json").write_text(json.dumps(config))
    message = complaint(folder, f"{SHIPPED}.artifact.tokenizer={folder / place}")
    assert str(folder / place / "config.json") in message and said in message


def test_positions_and_padding_are_those_of_the_configuration_beside_it(folder: Path) -> None:
    def declared(*overrides: str) -> tuple[int | None, ...]:
        said = options_of(folder, *overrides).declared
        return (said.first_position, said.max_positions, said.pad_token)

    assert declared() == (None, None, 0)
    small_model(folder / "mine.onnx", inputs=("input_ids", "attention_mask", "position_ids"))
    assert "first_position: 0 for BERT's kind" in complaint(folder)
    assert declared(f"{SHIPPED}.artifact.first_position=4") == (4, None, 0)
    assert "first_position" in complaint(folder, f"{SHIPPED}.artifact.first_position=-1")
    config = {"model_type": "roberta", "pad_token_id": 2, "max_position_embeddings": 130}
    (folder / "config.json").write_text(json.dumps(config))
    assert declared() == (3, 127, 2)
    (folder / "config.json").write_text(json.dumps({"model_type": "bert", "max_position_embeddings": 100}))
    assert declared() == (0, 100, 0)
    words = Tokenizer(models.WordPiece({"[UNK]": 0, "film": 1, "[PAD]": 2}, unk_token="[UNK]"))
    words.save(str(folder / "tokenizer.json"))
    assert declared() == (0, 100, 2)


@pytest.mark.parametrize(("counted", "takes"), [(False, 64), (True, 63)])
def test_positions_are_those_of_the_graph_where_nothing_lies_beside_it(folder: Path, counted: bool, takes: int) -> None:
    import onnx

    model = onnx.load(str(folder / "mine.onnx"))
    name = "bert.embeddings.position_embeddings.weight"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros((64, 8), np.float32), name))
    if counted:
        model.graph.node.append(onnx.helper.make_node("CumSum", ["input_ids", "ten"], ["counted"]))
    onnx.save(model, str(folder / "mine.onnx"))
    assert options_of(folder).declared.max_positions == takes


def test_another_tokenizer_than_the_file_was_exported_with(folder: Path) -> None:
    import onnx

    model = onnx.load(str(folder / "mine.onnx"))
    exported = model.metadata_props.add(key="scalemodel.tokenizer_sha256", value=sha256(folder / "tokenizer.json"))
    onnx.save(model, str(folder / "mine.onnx"))
    keys(folder, "shipped")
    exported.value = "0" * 64
    onnx.save(model, str(folder / "mine.onnx"))
    assert f"{folder / 'tokenizer.json'} is not the one that {folder / 'mine.onnx'} was exported with" in complaint(
        folder
    )
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    keys(folder, "shipped")  # of which the file does not tell


@pytest.mark.parametrize("kind", ["spm.model", "vocab.json"])
def test_a_tokenizer_without_a_fast_form_is_read_as_transformers_reads_it(folder: Path, kind: str) -> None:
    (folder / "tokenizer.json").unlink()
    if kind == "spm.model":
        sentencepiece = pytest.importorskip("sentencepiece")
        written = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["good film", "bad film", "a film"]),
            model_writer=written,
            vocab_size=20,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        (folder / kind).write_bytes(written.getvalue())
        settings = {"tokenizer_class": "DebertaV2Tokenizer"}
    else:
        words = ByteLevelBPETokenizer()
        words.train_from_iterator(["good film"] * 3, vocab_size=100, special_tokens=["<s>", "<pad>", "</s>", "<unk>"])
        words._tokenizer.model.save(str(folder))
        settings = {"tokenizer_class": "RobertaTokenizer"}
    message = complaint(folder)
    assert f"{folder} has {kind}, but no tokenizer_config.json" in message and "save_pretrained" in message
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    rows = read_prebuilt_vocabulary(folder).get_vocab_size()
    small_model(folder / "mine.onnx", rows=rows)
    beside = {"spm.model": ["spm.model"], "vocab.json": ["vocab.json", "merges.txt"]}[kind]
    assert [*options_of(folder).tokenizer] == [*beside, "tokenizer_config.json"]
    small_model(folder / "mine.onnx", rows=rows - 1)
    assert f"has {rows} tokens, its model only {rows - 1}" in complaint(folder)
    with TemporaryDirectory() as written_to:
        write_prebuilt_tokenizer(folder, Path(written_to))
        tokens = Tokenizer.from_file(str(Path(written_to) / "tokenizer.json")).encode("good film").tokens
    assert len(tokens) > 3 and {"<s>": "</s>", "[CLS]": "[SEP]"}[tokens[0]] == tokens[-1]


def test_inputs_of_other_names(folder: Path) -> None:
    small_model(folder / "mine.onnx", inputs=("input_ids", "input_mask", "segment_ids"))
    assert "has no input 'attention_mask' (it has: input_ids, input_mask, segment_ids)" in complaint(folder)
    named = [f"{SHIPPED}.artifact.attention_mask=input_mask", f"{SHIPPED}.artifact.token_type_ids=segment_ids"]
    assert keys(folder, "shipped", *named)
    assert "'segment_ids'" in complaint(folder, named[0])


def test_an_engine_is_a_model_for_tensorrt_alone(folder: Path) -> None:
    (folder / "mine.engine").write_bytes(b"ftrt" + bytes(60))
    engine = f"{SHIPPED}.artifact={{tensorrt: {folder}/mine.engine, representation: none}}"
    backends = "backends=[onnxruntime-cpu, tensorrt]"
    planned = plan(folder, engine, backends)
    names = [entry.name for entry in deployments(planned.study, "text-classification")]
    assert names == ["big/onnx-fp32@onnxruntime-cpu", "shipped/tensorrt-prebuilt@tensorrt"]
    assert "no backend of the study serves 'tensorrt-prebuilt'" in complaint(folder, engine)
    both = f"{SHIPPED}.artifact={{tensorrt: {folder}/mine.engine, onnx: {folder}/mine.onnx}}"
    assert "needs onnx or tensorrt, and not both" in complaint(folder, both, backends)
    assert "needs onnx or tensorrt" in complaint(folder, f"{SHIPPED}.artifact={{tokenizer: {folder}}}", backends)
    for name in ("logits", "attention_mask"):
        named = engine.replace("representation: none", f"{name}: other")
        assert f"artifact.{name}: an engine cannot be changed" in complaint(folder, named, backends)
    before = keys(folder, "shipped", engine, backends)
    (folder / "mine.engine").write_bytes(b"ftrt" + bytes(61))
    assert not before & keys(folder, "shipped", engine, backends)
    (folder / "mine.engine").write_bytes(b"an onnx file")
    assert "is no TensorRT engine (12 bytes" in complaint(folder, engine, backends)
