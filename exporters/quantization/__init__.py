"""ONNX in INT8, INT4 and FP8: calibration, the quantizers, and what each group of matmuls costs."""
