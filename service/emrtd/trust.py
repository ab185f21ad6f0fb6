"""The certificates that are trusted, and what they have revoked. Frozen; another store takes its place."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from service.emrtd.certificate import Certificate
from service.emrtd.crl import Crl

MOST_CANDIDATES: Final = 8


class NotTrusted(ValueError):
    """What was to be imported is not signed by anybody trusted. ``code`` says which step failed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TrustStore:
    """CSCA certificates, roots and links alike: each was vouched for by a list, or by two persons."""

    def __init__(self, certificates: Iterable[Certificate] = (), crls: Iterable[Crl] = ()) -> None:
        self._by_name: dict[str, list[Certificate]] = defaultdict(list)
        self._by_key: dict[bytes, list[Certificate]] = defaultdict(list)
        self._crls: dict[str, Crl] = {}
        seen: set[bytes] = set()
        for each in certificates:
            if each.der in seen:
                continue
            seen.add(each.der)
            self._by_name[each.subject].append(each)
            if each.ski is not None:
                self._by_key[each.ski].append(each)
        for crl in sorted(crls, key=lambda crl: crl.this_update):
            self._crls[crl.issuer] = crl
        self.size = len(seen)

    @property
    def is_empty(self) -> bool:
        return self.size == 0

    @property
    def certificates(self) -> Sequence[Certificate]:
        return [each for group in self._by_name.values() for each in group]

    def issuers_of(self, name: str, key: bytes | None) -> list[Certificate]:
        """Who may have issued something, most likely first: by name and key identifier; by the key alone, because a
        name changes with a link; and by the name alone."""
        named = self._by_name.get(name, [])
        keyed = self._by_key.get(key, []) if key is not None else []
        both = [each for each in named if key is not None and each.ski == key]
        found = dict.fromkeys([*both, *keyed, *named])
        return list(islice(found, MOST_CANDIDATES))

    def crl_of(self, issuer: str) -> Crl | None:
        """The newest list of this name."""
        return self._crls.get(issuer)
