"""What a container runs: it calls the host, says what it is, and becomes the fork server of the host's sessions.

The one connection is all that leads out of the container. When the host closes it or is gone, the server ends, and
the container with it.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import sys
from collections.abc import Sequence

from sandboxes.confinement import landlock, linux
from sandboxes.forking import wire, zygote


def main(address: str, preload: Sequence[str] | None) -> None:
    """Serve the host that listens at the socket `address`. `preload`: what to load in place of the usual list."""
    # same user as the foreign code: it must not look into this process, nor into what is forked from it
    linux.set_dumpable(dumpable=False)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    hello = {
        "event": "hello",
        "python": platform.python_version(),
        "landlock": landlock.abi(),
    }
    wire.send(connection, hello)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # what foreign code writes there would end up in a log of the engine
        os.dup2(nowhere, stream)
    os.close(nowhere)
    zygote.main(connection.detach(), preload=preload)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
