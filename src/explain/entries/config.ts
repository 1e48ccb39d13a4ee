/** What there is to say about krb5.conf. */
import type { Explanations } from '../reasons.ts';
import type { FileDetails, PathDetail } from '../service-reasons.ts';

/** Of the area `config`. */
export const CONFIG: Explanations<Extract<keyof FileDetails, `config.${string}`>> = {
  'config.missing': {
    text: (detail) => `${fileOf(detail)} does not exist, so its settings are not used`,
    remedies: () => ['correct the name (KRB5_CONFIG, the option config), or make the file'],
  },
  'config.unreadable': {
    text: (detail) => `${fileOf(detail)} cannot be read${because(detail)}`,
    remedies: ({ path = '/etc/krb5.conf' }) => [
      `let the user of this process read it: chmod a+r ${path}`,
      'name regular files of less than 64 MB',
    ],
  },
  'config.syntax': {
    text: ({ problem = 'krb5.conf is malformed' }) => problem,
    remedies: ({ problem = '' }) => {
      if (problem.endsWith('neither true nor false')) return ['write true or false'];
      if (problem.endsWith('leaves no encryption type')) {
        return ['name known ones (aes256-cts, aes128-cts, aes256-sha2), or remove the line'];
      }
      return [
        'correct the line: [section], name = value, name = { on one line and } on a line of its own',
        'save the file as UTF-8 or ASCII',
      ];
    },
  },
  'config.unknown-setting': {
    text: ({ setting = 'a setting' }) => `krb5.conf: nothing reads ${setting}`,
    remedies: () => ['correct its spelling, or remove it'],
  },
  'config.bad-value': {
    text: ({ setting = 'a setting' }) =>
      `krb5.conf: the value of ${setting} is not used as written`,
    remedies: () => ['write a value that MIT krb5 reads in the same way'],
  },
  'config.include': {
    text: (detail) => `krb5.conf includes what cannot be read${because(detail)}`,
    remedies: () => ['correct the path of the include or includedir line, or remove the line'],
  },
};

function fileOf({ path }: PathDetail): string {
  return path ?? 'krb5.conf';
}

function because({ problem }: PathDetail): string {
  return problem === undefined ? '' : `: ${problem}`;
}
