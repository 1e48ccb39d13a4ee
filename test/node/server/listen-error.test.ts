import { describe, expect, it } from 'vitest';
import { describeListenError } from '../../../src/node/server/listen-error.ts';

function systemError(code: string, errno?: number): Error {
  return Object.assign(new Error(`listen ${code}`), {
    code,
    ...(errno !== undefined && { errno }),
  });
}

describe('describeListenError', () => {
  it("keeps the system's words in front, and adds port, address and remedy", () => {
    const place = { port: 88, host: '127.0.0.1', option: '-port' };
    expect(describeListenError(systemError('EACCES', -13), place)).toEqual({
      reason: 'server.port-privileged',
      text: 'Permission denied: port 88 of 127.0.0.1',
      remedies: [
        'choose a port from 1024 on (-port)',
        expect.stringContaining('CAP_NET_BIND_SERVICE'),
      ],
    });
    const all = { ...place, host: undefined };
    expect(describeListenError(systemError('EADDRINUSE', -98), all)).toMatchObject({
      reason: 'server.port-in-use',
      text: 'Address already in use: port 88',
    });
  });

  it('shows the message of an error that the system does not number', () => {
    const place = { port: 1, host: 'nowhere.invalid', option: '-port' };
    expect(describeListenError(systemError('ENOTFOUND'), place)).toMatchObject({
      reason: 'server.address',
      text: 'listen ENOTFOUND: port 1 of nowhere.invalid',
    });
  });
});
