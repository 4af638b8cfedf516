"""The child process's command line; see children.Children, which writes it."""

import sys
from multiprocessing.connection import Connection

from clipmill_shared.compute import child

child.die_with_parent()
descriptor, function, address_space, files, niceness = sys.argv[1:]
limits = child.Limits(None if address_space == "None" else int(address_space), int(files), int(niceness))
child.main(Connection(int(descriptor)), function, limits)
