// An HTTP server: GET answers what it knows, POST adds up the body's numbers, /quit ends it.
const crypto = require("crypto");
const http = require("http");
const zlib = require("zlib");

const squares = Array.from({ length: 1000 }, (_, i) => i * i);

async function body(request) {
    const parts = [];
    for await (const part of request) parts.push(part);
    return Buffer.concat(parts).toString();
}

const server = http.createServer(async (request, response) => {
    if (request.url === "/quit") {
        response.end("bye\n");
        server.close();
    } else if (request.method === "POST") {
        const numbers = JSON.parse(await body(request));
        response.end(JSON.stringify({ count: numbers.length, sum: numbers.reduce((a, b) => a + b, 0) }) + "\n");
    } else if (request.url === "/packed") {
        const text = squares.join("\n");
        const again = zlib.gunzipSync(zlib.gzipSync(text)).toString();
        response.end(crypto.createHash("sha256").update(again).digest("hex") + "\n");
    } else {
        response.end(JSON.stringify({ url: request.url, last: squares[999], node: process.version }) + "\n");
    }
});
server.keepAliveTimeout = 1;
server.listen(Number(process.argv[2]), "127.0.0.1");
