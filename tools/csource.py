"""What the source checks share: which C files there are, and their text without comments and string contents."""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def files(*suffixes):
    """Paths below the root that git knows or would add, sorted; only those with one of the suffixes."""
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True,
                         capture_output=True, text=True).stdout
    names = sorted(set(out.splitlines()))
    return [n for n in names if n.endswith(suffixes) and os.path.exists(os.path.join(ROOT, n))]


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8", errors="replace") as f:
        return f.read()


def code_only(text):
    """The text with comments blanked and string contents emptied; line numbers stay."""
    def blank(m):
        token = m.group(0)
        newlines = "\n" * token.count("\n")
        if token[0] == '"':
            return '""'
        if token[0] == "'":
            return "''"
        return " " + newlines
    return _TOKEN.sub(blank, text)
