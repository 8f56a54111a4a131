#!/usr/bin/env python3
"""A receiver of webhooks in Python: checks signatures, and prints what happened.

    examples/webhook.py PORT SECRET_FILE CERTIFICATE KEY

It listens on loopback, by TLS.  SECRET_FILE has what lt_create_webhook() showed.  It needs
nothing but Python.
"""
import base64
import hashlib
import hmac
import http.server
import json
import ssl
import sys
import time

TOLERANCE = 300  # seconds that a signature may be old, or that clocks may differ
SIZE_MAX = 1_000_000  # bytes


def is_genuine(secret, headers, body):
    """Whether a request is what it says, by the headers of Standard Webhooks."""
    identity, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isdecimal() or abs(time.time() - int(stamp)) > TOLERANCE:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = b".".join([identity.encode(), stamp.encode(), body])
    expected = b"v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256))
    return any(
        hmac.compare_digest(expected, signature.encode())
        for signature in headers.get("webhook-signature", "").split()
    )


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes each event once: what is delivered again has the same id."""

    seen = set()

    def do_POST(self):
        size = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(min(size, SIZE_MAX))
        if size > SIZE_MAX or not is_genuine(self.server.secret, self.headers, body):
            self.answer(400)
            return
        self.answer(204)
        if self.headers["webhook-id"] not in self.seen:
            self.seen.add(self.headers["webhook-id"])
            event = json.loads(body)
            data = {name: value for name, value in event["data"].items() if value is not None}
            print(f"{event['event']}: {json.dumps(data)}", flush=True)

    def answer(self, status):
        self.send_response(status)
        self.end_headers()

    def log_message(self, *arguments):
        """Says nothing of requests: what is printed is what happened."""


def main():
    port, secret_file, certificate, key = sys.argv[1:]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Receiver)
    with open(secret_file, encoding="ascii") as file:
        server.secret = file.read().strip()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
