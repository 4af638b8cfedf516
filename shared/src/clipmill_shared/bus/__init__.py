"""The bus: one contract, two backends. See `contract` for what may be relied on."""

from clipmill_shared.bus.contract import Bus, Handler, Poison, Subscription

__all__ = ["Bus", "Handler", "Poison", "Subscription"]
