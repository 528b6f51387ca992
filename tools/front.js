// One address for the site, as nginx gives it in production: /socket.io/ goes to the realtime server, all else to the
// web server. Node's standard library only.
//
// node front.js PORT WEB_PORT SOCKETIO_PORT SITE

const http = require("node:http");
const net = require("node:net");

const [port, web_port, socketio_port, site] = process.argv.slice(2);

const is_realtime = (request) => request.url.startsWith("/socket.io/");
const target = (request) => Number(is_realtime(request) ? socketio_port : web_port);
const headers = (request) => ({
	...request.headers,
	"x-frappe-site-name": site,
	// the realtime server asks back at the origin, and a browser does not send one to its own
	...(is_realtime(request) ? { origin: `http://${request.headers.host}` } : {}),
});

const server = http.createServer((request, response) => {
	const onward = http.request(
		{
			host: "127.0.0.1",
			port: target(request),
			method: request.method,
			path: request.url,
			headers: headers(request),
		},
		(answer) => {
			response.writeHead(answer.statusCode, answer.headers);
			answer.pipe(response);
		}
	);
	onward.on("error", (error) => {
		if (!response.headersSent) response.writeHead(502);
		response.end(String(error));
	});
	response.on("close", () => onward.destroy());
	request.pipe(onward);
});

server.on("upgrade", (request, socket, head) => {
	const onward = net.connect(target(request), "127.0.0.1", () => {
		const lines = Object.entries(headers(request)).map(([name, value]) => `${name}: ${value}`);
		onward.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
		onward.write(head);
		onward.pipe(socket).pipe(onward);
	});
	onward.on("error", () => socket.destroy());
	socket.on("error", () => onward.destroy());
});

server.listen(Number(port), "127.0.0.1");
