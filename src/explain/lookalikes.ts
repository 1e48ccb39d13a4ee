/** What files are that are taken for keytabs. Loaded with the parser of keytabs. */
import type { Lookalike } from './service-reasons.ts';

const AS_BYTES = 'copy it as bytes (scp; cp; not through an editor, a terminal or a text field)';

/** What a file is that is not a keytab, and what helps. */
export const LOOKALIKES: Readonly<
  Record<Lookalike, { readonly text: string; readonly remedy: string }>
> = {
  ccache: {
    text: 'it is a credential cache: that holds tickets of a client, and no keys of a service',
    remedy: 'name the keytab: KRB5_KTNAME and KRB5CCNAME may have been exchanged',
  },
  'utf-16': {
    text: 'it is text in UTF-16, as PowerShell writes what is redirected into a file',
    remedy: AS_BYTES,
  },
  'byte-order-mark': {
    text: 'it begins with the byte order mark of UTF-8 (ef bb bf): an editor or a script saved it as text',
    remedy: AS_BYTES,
  },
  gzip: { text: 'it is compressed with gzip', remedy: 'unpack it: gunzip, tar -xzf' },
  zeros: {
    text: 'it has zeros only: it was not written, or not to the end',
    remedy: 'write the keytab again',
  },
  pem: {
    text: 'it is PEM: a certificate, or a key of TLS or SSH',
    remedy: 'export a keytab (kadmin ktadd, ktpass, msktutil): Kerberos has no certificates',
  },
  hex: { text: 'it is a keytab in hexadecimal', remedy: 'decode it: xxd -r -p file > www.keytab' },
  'hex-dump': {
    text: 'it is a hex dump of a keytab',
    remedy: 'decode it: xxd -r file > www.keytab',
  },
  base64: {
    text: 'it is a keytab in base64',
    remedy:
      'decode it: base64 -d file > www.keytab (in a Secret of Kubernetes: data, not stringData)',
  },
  klist: { text: 'it is what klist -k prints about a keytab', remedy: 'name the keytab itself' },
  'krb5.conf': {
    text: 'it is a krb5.conf',
    remedy: 'name the keytab: KRB5_KTNAME and KRB5_CONFIG may have been exchanged',
  },
  'web-page': {
    text: 'it is a web page: what was downloaded is the answer of a server, perhaps an error',
    remedy: 'download it again, and look at the answer (curl --fail)',
  },
  json: {
    text: 'it is JSON, perhaps the answer of a store of secrets',
    remedy: 'take the value out of it and decode that (base64 -d)',
  },
  text: {
    text: 'it was copied as text: ef bf bd replaces bytes that are not text',
    remedy: `${AS_BYTES}, or in base64; what was replaced is lost`,
  },
  'utf-8': {
    text: 'it was copied as text: its bytes from 80 on were written in UTF-8 (c2 and c3 precede them)',
    remedy: `${AS_BYTES}, or turn it back: iconv -f utf-8 -t latin1 file > www.keytab`,
  },
  'plain-text': {
    text: 'it is text, and a keytab is not',
    remedy: 'name the keytab itself, or export one (kadmin ktadd, ktpass, msktutil)',
  },
  'line-ends': {
    text: 'it was copied as text: each 0a in it has a 0d before it',
    remedy: `${AS_BYTES}; ftp: binary`,
  },
  'little-endian': {
    text: 'its numbers are little-endian: the program that wrote it disregarded the byte order of the format',
    remedy: 'write it with kadmin ktadd, ktutil, ktpass or msktutil',
  },
};
