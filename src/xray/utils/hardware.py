"""CPU cores, threads and precision that this process can use."""

import os
from pathlib import Path


def usable_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Return the number of cores that this process can use, at least 1.

    A container often has fewer than the machine: by CPU affinity, or by the time quota of its control group.

    Args:
        cgroup: Folder of the process's control group (version 1 or 2) on Linux.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return cores if quota is None else max(1, min(cores, int(quota)))


def prepare_torch() -> None:
    """Limit torch to the usable cores, and disable TF32.

    More threads than cores slow each other down; a smaller number set by OMP_NUM_THREADS is kept.
    """
    import torch

    torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))
    allow_tf32(False)


def allow_tf32(allowed: bool) -> None:
    """Allow or forbid TF32 for convolutions and matrix products on GPUs.

    It is fast enough for training to want it, and too coarse to rank images by their logits.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cuda.matmul.allow_tf32 = allowed


def usable_precision(
    precision: str, accelerator: str, grouped: bool, cpu_info: Path = Path("/proc/cpuinfo")
) -> tuple[str, str]:
    """Return the precision to train in: the configured one, or single if bfloat16 would not be faster.

    Args:
        precision: Precision of Lightning, such as "bf16-mixed".
        accelerator: Accelerator of Lightning: "auto", "cpu", "gpu", "cuda" or another.
        grouped: Whether the network has grouped convolutions.
        cpu_info: File in which Linux lists the CPU's features.

    Returns:
        The precision, and the reason if it differs from the configured one (else empty).
    """
    import torch

    gpu = accelerator in {"auto", "gpu", "cuda"} and torch.cuda.is_available()
    cpu = not gpu and (accelerator == "cpu" or (accelerator == "auto" and not torch.backends.mps.is_available()))
    reason = ""
    if precision == "16-mixed" and cpu:
        precision, reason = "bf16-mixed", "CPUs support bfloat16, not half precision"
    if not precision.startswith("bf16"):
        return precision, ""
    if gpu:
        if not torch.cuda.is_bf16_supported(including_emulation=False):
            return "32-true", "GPU lacks bfloat16"
    elif cpu:
        if not _cpu_has_bfloat16(cpu_info):
            return "32-true", "CPU lacks bfloat16"
        if grouped:
            return "32-true", "grouped convolutions are slower in bfloat16 on CPUs"
    return precision, reason


def _cpu_has_bfloat16(cpu_info: Path) -> bool:
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:
        return False
    # x86 lists "flags", Arm "Features".
    features = {name for line in lines if line.startswith(("flags", "Features")) for name in line.split()}
    return bool(features & {"avx512_bf16", "amx_bf16", "bf16"})


def _quota(cgroup: Path) -> float | None:
    """Return the CPU quota of the control group in cores; None if there is no limit."""
    version_1 = cgroup / "cpu"
    try:
        if (cgroup / "cpu.max").exists():
            quota, period = (cgroup / "cpu.max").read_text().split()
        else:
            quota, period = ((version_1 / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    except (OSError, ValueError):
        return None
    return None if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
