"""The gss-sample protocol for initiators in Python, and the lines that they print."""

import json
import struct

NOOP, CONTEXT, DATA, MIC, CONTEXT_NEXT, WRAPPED, ENCRYPTED, SEND_MIC = (1 << bit for bit in range(8))


class Framing:
    """Length-prefixed tokens; version 2 puts a byte of flags before the length."""

    def __init__(self, sock, version):
        self.sock = sock
        self.version = version

    def send(self, flags, data):
        head = struct.pack('>BI', flags, len(data)) if self.version == 2 else struct.pack('>I', len(data))
        self.sock.sendall(head + data)

    def receive(self):
        flags = self.exactly(1)[0] if self.version == 2 else 0
        (length,) = struct.unpack('>I', self.exactly(4))
        return flags, self.exactly(length)

    def exactly(self, length):
        parts = []
        while length > 0:
            part = self.sock.recv(min(length, 1 << 20))
            if not part:
                raise ConnectionError('connection closed by the server')
            parts.append(part)
            length -= len(part)
        return b''.join(parts)


def say(event, **values):
    print(json.dumps({'event': event, **values}), flush=True)


def pattern(index, size):
    """Any bytes will do, but no two messages of one run may be alike."""
    return bytes((index * 31 + position * 7) & 0xFF for position in range(min(size, 257))) * (size // 257 + 1)
