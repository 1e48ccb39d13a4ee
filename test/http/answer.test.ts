import { describe, expect, it } from 'vitest';
import { answerDenied, prefersJson } from '../../src/http/answer.ts';
import type { Denied } from '../../src/http/authentication.ts';
import { GssError, KerberosError } from '../../src/index.ts';

const error = new GssError('GSS_S_FAILURE', {
  minor: new KerberosError('KRB_AP_ERR_SKEW', {
    reason: 'fault.program',
    message: 'the reason',
    hint: 'the hint',
  }),
});

const DENIED: readonly (readonly [Denied, string])[] = [
  [{ outcome: 'challenged', status: 401, headers: [['A', 'b']] }, 'Unauthorized'],
  [{ outcome: 'challenged', status: 407, headers: [] }, 'Proxy Authentication Required'],
  [{ outcome: 'refused', status: 401, error, headers: [] }, 'Unauthorized'],
  [{ outcome: 'refused', status: 403, error, headers: [] }, 'Forbidden'],
  [{ outcome: 'malformed', status: 400, error, headers: [] }, 'Bad Request'],
  [{ outcome: 'unavailable', status: 503, error, headers: [] }, 'Service Unavailable'],
];

describe('answerDenied', () => {
  it.each(DENIED)('says the status and nothing more: %j', (denied, title) => {
    const text = answerDenied(denied);
    expect(text).toEqual({
      status: denied.status,
      headers: [...denied.headers, ['Content-Type', 'text/plain; charset=utf-8']],
      body: `${title}\n`,
    });
    const json = answerDenied(denied, 'application/json');
    expect(json.headers.at(-1)).toEqual(['Content-Type', 'application/problem+json']);
    expect(JSON.parse(json.body)).toEqual({ type: 'about:blank', title, status: denied.status });
    for (const { body } of [text, json]) expect(body).not.toMatch(/reason|hint|SKEW/);
  });
});

describe('prefersJson', () => {
  it.each([
    'application/json',
    'application/problem+json',
    'Application/JSON; charset=utf-8',
    'application/vnd.api+json, */*',
    'application/json, text/plain, */*;q=0.1',
    'text/html;q=0.5, application/json',
    'text/html;q=0, application/json;q=0.001',
    'application/json;q=1.000',
  ])('yes: %s', (accept) => {
    // Axios sends the fourth, and means JSON; of equals the text is the safer choice.
    expect(prefersJson(accept)).toBe(!accept.startsWith('application/json, text/plain'));
  });

  it.each([
    undefined,
    null,
    '',
    '*/*',
    'application/*',
    'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'application/json;q=0',
    'application/json;q=0.5, text/html',
    'application/json;q=nonsense',
    'application/json;q=2',
    'application/json;q=0.5000',
    'application/jsonp',
    'xapplication/json',
    'text/json',
    ',;,;q=',
    `application/json${' '.repeat(2000)}`,
  ])('no: %s', (accept) => {
    expect(prefersJson(accept)).toBe(false);
  });
});
