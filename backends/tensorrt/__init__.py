"""TensorRT engines through Polygraphy."""
