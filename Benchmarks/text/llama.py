#!/usr/bin/env python3
"""Builds llama.cpp's own benchmarks from the source distribution of llama-cpp-python on PyPI.

    Benchmarks/text/llama.py FOLDER

For this machine's processor (GGML_NATIVE), with OpenMP, in Release; the programs are in FOLDER/bin, the version of the
distribution in FOLDER/version. Needs cmake, ninja and a C++ compiler; takes some ten minutes on two cores.
"""

import io
import pathlib
import subprocess
import sys
import tarfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests/Vocabularies"))
import fetch  # noqa: E402

PROGRAMS = ["llama-bench", "llama-batched-bench", "llama-quantize"]
OFF = ["LLAMA_CURL", "LLAMA_BUILD_TESTS", "LLAMA_BUILD_EXAMPLES", "LLAMA_BUILD_SERVER", "BUILD_SHARED_LIBS"]


def download(folder):
    """Unpacks the source distribution; returns llama.cpp's folder."""
    with tarfile.open(fileobj=io.BytesIO(fetch.source_distribution(*fetch.LLAMA))) as file:
        file.extractall(folder, filter="data")
    return next(folder.glob("llama_cpp_python-*/vendor/llama.cpp"))


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    if all((folder / "bin" / program).exists() for program in PROGRAMS):
        return
    folder.mkdir(parents=True, exist_ok=True)
    source = download(folder)
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", *(f"-D{name}=OFF" for name in OFF)]
    subprocess.run(["cmake", "-S", source, "-B", folder, "-G", "Ninja", *options], check=True)
    subprocess.run(["cmake", "--build", folder, "--target", *PROGRAMS], check=True)
    (folder / "version").write_text(" ".join(fetch.LLAMA) + "\n")


if __name__ == "__main__":
    main()
