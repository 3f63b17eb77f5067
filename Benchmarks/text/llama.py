#!/usr/bin/env python3
"""Builds llama.cpp's own benchmarks from the source distribution of llama-cpp-python on PyPI.

    Benchmarks/text/llama.py FOLDER

For this machine's processor (GGML_NATIVE), with OpenMP, in Release; the programs are in FOLDER/bin, the version of the
distribution in FOLDER/version. Needs cmake, ninja and a C++ compiler; takes some ten minutes on two cores.
"""

import json
import pathlib
import subprocess
import sys
import tarfile
import urllib.parse
import urllib.request

INDEX = "https://pypi.org/pypi/llama-cpp-python/json"
PROGRAMS = ["llama-bench", "llama-batched-bench", "llama-quantize"]
OFF = ["LLAMA_CURL", "LLAMA_BUILD_TESTS", "LLAMA_BUILD_EXAMPLES", "LLAMA_BUILD_SERVER", "BUILD_SHARED_LIBS"]


def download(folder):
    """Unpacks the source distribution; returns llama.cpp's folder and the version."""
    with urllib.request.urlopen(INDEX, timeout=60) as reply:
        release = json.load(reply)
    source = next(file for file in release["urls"] if file["packagetype"] == "sdist")
    archive = folder / pathlib.PurePosixPath(source["url"]).name
    if not archive.exists():
        # Mirrors give addresses relative to the package's page.
        address = urllib.parse.urljoin("https://pypi.org/simple/llama-cpp-python/", source["url"])
        with urllib.request.urlopen(address, timeout=60) as reply:
            archive.write_bytes(reply.read())
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return next(folder.glob("llama_cpp_python-*/vendor/llama.cpp")), release["info"]["version"]


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    if all((folder / "bin" / program).exists() for program in PROGRAMS):
        return
    folder.mkdir(parents=True, exist_ok=True)
    source, version = download(folder)
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DGGML_NATIVE=ON", *(f"-D{name}=OFF" for name in OFF)]
    subprocess.run(["cmake", "-S", source, "-B", folder, "-G", "Ninja", *options], check=True)
    subprocess.run(["cmake", "--build", folder, "--target", *PROGRAMS], check=True)
    (folder / "version").write_text(f"llama-cpp-python {version}\n")


if __name__ == "__main__":
    main()
