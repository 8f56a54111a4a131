#!/usr/bin/env python3
"""A worker in Python: claims messages, sends them, and says what became of them.

    PGDATABASE=... examples/worker.py [--once]

It needs psycopg2 (Debian: python3-psycopg2).  Replace send() by what sends your
mail.  With --once it ends when nothing is due.  On SIGTERM it finishes the message at
hand, gives back the rest, and ends.
"""
import os
import re
import select
import signal
import smtplib
import sys
import time

import psycopg2
import psycopg2.extensions

LEASE = 300  # seconds
SEND_MAX = 60  # seconds that sending one message may take
DEFER = "15 minutes"  # until a server that asks to wait is tried again
NAME = "worker.py"

# Statuses that say that an address is none, or takes no mail any more (RFC 3463, RFC 7505).
NO_ADDRESS = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"}


class Stop:
    """Notes that the worker is to stop, and wakes it from waiting."""

    def __init__(self):
        self.asked = False
        self.reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.ask)

    def ask(self, number, frame):
        self.asked = True


class LeaseLost(Exception):
    """The lease has run out: others have what was left of its messages."""


class Lease:
    """The time that a worker has for what it claimed, by its own clock."""

    def __init__(self, connection, lease_id, end):
        self.connection, self.lease_id, self.end = connection, lease_id, end

    def cover_one_more(self):
        """Asks for more time once half of it is over, or too little for another message."""
        if self.end - time.monotonic() < max(LEASE / 2, SEND_MAX):
            start = time.monotonic()
            call(self.connection, "lt_extend_lease", self.lease_id, f"{LEASE} seconds")
            self.end = start + LEASE
        if self.end - time.monotonic() < SEND_MAX:
            raise LeaseLost


def call(connection, function, *arguments):
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}({', '.join(['%s'] * len(arguments))})", arguments)
            return cursor.fetchone()[0]
    except psycopg2.Error as error:
        if error.pgcode == "PT409":
            raise LeaseLost from error
        raise


def send(message):
    """Sends a message; its id is the same in every attempt: make it the Message-ID.

    What a server refuses is raised as smtplib does.
    """
    print(f"to {message['email']}: {message['subject']}", flush=True)


def claim(connection):
    """Returns messages and the lease on them."""
    end = time.monotonic() + LEASE
    with connection.cursor() as cursor:
        cursor.execute("SELECT lease_id, message_id, email, subject, body_html"
                       " FROM lt_claim_messages(100, %s, worker => %s)", (f"{LEASE} seconds", NAME))
        names = [column.name for column in cursor.description]
        messages = [dict(zip(names, row)) for row in cursor]
    return messages, Lease(connection, messages[0]["lease_id"] if messages else None, end)


def reply(error):
    """Returns the code and the text of a server's reply; no code if it gave none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, text = error.smtp_code, error.smtp_error
    else:
        return None, str(error)
    return code, text.decode(errors="replace") if isinstance(text, bytes) else text


def settle(connection, message, error=None):
    """Settles one message, so that little is sent twice if this worker dies."""
    lease = message["lease_id"]
    ids = psycopg2.extensions.AsIs(f"'{{{message['message_id']}}}'::uuid[]")
    if error is None:
        call(connection, "lt_complete_messages", lease, ids)
        return
    code, text = reply(error)
    reason = text if code is None else f"{code} {text}"
    status = re.search(r"(?<![\w.])[245]\.\d{1,3}\.\d{1,3}(?![\w]|\.\d)", text)
    if code is None:  # nobody answered, or this worker is at fault: it is tried again
        call(connection, "lt_fail_messages", lease, ids, reason)
    elif code < 500:  # the server asks to wait, which is no attempt
        call(connection, "lt_defer_messages", lease, ids, DEFER, reason)
    elif status and status[0] in NO_ADDRESS:
        call(connection, "lt_bounce_messages", lease, ids, reason)
    else:  # it is about the message, the sender or a full mailbox
        call(connection, "lt_fail_messages", lease, ids, reason, True)


def send_all(connection, stop, messages, lease):
    """Sends messages while the lease on them lasts, and gives back the rest when it is to stop."""
    for message in messages:
        if stop.asked:
            call(connection, "lt_release_lease", lease.lease_id)
            break
        lease.cover_one_more()
        try:
            send(message)
        except Exception as error:  # whatever it is, the worker goes on
            settle(connection, message, error)
        else:
            settle(connection, message)


def work(connection, stop):
    """Sends what is due; false if nothing was."""
    messages, lease = claim(connection)
    try:
        send_all(connection, stop, messages, lease)
    except LeaseLost:
        print(f"lease {lease.lease_id} was lost", file=sys.stderr)
    return bool(messages)


def seconds_until_due(connection):
    """Returns how long it is until the next message is due, at most a minute; 0 or less: it is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM"
                       " least(lt_next_due(), now() + '1 minute') - clock_timestamp())")
        return float(cursor.fetchone()[0])


def wait(connection, stop):
    """Waits, at most a minute, until something is due, is told of, or the worker is to stop."""
    seconds = max(seconds_until_due(connection), 0.1)
    select.select([connection, stop.reader], [], [], seconds)
    connection.poll()
    connection.notifies.clear()


def run(once, stop):
    connection = psycopg2.connect("")
    # Each call is a transaction: claims are committed before anything is sent.
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("LISTEN leadterra")
    while not stop.asked:
        if work(connection, stop):
            continue
        # Nothing more for that call.  What is due all the same is behind many messages
        # that were skipped, or another worker is at it.
        if once and seconds_until_due(connection) > 0:
            break
        wait(connection, stop)


if __name__ == "__main__":
    stop = Stop()
    while not stop.asked:
        try:
            run("--once" in sys.argv[1:], stop)
            break
        except psycopg2.Error as error:
            print(error, file=sys.stderr)
            if "--once" in sys.argv[1:]:
                sys.exit(1)
            # The server is gone, or restarts: leases wait for this worker, or run out.
            select.select([stop.reader], [], [], 5)
