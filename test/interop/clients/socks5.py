"""A client of a SOCKS5 proxy with per-message protection (RFC 1961), by MIT krb5.

socks5.py PROXY_PORT LEVEL TARGET_PORT: sends standard input to the target, ends it, and prints what comes back.
"""

import socket
import struct
import sys
import threading

import gssapi

TOKEN, LEVEL, DATA = 1, 2, 3


def exactly(sock, length):
    parts = b''
    while len(parts) < length:
        part = sock.recv(length - len(parts))
        if not part:
            return parts
        parts += part
    return parts


def send(sock, kind, token):
    sock.sendall(struct.pack('>BBH', 1, kind, len(token)) + token)


def receive(sock, kind):
    header = exactly(sock, 4)
    if not header:
        return None
    if header[:2] != bytes([1, kind]):
        sys.exit(f'refused: {header[:2].hex()}')
    (length,) = struct.unpack('>H', header[2:])
    return exactly(sock, length)


def main():
    proxy, level, target = map(int, sys.argv[1:])
    sock = socket.create_connection(('localhost', proxy))
    sock.sendall(bytes([5, 2, 0, 1]))
    assert exactly(sock, 2) == bytes([5, 1])
    name = gssapi.Name('rcmd@localhost', gssapi.NameType.hostbased_service)
    flags = gssapi.RequirementFlag.mutual_authentication | gssapi.RequirementFlag.integrity
    flags |= gssapi.RequirementFlag.confidentiality | gssapi.RequirementFlag.out_of_sequence_detection
    context = gssapi.SecurityContext(name=name, usage='initiate', flags=flags)
    token = context.step()
    while True:
        send(sock, TOKEN, token)
        token = context.step(receive(sock, TOKEN))
        if context.complete:
            break
    send(sock, LEVEL, context.wrap(bytes([level]), False).message)
    agreed = context.unwrap(receive(sock, LEVEL)).message[0]
    print('level', agreed, file=sys.stderr)
    encrypt = agreed == 2

    def write(message):
        if agreed == 0:
            sock.sendall(message)
        else:
            send(sock, DATA, context.wrap(message, encrypt).message)

    def read(length):
        if agreed == 0:
            return exactly(sock, length)
        token = receive(sock, DATA)
        if token is None:
            return b''
        result = context.unwrap(token)
        assert result.encrypted == encrypt
        return result.message

    write(bytes([5, 1, 0, 3, 9]) + b'localhost' + struct.pack('>H', target))
    reply = read(10)
    if reply[1] != 0:
        sys.exit(f'reply {reply[1]}')

    def upload():
        while True:
            chunk = sys.stdin.buffer.read1(30_000)
            if not chunk:
                break
            write(chunk)
        sock.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=upload)
    sender.start()
    while message := read(10_000):
        sys.stdout.buffer.write(message)
    sender.join()


main()
