"""A back end that checks nothing, for a proxy that does: what reaches it may. `python3 backend.py PORT`"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Items(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({"items": ["one", "two"], "for": self.headers["X-User"]})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.answer({"written_by": self.headers["X-User"]})

    def answer(self, value: dict):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Items).serve_forever()
