"""How the official clients are found, or installed into the git-ignored cache. Each is optional: Missing says why it is not
there."""
import os
import shutil
import subprocess

import clients
import record

HERE = os.path.dirname(os.path.realpath(__file__))
PEERS = os.path.join(HERE, "peers")


class Missing(Exception):
    """A client that cannot be had on this machine."""


def guarded(find):
    def wrapped():
        try:
            return find()
        except (SystemExit, OSError, subprocess.CalledProcessError) as e:
            raise Missing(" ".join(str(e).split())[:200]) from e
    return wrapped


@guarded
def go():
    """The program, with the messages that protoc and its plug-in for Go make; one file each, as they are registered."""
    with clients.locked("go-bench") as folder:
        os.makedirs(folder, exist_ok=True)
        for name in ("main.go", "go.mod", "go.sum"):
            shutil.copy2(os.path.join(PEERS, "go", name), folder)
        env = dict(os.environ, GOTOOLCHAIN="local")
        plugin = os.path.join(folder, "protoc-gen-go")
        clients.quiet([clients.toolchain("go"), "build", "-o", plugin, "google.golang.org/protobuf/cmd/protoc-gen-go"],
                      cwd=folder, env=env)
        for name, extra in (("customer", {}), ("wide", record.EXTRA)):
            with open(os.path.join(folder, name + ".proto"), "w") as f:
                f.write(record.proto(extra))
            clients.quiet(["protoc", "--plugin=" + plugin, "--go_out=.", "--go_opt=paths=source_relative", name + ".proto"],
                          cwd=folder)
            path = os.path.join(folder, name + ".pb.go")
            with open(path) as f:
                text = f.read()
            with open(path, "w") as f:
                f.write(text.replace("package peers\n", "package main\n", 1))
    return [clients.go(folder, "bench")], None


@guarded
def python():
    return [clients.python(), "-B", os.path.join(PEERS, "python", "peer.py")], None


@guarded
def javascript():
    node, env = clients.javascript()
    return [node, os.path.join(PEERS, "js", "peer.js")], env


@guarded
def rust():
    """Needs a cargo that knows edition 2024 (1.85), which Debian 12 has not."""
    cargo = shutil.which("cargo") or os.path.expanduser("~/.cargo/bin/cargo")
    version = subprocess.run([cargo, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[1]
    if tuple(int(n) for n in version.split("-")[0].split(".")[:2]) < (1, 85):
        raise Missing("cargo %s is older than 1.85, which the crate wants" % version)
    with clients.locked("rust") as folder:
        clients.quiet([cargo, "build", "--quiet", "--release", "--locked", "--manifest-path",
                       os.path.join(PEERS, "rust", "Cargo.toml"), "--target-dir", folder])
    return [os.path.join(folder, "release", "peer")], None


FIND = {"go": go, "python": python, "javascript": javascript, "rust": rust}
