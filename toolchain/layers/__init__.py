"""The trainable network: surrogate gradients, quantized weights, neurons over T steps, layers, the graph."""
