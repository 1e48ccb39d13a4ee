"""A GSS-API initiator on python3-gssapi that speaks both framings of the gss-sample protocol.

Prints one JSON object a line. Initiator.java takes the same options and prints the same lines, so that one test can
drive either.

  established  mechanism (dotted OID), flags (names), source, target
  message      index, size, wrapped, confidential, answer ("mic" once verified, else "noop")
  answer       index (-1 if there is no message), confidential, status (duplicate, old, unsequenced, gap, bad-mic)
  error        during, major, text; then the program ends with code 1
  done         messages
"""

import argparse
import socket
import sys

import gssapi
from framing import CONTEXT, CONTEXT_NEXT, DATA, ENCRYPTED, MIC, NOOP, SEND_MIC, WRAPPED, Framing, pattern, say
from gssapi.raw import ChannelBindings

MECHANISMS = {'krb5': '1.2.840.113554.1.2.2', 'spnego': '1.3.6.1.5.5.2'}
FLAGS = {
    'deleg': gssapi.RequirementFlag.delegate_to_peer,
    'mutual': gssapi.RequirementFlag.mutual_authentication,
    'replay': gssapi.RequirementFlag.replay_detection,
    'sequence': gssapi.RequirementFlag.out_of_sequence_detection,
    'conf': gssapi.RequirementFlag.confidentiality,
    'integ': gssapi.RequirementFlag.integrity,
    # Not in RequirementFlag: GSS_C_DCE_STYLE.
    'dce': 0x1000,
}


# The bits of RFC 2743 section 1.2.3; python3-gssapi raises them and gives no message then.
STATUS = {'duplicate': 2, 'old': 4, 'unsequenced': 8, 'gap': 16}
BAD_MIC = 6 << 16


def establish(framing, options):
    bindings = None
    if options.bindings is not None:
        bindings = ChannelBindings(application_data=bytes.fromhex(options.bindings))
    flags = 0
    for name in filter(None, options.flags.split(',')):
        flags |= FLAGS[name]
    context = gssapi.SecurityContext(
        name=gssapi.Name(options.service, gssapi.NameType.hostbased_service),
        mech=gssapi.OID.from_int_seq(MECHANISMS[options.mech]),
        flags=flags,
        channel_bindings=bindings,
        usage='initiate',
    )
    if framing.version == 2:
        framing.send(NOOP | CONTEXT_NEXT, b'')
    token = None
    while not context.complete:
        answer = context.step(token)
        if answer:
            framing.send(CONTEXT, answer)
        if not context.complete:
            token = framing.receive()[1]
    return context


def prepare(context, message, options):
    if not options.wrap:
        return message, False
    wrapped = context.wrap(message, options.conf)
    return wrapped.message, wrapped.encrypted


def exchange(framing, context, options):
    sizes = [int(size) for size in filter(None, options.sizes.split(','))]
    messages = [pattern(index, size)[:size] for index, size in enumerate(sizes)]
    # All are wrapped before the first is sent: the order of sending may then differ from that of the numbers.
    prepared = [prepare(context, message, options) for message in messages]
    order = [int(index) for index in options.order.split(',')] if options.order else range(len(messages))
    flags = DATA | (WRAPPED if options.wrap else 0) | (ENCRYPTED if options.conf else 0) | (SEND_MIC if options.mic else 0)
    for count, index in enumerate(order):
        data, confidential = prepared[index]
        if options.alter is not None and (count == 0 or options.answers is None):
            data = data[: options.alter] + bytes([data[options.alter] ^ 1]) + data[options.alter + 1 :]
        framing.send(flags, data)
        if options.answers is not None:
            continue
        answer_flags, answer = framing.receive()
        signed = framing.version == 1 or answer_flags == MIC
        if signed:
            context.verify_signature(messages[index], answer)
        elif answer_flags != NOOP:
            raise ConnectionError('unexpected flags %d' % answer_flags)
        say(
            'message',
            index=index,
            size=sizes[index],
            wrapped=bool(options.wrap),
            confidential=confidential,
            answer='mic' if signed else 'noop',
        )
    if options.mics:
        for index in order:
            framing.send(MIC, context.get_signature(messages[index]))
    if framing.version == 2:
        framing.send(NOOP, b'')
    take_answers(framing, context, messages, options.answers or 0)
    return len(list(order))


def take_answers(framing, context, messages, count):
    """What the other side wrapped, in whatever order it sends it."""
    for _ in range(count):
        token = framing.receive()[1]
        index, confidential, status = -1, False, []
        try:
            message = context.unwrap(token)
            index, confidential = messages.index(message.message), message.encrypted
        except gssapi.exceptions.GSSError as error:
            status = [name for name, bit in STATUS.items() if error.maj_code & bit]
            status += ['bad-mic'] if error.maj_code == BAD_MIC else []
        say('answer', index=index, confidential=confidential, status=status)


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--service', required=True, help='service@host')
    parser.add_argument('--mech', default='krb5', choices=sorted(MECHANISMS))
    parser.add_argument('--framing', type=int, default=2, choices=[1, 2])
    parser.add_argument('--flags', default='mutual,replay,sequence', help=','.join(FLAGS))
    parser.add_argument('--bindings', help='application data of the channel bindings, in hex')
    parser.add_argument('--sizes', default='7', help='bytes of each message')
    parser.add_argument('--order', default='', help='indexes of the messages in the order of sending')
    parser.add_argument('--alter', type=int, help='offset of the byte to alter in each message token')
    parser.add_argument('--answers', type=int, help='send all, then take that many wrapped messages')
    parser.add_argument('--mics', type=int, help='with answers: sign each message once more, in a frame of its own')
    parser.add_argument('--wrap', type=int, default=1)
    parser.add_argument('--conf', type=int, default=1)
    parser.add_argument('--mic', type=int, default=1)
    return parser.parse_args()


def main():
    options = parse()
    during = 'connect'
    try:
        with socket.create_connection((options.host, options.port), timeout=60) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            framing = Framing(sock, options.framing)
            during = 'establish'
            context = establish(framing, options)
            say(
                'established',
                mechanism=context.mech.dotted_form,
                flags=[name for name, flag in FLAGS.items() if int(context.actual_flags) & int(flag)],
                source=str(context.initiator_name),
                target=str(context.target_name),
            )
            during = 'exchange'
            say('done', messages=exchange(framing, context, options))
    except gssapi.exceptions.GSSError as error:
        text = error.get_all_statuses(error.maj_code, True) + error.get_all_statuses(error.min_code, False)
        say('error', during=during, major=error.maj_code, text='; '.join(text).replace('\0', ''))
        sys.exit(1)
    except OSError as error:
        say('error', during=during, major=0, text=str(error))
        sys.exit(1)


if __name__ == '__main__':
    main()
