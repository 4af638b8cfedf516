"""Heavy work leaves the event loop: in a limited child process a slot, warm between calls, killed on cancel."""

from clipmill_shared.compute.child import Limits, Report
from clipmill_shared.compute.children import Children
from clipmill_shared.compute.cores import Cores, usable_cores

__all__ = ["Children", "Cores", "Limits", "Report", "usable_cores"]
