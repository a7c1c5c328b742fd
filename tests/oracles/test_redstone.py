"""Signed packages: who signed what for when, and how many must agree before it is a price."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import WAD, parse_wad
from oracles.price import FailureKind
from oracles.sources.json_answer import parse_json
from oracles.sources.origin import BadAnswer
from oracles.sources.redstone_packages import Agreement, Window, agree, middle, verify
from tests.oracles.evidence import NOW_MS
from tests.oracles.signing import KEYS, SIGNERS, package, signature

WINDOW = Window(900_000, 600_000)

# An answer of redstone-primary-prod of 2024-07-01, as it stands in redstone-finance/redstone-oracles-monorepo
# (packages/protocol/test/primary-prod-data-packages.json): signer, value and signature of one feed.
RECORDED_MS = 1_719_856_900_000
RECORDED = (
    ("0x51Ce04Be4b3E32572C4Ec9135221d0691Ba7d202", "1.03280834076226", "amrZXlANgIX66hOpKJ9X4mNahSfa5CKpP03mLJoQ7K4gFosh/9GQp+MmJcl3M/B9hHTlZRA6D802x+gZbeUvzRs="),
    ("0x8BB8F32Df04c8b654987DAaeD53D6B6091e3B774", "1.03280834076226", "wIvdbyQD7vVhzwI1rYvsuwsgIO022TnRFb/hxR+fHs4s3MWBW5Gtz947H30RgNrLjRRsGQE+IX1VGW8M81NBuBs="),
    ("0x9c5AE89C4Af6aA32cE58588DBaF90d18a855B6de", "1.0328031316988517", "C3mLYWiRjfErPPoUnWvw8vslEFOeh7ft0Acf2EKnoa0+WNxMimiP3L2mcHHrs01nDI5G99xAbjX0hdg9tBrCCRs="),
    ("0xDD682daEC5A90dD295d14DA4b0bec9281017b5bE", "1.03280834076226", "Nj2uYtGR/2rcM0PPsZ2LdL/w1St55MFKAxnPAwcCJj0xPGWQ3dZzrLVemN5ADqv1axZwWh3ChvGj6/7QeOS31Bs="),
    ("0xdEB22f54738d54976C4c0fe5ce6d408E40d88499", "1.0328031316988517", "orMBrYpUB2VqZurK0Zgukf5Fu3DIMesLbw/OWQOHVB41Wkt8oigHduCEReMisJmtRg8VaYQoPml3UvjeoJY9Oxw="),
)  # fmt: skip


def recorded(count: int = 5) -> object:
    packages = [
        f'{{"timestampMilliseconds":{RECORDED_MS},"signature":"{signed}",'
        f'"dataPoints":[{{"dataFeedId":"3Crv","value":{value}}}]}}'
        for _, value, signed in RECORDED[:count]
    ]
    return parse_json(f"[{','.join(packages)}]".encode())


def asked(*packages: str, threshold: int = 3, now_ms: int = NOW_MS) -> Agreement:
    return agree(parse_json(f"[{','.join(packages)}]".encode()), "ETH", SIGNERS, threshold, WINDOW, now_ms)


def refused(*packages: str, threshold: int = 3) -> BadAnswer:
    with pytest.raises(BadAnswer) as bad:
        asked(*packages, threshold=threshold)
    return bad.value


def test_packages_of_the_real_signers_verify_and_agree() -> None:
    signers = [signer for signer, _, _ in RECORDED]

    agreed = agree(recorded(), "3Crv", signers, 3, WINDOW, RECORDED_MS)

    assert Agreement(parse_wad("1.03280834"), 0, RECORDED_MS) == agreed


def test_a_value_that_was_changed_on_the_way_is_signed_by_somebody_else() -> None:
    packed = parse_json(package(KEYS[0], "ETH", "3000", NOW_MS, signed=2_999 * 10**8).encode())

    assert SIGNERS[0] != verify(packed, "ETH").signer


@pytest.mark.parametrize(
    ("seconds", "valid"), [(-900, True), (-901, False), (600, True), (601, False), (0, True)]
)
def test_a_package_counts_within_the_window_and_at_its_ends(seconds: int, valid: bool) -> None:
    packages = [package(key, "ETH", "3000", NOW_MS + seconds * 1_000) for key in KEYS[:3]]

    if valid:
        assert NOW_MS + seconds * 1_000 == asked(*packages).oldest_ms
    else:
        assert FailureKind.REFUSED is refused(*packages).kind


def test_fewer_signers_than_asked_for_are_no_price_and_a_signer_counts_once() -> None:
    two = [package(key, "ETH", "3000", NOW_MS) for key in KEYS[:2]]

    assert "2 of 3 signers" in refused(*two, two[1]).detail
    assert 3_000 * WAD == asked(*two, threshold=2).value_wad


def test_strangers_do_not_count_however_many() -> None:
    known = {SIGNERS[0]}
    packages = parse_json(
        f"[{','.join(package(key, 'ETH', '3000', NOW_MS) for key in KEYS)}]".encode(),
    )

    with pytest.raises(BadAnswer, match=r"1 of 2 signers; not counted: signed by 0x"):
        agree(packages, "ETH", known, 2, WINDOW, NOW_MS)


def test_who_signed_two_values_for_one_time_does_not_count_and_of_two_times_the_newer_does() -> None:
    honest = [package(key, "ETH", "3000", NOW_MS) for key in KEYS[:2]]
    twice = [package(KEYS[2], "ETH", value, NOW_MS) for value in ("3000", "9000")]
    later = [package(KEYS[2], "ETH", "9000", NOW_MS - 1_000), package(KEYS[2], "ETH", "3003", NOW_MS)]

    assert "2 of 3" in refused(*honest, *twice).detail
    assert Agreement(3_000 * WAD, 0, NOW_MS) == asked(*honest, *later)
    assert NOW_MS == asked(*honest, *reversed(later)).oldest_ms


def test_the_oldest_package_used_is_the_time_and_an_even_number_is_as_sure_as_its_middle_is_apart() -> None:
    packages = [
        package(key, "ETH", value, NOW_MS - age_ms)
        for key, value, age_ms in zip(
            KEYS, ("2990", "3000", "3001", "3050"), (0, 7_000, 1_000, 0), strict=False
        )
    ]

    assert Agreement(parse_wad("3000.5"), parse_wad("0.5"), NOW_MS - 7_000) == asked(*packages)


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        ('"signature":"AAAA"', FailureKind.REFUSED),
        ('"signature":null', FailureKind.REFUSED),
        ('"signature":"' + "A" * 87 + '="', FailureKind.REFUSED),
        ('"timestampMilliseconds":"1"', FailureKind.REFUSED),
        ('"dataPoints":[]', FailureKind.REFUSED),
        ('"dataPoints":[3]', FailureKind.REFUSED),
        ('"dataPoints":[{"dataFeedId":"ETH","value":"3000"}]', FailureKind.REFUSED),
        ('"dataPoints":[{"dataFeedId":"ETH","value":3000,"decimals":99}]', FailureKind.REFUSED),
        ('"dataPoints":[{"dataFeedId":"BTC","value":3000}]', FailureKind.REFUSED),
    ],
)
def test_a_bad_package_costs_its_own_vote_only(wrong: str, kind: FailureKind) -> None:
    name = wrong.partition(":")[0]
    good = [package(key, "ETH", "3000", NOW_MS) for key in KEYS[:3]]
    values = {
        '"signature"': f'"{signature(KEYS[2], [("ETH", 3_000 * 10**8)], NOW_MS)}"',
        '"timestampMilliseconds"': str(NOW_MS),
        '"dataPoints"': '[{"dataFeedId":"ETH","value":3000}]',
    }
    fields = [wrong if key == name else f"{key}:{value}" for key, value in values.items()]
    bad = f"{{{','.join(fields)}}}"

    assert kind is refused(*good[:2], bad).kind
    assert 3_000 * WAD == asked(*good, bad).value_wad


def test_high_s_is_nobodys_signature() -> None:
    packed = package(KEYS[0], "ETH", "3000", NOW_MS)
    raw = signature(KEYS[0], [("ETH", 3_000 * 10**8)], NOW_MS)
    from base64 import b64decode, b64encode

    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    bytes_ = b64decode(raw)
    flipped = bytes_[:32] + (order - int.from_bytes(bytes_[32:64])).to_bytes(32) + bytes([55 - bytes_[64]])
    packed = packed.replace(raw, b64encode(flipped).decode())

    with pytest.raises(BadAnswer, match="high s"):
        verify(parse_json(packed.encode()), "ETH")


@given(st.lists(st.integers(1, 10**30), min_size=1, max_size=9))
def test_the_middle_covers_both_middle_values(values: list[int]) -> None:
    ordered = sorted(values)
    value, apart = middle(ordered)
    half = len(ordered) // 2
    low = ordered[half] if len(ordered) % 2 else ordered[half - 1]

    assert value - apart <= low <= ordered[half] <= value + apart


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((10, 25), 17),
        ((2**256 - 1, 1), 2**255),
        ((10, 40, 30, 20), 25),
        ((5, 2, 8, 1, 9), 5),
        ((1, 2), 1),
        ((6, 5, 4, 3, 2, 1), 3),
    ],
)
def test_the_middle_is_that_of_redstones_own_contracts(values: tuple[int, ...], expected: int) -> None:
    assert expected == middle(sorted(values))[0]
