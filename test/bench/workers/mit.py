"""MIT krb5's libgssapi through python3-gssapi: for machines without its headers. See protocol.ts."""

import struct
import sys
import time

import gssapi
from gssapi.raw import acquire_cred_from

credential = None
context = None


def items_of(payload):
    items, at = [], 0
    while at < len(payload):
        (length,) = struct.unpack_from('>I', payload, at)
        items.append(bytes(payload[at + 4 : at + 4 + length]))
        at += 4 + length
    return items


def figures(calls, call):
    """Runs call(0), call(1), ...; each says how long it took, in nanoseconds."""
    before = time.process_time_ns()
    samples = [call(n) for n in range(calls)]
    cpu = time.process_time_ns() - before
    return struct.pack('>Q', cpu) + struct.pack(f'>{calls}I', *samples)


def use_keytab(payload):
    global credential
    acquired = acquire_cred_from({b'keytab': payload}, usage='accept')
    credential = gssapi.Credentials(base=acquired.creds)
    return b''


def accept(token):
    made = gssapi.SecurityContext(creds=credential, usage='accept')
    start = time.monotonic_ns()
    output = made.step(token)
    took = time.monotonic_ns() - start
    return made, output, took


def accept_all(payload):
    tokens = items_of(payload)
    return figures(len(tokens), lambda n: accept(tokens[n])[2])


def establish(payload):
    global context
    context, output, _ = accept(payload)
    return output or b''


def timed(call, calls, n):
    start = time.monotonic_ns()
    for i in range(calls):
        call(n * calls + i)
    return time.monotonic_ns() - start


def ignoring_duplicates(call):
    def quiet(n):
        try:
            call(n)
        except gssapi.exceptions.DuplicateTokenError:
            pass

    return quiet


def run_messages(payload):
    kind = chr(payload[0])
    batches, calls = struct.unpack_from('>II', payload, 1)
    items = items_of(payload[9:])
    call = {
        'w': lambda n: context.wrap(items[0], True),
        's': lambda n: context.wrap(items[0], False),
        'u': ignoring_duplicates(lambda n: context.unwrap(items[n % len(items)])),
        'g': lambda n: context.get_signature(items[0]),
        'v': ignoring_duplicates(
            lambda n: context.verify_signature(items[0], items[1 + n % (len(items) - 1)])
        ),
    }[kind]
    return figures(batches, lambda n: timed(call, calls, n))


def transfer(payload):
    def once(_):
        global context
        start = time.monotonic_ns()
        context = gssapi.SecurityContext(token=context.export())
        return time.monotonic_ns() - start

    return figures(struct.unpack('>I', payload)[0], once)


OPERATIONS = {
    ord('k'): use_keytab,
    ord('a'): accept_all,
    ord('c'): establish,
    ord('m'): run_messages,
    ord('x'): transfer,
}

while True:
    head = sys.stdin.buffer.read(5)
    if len(head) < 5:
        break
    length, operation = struct.unpack('>IB', head)
    payload = sys.stdin.buffer.read(length - 1)
    try:
        code, reply = 0, OPERATIONS[operation](payload)
    except Exception as error:
        code, reply = 1, str(error).encode()
    sys.stdout.buffer.write(struct.pack('>IB', len(reply) + 1, code) + reply)
    sys.stdout.buffer.flush()
