"""Where commands compute."""

from ..errors import XnerError

__all__ = ["use_gpu"]


def use_gpu(gpu_id: int) -> None:
    """Let thinc and torch compute on a GPU, or on the processor.

    gpu_id (int): GPU, or -1 for the processor.
    RAISES: XnerError: There is no such GPU, or what it needs is not installed.
    """
    from spacy.cli._util import setup_gpu

    try:
        setup_gpu(gpu_id, silent=gpu_id < 0)
    except ValueError as error:
        raise XnerError(f"--gpu-id {gpu_id}: {error}. Use -1 for the CPU.") from None
