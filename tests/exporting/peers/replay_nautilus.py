"""Run by the peers' Python: read a catalogue with NautilusTrader and write down what its book shows after each event.

python replay_nautilus.py CATALOGUE OUT.npz DEPTH
"""

import sys

import numpy as np
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.enums import BookType
from nautilus_trader.persistence.catalog import ParquetDataCatalog


def main() -> None:
    folder, out, depth = sys.argv[1], sys.argv[2], int(sys.argv[3])
    catalog = ParquetDataCatalog(folder)
    (instrument,) = catalog.instruments()
    events = catalog.order_book_deltas(batched=True)
    book = OrderBook(instrument.id, BookType.L2_MBP)
    tops = np.full((len(events), 2, 2, depth), np.nan)
    for n, deltas in enumerate(events):
        book.apply_deltas(deltas)
        for side, levels in enumerate((book.bids(), book.asks())):
            assert len(levels) <= depth, (n, len(levels))
            for at, level in enumerate(levels):
                tops[n, side, :, at] = float(str(level.price)), round(level.size(), 9)
    trades = catalog.trade_ticks()
    np.savez(
        out,
        tops=tops,
        times=np.array([event.ts_init for event in events]),
        ts_event=np.array([event.ts_event for event in events]),
        seq=np.array([event.sequence for event in events]),
        trade_id=np.array([trade.trade_id.value for trade in trades]),
        trade_px=np.array([float(str(trade.price)) for trade in trades]),
        trade_sz=np.array([float(str(trade.size)) for trade in trades]),
        trade_side=np.array([int(trade.aggressor_side) for trade in trades]),
        trade_times=np.array([(trade.ts_event, trade.ts_init) for trade in trades]).reshape(-1, 2),
        instrument=np.array([type(instrument).__name__, str(instrument.id), str(instrument.price_increment)]),
    )


if __name__ == "__main__":
    main()
