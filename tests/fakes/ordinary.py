"""This Python as an ordinary user can run it."""

import os
import pwd
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.infra.embedded.account import Account, may_read
from tests.fakes.processes import ROOT

NAME = "nobody"
_NOT_TO_RUN = shutil.ignore_patterns(
    "__pycache__", "site-packages", "test", "idlelib", "tkinter", "turtledemo", "ensurepip", "config-*"
)


@contextmanager
def ordinary_python() -> Iterator[list[str] | None]:
    """A command that runs this Python as ``nobody``: itself, or a copy where it lies in a folder that is closed to
    others, as root's home is. None where that user cannot even be taken on, or cannot read our source."""
    setpriv = shutil.which("setpriv")
    user = pwd.getpwnam(NAME)
    account = Account(NAME, user.pw_uid, user.pw_gid, dropped=True)
    if setpriv is None or not may_read(ROOT / "pyproject.toml", account):
        yield None
        return
    become = [setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    if may_read(Path(sys.executable), account):
        yield [*become, sys.executable]
        return
    with tempfile.TemporaryDirectory(prefix="simward-python-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        python = _copied(folder)
        yield [*become, "env", f"LD_LIBRARY_PATH={folder / 'lib'}", str(python)]


def _copied(folder: Path) -> Path:
    """The interpreter in the shape by which it finds its own library."""
    program = Path(os.path.realpath(sys.executable))
    stdlib = Path(sysconfig.get_path("stdlib"))
    (folder / "bin").mkdir()
    copy = Path(shutil.copy2(program, folder / "bin" / program.name))
    shutil.copytree(stdlib, folder / sys.platlibdir / stdlib.name, ignore=_NOT_TO_RUN)
    (folder / "lib").mkdir(exist_ok=True)
    for library in (Path(sys.base_prefix) / "lib").glob("libpython*.so*"):
        shutil.copy2(library, folder / "lib", follow_symlinks=False)
    return copy
