/** The counters of an acceptor in the text format of Prometheus (version 0.0.4). */
import type { AcceptorStatistics } from '../../observe/statistics.ts';

/** No name in it is chosen by a client: reasons, enctypes, and services of the keytab. */
export function formatMetrics({
  accepted,
  refused,
  abandoned,
  challenged,
  refusals,
  challenges,
  notes,
  warnings,
  enctypes,
  bindings,
  services,
}: AcceptorStatistics): string {
  const accepts = Object.entries(services).map(
    ([service, counts]): Sample => [{ service }, counts.accepted],
  );
  return [
    counter('accepted', 'Established contexts', [[{}, accepted]]),
    counter('refused', 'Refused requests', [[{}, refused]]),
    counter('abandoned', 'Clients that went away', [[{}, abandoned]]),
    counter('challenged', 'Clients asked for a token', [[{}, challenged]]),
    counter('refusals', 'Refused and abandoned, by reason', by('reason', refusals)),
    counter('challenges', 'Challenges with something to say', by('reason', challenges)),
    counter('notes', 'What accepted clients lack, by reason', by('reason', notes)),
    counter('warnings', 'Faults of the keytab, by reason', by('reason', warnings)),
    counter('tickets', 'Contexts by enctype of the ticket', by('enctype', enctypes.tickets)),
    counter('session_keys', 'Contexts by that of the key', by('enctype', enctypes.sessionKeys)),
    counter('subkeys', 'Contexts by that of the subkey', by('enctype', enctypes.subkeys)),
    counter('message_keys', 'By that of messages', by('enctype', enctypes.messages)),
    counter('bindings', 'Contexts by their channel bindings', by('bindings', { ...bindings })),
    counter('service_accepted', 'Contexts by service', accepts),
  ].join('');
}

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

function by(label: string, counts: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(counts).map(([name, count]) => [{ [label]: name }, count]);
}

function counter(name: string, help: string, samples: readonly Sample[]): string {
  const full = `kerberos_${name}_total`;
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${full}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${full} ${help}\n# TYPE ${full} counter\n${lines.join('')}`;
}

function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
