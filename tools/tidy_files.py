"""Prints the files of a compilation database that lint looks at: those of the product, once each.

    tools/tidy_files.py build/dev/compile_commands.json [FILE...]
"""
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def main(argv):
    with open(argv[0], encoding="utf-8") as f:
        database = json.load(f)
    names = sorted({os.path.relpath(os.path.join(e["directory"], e["file"]), ROOT) for e in database})
    wanted = set(argv[1:])
    for name in names:
        if name.startswith(("lib/", "server/", "registry/", "cli/")) and (not wanted or name in wanted):
            print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
