import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { keepReport } from '../../src/cli/report-file.ts';
import { makeParties, SERVICE } from '../support/realm-kit.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'report-'));
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

describe('the report of -report', () => {
  it('is written at the start, every minute and at the end, for its owner only', async () => {
    const path = join(folder, 'report.json');
    writeFileSync(path, 'old', { mode: 0o644 });
    const { acceptor, initiator } = await makeParties();
    const complaints: string[] = [];
    const report = keepReport(path, acceptor, (message) => complaints.push(message));
    const read = () => JSON.parse(readFileSync(path, 'utf8'));
    expect(read()).toMatchObject({ services: [], unusedKeys: [{ service: SERVICE, kvno: 1 }] });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await acceptor.begin().accept(initiator.begin());
    expect(read().services).toEqual([]);
    vi.advanceTimersByTime(60_000);
    expect(read()).toMatchObject({ services: [{ service: SERVICE, accepted: 1 }], unusedKeys: [] });
    rmSync(path);
    report.close();
    expect(read().services).toHaveLength(1);
    rmSync(path);
    vi.advanceTimersByTime(600_000);
    expect(readdirSync(folder)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('that cannot be written is a complaint, once', async () => {
    const { acceptor } = await makeParties();
    const complaints: string[] = [];
    const path = join(folder, 'absent', 'report.json');
    const report = keepReport(path, acceptor, (message) => complaints.push(message));
    vi.advanceTimersByTime(300_000);
    report.close();
    expect(complaints).toEqual([`${path}: No such file or directory`]);
  });
});
