"""TensorRT engines, run by a runner of our own on CUDA's runtime."""
