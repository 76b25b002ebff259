/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A helper program for tests of the helper containers: does single things when told to. Static. Started like the real
 * one (serve unix:<path> | serve stdio), and like it exits when its peer hangs up. A command is one letter, a length
 * (32 bit little endian) and that many bytes:
 *	e  sends the bytes back         r  reads the file of that name and sends length and content
 *	w  writes the file of that name (content "x"), sends back errno as 4 bytes
 *	t  says the text on stderr      x  exits with the first byte as its code
 *	z  sends as many bytes as the decimal number says        s  sleeps for ever       m  takes memory for ever
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int in = 0, out = 1;

static void send_all(const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(out, p, len);
		if (n <= 0)
			_exit(4);
		p += n;
		len -= (size_t)n;
	}
}

static void read_all(void *data, size_t len)
{
	char *p = data;

	while (len > 0) {
		ssize_t n = read(in, p, len);
		if (n <= 0)
			_exit(5);
		p += n;
		len -= (size_t)n;
	}
}

static void *watch(void *arg)
{
	for (;;) {
		struct pollfd p = { .fd = in, .events = POLLRDHUP };
		if (poll(&p, 1, -1) > 0 && (p.revents & (POLLHUP | POLLERR)))
			_exit(3);
		usleep(10000);
	}
	return arg;
}

static void file_send(const char *path)
{
	static char data[1 << 16];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof(data));
	int32_t len = n < 0 ? -errno : (int32_t)n;

	send_all(&len, 4);
	if (n > 0)
		send_all(data, (size_t)n);
	if (fd >= 0)
		close(fd);
}

static void file_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	int32_t e = fd < 0 || write(fd, "x", 1) != 1 ? errno : 0;

	if (fd >= 0)
		close(fd);
	send_all(&e, 4);
}

static void zeros(uint64_t n)
{
	static char z[1 << 16];

	for (; n > sizeof(z); n -= sizeof(z))
		send_all(z, sizeof(z));
	send_all(z, n);
}

static void obey(char command, char *data, size_t len)
{
	switch (command) {
	case 'e':
		send_all(data, len);
		break;
	case 'r':
		file_send(data);
		break;
	case 'w':
		file_write(data);
		break;
	case 't':
		fputs(data, stderr);
		break;
	case 'x':
		exit((unsigned char)data[0]);
	case 'z':
		zeros(strtoull(data, NULL, 10));
		break;
	case 's':
		for (;;)
			pause();
	case 'm':
		for (;;)
			memset(malloc(1 << 20), 1, 1 << 20);
	default:
		_exit(6);
	}
}

int main(int argc, char **argv)
{
	pthread_t t;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	static char data[1 << 20];

	if (argc != 3 || strcmp(argv[1], "serve") != 0)
		return 9;
	if (strncmp(argv[2], "unix:", 5) == 0) {
		snprintf(a.sun_path, sizeof(a.sun_path), "%s", argv[2] + 5);
		in = out = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(in, (struct sockaddr *)&a, sizeof(a)) != 0) {
			perror("connect");
			return 8;
		}
	}
	pthread_create(&t, NULL, watch, NULL);
	for (;;) {
		char command;
		uint32_t len;
		read_all(&command, 1);
		read_all(&len, 4);
		if (command == 'e' && len > sizeof(data)) {
			for (; len > 0; len -= len < sizeof(data) ? len : sizeof(data)) {
				size_t n = len < sizeof(data) ? len : sizeof(data);
				read_all(data, n);
				send_all(data, n);
			}
			continue;
		}
		if (len >= sizeof(data))
			return 7;
		read_all(data, len);
		data[len] = '\0';
		obey(command, data, len);
	}
}
