"""An initiator on GENSEC, Samba's own security layer, that speaks version 2 of the gss-sample protocol.

Options and lines are those of initiator.py, as far as they go; --smbconf names the configuration, and credentials come
from the ccache that KRB5CCNAME names. An answer is always a wrapped message.
"""

import argparse
import os
import socket
import sys

from framing import CONTEXT, CONTEXT_NEXT, DATA, ENCRYPTED, NOOP, WRAPPED, Framing, pattern, say
from samba import NTSTATUSError, credentials, gensec
from samba.param import LoadParm

MECHANISMS = {'krb5': 'gssapi_krb5', 'spnego': 'spnego'}
FEATURES = {
    'conf': gensec.FEATURE_SEAL,
    'integ': gensec.FEATURE_SIGN,
    'dce': gensec.FEATURE_DCE_STYLE,
}


def establish(framing, options):
    lp = LoadParm()
    lp.load(options.smbconf)
    for setting in filter(None, options.settings.split(',')):
        lp.set(*setting.split('=', 1))
    user = credentials.Credentials()
    user.guess(lp)
    user.set_kerberos_state(credentials.AUTO_USE_KERBEROS)
    user.set_named_ccache(os.environ['KRB5CCNAME'], credentials.SPECIFIED, lp)
    service, host = options.service.split('@')
    client = gensec.Security.start_client({'lp_ctx': lp, 'target_hostname': host})
    client.set_credentials(user)
    client.set_target_hostname(host)
    client.set_target_service(service)
    for name in filter(None, options.flags.split(',')):
        if name in FEATURES:
            client.want_feature(FEATURES[name])
    client.start_mech_by_name(MECHANISMS[options.mech])
    framing.send(NOOP | CONTEXT_NEXT, b'')
    finished, token = client.update(b'')
    while True:
        if token:
            framing.send(CONTEXT, token)
        if finished:
            return client
        finished, token = client.update(framing.receive()[1])


def exchange(framing, client, options):
    sizes = [int(size) for size in filter(None, options.sizes.split(','))]
    messages = [pattern(index, size)[:size] for index, size in enumerate(sizes)]
    prepared = [client.wrap(message) for message in messages]
    if options.alter is not None:
        first = prepared[0]
        prepared[0] = first[: options.alter] + bytes([first[options.alter] ^ 1]) + first[options.alter + 1 :]
    confidential = client.have_feature(gensec.FEATURE_SEAL)
    order = [int(index) for index in options.order.split(',')] if options.order else range(len(messages))
    for index in order:
        framing.send(DATA | WRAPPED | (ENCRYPTED if confidential else 0), prepared[index])
    framing.send(NOOP, b'')
    for _ in range(options.answers):
        index, status = -1, []
        try:
            # Samba passes over Heimdal's supplementary status, with which there is no message.
            message = client.unwrap(framing.receive()[1])
            index = messages.index(message) if message in messages else -1
        except NTSTATUSError as error:
            status = [error.args[1]]
        say('answer', index=index, confidential=confidential, status=status)
    return len(order)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--service', required=True, help='service@host')
    parser.add_argument('--smbconf', required=True)
    parser.add_argument('--settings', default='', help='name=value of smb.conf')
    parser.add_argument('--mech', default='krb5', choices=sorted(MECHANISMS))
    parser.add_argument('--flags', default='integ,conf', help=','.join(FEATURES))
    parser.add_argument('--sizes', default='7', help='bytes of each message')
    parser.add_argument('--order', default='', help='indexes of the messages in the order of sending')
    parser.add_argument('--alter', type=int, help='offset of the byte to alter in the first message token')
    parser.add_argument('--answers', type=int, default=1)
    return parser.parse_args()


def main():
    options = parse()
    during = 'connect'
    try:
        with socket.create_connection(('127.0.0.1', options.port), timeout=60) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            framing = Framing(sock, 2)
            during = 'establish'
            client = establish(framing, options)
            flags = [name for name, feature in FEATURES.items() if client.have_feature(feature)]
            say('established', mechanism='', flags=flags, source='', target='')
            during = 'exchange'
            say('done', messages=exchange(framing, client, options))
    except (NTSTATUSError, OSError) as error:
        say('error', during=during, major=0, text=str(error))
        sys.exit(1)


if __name__ == '__main__':
    main()
