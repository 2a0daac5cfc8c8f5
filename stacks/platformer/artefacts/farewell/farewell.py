"""A farewell over HTTP.

It listens on HOST and PORT; FAREWELL is what it says, with %s for whom.
"""

import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FAREWELL = os.environ.get("FAREWELL", "Goodbye, %s!")


class Farewell(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/healthz":
            self.answer(200, {"status": "up"})
        elif url.path == "/farewell" or url.path.startswith("/farewell/"):
            name = parse_qs(url.query).get("name", ["World"])[0]
            self.answer(200, {"content": FAREWELL.replace("%s", name)})
        else:
            self.answer(404, {"error": "no such path"})

    def answer(self, status, value):
        body = json.dumps(value, ensure_ascii=False).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """The ingress logs requests."""


class Server(ThreadingHTTPServer):
    # The end waits for the requests that are under way.
    daemon_threads = False
    request_queue_size = 128


def main():
    host = os.environ.get("HOST", "127.0.0.1")
    port = int(os.environ.get("PORT", "8080"))
    with Server((host, port), Farewell) as server:
        # `shutdown` waits for the loop that this signal interrupts.
        end = threading.Thread(target=server.shutdown)
        signal.signal(signal.SIGTERM, lambda *_: end.start())
        print(f"farewell on {host}:{port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
