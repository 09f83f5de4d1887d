// SPDX-License-Identifier: GPL-2.0

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.util.Arrays;

/**
 * A server and a client, each one thread with a Selector.
 *
 *	Nio server ADDRESS PORT FILE
 *	Nio client ADDRESS PORT FILE CLIENTS
 *
 * What the server gets is requests of 16 bytes, offset and length: it answers
 * with this part of the file, by transferTo(). After a request with a negative
 * offset it echoes whatever comes, to the end-of-file. The client knows the
 * file too, to compare.
 */
public class Nio {
	static final int REQUEST = 16;
	static final int PART = 64 << 10;
	static final int ROUNDS = 10;

	static FileChannel file;
	static Selector selector;
	/** Clients that are not done. */
	static int busy;

	/** One connection, at either end. */
	interface Peer {
		void ready(SelectionKey key) throws Exception;
	}

	static class Server implements Peer {
		final SocketChannel channel;
		final ByteBuffer request = ByteBuffer.allocateDirect(REQUEST);
		final ByteBuffer echoed = ByteBuffer.allocateDirect(PART);
		long offset;
		long left;
		boolean echo;
		boolean ended;

		Server(SocketChannel channel) {
			this.channel = channel;
		}

		void readRequest(SelectionKey key) throws IOException {
			if (channel.read(request) < 0) {
				channel.close();
				return;
			}
			if (request.hasRemaining())
				return;
			request.flip();
			offset = request.getLong();
			left = request.getLong();
			request.clear();
			echo = offset < 0;
			if (!echo)
				key.interestOps(SelectionKey.OP_WRITE);
		}

		void writePart(SelectionKey key) throws IOException {
			long n = file.transferTo(offset, left, channel);

			offset += n;
			left -= n;
			if (left == 0)
				key.interestOps(SelectionKey.OP_READ);
		}

		void echo(SelectionKey key) throws IOException {
			if (key.isReadable() && channel.read(echoed) < 0)
				ended = true;
			echoed.flip();
			channel.write(echoed);
			echoed.compact();
			if (ended && echoed.position() == 0) {
				channel.shutdownOutput();
				channel.close();
				return;
			}
			int ops = 0;
			if (!ended && echoed.hasRemaining())
				ops |= SelectionKey.OP_READ;
			if (echoed.position() > 0)
				ops |= SelectionKey.OP_WRITE;
			key.interestOps(ops);
		}

		public void ready(SelectionKey key) throws IOException {
			if (echo)
				echo(key);
			else if (key.isWritable())
				writePart(key);
			else
				readRequest(key);
		}
	}

	static ByteBuffer request(long offset, long length) {
		ByteBuffer request = ByteBuffer.allocate(REQUEST);

		request.putLong(offset).putLong(length).flip();
		return request;
	}

	static void need(boolean condition, String what) {
		if (!condition)
			throw new IllegalStateException(what);
	}

	/** Parts of the file, one after the other, over one connection. */
	static class Client implements Peer {
		final SocketChannel channel;
		final ByteBuffer got = ByteBuffer.allocateDirect(PART);
		final ByteBuffer expected = ByteBuffer.allocate(PART);
		long number;
		int rounds;

		Client(SocketChannel channel, int number) {
			this.channel = channel;
			this.number = (long)number * ROUNDS;
		}

		void ask() throws IOException {
			long at = number++ * 7919 * PART % (file.size() - PART);

			expected.clear();
			file.read(expected, at);
			expected.flip();
			got.clear();
			need(channel.write(request(at, PART)) == REQUEST,
			     "request not written at once");
		}

		void connected(SelectionKey key) throws IOException {
			key.interestOps(SelectionKey.OP_READ);
			ask();
		}

		public void ready(SelectionKey key) throws IOException {
			if (key.isConnectable()) {
				need(channel.finishConnect(), "not connected");
				connected(key);
				return;
			}
			need(channel.read(got) > 0, "early end of a part");
			if (got.hasRemaining())
				return;
			got.flip();
			need(got.equals(expected), "wrong part");
			if (++rounds < ROUNDS) {
				ask();
				return;
			}
			channel.close();
			busy--;
		}
	}

	static void select(boolean forever) throws Exception {
		while (forever || busy > 0) {
			selector.select();
			for (SelectionKey key : selector.selectedKeys()) {
				if (key.isValid())
					((Peer)key.attachment()).ready(key);
			}
			selector.selectedKeys().clear();
		}
	}

	static void serve(InetSocketAddress address) throws Exception {
		ServerSocketChannel listener = ServerSocketChannel.open();

		listener.bind(address, 1024);
		listener.configureBlocking(false);
		Peer accept = key -> {
			SocketChannel channel = listener.accept();

			if (channel == null)
				return;
			channel.configureBlocking(false);
			channel.register(selector, SelectionKey.OP_READ,
					 new Server(channel));
		};
		listener.register(selector, SelectionKey.OP_ACCEPT, accept);
		select(true);
	}

	static byte[] sum(SocketChannel channel, long length)
			throws Exception {
		MessageDigest digest = MessageDigest.getInstance("SHA-256");
		ByteBuffer buffer = ByteBuffer.allocateDirect(PART);

		while (length != 0) {
			if (length > 0 && length < PART)
				buffer.limit((int)length);
			int n = channel == null ? file.read(buffer) :
						  channel.read(buffer);
			if (n < 0)
				break;
			length -= n;
			buffer.flip();
			digest.update(buffer);
			buffer.clear();
		}
		return digest.digest();
	}

	/** What write() gathers from two buffers, then the file. */
	static void send(SocketChannel channel) {
		try {
			ByteBuffer first = ByteBuffer.allocateDirect(1000);
			long at = file.read(first, 0);

			first.flip();
			ByteBuffer[] both = { request(-1, 0), first };
			while (first.hasRemaining())
				channel.write(both);
			while (at < file.size())
				at += file.transferTo(at, file.size() - at,
						      channel);
			channel.shutdownOutput();
		} catch (IOException error) {
			error.printStackTrace();
			System.exit(1);
		}
	}

	static void ask(InetSocketAddress address, int clients)
			throws Exception {
		byte[] expected = sum(null, -1);
		SocketChannel channel = SocketChannel.open(address);

		channel.write(request(0, file.size()));
		need(Arrays.equals(sum(channel, file.size()), expected),
		     "wrong download");
		SocketChannel sent = channel;
		Thread sender = new Thread(() -> send(sent));
		sender.start();
		need(Arrays.equals(sum(channel, -1), expected), "wrong echo");
		sender.join();
		channel.close();

		busy = clients;
		for (int i = 0; i < clients; i++) {
			channel = SocketChannel.open();
			channel.configureBlocking(false);
			Client client = new Client(channel, i);
			SelectionKey key = channel.register(selector,
				SelectionKey.OP_CONNECT, client);
			if (channel.connect(address))
				client.connected(key);
		}
		select(false);
	}

	public static void main(String[] args) throws Exception {
		InetSocketAddress address = new InetSocketAddress(
			args[1], Integer.parseInt(args[2]));

		file = FileChannel.open(Path.of(args[3]),
					StandardOpenOption.READ);
		selector = Selector.open();
		if (args[0].equals("server"))
			serve(address);
		else
			ask(address, Integer.parseInt(args[4]));
	}
}
