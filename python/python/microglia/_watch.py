"""What a user sees and hears of a long call: lines through `logging`, a bar of tqdm or lines, and callbacks per epoch."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, Optional

__all__ = ["Epoch", "EpochCallback", "Watcher", "quiet_device_selection"]

logger = logging.getLogger("microglia")

#: An epoch as a dict: ``epoch``, ``step``, ``lr``, ``seconds``, and ``replicas``, a list of dicts with ``train_loss``,
#: ``validation_loss``, ``sparsity``, ``best`` and ``active``.
Epoch = dict[str, Any]

#: Called after each epoch; what is true ends the training.
EpochCallback = Callable[[Epoch], object]


def quiet_device_selection() -> None:
    """Keep Mesa's layer that orders adapters from stderr, where there is no desktop for it to ask."""
    if "XDG_RUNTIME_DIR" not in os.environ and "MESA_VK_DEVICE_SELECT" not in os.environ:
        os.environ["NODEVICE_SELECT"] = "1"


def _is_watched() -> bool:
    """Whether somebody looks: at a terminal or a notebook."""
    return sys.stderr is not None and (sys.stderr.isatty() or "ipykernel" in sys.modules)


class Watcher:
    """What the engine calls; every method runs in the thread that called it."""

    def __init__(self, callbacks: Iterable[EpochCallback] = (), progress: Optional[bool] = None) -> None:
        quiet_device_selection()
        self._callbacks = list(callbacks)
        self._shown = _is_watched() if progress is None else progress
        self._bar: Any = None
        self._told = ""

    def notice(self, line: str) -> None:
        """A line about the data, or a decision."""
        logger.info(line)

    def progress(self, epoch: int, epochs: int, step: int, steps: int) -> None:
        """A few times a second."""
        self._show(step, steps, f"epoch {epoch} of {epochs}", "")

    def epoch(self, row: Epoch) -> bool:
        """After each epoch; whether to stop."""
        if self._shown and self._bar is None:
            losses = ", ".join(f"{one['validation_loss']}" for one in row["replicas"])
            print(f"epoch {row['epoch']}: validation loss {losses}", file=sys.stderr)
        # Each is called, whatever the others say.
        return any([bool(callback(row)) for callback in self._callbacks])

    def part(self, done: int, all_parts: int, share: float, seconds_left: Optional[float]) -> None:
        """Of a study or a search."""
        left = "" if seconds_left is None else f", {seconds_left:.0f} s left"
        words = f"part {done + 1} of {all_parts}"
        self._show(int(1000 * (done + share)), 1000 * max(all_parts, 1), words + left, words)

    def _show(self, done: int, of: int, words: str, line: str) -> None:
        """The bar, or without tqdm a line where there is a new one."""
        if not self._shown:
            return
        if self._bar is None:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                if line != self._told:
                    print(line, file=sys.stderr)
                    self._told = line
                return
            self._bar = tqdm(total=of, leave=False, bar_format="{l_bar}{bar}| {elapsed}<{remaining}{postfix}")
        self._bar.total = of
        self._bar.update(done - self._bar.n)
        self._bar.set_postfix_str(words)

    def close(self) -> None:
        """Ends the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
