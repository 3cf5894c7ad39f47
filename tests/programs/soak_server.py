# A server of threads for soak_test: /N answers 2*N; every tenth is computed by a child process.
import http.server
import subprocess
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        number = int(self.path[1:])
        if number % 10 == 0:
            child = subprocess.run(["/bin/busybox", "expr", str(number), "+", str(number)],
                                   stdout=subprocess.PIPE, check=True)
            answer = child.stdout.strip()
        else:
            answer = str(2 * number).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
