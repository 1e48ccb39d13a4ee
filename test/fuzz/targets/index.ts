/** All targets. */
import type { Target } from '../case.ts';
import { acceptTargets } from './accept.ts';
import { apartTargets } from './apart.ts';
import { codecTargets } from './codecs.ts';
import { fileTargets } from './files.ts';
import { iakerbTargets } from './iakerb.ts';
import { inspectTargets } from './inspect.ts';
import { kdcTargets } from './kdc.ts';
import { loginTargets } from './logins.ts';
import { messageTargets } from './messages.ts';
import { nameTargets } from './names.ts';
import { openedTargets } from './opened.ts';
import { pacTargets } from './pac.ts';
import { relayWayTargets } from './relay-ways.ts';
import { resumeTargets } from './resume.ts';
import { saslTargets } from './sasl.ts';
import { streamTargets } from './stream.ts';

export async function allTargets(): Promise<Target[]> {
  return [
    ...(await acceptTargets()),
    ...(await openedTargets()),
    ...(await messageTargets()),
    ...(await apartTargets()),
    ...(await resumeTargets()),
    ...pacTargets(),
    ...codecTargets(),
    ...fileTargets(),
    ...(await iakerbTargets()),
    ...inspectTargets(),
    ...kdcTargets(),
    ...relayWayTargets(),
    ...(await loginTargets()),
    ...(await nameTargets()),
    ...(await saslTargets()),
    ...(await streamTargets()),
  ];
}
