"""Codes of states and issuers in a machine-readable zone (ICAO Doc 9303-3, section 5, parts A to E)."""

from enum import StrEnum


class StateKind(StrEnum):
    COUNTRY = "country"  # part A: ISO 3166-1 alpha-3, with D for Germany
    BRITISH = "british"  # part A: nationality codes of the United Kingdom
    ORGANISATION = "organisation"  # parts B and D: United Nations and others that issue documents
    PERSON = "person"  # part C: people without a nationality
    SPECIMEN = "specimen"  # part A: Utopia, the state of every sample


_ISO = frozenset(
    """
    ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS BIH
    BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB
    CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR GEO
    GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN
    IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA
    MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER
    NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU
    RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA
    TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT
    WLF WSM YEM ZAF ZMB ZWE
    """.split()  # noqa: SIM905 - a block of codes is easier to compare with the standard
)

_SPECIAL = {
    "D": StateKind.COUNTRY,
    "RKS": StateKind.COUNTRY,  # Kosovo: part D, outside ISO 3166
    "NTZ": StateKind.COUNTRY,  # neutral zone: part A, kept from an older ISO list
    **dict.fromkeys(("GBD", "GBN", "GBO", "GBP", "GBS"), StateKind.BRITISH),
    **dict.fromkeys(("UNO", "UNA", "UNK", "EUE"), StateKind.ORGANISATION),
    **dict.fromkeys(
        ("XBA", "XIM", "XCC", "XCE", "XCO", "XEC", "XPO", "XES", "XMP", "XOM", "XDC"), StateKind.ORGANISATION
    ),
    **dict.fromkeys(("XXA", "XXB", "XXC", "XXX"), StateKind.PERSON),
    "UTO": StateKind.SPECIMEN,
}

KINDS: dict[str, StateKind] = dict.fromkeys(sorted(_ISO), StateKind.COUNTRY) | _SPECIAL
SPECIMEN = "UTO"

ISSUERS = frozenset(code for code, kind in KINDS.items() if kind is not StateKind.PERSON)
NATIONALITIES = frozenset(KINDS)  # organisations too: a laissez-passer shows its issuer as nationality

# The zone writes these in another way than people and other systems do.
_SAME = {"D": "DEU", "GBD": "GBR", "GBN": "GBR", "GBO": "GBR", "GBP": "GBR", "GBS": "GBR"}


def is_known(code: str) -> bool:
    """Whether ``code`` (no fillers) is in Doc 9303-3, section 5."""
    return code in KINDS


def canonical(code: str) -> str:
    """One code for one state: ``DEU`` for ``D``, ``GBR`` for the British nationality codes, else ``code``."""
    return _SAME.get(code, code)


def agree(one: str, other: str) -> bool:
    """Whether two codes name one state."""
    return canonical(one) == canonical(other)


def is_specimen(code: str) -> bool:
    return code == SPECIMEN
