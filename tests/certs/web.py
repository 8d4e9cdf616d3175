"""A web server for one folder, at port 80 of IPv4 and IPv6, as the user nobody: it sees only what others may read."""

import http.server
import os
import socket
import sys


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    request_queue_size = 64

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind(("::", 80))


server = Server(("::", 80), http.server.SimpleHTTPRequestHandler)
server.server_name, server.server_port = "web", 80
os.chroot(sys.argv[1])
os.chdir("/")
os.setresuid(65534, 65534, 65534)
server.serve_forever()
