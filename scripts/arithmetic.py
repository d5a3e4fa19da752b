"""What the processor could do at best: operations of an encoder, and a matrix product's speed."""

import time
from typing import Any

__all__ = ["flops_a_piece", "matrix_flops"]


def flops_a_piece(module: Any, length: float) -> float:
    """Count the floating point operations that an encoder makes for a piece.

    A product of a row with an m x n matrix is 2mn; of a layer that is 2 (4 d^2 + 2 d f), and the
    attention over `length` pieces 4 d length.

    module (PreTrainedModel): The encoder.
    length (float): Pieces in a text, on the average.
    RETURNS (float): Operations.
    """
    config = module.config
    width, layers, inner = config.hidden_size, config.num_hidden_layers, config.intermediate_size
    return layers * (2 * (4 * width * width + 2 * width * inner) + 4 * width * length)


def matrix_flops(dtype: Any, rows: int = 4096, width: int = 384, seconds: float = 3.0) -> float:
    """Measure a matrix product of an encoder's size.

    dtype (torch.dtype): Type of the numbers.
    rows (int): Pieces in a batch.
    width (int): Width of the encoder; the product is with its feed-forward layer of four times it.
    seconds (float): Time to measure.
    RETURNS (float): Operations in a second.
    """
    import torch

    left = torch.randn(rows, width).to(dtype)
    right = torch.randn(width, 4 * width).to(dtype)
    with torch.inference_mode():
        left @ right
        began, n = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            left @ right
            n += 1
    return n * 2 * rows * width * 4 * width / (time.perf_counter() - began)
