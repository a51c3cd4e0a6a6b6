"""Text for terminals that can't show all of it."""

import io
import logging
import sys
from pathlib import Path

import pytest

from neuron_race.common import terminal


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain", "plain"),
        ("α λ ς Σ Δ µ Ω", "alpha lambda sigma Sigma Delta mu Omega"),
        ("ἁ ώ ϵ 𝛼 ϑ", "alpha omega epsilon alpha theta"),
        ("é ü ø ł æ Œ ß Å", "e u o l ae Oe ss A"),
        ("e\u0301 x\u0302", "e x"),
        ("R² x₁₀ ½ xᵀ", "R2 x10 1/2 xT"),
        ("12–15 — −3 ±0.1 · 2×3", "12-15 - -3 +-0.1 . 2x3"),
        ("„so“ ‘or’ «so» …", '"so" \'or\' "so" ...'),
        ("≥ ≤ ≈ → ‖w‖ √d ∈", ">= <= ~ -> ||w|| sqrtd  in "),
        ("one\u00a0two\u2009three", "one two three"),
        ("😀", r"\N{GRINNING FACE}"),
        ("\udcce\udca3_\udcc3\udca9", "Sigma_e"),
        ("\udce9 \ue000", r"\udce9 \ue000"),
    ],
)
def test_what_ascii_lacks_is_told_in_ascii(text: str, said: str) -> None:
    assert terminal.plain(text) == said


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("ascii", "Sigma alpha, R2 e - . EUR"),
        ("latin-1", "Sigma alpha, R² é - · EUR"),
        ("cp1252", "Sigma alpha, R² é – · €"),
        ("iso8859-7", "Σ α, R² e - · €"),
        ("utf-8", "Σ α, R² é – · €"),
    ],
)
def test_only_what_an_encoding_lacks_is_told_otherwise(encoding: str, said: str) -> None:
    encoded = "Σ α, R² é – · €".encode(encoding, terminal.READABLE)
    assert encoded.decode(encoding) == said


def test_decoders_do_not_use_it() -> None:
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("ascii", terminal.READABLE)


def test_standard_streams_take_any_text(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = [io.TextIOWrapper(io.BytesIO(), "ascii", "strict") for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    terminal.prepare()
    for stream in streams:
        print("α²\udcff", file=stream, end="", flush=True)
        assert stream.buffer.getvalue() == rb"alpha2\udcff"  # type: ignore[attr-defined]
        assert stream.encoding == "ascii"


@pytest.mark.parametrize("other", [None, io.StringIO()])
def test_what_stands_in_for_standard_streams_is_left_alone(
    other: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", other)
    terminal.prepare()
    assert sys.stdout is other


def test_log_files_are_utf8(tmp_path: Path) -> None:
    handler = logging.FileHandler(tmp_path / "log", encoding="ascii")
    other = logging.StreamHandler(io.StringIO())
    terminal.prepare([handler, other])
    handler.emit(logging.LogRecord("n", 0, "p", 0, "Σ\udcff", None, None))
    handler.close()
    assert (tmp_path / "log").read_text(encoding="utf-8") == "Σ\\udcff\n"
