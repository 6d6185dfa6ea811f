"""A BERT that computes what a narrower one computes, with more weights: what a larger model costs, answers unchanged.

Every hidden unit is there twice, and every unit of the feed-forward layers so many times that the encoder has the
weights asked for; what reads them is divided by as much (Chen, Goodfellow and Shlens 2016, "Net2Net", 2.3). Layer
normalisation of a vector that is there twice is the vector's own, twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import BertForMaskedLM

BERT_BASE = 12 * (4 * 768**2 + 2 * 768 * 3072)
"""Weights of the matmuls of BERT-base's encoder."""
TWICE = 2


def widened(narrow: BertForMaskedLM, weights: int = BERT_BASE) -> BertForMaskedLM:
    """``narrow`` with hidden units twice and some ``weights`` in the matmuls of its encoder.

    Raises:
        ValueError: ``narrow`` at twice the width has more already.
    """
    from transformers import BertConfig, BertForMaskedLM

    old = narrow.config
    hidden = TWICE * old.hidden_size
    times = round((weights / old.num_hidden_layers - 4 * hidden**2) / (2 * hidden * old.intermediate_size))
    if times < 1:
        raise ValueError(f"{weights} weights are too few for {old.num_hidden_layers} layers of {hidden} units")
    config = BertConfig(**{**old.to_dict(), "hidden_size": hidden, "intermediate_size": times * old.intermediate_size})
    model = BertForMaskedLM(config)
    heads = old.num_attention_heads
    state = {
        name: _widened(name, tensor, heads, times)
        for name, tensor in narrow.state_dict().items()
        if name != "cls.predictions.decoder.weight"  # tied to the embeddings
    }
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"cls.predictions.decoder.weight"}
    model.tie_weights()
    return model.eval()


def _widened(name: str, tensor: torch.Tensor, heads: int, times: int) -> torch.Tensor:
    if name == "bert.embeddings.position_ids" or name.startswith(("cls.predictions.bias", "cls.predictions.decoder")):
        return tensor  # one a position or a word
    if "embeddings" in name and "LayerNorm" not in name:
        return tensor.repeat(1, TWICE)  # (words, hidden)
    if ".attention.self." in name:
        rows = _twice_in_each_head(tensor, heads)
        rows = rows if tensor.dim() == 1 else rows.repeat(1, TWICE) / TWICE
        # A head's scores are sums of twice as many terms, over the root of twice as many.
        return rows / TWICE**0.5 if ".query." in name else rows
    if ".attention.output.dense.weight" in name:
        columns = _twice_in_each_head(tensor.T, heads).T / TWICE
        return columns.repeat(TWICE, 1)
    if ".intermediate.dense." in name:
        return tensor.repeat(times) if tensor.dim() == 1 else tensor.repeat(times, TWICE) / TWICE
    if ".output.dense.weight" in name:
        return tensor.repeat(TWICE, times) / times
    if name.startswith("cls.predictions.transform.LayerNorm"):
        return tensor.repeat(TWICE) / TWICE  # the decoder, tied to the embeddings, adds up twice as many
    return tensor.repeat(TWICE) if tensor.dim() == 1 else tensor.repeat(TWICE, TWICE) / TWICE


def _twice_in_each_head(rows: torch.Tensor, heads: int) -> torch.Tensor:
    """(heads x units, ...) to (heads x units twice, ...)."""
    return rows.unflatten(0, (heads, -1)).repeat(1, TWICE, *([1] * (rows.dim() - 1))).flatten(0, 1)
