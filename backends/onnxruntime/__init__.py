"""ONNX Runtime on the CPU, on CUDA and through TensorRT."""
