"""Which number format the encoder computes in."""

from functools import lru_cache

import torch

from ..errors import XnerError

__all__ = ["autocast_type", "has_bf16"]

_PRECISIONS = ("auto", "fp32", "bf16", "fp16")


@lru_cache
def has_bf16(device_type: str) -> bool:
    """Tell whether a device multiplies bf16 matrices in hardware.

    device_type (str): "cpu", "cuda" or "mps".
    RETURNS (bool): True where bf16 is faster than fp32; emulation does not count.
    """
    if device_type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device_type == "cpu":
        mkldnn = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
        return bool(mkldnn and mkldnn())
    return False


def autocast_type(precision: str, device: torch.device) -> torch.dtype | None:
    """Give the type that the encoder's matrix products run in.

    precision (str): "fp32", "bf16", "fp16" (GPU only) or "auto" (bf16 where the hardware has it).
    device (torch.device): Where the encoder is.
    RETURNS (Optional[torch.dtype]): The type, or None for fp32.
    RAISES: XnerError: `precision` is none of these.
    """
    if precision not in _PRECISIONS:
        raise XnerError(f"precision is {precision!r}; expected one of {', '.join(_PRECISIONS)}.")
    if precision == "fp16":
        return torch.float16 if device.type == "cuda" else None
    if precision == "bf16" or (precision == "auto" and has_bf16(device.type)):
        return torch.bfloat16
    return None
