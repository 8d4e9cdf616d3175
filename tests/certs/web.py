"""A web server for one folder, at port 80 of 127.0.0.1 and ::1, as the user nobody: it sees only what others may read."""

import ctypes
import http.server
import os
import socket
import sys
import threading


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "web", 80


class Server6(Server):
    address_family = socket.AF_INET6


servers = [
    Server6(("::1", 80), http.server.SimpleHTTPRequestHandler),
    Server(("127.0.0.1", 80), http.server.SimpleHTTPRequestHandler),
]
libc = ctypes.CDLL(None)
os.chroot(sys.argv[1])
os.chdir("/")
os.setresuid(65534, 65534, 65534)
libc.prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL: another user's process has to ask anew to end with the tests
threads = [threading.Thread(target=each.serve_forever) for each in servers]
for thread in threads:
    thread.start()
