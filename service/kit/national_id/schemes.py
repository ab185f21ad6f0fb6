"""Which numbers each state gives to people, by their modules of python-stdnum.

Numbers of firms alone are not here; where a scheme numbers people and firms and tells them apart, only people's are
taken. A scheme without a check digit says no more than that the number is built as such numbers are; us.atin, which
takes any nine digits, would say nothing at all and is left out.
"""

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Scheme:
    """``only``: what a whole number of a person looks like, as an expression; empty where all are people's."""

    module: str
    digit: bool = True
    only: str = ""
    region: bool = False
    """Whether the number names a place that the library looks up: it refuses one whose place is in no table."""

    @property
    def name(self) -> str:
        return self.module.partition(".")[2].upper()

    def is_person(self, number: str) -> bool:
        return not self.only or re.fullmatch(self.only, number) is not None


_S = Scheme

# ISO 3166-1 alpha-2 -> (alpha-3, schemes). The first scheme is what people there call their number.
SCHEMES: Final[dict[str, tuple[str, tuple[Scheme, ...]]]] = {
    "AD": ("AND", (_S("ad.nrt", digit=False, only="[EF].*"),)),
    "AR": ("ARG", (_S("ar.dni", digit=False),)),
    "AT": ("AUT", (_S("at.vnr"),)),
    "AU": ("AUS", (_S("au.tfn"),)),
    "AZ": ("AZE", (_S("az.voen", only=".*2"),)),
    "BE": ("BEL", (_S("be.nn"), _S("be.bis"))),
    "BG": ("BGR", (_S("bg.egn"), _S("bg.pnf"))),
    "BR": ("BRA", (_S("br.cpf"),)),
    "BY": ("BLR", (_S("by.unp", only="[A-Z].*"),)),
    "CA": ("CAN", (_S("ca.sin"), _S("ca.bc_phn"))),
    "CH": ("CHE", (_S("ch.ssn"),)),
    "CL": ("CHL", (_S("cl.rut"),)),
    "CN": ("CHN", (_S("cn.ric", region=True),)),
    "CO": ("COL", (_S("co.nit"),)),
    "CR": ("CRI", (_S("cr.cpf", digit=False), _S("cr.cr", digit=False))),
    "CU": ("CUB", (_S("cu.ni", digit=False),)),
    "CZ": ("CZE", (_S("cz.rc"),)),
    "DE": ("DEU", (_S("de.idnr"),)),
    "DK": ("DNK", (_S("dk.cpr", digit=False),)),
    "DO": ("DOM", (_S("do.cedula"),)),
    "EC": ("ECU", (_S("ec.ci"),)),
    "EE": ("EST", (_S("ee.ik"),)),
    "ES": ("ESP", (_S("es.dni"), _S("es.nie"))),
    "FI": ("FIN", (_S("fi.hetu"), _S("fi.veronumero", digit=False))),
    "FR": ("FRA", (_S("fr.nir"), _S("fr.nif"))),
    "GB": ("GBR", (_S("gb.nhs"), _S("gb.upn"))),
    "GH": ("GHA", (_S("gh.tin", only="P.*"),)),
    "GN": ("GIN", (_S("gn.nifp"),)),
    "GR": ("GRC", (_S("gr.amka"),)),
    "HR": ("HRV", (_S("hr.oib"),)),
    "ID": ("IDN", (_S("id.nik", digit=False, region=True),)),
    "IE": ("IRL", (_S("ie.pps", only="[0-9]{7}[A-Z][^H]?"),)),
    "IL": ("ISR", (_S("il.idnr"),)),
    "IN": (
        "IND",
        (_S("in_.aadhaar"), _S("in_.vid"), _S("in_.pan", digit=False, only="...P.*"), _S("in_.epic")),
    ),
    "IS": ("ISL", (_S("is_.kennitala", only="[0-3].*"),)),
    "IT": ("ITA", (_S("it.codicefiscale", only="[A-Z].*"),)),
    "JP": ("JPN", (_S("jp.in_"),)),
    "KE": ("KEN", (_S("ke.pin", digit=False, only="A.*"),)),
    "KR": ("KOR", (_S("kr.rrn"),)),
    "LI": ("LIE", (_S("li.peid", digit=False),)),
    "LT": ("LTU", (_S("lt.asmens"),)),
    "LV": ("LVA", (_S("lv.pvn", only="[0-3].*"),)),
    "MU": ("MUS", (_S("mu.nid"),)),
    "MX": ("MEX", (_S("mx.curp", region=True), _S("mx.rfc", digit=False, only=".{13}"))),
    "MY": ("MYS", (_S("my.nric", digit=False, region=True),)),
    "NL": ("NLD", (_S("nl.bsn"), _S("nl.onderwijsnummer"))),
    "NO": ("NOR", (_S("no.fodselsnummer"),)),
    "NZ": ("NZL", (_S("nz.ird"),)),
    "PE": ("PER", (_S("pe.cui", digit=False),)),
    "PK": ("PAK", (_S("pk.cnic", digit=False, region=True),)),
    "PL": ("POL", (_S("pl.pesel"),)),
    "PT": ("PRT", (_S("pt.nif", only="[123].*|45.*"), _S("pt.cc"))),
    "RO": ("ROU", (_S("ro.cnp", region=True),)),
    "RU": ("RUS", (_S("ru.inn", only=".{12}"),)),
    "SE": ("SWE", (_S("se.personnummer"),)),
    "SI": ("SVN", (_S("si.emso"),)),
    "SK": ("SVK", (_S("sk.rc"),)),
    "SV": ("SLV", (_S("sv.nit"),)),
    "TH": ("THA", (_S("th.pin"),)),
    "TR": ("TUR", (_S("tr.tckimlik"),)),
    "UA": ("UKR", (_S("ua.rntrc"),)),
    "US": ("USA", (_S("us.ssn", digit=False), _S("us.itin", digit=False))),
    "VE": ("VEN", (_S("ve.rif", only="[VE].*"),)),
    "ZA": ("ZAF", (_S("za.idnr"),)),
}
BY_STATE: Final = {alpha3: alpha2 for alpha2, (alpha3, _) in SCHEMES.items()}
