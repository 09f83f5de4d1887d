// SPDX-License-Identifier: GPL-2.0
//
// An HTTP server and client with Node.js' streams, and a server that answers
// when its client has half-closed.
//
//	http.js server ADDRESS PORT FILE
//	http.js client ADDRESS PORT FILE CLIENTS
//
// The other server has the next port. The client knows the file too, to
// compare.

'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const net = require('net');
const { pipeline } = require('stream/promises');

const [command, host, portText, file, clients] = process.argv.slice(2);
const port = Number(portText);
const PART = 65536;
const ROUNDS = 10;

async function sum(stream) {
	const hash = crypto.createHash('sha256');

	await pipeline(stream, hash);
	return hash.digest('hex');
}

function need(condition, what) {
	if (!condition)
		throw new Error(what);
}

// GET: the file or a range of it. POST: the sum of what was sent.
async function answer(request, response) {
	if (request.method === 'POST') {
		response.end(await sum(request));
		return;
	}
	const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range || '');
	const size = fs.statSync(file).size;
	const start = range ? Number(range[1]) : 0;
	const end = range ? Number(range[2]) : size - 1;

	response.writeHead(range ? 206 : 200,
			   { 'Content-Length': end - start + 1 });
	await pipeline(fs.createReadStream(file, { start, end }), response);
}

function serve() {
	const server = http.createServer((request, response) => {
		answer(request, response).catch((error) => {
			console.error('error: ' + error.stack);
		});
	});

	server.on('clientError', (error) => {
		console.error('error: ' + error);
	});
	server.keepAliveTimeout = 600000;
	server.listen(port, host);
	net.createServer({ allowHalfOpen: true }, (socket) => {
		sum(socket.iterator({ destroyOnReturn: false })).then((is) => {
			socket.end(is);
		});
		socket.on('error', (error) => console.error('error: ' + error));
	}).listen(port + 1, host);
}

function request(agent, options, body) {
	return new Promise((resolve, reject) => {
		const sent = http.request({ host, port, agent, ...options },
					  resolve);

		sent.on('error', reject);
		if (body)
			body.pipe(sent);
		else
			sent.end();
	});
}

async function bytes(stream) {
	const parts = [];

	for await (const part of stream)
		parts.push(part);
	return Buffer.concat(parts);
}

function part(number) {
	const expected = Buffer.alloc(PART);
	const size = fs.statSync(file).size;
	const at = number * 7919 * PART % (size - PART);
	const fd = fs.openSync(file);

	fs.readSync(fd, expected, 0, PART, at);
	fs.closeSync(fd);
	return { expected, range: `bytes=${at}-${at + PART - 1}` };
}

// Parts of the file over one keep-alive connection, one after the other.
async function keepAlive(client) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

	for (let i = 0; i < ROUNDS; i++) {
		const { expected, range } = part(client * ROUNDS + i);
		const got = await bytes(await request(agent, {
			headers: { Range: range } }));

		need(expected.equals(got), 'wrong part');
	}
	agent.destroy();
}

// All requests at once, then all answers; the server closes first.
async function pipelined() {
	const socket = net.connect({ port, host });
	const parts = [];
	let requests = '';

	for (let i = 0; i < ROUNDS; i++) {
		parts.push(part(i));
		requests += `GET / HTTP/1.1\r\nHost: b\r\n` +
			    `Range: ${parts[i].range}\r\n` +
			    (i < ROUNDS - 1 ? '' : 'Connection: close\r\n') +
			    '\r\n';
	}
	socket.write(requests);
	let got = await bytes(socket);

	for (const { expected } of parts) {
		const at = got.indexOf('\r\n\r\n') + 4;

		need(got.subarray(0, 12).equals(Buffer.from('HTTP/1.1 206')),
		     'no 206');
		need(got.subarray(at, at + PART).equals(expected),
		     'wrong pipelined part');
		got = got.subarray(at + PART);
	}
	need(got.length === 0, 'more than was asked for');
}

async function halfOpen() {
	const socket = net.connect({ port: port + 1, host,
				     allowHalfOpen: true });

	fs.createReadStream(file).pipe(socket);
	return (await bytes(socket)).toString();
}

async function client() {
	const expected = await sum(fs.createReadStream(file));
	const agent = new http.Agent({ keepAlive: true });
	const all = [];

	need(await sum(await request(agent, {})) === expected,
	     'wrong download');
	const posted = await request(agent, {
		method: 'POST',
		headers: { 'Content-Length': fs.statSync(file).size },
	}, fs.createReadStream(file));
	need((await bytes(posted)).toString() === expected, 'wrong upload');
	agent.destroy();
	need(await halfOpen() === expected, 'wrong data, half-open');
	await pipelined();
	for (let i = 0; i < Number(clients); i++)
		all.push(keepAlive(i));
	await Promise.all(all);
}

if (command === 'server') {
	serve();
} else {
	client().catch((error) => {
		console.error('error: ' + error.stack);
		process.exit(1);
	});
}
