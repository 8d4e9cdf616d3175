"""A name server for the hosts, so that a name that a test gave is known to hosts and clients alike, and any other is refused at once."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import threading

_QUESTION = struct.Struct("!HH")
_HEADER = struct.Struct("!HHHHHH")
_TYPES = {4: 1, 6: 28}  # A and AAAA, by version of the address
_NAME_ERROR = 3
_RESPONSE = 0x8580  # response, authoritative, recursion desired and available


class NameServer:
    """Answers questions for A and AAAA records from `names`, at `address`, port 53, over UDP and TCP (RFC 1035, section 4)."""

    def __init__(self, address: str) -> None:
        self.names: dict[str, list[str]] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._listener = socket.create_server((address, 53))
        self._threads = [threading.Thread(target=serve, daemon=True) for serve in (self._serve, self._serve_tcp)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._socket.sendto(b"", self._socket.getsockname())
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits there
        for thread in self._threads:
            thread.join()
        self._socket.close()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            query, client = self._socket.recvfrom(4096)
            if not query:  # it is no question, but from `close`
                return
            self._socket.sendto(self.answer(query), client)

    def _serve_tcp(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as reader, contextlib.suppress(OSError):
                client.settimeout(5)
                while len(size := reader.read(2)) == 2:
                    response = self.answer(reader.read(int.from_bytes(size, "big")))
                    client.sendall(len(response).to_bytes(2, "big") + response)

    def answer(self, query: bytes) -> bytes:
        """The response to a query with one question."""
        labels, place = [], _HEADER.size
        while query[place]:
            end = place + 1 + query[place]
            labels.append(query[place + 1 : end].decode())
            place = end
        kind, _ = _QUESTION.unpack_from(query, place + 1)
        question = query[_HEADER.size : place + 1 + _QUESTION.size]
        known = self.names.get(".".join(labels).lower())
        addresses = [ipaddress.ip_address(address) for address in known or []]
        # Each record points to the name in the question, is of class IN, and may be kept for no time at all.
        records = [
            struct.pack("!HHHIH", 0xC000 | _HEADER.size, kind, 1, 0, len(address.packed)) + address.packed
            for address in addresses
            if _TYPES[address.version] == kind
        ]
        flags = _RESPONSE | (0 if known else _NAME_ERROR)
        header = _HEADER.pack(int.from_bytes(query[:2], "big"), flags, 1, len(records), 0, 0)
        return header + question + b"".join(records)
