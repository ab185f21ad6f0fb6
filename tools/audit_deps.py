"""Known vulnerabilities of the locked packages, as a report: pip-audit and npm audit.

``python tools/audit_deps.py``. Exit code 3 for one thing alone: a high or critical finding that a newer version
mends, in what we ship. An advisory service that cannot be reached is said, and is no failure: the report then
says that nothing is known, never that nothing was found. pip-audit tells no severity, so that every finding of
it that can be mended counts as high. What was judged and accepted stands in ``ACCEPTED`` with its reason.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 60
"""For each of the two tools."""

ACCEPTED: Mapping[str, str] = {}
"""Advisory -> why it does not concern us. Look at each again when its package is upgraded."""

FAILED = 3
"""Not 1, which is what a broken script ends with."""

FAILING = ("high", "critical")


@dataclass(frozen=True)
class Finding:
    package: str
    advisory: str
    severity: str
    mended_in: str
    """The version, or a word for it; empty where there is none yet."""

    @property
    def fails(self) -> bool:
        return self.severity in FAILING and bool(self.mended_in) and self.advisory not in ACCEPTED

    def __str__(self) -> str:
        mended = f"mended in {self.mended_in}" if self.mended_in else "not mended yet"
        accepted = f"; accepted: {ACCEPTED[self.advisory]}" if self.advisory in ACCEPTED else ""
        return f"{self.package}: {self.advisory} ({self.severity}), {mended}{accepted}"


@dataclass(frozen=True)
class Report:
    """What one tool said. ``unknown``: packages of which it could learn nothing, or why it could learn nothing."""

    tool: str
    findings: tuple[Finding, ...] = ()
    audited: int = 0
    unknown: str = ""


def read_pip(text: str) -> Report:
    """pip-audit's JSON."""
    data = _object(text)
    if data is None or not isinstance(data.get("dependencies"), list):
        return Report("pip-audit", unknown="no answer that could be read")
    findings, audited, skipped = [], 0, 0
    for package in data["dependencies"]:
        if "skip_reason" in package:
            skipped += 1
            continue
        audited += 1
        for each in package["vulns"]:
            mended = ", ".join(each.get("fix_versions") or ())
            findings.append(Finding(f"{package['name']} {package['version']}", each["id"], "high", mended))
    unknown = f"nothing is known of {skipped} packages" if skipped else ""
    return Report("pip-audit", tuple(findings), audited, unknown)


def read_npm(text: str) -> Report:
    """``npm audit --json``, report version 2; an answer of another form is an error's."""
    data = _object(text)
    if data is None or data.get("auditReportVersion") != 2:
        why = data.get("message") if data else None
        return Report(
            "npm audit", unknown=str(why).partition(" - ")[0] if why else "no answer that could be read"
        )
    findings = []
    for name, about in data["vulnerabilities"].items():
        mended = about.get("fixAvailable")
        version = mended.get("version", "a newer version") if isinstance(mended, dict) else "a newer version"
        advisories = [via for via in about.get("via", ()) if isinstance(via, dict)]
        for via in advisories:
            advisory = str(via.get("url", via.get("source", "?"))).rpartition("/")[2]
            severity = str(via.get("severity", about["severity"]))
            findings.append(Finding(name, advisory, severity, version if mended else ""))
    total = data.get("metadata", {}).get("dependencies", {}).get("total", 0)
    return Report("npm audit", tuple(findings), total)


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def said_by(command: Sequence[str]) -> str:
    """What a tool prints; empty where it is not there or takes too long. Its exit code says nothing more."""
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def reports() -> list[Report]:
    beside = Path(sys.executable).parent
    path = f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    pip_audit, npm = shutil.which("pip-audit", path=path), shutil.which("npm", path=path)
    found = []
    if pip_audit is None:
        found.append(Report("pip-audit", unknown="it is not installed (make setup)"))
    else:
        options = [
            "--no-deps",
            "--disable-pip",
            "--format",
            "json",
            "--progress-spinner",
            "off",
            "--timeout",
            "10",
        ]
        found.append(read_pip(said_by([pip_audit, "-r", "requirements.txt", *options])))
    if npm is None:
        found.append(Report("npm audit", unknown="there is no npm"))
    else:
        found.append(read_npm(said_by([npm, "audit", "--json", "--omit=dev", "--package-lock-only"])))
    return found


def main() -> int:
    failing = 0
    for report in reports():
        print(f"{report.tool}: {report.audited} packages looked up, {len(report.findings)} findings")
        if report.unknown:
            print(f"{report.tool}: NOT AUDITED: {report.unknown}; this is no failure and no all-clear")
        for finding in report.findings:
            print(f"  {'FAILS ' if finding.fails else ''}{finding}")
            failing += finding.fails
    if failing:
        print(f"{failing} findings of high severity can be mended: upgrade, or accept them with a reason")
    return FAILED if failing else 0


if __name__ == "__main__":
    raise SystemExit(main())
