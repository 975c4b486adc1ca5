"""What is at hand beside what was recorded: in what would the same be made otherwise now?

Belongs here: naming the first difference of code, settings or captures. Does not: making anything (kitchen).
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from trading_assets.errors import CorruptObject
from trading_assets.orchestration.outline import with_rules
from trading_assets.orchestration.sources import sources
from trading_assets.reproduction.recipe import Making
from trading_assets.settings import Settings, digest_of
from trading_assets.storage.registry import Registry, rules_from
from trading_assets.storage.store import Store


def differences(making: Making, settings: Settings, registry: Registry, store: Store) -> Iterator[str]:
    """Name, one after the other, what is not as it was when something was made: captures, records, code, settings."""
    of_what = f"{making.step} of {making.partition}"
    yield from damages(making, store)
    if making.settings is None or making.code is None:
        yield f"{of_what}: its settings and sources were not recorded: it was made before any were"
        return
    yield from (f"{of_what}: code: {each}" for each in _of_files(_files(making.code), _files(sources().text)))
    now = settings.values(making.values)
    yield from (f"{of_what}: settings: {each}" for each in _of_values(making.values, now))
    if making.tick_rules is not None:
        rules = registry.tick_rules(making.partition.instrument)
        if rules != rules_from(making.tick_rules):
            yield f"{of_what}: tick rules of {making.partition.instrument}: were {making.tick_rules}, are {rules}"


def damages(making: Making, store: Store) -> Iterator[str]:
    """Name what was damaged since: a capture that a making starts from, or the records of it."""
    of_what = f"{making.step} of {making.partition}"
    if not making.inputs:
        for asset, version in making.outputs.items():
            try:
                store.verified(version.md5)
            except CorruptObject as error:
                yield f"{asset} of {making.partition}: {error}"
    if making.settings is not None and _settings_digest(making) != making.settings_digest:
        yield f"{of_what}: the record of its settings was changed: it has not the digest {making.settings_digest}"
    if making.code is not None and _code_digest(making.code) != making.code_digest:
        yield f"{of_what}: the record of its sources was changed: it has not the digest {making.code_digest}"


def _settings_digest(making: Making) -> str:
    digest = digest_of(making.values)
    return digest if making.tick_rules is None else with_rules(digest, rules_from(making.tick_rules))


def _code_digest(code: str) -> str:
    return hashlib.md5(json.dumps(_files(code)).encode(), usedforsecurity=False).hexdigest()


def _files(code: str) -> dict[str, str]:
    return dict(json.loads(code)["files"])


def _of_files(then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for path in sorted({*then, *now}):
        if path not in now:
            yield f"{path} is no longer there"
        elif path not in then:
            yield f"{path} was not there"
        elif then[path] != now[path]:
            yield f"{path} has changed"


def _of_values(then: Mapping[str, Any], now: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key in sorted({*then, *now}):
        name = f"{path}.{key}" if path else key
        was, is_now = then.get(key), now.get(key)
        if isinstance(was, dict) and isinstance(is_now, dict):
            yield from _of_values(was, is_now, name)
        elif was != is_now:
            yield f"{name} was {was}, is {is_now}"
