"""Usable cores, torch threads and precision."""

import os

import pytest
import torch

from xray.utils.hardware import prepare_torch, usable_cores, usable_precision


@pytest.fixture
def cgroup(tmp_path):
    """Return the folder of a control group without limits."""
    return tmp_path


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="CPUs cannot be chosen here")
def test_counts_cores_by_affinity(cgroup):
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cores(cgroup) == 1
    finally:
        os.sched_setaffinity(0, before)
    assert usable_cores(cgroup) == len(before)


def allowed():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", None), ("100000 100000", 1), ("50000 100000", 1), ("199999 100000", 1), ("99900000 100000", None)],
)
def test_applies_the_quota_of_cgroup_v2(cgroup, quota, cores):
    (cgroup / "cpu.max").write_text(quota + "\n")
    assert usable_cores(cgroup) == (cores or allowed())


@pytest.mark.parametrize(("quota", "cores"), [("-1", None), ("100000", 1), ("20000", 1), ("90000000", None)])
def test_applies_the_quota_of_cgroup_v1(cgroup, quota, cores):
    (cgroup / "cpu").mkdir()
    (cgroup / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (cgroup / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert usable_cores(cgroup) == (cores or allowed())


@pytest.mark.parametrize("text", ["", "nonsense", "1 2 3"])
def test_ignores_an_unreadable_quota(cgroup, text):
    (cgroup / "cpu.max").write_text(text)
    assert usable_cores(cgroup) == allowed()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="CPUs cannot be chosen here")
def test_limits_torch_threads_to_usable_cores():
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    try:
        torch.set_num_threads(len(before) + 5)
        prepare_torch()
        assert torch.get_num_threads() == usable_cores()
        os.sched_setaffinity(0, {min(before)})
        prepare_torch()
        assert torch.get_num_threads() == 1
        os.sched_setaffinity(0, before)
        prepare_torch()
        assert torch.get_num_threads() == 1
    finally:
        os.sched_setaffinity(0, before)
        torch.set_num_threads(threads)


def test_disables_tf32_convolutions():
    torch.backends.cudnn.allow_tf32 = True
    prepare_torch()
    assert not torch.backends.cudnn.allow_tf32


WITH_BFLOAT16 = ["flags\t\t: fpu avx2 avx512_bf16 sse", "flags : amx_bf16", "Features\t: fp asimd bf16 i8mm"]
WITHOUT = ["flags\t\t: fpu avx2 avx512f", "Features : fp asimd i8mm", "model name : bf16 avx512_bf16", ""]


@pytest.mark.parametrize(
    ("info", "precision"), [*((i, "bf16-mixed") for i in WITH_BFLOAT16), *((i, "32-true") for i in WITHOUT)]
)
@pytest.mark.parametrize("accelerator", ["auto", "cpu"])
def test_keeps_bfloat16_if_the_cpu_has_it(tmp_path, monkeypatch, info, precision, accelerator):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    (tmp_path / "cpuinfo").write_text(f"CPU : 0\n{info}\n")
    taken, reason = usable_precision("bf16-mixed", accelerator, False, tmp_path / "cpuinfo")
    assert taken == precision
    assert ("lacks bfloat16" in reason) == (taken != "bf16-mixed")


@pytest.mark.parametrize(
    ("configured", "grouped", "info", "expected", "expected_reason"),
    [
        ("16-mixed", False, WITH_BFLOAT16[0], "bf16-mixed", "not half precision"),
        ("16-mixed", False, WITHOUT[0], "32-true", "lacks bfloat16"),
        ("bf16-mixed", True, WITH_BFLOAT16[0], "32-true", "grouped"),
        ("32-true", True, WITHOUT[0], "32-true", ""),
        ("64-true", True, WITHOUT[0], "64-true", ""),
    ],
)
def test_precision_on_a_cpu(tmp_path, configured, grouped, info, expected, expected_reason):
    (tmp_path / "cpuinfo").write_text(info)
    precision, reason = usable_precision(configured, "cpu", grouped, tmp_path / "cpuinfo")
    assert precision == expected
    assert expected_reason in reason
    assert bool(reason) == (precision != configured)


@pytest.mark.parametrize("accelerator", ["auto", "cpu"])
def test_checks_the_cpu_only_if_it_computes(tmp_path, monkeypatch, accelerator):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    precision, _ = usable_precision("bf16-mixed", accelerator, False, tmp_path / "absent")
    assert precision == ("32-true" if accelerator == "cpu" else "bf16-mixed")


@pytest.mark.parametrize(("supported", "precision"), [(True, "bf16-mixed"), (False, "32-true")])
@pytest.mark.parametrize("accelerator", ["auto", "gpu", "cuda"])
def test_gpu_uses_bfloat16_if_supported(tmp_path, monkeypatch, supported, precision, accelerator):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: supported or including_emulation)
    taken, reason = usable_precision("bf16-mixed", accelerator, True, tmp_path / "absent")
    assert taken == precision
    assert bool(reason) == (not supported)
