"""What this process may use of the machine: cores, threads, bfloat16."""

import os
from pathlib import Path


def usable_cores(ablation_groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Number of cores that this process may use, at least 1.

    In a container that is often less than the machine has: cores may be withheld (the process's affinity) or only their
    time (the quota of its control group).

    Args:
        ablation_groups: Where Linux shows the process's control group, of version 1 or 2.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(ablation_groups)
    return cores if quota is None else max(1, min(cores, int(quota)))


def prepare_torch() -> None:
    """Let torch compute with as many threads as there are usable cores, and score in all digits of single precision.

    More threads than cores would wait for one another; a smaller number, by the variable OMP_NUM_THREADS, stays.
    Convolutions on GPUs would by default drop digits (TF32) that images are ranked by.
    """
    import torch

    torch.set_num_threads(min(torch.get_num_threads(), usable_cores()))
    torch.backends.cudnn.allow_tf32 = False


def usable_precision(
    precision: str, accelerator: str, depthwise: bool, cpu_info: Path = Path("/proc/cpuinfo")
) -> tuple[str, str]:
    """The precision to train in: the one asked for, or single where bfloat16 would be a detour.

    Args:
        precision: Name of a precision of Lightning's, such as "bf16-mixed".
        accelerator: Name of Lightning's accelerator: "auto", "cpu", "gpu", "cuda" or another.
        depthwise: Whether the network has depthwise convolutions.
        cpu_info: Where Linux lists what the CPU can do.

    Returns:
        The precision, and the reason where it is not the one asked for.
    """
    import torch

    graphics = accelerator in {"auto", "gpu", "cuda"} and torch.cuda.is_available()
    cpu = not graphics and (accelerator == "cpu" or (accelerator == "auto" and not torch.backends.mps.is_available()))
    reason = ""
    if precision == "16-mixed" and cpu:
        precision, reason = "bf16-mixed", "CPUs train in bfloat16, not in half precision"
    if not precision.startswith("bf16"):
        return precision, ""
    if graphics:
        if not torch.cuda.is_bf16_supported(including_emulation=False):
            return "32-true", "this GPU has no bfloat16"
    elif cpu:
        if not _cpu_has_bfloat16(cpu_info):
            return "32-true", "this CPU tells of no bfloat16"
        if depthwise:
            return "32-true", "on CPUs depthwise convolutions are slower in bfloat16"
    return precision, reason


def _cpu_has_bfloat16(cpu_info: Path) -> bool:
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:
        return False
    # x86 lists flags, Arm features.
    abilities = {word for line in lines if line.startswith(("flags", "Features")) for word in line.split()}
    return bool(abilities & {"avx512_bf16", "amx_bf16", "bf16"})


def _quota(ablation_groups: Path) -> float | None:
    """Cores' worth of time that the control group grants; None where it sets no limit."""
    version_1 = ablation_groups / "cpu"
    try:
        if (ablation_groups / "cpu.max").exists():
            quota, period = (ablation_groups / "cpu.max").read_text().split()
        else:
            quota, period = ((version_1 / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    except (OSError, ValueError):
        return None
    return None if quota == "max" or int(quota) <= 0 else int(quota) / int(period)
