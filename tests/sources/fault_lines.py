"""Small recordings to damage, and the plainest reading of an account: what the output must then be."""

from trading_assets.sources.faults.truth import Truth

NOON = 1_723_118_400_000_000_000
SECOND = 1_000_000_000


def update(at_s: float, first: int, last: int, *, bids: str = "", asks: str = "", prev: int | None = None) -> bytes:
    """A depth update: of spot, or of USD-M where it names its predecessor."""
    link = "" if prev is None else f'"pu":{prev},'
    body = f'"s":"X","U":{first},"u":{last},{link}"b":[{bids}],"a":[{asks}]'
    return f'{ns(at_s)} {{"e":"depthUpdate","E":{ns(at_s) // 1_000_000},{body}}}\n'.encode()


def snapshot(at_s: float, at: int, bids: str = '["99.00","1.00"]', asks: str = '["101.00","1.00"]') -> bytes:
    return f'{ns(at_s)} {{"lastUpdateId":{at},"bids":[{bids}],"asks":[{asks}]}}\n'.encode()


def trade(at_s: float, trade_id: int) -> bytes:
    ms = ns(at_s) // 1_000_000
    body = f'"E":{ms},"s":"X","t":{trade_id},"p":"100.00","q":"1.00","T":{ms},"m":true,"M":true'
    return f'{ns(at_s)} {{"e":"trade",{body}}}\n'.encode()


def ns(at_s: float) -> int:
    return NOON + round(at_s * SECOND)


def recording(n: int) -> list[bytes]:
    """A snapshot, then an update and a trade every tenth of a second."""
    lines = [snapshot(0, 9)]
    for i in range(n):
        at_s = 0.1 * (i + 1)
        lines.append(update(at_s, 10 + i, 10 + i, bids=f'["98.{i % 100:02d}","1.50"]', asks='["102.00","2.00"]'))
        lines.append(trade(at_s + 0.05, 100 + i))
    return lines


def untouched(lines: list[bytes], truth: Truth) -> list[bytes]:
    """The lines of the input that no fault speaks of."""
    hit = {touched.line_in for fault in truth.faults if fault.kind != "repeat" for touched in fault.touched}
    return [line for n, line in enumerate(lines) if n not in hit]


def untouched_output(lines: list[bytes], truth: Truth) -> list[bytes]:
    """The lines of the output that no fault speaks of."""
    hit = {touched.line_out for fault in truth.faults for touched in fault.touched}
    return [line for n, line in enumerate(lines) if n not in hit]
