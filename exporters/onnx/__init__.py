"""ONNX in floating point: FP32 as exported, FP16, BF16, fused and packed; and how graphs are read and written."""
