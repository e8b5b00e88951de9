"""Agency credits: bylines and datelines of many outlets, and what only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.stories.agencies import AGENCIES, credited_agency
from tests.fakes.patience import grows_evenly


@pytest.mark.parametrize(
    ("text", "agency"),
    [
        ("MARLBRIDGE (Reuters) - The council", "Reuters"),
        ("MARLBRIDGE, Oct 20 (Reuters) – The council", "Reuters"),
        ("MOSCOW, Oct 20 (TASS) — The council", "TASS"),
        ("MOSCOW, October 20. /TASS/. The council", "TASS"),
        ("МОСКВА, 20 октября. /ТАСС/. Совет", "TASS"),
        ("МОСКВА, 20 окт — РИА Новости. Совет", "RIA Novosti"),
        ("МОСКВА, 20 окт - РИА Новости, Иван Иванов. Совет", "RIA Novosti"),
        ("Москва. 20 октября. INTERFAX.RU - Совет", "Interfax"),
        ("Москва. 20 октября. ИНТЕРФАКС - Совет", "Interfax"),
        ("(AP) — The council", "AP"),
        ("MARLBRIDGE, Norland (AP) — The council", "AP"),
        ("Marlbridge [Norland], October 20 (ANI): The council", "ANI"),
        ("New Delhi, Oct 20 (PTI) The council", "PTI"),
        ("BEIJING, Oct. 20 (Xinhua) -- The council", "Xinhua"),
        ("新华社北京10月20日电（记者）", "Xinhua"),
        ("Berlin (dpa) - Der Rat", "DPA"),
        ("Madrid, 20 oct (EFE).- El consejo", "EFE"),
        ("(ANSA) - ROMA, 20 OTT - Il consiglio", "ANSA"),
        ("TOKYO (Kyodo) -- The council", "Kyodo"),
        ("SEOUL, Oct. 20 (Yonhap) -- The council", "Yonhap"),
        ("ISLAMABAD, Oct 20 (APP): The council", "APP"),
        ("Tehran, IRNA – The council", "IRNA"),
        ("Kabul (Pajhwok): The council", "Pajhwok"),
        ("کابل (آژانس باختر): شورا", "Bakhtar"),
        ("كابول (أ ف ب) – قال المجلس", "AFP"),
        ("(Reuters)- The council", "Reuters"),
        ("NEW YORK (AP) The council", "AP"),
        ("MARLBRIDGE — (AP) The council", "AP"),
        ("Marlbridge (AFP)\r\nThe council", "AFP"),
        ("Marlbridge (Corran) [Norland], July 11 (ANI): The council", "ANI"),
        ("Marlbridge [Norland], June 29 (Sputnik/ANI): The council", "ANI"),
        ("By Ann Other and Bo Some\r\nMARLBRIDGE/CORRAN (Reuters) - The council", "Reuters"),
        ("By: PTI | Marlbridge | \r\nPublished: July 2", "PTI"),
        ("The Marrow bridge is closed\n\nMARLBRIDGE (AP) — The council", "AP"),
    ],
)
def test_a_dateline_names_the_agency(text: str, agency: str) -> None:
    assert credited_agency("", text) == agency


@pytest.mark.parametrize(
    ("author", "agency"),
    [
        ("Reuters", "Reuters"),
        ("By Ann Other, Associated Press", "AP"),
        ("Agence France-Presse in Marlbridge", "AFP"),
        ("PTI | New Delhi", "PTI"),
        ("ani", "ANI"),
        ("ТАСС", "TASS"),
        ("Associated Press of Pakistan", "APP"),
        ("Ani Petrosyan", ""),
        ("Ria Smith", ""),
        ("Interfax-Ukraine", ""),
        ("Ann Other", ""),
        ("", ""),
    ],
)
def test_a_byline_names_the_agency(author: str, agency: str) -> None:
    assert credited_agency(author, "") == agency


@pytest.mark.parametrize(
    "text",
    [
        "The minister told Reuters (Reuters) that the council",
        "He told Reuters - the agency - that the council",
        "(AP Photo/Ann Other) Ferries at the bridge",
        "The App Store - a shop",
        "Photo: Ann Other / dpa / Global Look Press\nThe council",
        "On the bridge in July. ANN OTHER / AP\r\nThe council",
        "Image copyright AFP Image caption The bridge\n\nThe council",
        "The council met on Monday.\nIts speaker told (Reuters) nothing",
        "In the 1950s, Sputnik - the satellite - flew",
        "",
    ],
)
def test_what_only_mentions_a_wire_credits_nothing(text: str) -> None:
    assert credited_agency("", text) == ""


@given(st.text(), st.text())
def test_any_text_has_one_answer_of_the_table(author: str, text: str) -> None:
    assert credited_agency(author, text) in {"", *AGENCIES}


@pytest.mark.parametrize("piece", ["(", "A", "Oct 20 ", "- ", "/", " ", "AP", "Москва, 20 "])
def test_a_hostile_start_costs_no_time(piece: str) -> None:
    assert grows_evenly(lambda times: [credited_agency(piece * 5_000 * times, piece * 5_000 * times) for _ in range(5)])
