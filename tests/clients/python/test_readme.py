"""The README's way from an empty directory to an API that is protected, and proven to be."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))

from server import binary  # noqa: E402

SECTIONS = ["## Five minutes to real tokens", "## Protecting an API"]
# What the reader has done already: the binary, and Python's packages.
DONE = ("cargo build", "pip install")


def blocks() -> list[tuple[str, str]]:
    """What the sections show, in order: the language, and the text with ports of this test's own."""
    readme = (ROOT / "README.md").read_text()
    parts = [readme.partition(section)[2].partition("\n## ")[0] for section in SECTIONS]
    shown = re.findall(r"^```(\w+)\n(.*?)^```$", "\n".join(parts), re.M | re.S)
    ports = {"8080": free_port(), "8000": free_port()}
    return [(kind, re.sub("8080|8000", lambda port: str(ports[port[0]]), text)) for kind, text in shown]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Reader:
    """Somebody who types what the README shows."""

    def __init__(self, folder: Path):
        self.folder, self.started = folder, []
        path = [binary().parent, ROOT / "target/venv/bin", os.environ["PATH"]]
        self.environment = {**os.environ, "PATH": ":".join(map(str, path)), "PYTHONDONTWRITEBYTECODE": "1"}

    def types(self, text: str) -> str:
        """Runs commands one after the other; what goes on by itself goes on. What the last one printed."""
        printed = ""
        for command in text.replace("\\\n", " ").splitlines():
            if command.startswith(DONE):
                continue
            arguments = {"cwd": self.folder, "env": self.environment, "text": True}
            if re.match("claviger serve|uvicorn", command):
                self.starts(command, arguments)
                continue
            done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=120, **arguments)
            assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
            printed = done.stdout
        return printed

    def starts(self, command: str, arguments: dict) -> None:
        """Starts a server in a terminal of its own, and waits until it listens."""
        self.started.append(subprocess.Popen(["bash", "-c", f"exec {command}"], **arguments))
        words = re.search(r"--port (\d+)", command) or re.search(r":(\d+)", (self.folder / "claviger.toml").read_text())
        for _ in range(300):
            try:
                return socket.create_connection(("127.0.0.1", int(words[1])), 1).close()
            except OSError:
                assert self.started[-1].poll() is None, command
                time.sleep(0.1)
        raise AssertionError(f"`{command}` does not listen")


@contextmanager
def reader(folder: Path):
    person = Reader(folder)
    try:
        yield person
    finally:
        for process in person.started:
            process.terminate()
        for process in person.started:
            process.wait(30)


def test_from_an_empty_directory_to_an_api_that_is_proven(tmp_path: Path):
    (tmp_path / "password.txt").write_text("lantern-tidal-mosaic")
    shown = blocks()
    with reader(tmp_path) as person:
        for kind, text in shown:
            if kind == "toml":
                (tmp_path / "claviger.toml").write_text(text)
            elif kind == "python" and text.startswith("# main.py\n"):
                (tmp_path / "main.py").write_text(text)
            elif kind == "sh":
                printed = person.types(text)
                assert "curl" not in text or json.loads(printed)["scope"] == "notes:read"
        assert "check-api" in text, "the last that is typed proves it"

        # Without one of its checks the same API is not passed over.
        auth = (tmp_path / "auth.py").read_text()
        careless = auth.replace("issuer=ISSUER,", "")
        assert careless != auth
        (tmp_path / "auth.py").write_text(careless)
        api = person.started.pop()
        api.terminate()
        api.wait(30)
        person.types(next(text for _, text in shown if "uvicorn main" in text))
        check = text.splitlines()[-1]
        done = subprocess.run(["bash", "-c", check], cwd=tmp_path, env=person.environment, capture_output=True, text=True)
        assert done.returncode == 1 and "issuer" in done.stdout, f"{done.stdout}{done.stderr}"
