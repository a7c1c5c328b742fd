"""What did not work is left alone for a while, longer each time, and a revert is not made good by sending again."""

from __future__ import annotations

from keeper.runtime.patience import FORGOTTEN_AFTER_MS, Kind, Patience

A, ALPHA, BETA = "0xa", "alpha", "beta"


class Clock:
    now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


def test_the_wait_doubles_and_is_of_this_chain_only() -> None:
    clock = Clock()
    patience = Patience(clock)
    waits = []
    for _ in range(10):
        patience.failed(A, ALPHA, "no quorum")
        due = patience.next_due_ms()
        assert due is not None
        waits.append(due - clock.now_ms)

    assert [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000] == waits
    assert patience.must_wait(A, ALPHA)
    assert not patience.must_wait(A, BETA)


def test_what_went_out_clears_what_did_not() -> None:
    patience = Patience(Clock())
    patience.failed(A, ALPHA, "no quorum")

    patience.went_out(A, ALPHA)

    assert not patience.must_wait(A, ALPHA)


def test_sending_again_does_not_make_good_a_revert() -> None:
    clock = Clock()
    patience = Patience(clock)
    waits = []
    for _ in range(4):
        patience.went_out(A, ALPHA)
        patience.reverted(A, ALPHA, "cooldown")
        its = patience.setback(A, ALPHA, Kind.ON_CHAIN)
        assert its is not None
        waits.append(its.until_ms - clock.now_ms)
        clock.now_ms = its.until_ms

    assert [4_000, 8_000, 16_000, 32_000] == waits
    patience.succeeded(A, ALPHA)
    assert patience.setback(A, ALPHA, Kind.ON_CHAIN) is None


def test_old_failures_are_forgotten() -> None:
    clock = Clock()
    patience = Patience(clock)
    for number in range(100):
        patience.failed(f"0x{number}", ALPHA, "no quorum")

    clock.now_ms += FORGOTTEN_AFTER_MS + 1_000

    assert patience.next_due_ms() is None
    assert 0 == len(patience)
