"""The CPU, and the vector instructions that each program uses."""

import pathlib
import platform
import re
import subprocess

# As /proc/cpuinfo calls them; the widest are what products depend on.
EXTENSIONS = ["avx2", "fma", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile"]

# Variables read by PyTorch (its own kernels, oneDNN, MKL) and CTranslate2 (its own kernels, oneDNN).
ENVIRONMENTS = {
    None: {},
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "DNNL_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "CT2_FORCE_CPU_ISA": "AVX2",
    },
    "avx512": {
        "ATEN_CPU_CAPABILITY": "avx512",
        "ONEDNN_MAX_CPU_ISA": "ALL",
        "DNNL_MAX_CPU_ISA": "ALL",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
        "CT2_FORCE_CPU_ISA": "AVX512",
    },
}


def facts():
    """Returns the first CPU's entries in /proc/cpuinfo, if the system has it."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def extensions():
    """Returns the vector extensions of the CPU that matter here."""
    flags = facts().get("flags", "").split()
    return [name for name in EXTENSIONS if name in flags]


def description():
    """Returns the CPU's name and its vector extensions."""
    known = facts()
    name = known.get("model name") or platform.processor() or platform.machine()
    if "cpu family" in known:
        name += f" (family {known['cpu family']}, model {known['model']})"
    found = extensions()
    if not found:
        return name
    width = 512 if "avx512f" in found else 256
    return f"{name}, instructions for vectors of {width} bits ({', '.join(found)})"


def feature_cache(program):
    """Returns the address, within a Rust program, of the standard library's list of CPU features."""
    symbols = subprocess.run(["nm", program], check=True, capture_output=True, text=True).stdout
    found = re.search(r"^(\w+) \w \S*std_detect6detect5cache5CACHE\S*$", symbols, re.MULTILINE)
    if not found:
        raise SystemExit(f"error: `{program}` has no symbol for its CPU features: was it stripped?")
    return found[1]
