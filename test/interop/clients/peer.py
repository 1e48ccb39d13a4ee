"""A GSS-API initiator on python3-gssapi that does one call for each line of its input.

Reads JSON objects {"op": ..., ...} and answers each with one JSON object on one line: the result, or
{"error": {"major": ..., "text": ...}}. Bytes are hexadecimal. Buffers of the calls with "iov" in their names are
[type, value] or, where the library shall allocate, [type, null]; types are those of gss_wrap_iov.
"""

import json
import sys

import gssapi
from gssapi.raw import (
    IOV,
    ChannelBindings,
    IOVBufferType,
    get_mic,
    process_context_token,
    unwrap,
    unwrap_aead,
    unwrap_iov,
    verify_mic,
    wrap,
    wrap_aead,
    wrap_iov,
)

MECHANISMS = {'krb5': '1.2.840.113554.1.2.2', 'spnego': '1.3.6.1.5.5.2'}


class Peer:
    def __init__(self):
        self.context = None

    def init(self, target, flags, mechanism='krb5', bindings=None):
        self.context = gssapi.SecurityContext(
            name=gssapi.Name(target, gssapi.NameType.hostbased_service),
            mech=gssapi.OID.from_int_seq(MECHANISMS[mechanism]),
            flags=flags,
            channel_bindings=bindings and ChannelBindings(application_data=bytes.fromhex(bindings)),
            usage='initiate',
        )
        return self.advance(None)

    def step(self, token):
        return self.advance(bytes.fromhex(token))

    def advance(self, token):
        answer = self.context.step(token)
        return {'token': answer.hex() if answer else None, 'complete': self.context.complete}

    def wrap(self, message, confidential):
        return {'token': wrap(self.context, bytes.fromhex(message), confidential).message.hex()}

    def unwrap(self, token):
        opened = unwrap(self.context, bytes.fromhex(token))
        return {'message': opened.message.hex(), 'confidential': opened.encrypted}

    def get_mic(self, message):
        return {'token': get_mic(self.context, bytes.fromhex(message)).hex()}

    def verify_mic(self, message, token):
        verify_mic(self.context, bytes.fromhex(message), bytes.fromhex(token))
        return {}

    def process_token(self, token):
        process_context_token(self.context, bytes.fromhex(token))
        return {}

    def wrap_aead(self, message, associated, confidential):
        sealed = wrap_aead(self.context, bytes.fromhex(message), bytes.fromhex(associated), confidential)
        return {'token': sealed.message.hex()}

    def unwrap_aead(self, token, associated):
        opened = unwrap_aead(self.context, bytes.fromhex(token), bytes.fromhex(associated))
        return {'message': opened.message.hex(), 'confidential': opened.encrypted}

    def wrap_iov(self, buffers, confidential):
        iov = layout(buffers)
        wrap_iov(self.context, iov, confidential)
        return {'buffers': values(iov)}

    def unwrap_iov(self, buffers):
        iov = layout(buffers)
        opened = unwrap_iov(self.context, iov)
        return {'buffers': values(iov), 'confidential': opened.encrypted}


def layout(buffers):
    items = [
        (IOVBufferType[kind], True) if value is None else (IOVBufferType[kind], False, bytes.fromhex(value))
        for kind, value in buffers
    ]
    return IOV(*items, std_layout=False)


def values(iov):
    return [(buffer.value or b'').hex() for buffer in iov]


def main():
    peer = Peer()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(peer, request.pop('op'))(**request)
        except gssapi.exceptions.GSSError as error:
            text = error.get_all_statuses(error.maj_code, True) + error.get_all_statuses(error.min_code, False)
            answer = {'error': {'major': error.maj_code, 'text': '; '.join(text).replace('\0', '')}}
        print(json.dumps(answer), flush=True)


if __name__ == '__main__':
    main()
