"""The bus: one contract, two backends. See `contract` for what may be relied on."""

from clipmill_shared.bus.contract import Bus, Fenced, Handler, Offsets, Poison, Subscription

__all__ = ["Bus", "Fenced", "Handler", "Offsets", "Poison", "Subscription"]
