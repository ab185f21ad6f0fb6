"""What the seed remembers from one start of the demo to the next."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Diary:
    """A small file in the data folder: the day on which the seed began, and whether it came to its end."""

    path: Path

    def read(self) -> tuple[datetime, bool] | None:
        """(today of the script, whether all is sown); None where nothing was begun, or half a file is left."""
        try:
            kept = json.loads(self.path.read_text("utf-8"))
            return datetime.fromisoformat(kept["today"]), kept["sown"] is True
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, today: datetime, *, is_sown: bool) -> None:
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.write_text(json.dumps({"today": today.isoformat(), "sown": is_sown}) + "\n", "utf-8")
        fresh.replace(self.path)
