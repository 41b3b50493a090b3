"""Room for connections: how many files a process may open, of which each connection is one."""

import resource

OPEN_FILES = 8192
"""Several times the connections that are kept: of those that arrive in one turn of the event loop all are accepted,
before any silent one is closed."""


def make_room() -> None:
    """Let this process open `OPEN_FILES` files, or as many as the system lets it.

    Usual are 1,024. A process that has come to its end there accepts nobody, and asyncio logs that thousands of times a
    second.
    """
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
