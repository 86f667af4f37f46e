"""The parts of the package that pyproject.toml cannot say: the extension, and the version of the library's header."""
import os
import re
import subprocess

from setuptools import find_packages, setup

HERE = os.path.dirname(os.path.abspath(__file__))


def version():
    """That of the library: from include/schloss/version.h, or of the installed one."""
    header = os.path.join(os.environ.get("SCHLOSS_INCLUDE") or os.path.join(HERE, "..", "..", "include"), "schloss",
                          "version.h")
    if not os.path.exists(header):
        return subprocess.run(["pkg-config", "--modversion", "schloss"], check=True, stdout=subprocess.PIPE,
                              text=True).stdout.strip()
    with open(header, encoding="utf-8") as f:
        return ".".join(re.findall(r"#define SCHLOSS_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", f.read()))


setup(version=version(), packages=find_packages(include=["schloss", "schloss.*"]),
      cffi_modules=["ffi_build.py:ffibuilder"], zip_safe=False,
      options={"bdist_wheel": {"py_limited_api": "cp38"}})
