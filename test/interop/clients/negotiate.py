"""An HTTP client on python3-gssapi that authenticates with Negotiate (RFC 4559) and verifies the server.

usage: negotiate.py --url URL [--mech krb5|spnego] [--hash NAME] [--alter]

With --hash, binds to the TLS channel with tls-server-end-point (RFC 5929), the server's certificate being signed with
that hash; --alter binds to another one. Prints one JSON object: status, body, and verified if the server proved who
it is; or the error of the GSS-API call that failed.
"""

import argparse
import base64
import hashlib
import http.client
import json
import ssl
import urllib.parse

import gssapi
from gssapi.raw import ChannelBindings

MECHANISMS = {'krb5': '1.2.840.113554.1.2.2', 'spnego': '1.3.6.1.5.5.2'}


def connect(url):
    if url.scheme == 'http':
        return http.client.HTTPConnection(url.hostname, url.port)
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(url.hostname, url.port, context=trusting)


def bindings(connection, options):
    if options.hash is None:
        return None
    certificate = connection.sock.getpeercert(binary_form=True)
    digest = hashlib.new(options.hash, certificate + (b'x' if options.alter else b'')).digest()
    return ChannelBindings(application_data=b'tls-server-end-point:' + digest)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--url', required=True)
    parser.add_argument('--mech', choices=MECHANISMS, default='spnego')
    parser.add_argument('--hash')
    parser.add_argument('--alter', action='store_true')
    options = parser.parse_args()
    url = urllib.parse.urlsplit(options.url)
    connection = connect(url)
    connection.connect()
    context = gssapi.SecurityContext(
        name=gssapi.Name(f'HTTP@{url.hostname}', gssapi.NameType.hostbased_service),
        mech=gssapi.OID.from_int_seq(MECHANISMS[options.mech]),
        flags=gssapi.RequirementFlag.mutual_authentication,
        channel_bindings=bindings(connection, options),
        usage='initiate',
    )
    token = None
    while True:
        token = context.step(token)
        authorization = 'Negotiate ' + base64.b64encode(token).decode() if token else ''
        connection.request('GET', url.path or '/', headers={'Authorization': authorization})
        response = connection.getresponse()
        body = response.read().decode()
        scheme, _, answer = response.headers.get('WWW-Authenticate', '').partition(' ')
        token = base64.b64decode(answer)
        if response.status != 401 or not token or context.complete:
            break
    if token and not context.complete:
        context.step(token)
    return {'status': response.status, 'body': body, 'scheme': scheme, 'verified': context.complete}


try:
    report = main()
except gssapi.exceptions.GSSError as error:
    report = {'error': str(error)}
print(json.dumps(report))
