#!/usr/bin/env python3
"""Receives webhooks for a test: receiver.py CERTIFICATE KEY LOG

It prints its port, and runs until its input ends. Each request is a line of JSON in the log:
its path, headers and body. The first word of the path says how it is answered:

    /ok        204
    /fail      500
    /redirect  302, to /ok
    /gone      410
    /huge      200, and a body without an end
    /headers   200, and headers without an end
    /slow      never
    /cut       the connection is closed
    /later     500, until the file LOG.repaired is there
"""
import http.server
import json
import os
import socketserver
import ssl
import sys
import threading

certificate, key, log = sys.argv[1:]
lock = threading.Lock()
ended = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass

    def answer(self, status, *headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.record("")
        self.answer(200)

    def record(self, body):
        line = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body,
            "connection": self.client_address[1],
        }
        with lock, open(log, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.record(body.decode("utf-8"))
        kind = self.path.split("/")[1].split("?")[0]
        if kind == "ok":
            self.answer(204)
        elif kind == "redirect":
            self.answer(302, ("Location", "/ok/redirected"))
        elif kind == "gone":
            self.answer(410)
        elif kind == "huge":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while not ended.is_set():
                self.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        elif kind == "headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not ended.is_set():
                self.wfile.write(b"X-Header: " + b"x" * 1000 + b"\r\n")
        elif kind == "slow":
            ended.wait()
            self.close_connection = True
        elif kind == "cut":
            self.close_connection = True
        elif kind == "later" and os.path.exists(log + ".repaired"):
            self.answer(200)
        else:
            self.answer(500)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, request, client_address):
        pass

    def finish_request(self, request, client_address):
        # The handshake is the thread's, so nobody else waits for it.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with context.wrap_socket(request, server_side=True) as stream:
            super().finish_request(stream, client_address)


server = Server(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
ended.set()
os._exit(0)
