"""ONNX: self-contained integer graphs."""
