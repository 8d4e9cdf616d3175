"""Configs made from the schema, through podhost and through the real Butane and Ignition.

The seed is printed; `PODHOST_SEED=… pytest tests/conformance/test_generated.py` makes the same configs again.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from podhost import ignition
from podhost.ignition import dataurl
from tests.conformance import real
from tests.conformance.ours import translate
from tests.conformance.seeds import CI, SEED, SOAK
from tests.conformance.strategies import FILES, documents

EXAMPLES = 20_000 if SOAK else 2_500 if CI else 150
"""Configs of each of the two kinds, mostly right and with mistakes."""

needs = pytest.mark.skipif(bool(absent := real.missing(real.BUTANE, real.IGNITION_VALIDATE)), reason=absent)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files directory that generated configs name."""
    root = tmp_path_factory.mktemp("files")
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.symlink_to(content)
        else:
            path.write_bytes(content)
            path.chmod(0o755 if name.endswith(".sh") else 0o644)
    return root


def campaign(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The settings of a test that runs many generated examples from the printed seed."""
    quick = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: seed(SEED)(quick(test))


pytestmark = pytest.mark.usefixtures("printed_seed")


@needs
@pytest.mark.parametrize("wrong", [False, True], ids=["mostly right", "with mistakes"])
def test_a_generated_config_is_translated_as_butane_does(wrong: bool, files: Path) -> None:
    counts = {"accepted": 0, "refused": 0}

    @campaign(EXAMPLES)
    @given(documents(wrong))
    def same(document: bytes) -> None:
        theirs = real.butane(document, files)
        ours = translate(document, files)
        assert real.normal(ours.config) == real.normal(theirs.config)
        assert ours.matches(theirs), f"{ours.text}\n--- Butane ---\n{theirs.text}"
        counts["refused" if ours.config is None else "accepted"] += 1
        if ours.config is not None:
            assert real.ignition_validate(ignition.dumps(ours.config)) == ""

    same()
    # the strategy is worth something only if both verdicts are common
    assert min(counts.values()) > EXAMPLES // 5, counts


@needs
def test_a_generated_config_is_good_at_the_lowest_spec_it_needs(files: Path) -> None:
    @campaign(EXAMPLES // 10)
    @given(documents(False))
    def good(document: bytes) -> None:
        config = translate(document, files).config
        if config is not None:
            lowest = ignition.at_spec(config)
            assert real.ignition_validate(ignition.dumps(lowest)) == ""

    good()


def test_a_generated_config_comes_back_from_butane(files: Path) -> None:
    @campaign(EXAMPLES // 5)
    @given(documents(False))
    def back(document: bytes) -> None:
        config = translate(document, files).config
        if config is not None:
            again = translate(ignition.to_butane(config).encode())
            assert again.config is not None, again.text
            assert meant(again.config) == meant(ignition.at_spec(config))

    back()


@campaign(EXAMPLES // 5)
@given(st.lists(documents(False), min_size=2, max_size=2))
def test_merging_a_config_with_itself_or_nothing_changes_nothing(pair: list[bytes]) -> None:
    configs = [config for document in pair if (config := translate(document).config) is not None]
    for config in configs:
        nothing: dict[str, Any] = {"ignition": {"version": "3.0.0"}}
        assert ignition.merge(nothing, config) == config
        assert ignition.merge(config, nothing) == config


def meant(value: Any) -> Any:
    """What a config means: contents decoded however they were encoded, and nothing said that goes without saying."""
    if isinstance(value, list):
        return [meant(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {key: meant(item) for key, item in value.items()}
    if str(result.get("source") or "").startswith("data:"):
        with contextlib.suppress(ValueError, zlib.error):  # a document may give compressed contents that are none
            result["source"] = dataurl.contents(result["source"], result.pop("compression", None))
    return {key: item for key, item in result.items() if item not in ({}, None)}
