"""What third parties wrote of what we ship: ``THIRD-PARTY-NOTICES.txt`` and ``sbom.cdx.json`` (CycloneDX 1.6).

``python tools/notices.py [--out FOLDER]``, with the Python that the service runs with: of the packages that the
lock names those are listed that are installed there (in the image the demo's servers are not), and of the npm
lock what is not for development. Standard library only, no network, and the same answer every time.
"""

import argparse
import base64
import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENDOR_NOTICES = ROOT / "service" / "admin" / "static" / "vendor" / "NOTICES.txt"
LICENCE_FILE = re.compile(r"(^|/)(licen[cs]es?/|(licen[cs]e|copying|notice|authors)[^/]*$)", re.IGNORECASE)
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
NO_TEXT = (".py", ".pyc", ".pyi", ".so", ".json")
SPACE = uuid.UUID("6d1f6f0e-93b4-5d0a-8c39-5a0c2f4d7b11")
"""Namespace of the serial numbers: the same components have the same one."""


@dataclass(frozen=True)
class Part:
    """One third party's package. ``texts``: licence and notice files, in the order of their names."""

    kind: str
    name: str
    version: str
    licence: str
    home: str
    texts: tuple[str, ...] = ()
    integrity: str = ""

    @property
    def purl(self) -> str:
        """Package URL: the scope's @ is written %40 (purl-spec)."""
        return f"pkg:{self.kind}/{self.name.replace('@', '%40')}@{self.version}"


def python_parts(lock: Path) -> Iterator[Part]:
    """The locked packages that are installed beside this Python."""
    locked: dict[str, list[str]] = {}
    for name, version in LOCKED.findall(lock.read_text("utf-8")):
        locked.setdefault(name, []).append(version)  # another Python may have another version
    for name, versions in locked.items():
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        if found.version not in versions:
            sys.exit(
                f"notices: {name} {found.version} is installed, and the lock says {' or '.join(versions)}"
            )
        yield Part(
            "pypi", name.lower(), found.version, licence_of(found), home_of(found), tuple(texts_of(found))
        )


def licence_of(found: Distribution) -> str:
    """The SPDX expression where the package names one, else what it says in words."""
    about = found.metadata
    if expression := about.get("License-Expression"):
        return str(expression)
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in about.get_all("Classifier", [])
        if line.startswith("License :: ") and not line.endswith("OSI Approved")
    ]
    if classifiers:
        return ", ".join(sorted(set(classifiers)))
    said = (about.get("License") or "").strip()
    return said.splitlines()[0][:80] if said else "not named"


def home_of(found: Distribution) -> str:
    about = found.metadata
    urls = dict(line.split(", ", 1) for line in about.get_all("Project-URL", []) if ", " in line)
    for label in ("Homepage", "homepage", "Source", "Repository"):
        if label in urls:
            return str(urls[label])
    return str(about.get("Home-page") or next(iter(urls.values()), ""))


def texts_of(found: Distribution) -> Iterator[str]:
    for path in sorted(found.files or (), key=str):
        where = str(path)
        if ".dist-info/" in where and LICENCE_FILE.search(where) and not where.endswith(NO_TEXT):
            body = Path(str(path.locate())).read_text("utf-8", errors="replace").strip()
            if body:
                yield body


def npm_parts(lock: Path) -> Iterator[Part]:
    for place, about in json.loads(lock.read_text("utf-8"))["packages"].items():
        if place and not about.get("dev") and not about.get("extraneous"):
            name = place.rpartition("node_modules/")[2]
            yield Part(
                "npm",
                name,
                about["version"],
                about.get("license", "not named"),
                "",
                integrity=about.get("integrity", ""),
            )


def sbom(parts: list[Part], version: str) -> dict[str, Any]:
    """CycloneDX 1.6 with components alone: the locks say what depends on what."""
    components = [component(part) for part in parts]
    ours = {
        "type": "application",
        "bom-ref": f"pkg:generic/simward@{version}",
        "name": "simward",
        "version": version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "purl": f"pkg:generic/simward@{version}",
    }
    content = json.dumps([ours, components], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(SPACE, content).urn,
        "version": 1,
        "metadata": {"component": ours},
        "components": components,
    }


_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-+]*( (AND|OR|WITH) [A-Za-z0-9(][A-Za-z0-9.\-+)]*)*")


def component(part: Part) -> dict[str, Any]:
    words = part.licence
    is_spdx = bool(_SPDX.fullmatch(words))
    found: dict[str, Any] = {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
        "licenses": [{"expression": words} if is_spdx else {"license": {"name": words}}],
    }
    if part.integrity.startswith("sha512-"):
        digest = base64.b64decode(part.integrity.removeprefix("sha512-")).hex()
        found["hashes"] = [{"alg": "SHA-512", "content": digest}]
    if part.home.startswith("http"):
        found["externalReferences"] = [{"type": "website", "url": part.home}]
    return found


def notices(parts: list[Part]) -> str:
    """Name, version, licence, and the licence's own texts where the package ships them."""
    line = "=" * 100
    blocks = [
        "Simward is licensed under the Apache License 2.0 (LICENSE). It ships the following third-party software.\n"
        "Each keeps its own licence, which stands below where the package brings it."
    ]
    for part in parts:
        head = (
            f"{line}\n{part.name} {part.version} ({part.kind})\nLicence: {part.licence}\n{part.home}".rstrip()
        )
        blocks.append("\n\n".join([head, *part.texts]))
    if VENDOR_NOTICES.is_file():
        blocks.append(f"{line}\nThe dashboard's assets\n\n{VENDOR_NOTICES.read_text('utf-8').strip()}")
    return "\n\n".join(blocks) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Write third-party notices and an SBOM.")
    parser.add_argument("--out", type=Path, default=ROOT / "build")
    out: Path = parser.parse_args().out
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    parts = sorted(
        [*python_parts(ROOT / "requirements.txt"), *npm_parts(ROOT / "package-lock.json")],
        key=lambda part: (part.kind, part.name),
    )
    out.mkdir(parents=True, exist_ok=True)
    (out / "THIRD-PARTY-NOTICES.txt").write_text(notices(parts), "utf-8")
    (out / "sbom.cdx.json").write_text(json.dumps(sbom(parts, version), indent=1) + "\n", "utf-8")
    print(f"notices: {len(parts)} packages; THIRD-PARTY-NOTICES.txt and sbom.cdx.json are in {out}")


if __name__ == "__main__":
    main()
