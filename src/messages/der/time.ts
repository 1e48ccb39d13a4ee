/** GeneralizedTime in the only form that RFC 4120 §5.2.3 allows, without the cost of `Date`. */
import type { KerberosTime } from '../../time.ts';

/** Length of `YYYYMMDDHHMMSSZ`. */
export const TIME_LENGTH = 15;

/**
 * Parses the {@link TIME_LENGTH} bytes at `at`.
 *
 * @returns undefined if they are not `YYYYMMDDHHMMSSZ` or the date does not exist. Second 60 does
 *   not exist: Kerberos uses POSIX time, which has no leap seconds.
 */
export function parseGeneralizedTime(bytes: Uint8Array, at: number): KerberosTime | undefined {
  const century = twoDigits(bytes, at);
  const yearOfCentury = twoDigits(bytes, at + 2);
  const month = twoDigits(bytes, at + 4);
  const day = twoDigits(bytes, at + 6);
  const hour = twoDigits(bytes, at + 8);
  const minute = twoDigits(bytes, at + 10);
  const second = twoDigits(bytes, at + 12);
  const year = century * 100 + yearOfCentury;
  if (
    century > 99 ||
    yearOfCentury > 99 ||
    month < 1 ||
    month > 12 ||
    day < 1 ||
    day > daysOfMonth(year, month) ||
    hour > 23 ||
    minute > 59 ||
    second > 59 ||
    bytes[at + TIME_LENGTH - 1] !== LETTER_Z
  ) {
    return undefined;
  }
  return ((daysSinceEpoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
}

/**
 * Writes `time` as `YYYYMMDDHHMMSSZ` into `target` at `at`.
 *
 * @throws RangeError if it is not a whole number of seconds of the years 0000 to 9999.
 */
export function formatGeneralizedTime(time: KerberosTime, target: Uint8Array, at: number): void {
  if (!Number.isInteger(time) || time < FIRST_TIME || time > LAST_TIME) {
    throw new RangeError(`time: expected whole seconds of the years 0000 to 9999, got ${time}`);
  }
  const days = Math.floor(time / 86_400);
  const seconds = time - days * 86_400;
  // Years that begin in March end with the leap day; 400 of them form an era of constant length.
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / DAYS_OF_ERA);
  const dayOfEra = shifted - era * DAYS_OF_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  putTwoDigits(target, at, Math.floor(year / 100));
  putTwoDigits(target, at + 2, year % 100);
  putTwoDigits(target, at + 4, month);
  putTwoDigits(target, at + 6, dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1);
  putTwoDigits(target, at + 8, Math.floor(seconds / 3600));
  putTwoDigits(target, at + 10, Math.floor(seconds / 60) % 60);
  putTwoDigits(target, at + 12, seconds % 60);
  target[at + TIME_LENGTH - 1] = LETTER_Z;
}

function daysSinceEpoch(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * DAYS_OF_ERA + yearOfEra * 365 + leapDays + dayOfYear - EPOCH_DAYS;
}

function daysOfMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** The number that two digits denote; more than 99 if they are not digits. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - DIGIT_0;
  const ones = bytes[at + 1]! - DIGIT_0;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : 100;
}

function putTwoDigits(target: Uint8Array, at: number, value: number): void {
  target[at] = DIGIT_0 + Math.floor(value / 10);
  target[at + 1] = DIGIT_0 + (value % 10);
}

const DIGIT_0 = 0x30;
const LETTER_Z = 0x5a;
const DAYS_OF_ERA = 146_097;
/** Days from 0000-03-01 to 1970-01-01. */
const EPOCH_DAYS = 719_468;
/** 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z. */
const FIRST_TIME = -62_167_219_200;
const LAST_TIME = 253_402_300_799;
