"""Installs the official clients into the git-ignored cache, once, with their versions pinned here. The benchmark uses the
same ones (bench/run)."""
import contextlib
import fcntl
import os
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
CACHE = os.path.join(ROOT, ".cache", "clients")
PYTHON = ["confluent-kafka[avro,json,protobuf,schemaregistry,rules]==2.16.0"]
JAVASCRIPT = ["@confluentinc/schemaregistry@1.10.1", "kafkajs@2.2.4"]
# Go: see the go.mod of the program (confluent-kafka-go/v2 2.11.1).


@contextlib.contextmanager
def locked(name):
    """One installer at a time; yields the folder of the client."""
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, name + ".lock"), "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield os.path.join(CACHE, name)


def stamped(folder, packages):
    """True when exactly these packages were installed into the folder before."""
    try:
        with open(os.path.join(folder, ".installed")) as f:
            return f.read().split() == packages
    except OSError:
        return False


def stamp(folder, packages):
    with open(os.path.join(folder, ".installed"), "w") as f:
        f.write("\n".join(packages) + "\n")


def quiet(args, **more):
    """Runs an installer; its output is shown only when it fails."""
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more)
    if done.returncode != 0:
        sys.stderr.write(done.stdout)
        sys.exit("installing a client failed: " + " ".join(args))


def toolchain(name):
    """Path of a new enough `go` or `node` (tools/toolchain)."""
    return subprocess.run([os.path.join(ROOT, "tools", "toolchain", name)], check=True, stdout=subprocess.PIPE,
                          text=True).stdout.strip()


def python():
    """Path of a Python that has the client."""
    with locked("python") as folder:
        binary = os.path.join(folder, "bin", "python")
        if not stamped(folder, PYTHON):
            print("Installing the Python client ...", file=sys.stderr)
            quiet([sys.executable, "-m", "venv", "--clear", folder])
            quiet([binary, "-m", "pip", "install", "-q", "--disable-pip-version-check"] + PYTHON)
            stamp(folder, PYTHON)
        return binary


def javascript():
    """Path of node and the environment in which it finds the client."""
    node = toolchain("node")
    env = dict(os.environ, PATH=os.path.dirname(node) + os.pathsep + os.environ["PATH"])
    with locked("javascript") as folder:
        if not stamped(folder, JAVASCRIPT):
            print("Installing the JavaScript client ...", file=sys.stderr)
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, "package.json"), "w") as f:
                f.write('{"private": true}\n')
            quiet(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--save-exact"] + JAVASCRIPT,
                  cwd=folder, env=env)
            stamp(folder, JAVASCRIPT)
        return node, dict(env, NODE_PATH=os.path.join(folder, "node_modules"))


def go(source, name):
    """Builds the Go program in the folder source; returns the binary. Go itself knows what is up to date."""
    with locked("go") as folder:
        os.makedirs(folder, exist_ok=True)
        binary = os.path.join(folder, name)
        if not os.path.exists(binary):
            print("Building the Go client (%s) ..." % name, file=sys.stderr)
        quiet([toolchain("go"), "build", "-o", binary, "."], cwd=source, env=dict(os.environ, GOTOOLCHAIN="local"))
        return binary
