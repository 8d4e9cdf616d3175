"""A front of Pebble that refuses some requests, as a busy authority does: `moody PORT PEBBLE CERT KEY ANSWER`.

ANSWER is a file: as long as it is there, every request for a new order gets its content; its first lines are status and headers.
"""

import http.server
import ssl
import sys
from pathlib import Path

import requests

port, pebble, certificate, key, answer = sys.argv[1:]
requests.packages.urllib3.disable_warnings()  # type: ignore[attr-defined]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/order-plz" and Path(answer).exists():
            head, _, text = Path(answer).read_text().partition("\n\n")
            status, *lines = head.splitlines()
            headers = dict(line.split(": ", 1) for line in lines)
            code, content = int(status), text.encode()
        else:
            real = requests.request(
                self.command,
                f"https://127.0.0.1:{pebble}{self.path}",
                data=body,
                headers=dict(self.headers),
                verify=False,
                timeout=30,
            )
            code, content, headers = real.status_code, real.content, dict(real.headers)
        self.send_response_only(code)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
