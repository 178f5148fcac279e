"""A TCP proxy on loopback that cuts, swallows and goes down: the network's faults for any stand-in."""

import asyncio
import re
import socket


class TcpProxy:
    """Listens and forwards to a port of the same host. `port` is known after `start`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = 0
        self.connections = 0
        """Connections taken since the start."""
        self.cuts = 0
        """Connections that `cut_after` has cut so far."""
        self._target = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._cut: tuple[re.Pattern[bytes], int] | None = None
        self._cut_times = 0

    async def start(self, target: int, port: int = 0) -> None:
        """Forward from `port` (0: any free one) to `target`."""
        self._target, self.port = target, port
        await self.up()

    async def up(self) -> None:
        """Listen, after `down` on the same port as before."""
        if self._server is None:
            self._server = await asyncio.start_server(
                self._connected, self.host, self.port, family=socket.AF_INET
            )
            self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop_connections()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def stop(self) -> None:
        """The end; the same as `down`."""
        await self.down()

    def drop_connections(self) -> None:
        """Cut every open connection; new ones are taken."""
        for task in self._tasks:
            task.cancel()

    def black_hole(self, on: bool) -> None:
        """On: connections stay open and are taken, but nothing passes. Off: what waited passes on."""
        if on:
            self._open.clear()
        else:
            self._open.set()

    def cut_after(self, pattern: re.Pattern[bytes], count: int, times: int = 1) -> None:
        """Cut the connection `count` bytes after `pattern` was seen in what the server sends."""
        self._cut, self._cut_times = (pattern, count), times

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._forward(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_writer: asyncio.StreamWriter | None = None
        try:
            up_reader, up_writer = await asyncio.open_connection(self.host, self._target)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, up_writer, from_server=False))
                group.create_task(self._pump(up_reader, writer, from_server=True))
        except* (OSError, EOFError):
            pass
        finally:
            for end in (writer, up_writer):
                if end is not None:
                    end.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, from_server: bool
    ) -> None:
        tail = b""
        while data := await reader.read(65536):
            await self._open.wait()
            if from_server and self._cut is not None and self._cut_times > 0:
                pattern, count = self._cut
                found = pattern.search(tail + data)
                if found is not None:
                    keep = found.end() + count - len(tail)
                    if keep <= len(data):
                        writer.write(data[: max(keep, 0)])
                        await writer.drain()
                        self._cut_times -= 1
                        self.cuts += 1
                        writer.close()
                        raise EOFError
                    # the cut lies further on: keep everything since the pattern in view
                    tail = (tail + data)[found.start() :]
                else:
                    tail = (tail + data)[-512:]
            writer.write(data)
            await writer.drain()
        raise EOFError
