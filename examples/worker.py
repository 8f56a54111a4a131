#!/usr/bin/env python3
"""A worker in Python: claims messages, sends them, and says what became of them.

    PGDATABASE=... examples/worker.py [--once]

It needs psycopg2 (Debian: python3-psycopg2).  Replace send() by what sends your
mail.  With --once it ends when nothing is due.
"""
import select
import sys
import time

import psycopg2
import psycopg2.extensions

LEASE = "5 minutes"
NAME = "worker.py"


def send(message):
    """Sends a message; its id is the same in every attempt: make it the Message-ID."""
    print(f"to {message['email']}: {message['subject']}", flush=True)


def claim(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT lease_id, message_id, email, subject, body_html"
                       " FROM lt_claim_messages(100, %s, worker => %s)", (LEASE, NAME))
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor]


def settle(connection, message, error=None):
    """Settles one message, so that little is sent twice if this worker dies."""
    with connection.cursor() as cursor:
        if error is None:
            cursor.execute("SELECT lt_complete_messages(%s, ARRAY[%s]::uuid[])",
                           (message["lease_id"], message["message_id"]))
        else:
            cursor.execute("SELECT lt_fail_messages(%s, ARRAY[%s]::uuid[], %s)",
                           (message["lease_id"], message["message_id"], str(error)))


def work(connection):
    """Sends what is due; false if nothing was."""
    messages = claim(connection)
    for message in messages:
        try:
            send(message)
        except Exception as error:  # whatever it is, it is tried again
            settle(connection, message, error)
        else:
            settle(connection, message)
    return bool(messages)


def seconds_until_due(connection):
    """Returns how long it is until the next message is due, at most a minute; 0 or less: it is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM"
                       " least(lt_next_due(), now() + '1 minute') - clock_timestamp())")
        return float(cursor.fetchone()[0])


def wait(connection):
    """Waits for a notification, or until something is due, at most a minute."""
    seconds = max(seconds_until_due(connection), 0.1)
    select.select([connection], [], [], seconds)
    connection.poll()
    connection.notifies.clear()


def run(once):
    connection = psycopg2.connect("")
    # Each call is a transaction: claims are committed before anything is sent.
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("LISTEN leadterra")
    while True:
        if work(connection):
            continue
        # Nothing more for that call.  What is due all the same is behind many messages
        # that were skipped, or another worker is at it.
        if once and seconds_until_due(connection) > 0:
            break
        wait(connection)


if __name__ == "__main__":
    while True:
        try:
            run("--once" in sys.argv[1:])
            break
        except psycopg2.Error as error:
            print(error, file=sys.stderr)
            if "--once" in sys.argv[1:]:
                sys.exit(1)
            # The server is gone, or restarts: leases wait for this worker, or run out.
            time.sleep(5)
