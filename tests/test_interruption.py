"""Claims about signals: what is caught, what is left alone, and that everything comes back."""

import os
import signal

import pytest

from tuner.interruption import catching_signals

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def handlers():
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("ignored", SIGNALS)
def test_signal_that_was_ignored_stays_ignored_and_the_other_one_is_caught(ignored):
    signal.signal(ignored, signal.SIG_IGN)
    (other,) = set(SIGNALS) - {ignored}
    with catching_signals() as stop:
        assert signal.getsignal(ignored) == signal.SIG_IGN
        os.kill(os.getpid(), ignored)
        assert not stop()
        os.kill(os.getpid(), other)
        assert stop.signal_number == other
        assert signal.getsignal(ignored) == signal.SIG_IGN
    assert signal.getsignal(ignored) == signal.SIG_IGN


def test_signal_that_arrives_while_handlers_are_installed_is_a_request(monkeypatch):
    install = signal.signal

    def install_and_interrupt(number, handler):
        previous = install(number, handler)
        if number == signal.SIGINT and callable(handler) and handler.__name__ == "receive":
            os.kill(os.getpid(), number)
        return previous

    before = [signal.getsignal(number) for number in SIGNALS]
    monkeypatch.setattr(signal, "signal", install_and_interrupt)
    with catching_signals() as stop:
        assert stop.signal_number == signal.SIGINT
    assert [signal.getsignal(number) for number in SIGNALS] == before
