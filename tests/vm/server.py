"""A web server for images and configs, which can resume a download and have faults."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path

CHUNK = 1 << 20


class Server:
    """Serves the files of a folder; `requests` has the path and the Range of each request.

    `breaks` are the numbers of bytes after which the next answers end early, metadata apart; without `ranges` no download is resumed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[tuple[str, str]] = []
        self.breaks: list[int] = []
        self.ranges = True
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.server_port

    def _handler(server: Server) -> type[http.server.BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers.get("Range", "") if server.ranges else ""
                server.requests.append((self.path, self.headers.get("Range", "")))
                path = server.folder / self.path.lstrip("/")
                if not path.is_file():
                    self.send_error(404)
                    return
                size = path.stat().st_size
                match = re.fullmatch(r"bytes=(\d+)-", wanted)
                start = int(match[1]) if match else 0
                if match and start >= size:
                    self.send_error(416)
                    return
                self.send_response(206 if match else 200)
                self.send_header("Content-Length", str(size - start))
                self.end_headers()
                breaks = server.breaks and path.suffix != ".json"
                left = server.breaks.pop(0) if breaks else size
                with path.open("rb") as file, contextlib.suppress(ConnectionError):
                    file.seek(start)
                    while left > 0 and (chunk := file.read(min(CHUNK, left))):
                        self.wfile.write(chunk)
                        left -= len(chunk)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        """Serve while this lasts."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()
