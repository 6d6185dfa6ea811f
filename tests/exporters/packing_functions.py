"""ONNX Runtime's three packing operators, which it has for CUDA alone, as functions of standard operators.

Written after their documentation (docs/ContribOperators.md of ONNX Runtime); all others of a graph are the real ones.
"""

from __future__ import annotations

import onnx

PACKING = ("RemovePadding", "RestorePadding", "PackedAttention")
OPSETS = 'opset_import: ["": 17, "com.microsoft": 1, "padded": 1]'
# token_offset (batch, sequence): flat places of the tokens, then those of the padding.
FUNCTIONS = (
    """RemovePadding (input, lengths) => (output, token_offset, cumulated, longest)
    {
        shape = Shape <end: int = 2> (input)
        zero = Constant <value: tensor = int64 {0}> ()
        one = Constant <value: tensor = int64 {1}> ()
        axis = Constant <value: tensor = int64[1] {1}> ()
        flat = Constant <value: tensor = int64[1] {-1}> ()
        width = Shape <start: int = 2> (input)
        sequence = Gather (shape, one)
        places = Range (zero, sequence, one)
        long = Cast <to: int = 7> (lengths)
        column = Unsqueeze (long, axis)
        is_token = Less (places, column)
        is_token_flat = Reshape (is_token, flat)
        is_padding = Not (is_token_flat)
        first = Constant <value: tensor = int64[1] {0}> ()
        token_places = NonZero (is_token_flat)
        padding_places = NonZero (is_padding)
        tokens = Squeeze (token_places, first)
        paddings = Squeeze (padding_places, first)
        order = Concat <axis: int = 0> (tokens, paddings)
        ordered = Reshape (order, shape)
        token_offset = Cast <to: int = 6> (ordered)
        rows = Concat <axis: int = 0> (flat, width)
        lines = Reshape (input, rows)
        output = Gather (lines, tokens)
        ends = CumSum (lengths, zero)
        start = Constant <value: tensor = int32[1] {0}> ()
        cumulated = Concat <axis: int = 0> (start, ends)
        longest = ReduceMax <keepdims: int = 1> (lengths)
    }""",
    """RestorePadding (input, token_offset) => (output)
    {
        shape = Shape (token_offset)
        width = Shape <start: int = 1> (input)
        count = Shape <end: int = 1> (input)
        first = Constant <value: tensor = int64[1] {0}> ()
        flat = Constant <value: tensor = int64[1] {-1}> ()
        axis = Constant <value: tensor = int64[1] {1}> ()
        offsets = Reshape (token_offset, flat)
        tokens = Slice (offsets, first, count)
        long = Cast <to: int = 7> (tokens)
        places = Unsqueeze (long, axis)
        size = Size (token_offset)
        size_line = Reshape (size, flat)
        all = Concat <axis: int = 0> (size_line, width)
        zeros_float = ConstantOfShape (all)
        zeros = CastLike (zeros_float, input)
        lines = ScatterND (zeros, places, input)
        padded = Concat <axis: int = 0> (shape, width)
        output = Reshape (lines, padded)
    }""",
    """PackedAttention <num_heads> (input, weights, bias, token_offset, cumulated, unused) => (output)
    {
        padded = padded.RestorePadding (input, token_offset)
        first = Constant <value: tensor = int64[1] {0}> ()
        second = Constant <value: tensor = int64[1] {1}> ()
        last = Constant <value: tensor = int64[1] {-1}> ()
        far = Constant <value: tensor = int64[1] {1000000}> ()
        starts = Slice (cumulated, first, last)
        ends = Slice (cumulated, second, far)
        lengths = Sub (ends, starts)
        answer = com.microsoft.Attention <num_heads: int = @num_heads> (padded, weights, bias, lengths)
        answer_width = Shape <start: int = 2> (answer)
        rows = Concat <axis: int = 0> (last, answer_width)
        lines = Reshape (answer, rows)
        count = Shape <end: int = 1> (input)
        offsets = Reshape (token_offset, last)
        tokens = Slice (offsets, first, count)
        output = Gather (lines, tokens)
    }""",
)


def with_packing_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The packing operators as the functions above, in a domain of their own: ONNX Runtime knows theirs."""
    for node in model.graph.node:
        if node.op_type in PACKING:
            node.domain = "padded"
    model.opset_import.append(onnx.helper.make_opsetid("padded", 1))
    for text in FUNCTIONS:
        function = onnx.parser.parse_function(f'<domain: "padded", {OPSETS}> {text}')
        model.functions.append(function)
    return model
