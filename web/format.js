// Numbers, times and words, as the browser's language has them.

const languages = navigator.languages;
const whole = new Intl.NumberFormat(languages);
const shares = [0, 1, 2].map(
  (maximumFractionDigits) =>
    new Intl.NumberFormat(languages, { style: 'percent', maximumFractionDigits }),
);
const times = new Intl.DateTimeFormat(languages, { dateStyle: 'medium', timeStyle: 'short' });
const exact = new Intl.DateTimeFormat(languages, { dateStyle: 'full', timeStyle: 'long' });
const dates = new Intl.DateTimeFormat(languages, { dateStyle: 'medium', timeZone: 'UTC' });
const shortDates = new Intl.DateTimeFormat(languages, {
  day: 'numeric', month: 'short', timeZone: 'UTC',
});
const weekdays = new Intl.DateTimeFormat(languages, { weekday: 'short', timeZone: 'UTC' });
const distances = new Intl.RelativeTimeFormat(languages, { numeric: 'auto' });
const lists = new Intl.ListFormat(languages);

export const none = '–';

export const number = (value) => (value === null || value === undefined ? none
  : whole.format(value));

// A small share keeps what tells it from nothing.
export function share(part, all) {
  if (!all) return none;
  const value = part / all;
  return shares[value === 0 || value >= 0.1 ? 0 : value >= 0.01 ? 1 : 2].format(value);
}

const units = [['year', 31536000], ['month', 2592000], ['day', 86400], ['hour', 3600],
  ['minute', 60]];

// How far a time is from now, in one unit.
export function distance(value) {
  const seconds = (new Date(value) - Date.now()) / 1000;
  const [unit, length] = units.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1];
  return distances.format(Math.round(seconds / length), unit);
}

const parse = (value) => (value && !Number.isNaN(Date.parse(value)) ? new Date(value) : null);

export const time = (value) => (parse(value) ? times.format(parse(value)) : none);
export const exactTime = (value) => (parse(value) ? exact.format(parse(value)) : '');

// A day of a calendar, as YYYY-MM-DD or as a number of days: it is the same everywhere.
export const dayNumber = (day) => Date.parse(`${day}T00:00:00Z`) / 86400000;
export const day = (days) => dates.format(new Date(days * 86400000));
export const shortDay = (days) => shortDates.format(new Date(days * 86400000));

// The day that it is in a zone, in the form of the calls.
export const dayIn = (timeZone = 'UTC') =>
  new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(new Date());

// The days of a week by their numbers in a schedule: 0 is Sunday.
export const weekday = (index) => weekdays.format(new Date((3 + Number(index)) * 86400000));

export const list = (values) => lists.format(values);

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return none;
  if (seconds < 60) return counted(Math.max(1, Math.round(seconds)), 'second');
  if (seconds < 5400) return counted(Math.round(seconds / 60), 'minute');
  return counted(Math.round(seconds / 3600), 'hour');
}

export const counted = (count, word, words = `${word}s`) =>
  `${number(count)} ${count === 1 ? word : words}`;

export function bytes(count) {
  const unit = count < 1e6 ? 'kilobyte' : 'megabyte';
  return new Intl.NumberFormat(languages, {
    style: 'unit', unit, maximumFractionDigits: count < 1e7 ? 1 : 0,
  }).format(count / (unit === 'kilobyte' ? 1e3 : 1e6));
}

// A code of the calls as words: "senders_full" as "senders full".
export const words = (code) => String(code ?? '').replaceAll('_', ' ');

// A sentence of the calls, whose times are of UTC, with those of this place.
export const localized = (text) =>
  text.replace(/\b(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC\b/g,
    (all, day, clock) => time(`${day}T${clock}Z`));
