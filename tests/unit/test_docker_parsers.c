/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The engine client's parsers: no engine is needed here. */
#include "test.h"

#include "core/buf.h"
#include "core/mem.h"
#include "docker/address.h"
#include "docker/docker.h"
#include "docker/helper_int.h"
#include "docker/http_head.h"
#include "docker/image.h"
#include "docker/jsonlines.h"
#include "docker/refusal.h"
#include "docker/self.h"
#include "docker/stdcopy.h"
#include "docker/transport.h"

TEST(address__forms_of_docker_host)
{
	static const struct {
		const char *host;
		bool tls;
		const char *base, *text;
	} table[] = {
		{ NULL, false, "http://docker", "unix:///var/run/docker.sock" },
		{ "", true, "http://docker", "unix:///var/run/docker.sock" },
		{ "unix:///run/x.sock", false, "http://docker", "unix:///run/x.sock" },
		{ "/run/x.sock", false, "http://docker", "unix:///run/x.sock" },
		{ "tcp://10.0.0.5", false, "http://10.0.0.5:2375", "tcp://10.0.0.5:2375" },
		{ "tcp://10.0.0.5", true, "https://10.0.0.5:2376", "tcp://10.0.0.5:2376" },
		{ "tcp://h.example:1/", true, "https://h.example:1", "tcp://h.example:1" },
		{ "http://h:80/a/b/", false, "http://h:80/a/b", "tcp://h:80/a/b" },
		{ "https://h", false, "https://h:2376", "tcp://h:2376" },
		{ "tcp://[::1]:7", false, "http://[::1]:7", "tcp://[::1]:7" },
		{ "h:7", false, "http://h:7", "tcp://h:7" },
	};
	for (size_t i = 0; i < CM_COUNT(table); i++) {
		struct cm_docker_address a;
		CHECK_INT(cm_docker_address_parse(table[i].host, table[i].tls, &a, NULL), 0);
		CHECK_STR(a.base, table[i].base);
		CHECK_STR(a.text, table[i].text);
	}
}

TEST(address__refuses_the_rest)
{
	static const char *const bad[] = {
		"tcp://",	 "tcp://h:0",	    "tcp://h:65536",	  "tcp://h:x",
		"tcp://a b",	 "unix://relative", "tcp://user:pw@h:1",  "tcp://h:1?x",
		"tcp://h:1/../", "tcp://[::1",	    "tcp://h:1/\r\nX: y", "tcp://h:123456789",
		"unix:///a\nb"
	};
	struct cm_docker_address a;
	char path[200] = "/";
	struct cm_err err;

	for (size_t i = 0; i < CM_COUNT(bad); i++)
		CHECK_INT(cm_docker_address_parse(bad[i], false, &a, NULL), CM_EINVAL);
	memset(path + 1, 'x', 150);
	CHECK_INT(cm_docker_address_parse(path, false, &a, NULL), CM_EINVAL);
	CHECK_INT(cm_docker_address_parse("ssh://me@h", false, &a, &err), CM_EUNSUPPORTED);
	CHECK(strstr(err.text, "ssh -L") != NULL);
}

TEST(path__encodes_what_it_is_given)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1000);

	cm_docker_path(&b, "/x/%s?a=%r&n=%d&l=%l&b=%b%b&%%", "a/b c&?#\xc3\xa4", "a/b:c", -5, (int64_t)5000000000, true,
		       0);
	CHECK_STR(b.data, "/x/a%2Fb%20c%26%3F%23%C3%A4?a=a/b%3Ac&n=-5&l=5000000000&b=10&%");
}

TEST(ref__that_would_leave_its_place_is_refused)
{
	static const char *const bad[] = { "", ".", "..", "a/b", "a?b", "a#b", "a%2f", "a b", "../images/json" };

	for (size_t i = 0; i < CM_COUNT(bad); i++)
		CHECK_INT(cm_docker_ref_check("container", bad[i], NULL), CM_EINVAL);
	CHECK_INT(cm_docker_ref_check("container", NULL, NULL), CM_EINVAL);
	CHECK_INT(cm_docker_ref_check("container", "web-1_x.y", NULL), 0);
}

TEST(image_ref__valid)
{
	CHECK(cm_image_ref_valid("busybox"));
	CHECK(cm_image_ref_valid("host.example:5000/a/b:1.2-x"));
	CHECK(cm_image_ref_valid("a@sha256:0123"));
	CHECK(!cm_image_ref_valid("../containers/json"));
	CHECK(!cm_image_ref_valid("a//b"));
	CHECK(!cm_image_ref_valid("a/./b"));
	CHECK(!cm_image_ref_valid("a/"));
	CHECK(!cm_image_ref_valid("a b"));
	CHECK(!cm_image_ref_valid("a?x"));
	CHECK(!cm_image_ref_valid(""));
	CHECK(!cm_image_ref_valid(NULL));
}

static int refuse(int status, const char *path, const char *message, struct cm_err *err)
{
	cm_autojson struct json_object *o = json_object_new_object();
	cm_json_set_str(o, "message", message);
	cm_autofree char *text = cm_json_text(o);
	return cm_docker_refusal(status, path, text, strlen(text), err);
}

TEST(refusal__missing_things_are_named)
{
	struct cm_err e;

	CHECK_INT(refuse(404, "/containers/web/start", "No such container: web", &e), CM_ENOTFOUND);
	CHECK_STR(e.text, "There is no container web on this Docker host.");
	CHECK_INT(refuse(404, "/containers/create?name=web", "No such image: nosuch:latest", &e), CM_ENOTFOUND);
	CHECK_STR(e.text, "There is no image nosuch:latest on this Docker host.");
	CHECK_INT(refuse(404, "/volumes/data%2D1", "get data-1: no such volume", &e), CM_ENOTFOUND);
	CHECK_STR(e.text, "There is no volume data-1 on this Docker host.");
	CHECK_INT(refuse(404, "/networks/n1?x", "network n1 not found", &e), CM_ENOTFOUND);
	CHECK_STR(e.text, "There is no network n1 on this Docker host.");
	CHECK_INT(refuse(404, "/containers/web/archive?path=/x", "Could not find the file /x in container web", &e),
		  CM_ENOTFOUND);
	CHECK(strstr(e.text, "no such file") != NULL);
}

TEST(refusal__conflicts_by_what_they_mean)
{
	static const struct {
		int status;
		const char *message;
		int code;
	} table[] = {
		{ 409, "Conflict. The container name \"/web\" is already in use by container \"0\".", CM_EEXIST },
		{ 409, "network with name x already exists", CM_EEXIST },
		{ 409, "removal of container web is already in progress", CM_EBUSY },
		{ 409, "remove data: volume is in use - [0123]", CM_EINUSE },
		{ 409,
		  "You cannot remove a running container 0. Stop the container before attempting removal or force "
		  "remove",
		  CM_EINUSE },
		{ 409,
		  "conflict: unable to remove repository reference \"x\" (must force) - container 0 is using its "
		  "referenced "
		  "image 1",
		  CM_EINUSE },
		{ 409, "Container 0 is paused, unpause the container before exec", CM_EBUSY },
		{ 409, "Container 0 is not running", CM_EBUSY },
		{ 403, "error while removing network: network x id 0 has active endpoints", CM_EINUSE },
		{ 403, "endpoint with name a already exists in network b", CM_EEXIST },
		{ 500, "driver failed: Bind for 0.0.0.0:80 failed: port is already allocated", CM_EINUSE },
		{ 500, "write /x: no space left on device", CM_ENOSPACE },
		{ 503, "This node is not a swarm manager. Use ...", CM_EUNSUPPORTED },
		{ 400, "client version 1.47 is too new. Maximum supported API version is 1.41", CM_EUNSUPPORTED },
		{ 400, "invalid reference format", CM_EUPSTREAM },
		{ 500, "something else", CM_EUPSTREAM },
	};
	for (size_t i = 0; i < CM_COUNT(table); i++) {
		struct cm_err e;
		CHECK_INT(refuse(table[i].status, "/x", table[i].message, &e), table[i].code);
		CHECK(e.text[0] != '\0');
	}
}

TEST(refusal__a_lost_container_comes_with_what_to_do)
{
	struct cm_err e;

	CHECK_INT(refuse(409, "/containers/web/start", "task 79baccab7328b5292ca63ee1: already exists", &e),
		  CM_EUPSTREAM);
	CHECK(strstr(e.text, "pkill -9 -f 'containerd-shim.*79baccab7328'") != NULL);
	CHECK_INT(refuse(409, "/containers/web/start", "task x; y: already exists", &e), CM_EEXIST);
}

TEST(refusal__words_are_cleaned)
{
	struct cm_err e;
	char long_text[3000];

	CHECK_INT(refuse(500, "/x", "Error response from daemon:  a\n\tb\x1b[31m c... ", &e), CM_EUPSTREAM);
	CHECK(strstr(e.text, "refused: a b") != NULL);
	CHECK(strchr(e.text, '\x1b') == NULL && strchr(e.text, '\n') == NULL);
	memset(long_text, 'x', sizeof(long_text));
	CHECK_INT(cm_docker_refusal(500, "/x", long_text, sizeof(long_text), &e), CM_EUPSTREAM);
	CHECK(strlen(e.text) < 450);
	static const char page[] = "<html><body>502 Bad Gateway</body></html>";
	CHECK_INT(cm_docker_refusal(502, "/x", page, sizeof(page) - 1, &e), CM_EUPSTREAM);
	CHECK(strstr(e.text, "html") == NULL && strstr(e.text, "502") != NULL);
	CHECK_INT(cm_docker_refusal(500, "/x", "", 0, NULL), CM_EUPSTREAM);
}

TEST(http_head__reads_an_upgrade_in_any_pieces)
{
	static const char text[] = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
				   "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly";
	struct cm_http_head h;
	size_t head = strlen(text) - 5;

	for (size_t n = 0; n < head; n++)
		CHECK_INT(cm_http_head_parse(text, n, &h, NULL), CM_EBUSY);
	CHECK_INT(cm_http_head_parse(text, strlen(text), &h, NULL), 0);
	CHECK_INT(h.status, 101);
	CHECK_INT(h.len, head);
	CHECK_INT(h.content_length, -1);
	CHECK_STR(h.content_type, "application/vnd.docker.raw-stream");
}

TEST(http_head__refuses_what_is_none)
{
	static const char *const bad[] = {
		"HTTP/2 200\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000\r\n\r\n",
		"HTTP/1.1 099 x\r\n\r\n",
		"garbage\r\n\r\n",
		"\r\n\r\n",
		"HTTP/1.1 200 OK\nA: b\n\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\n: empty\r\n\r\n",
		"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
	};
	struct cm_http_head h;

	for (size_t i = 0; i < CM_COUNT(bad); i++)
		CHECK_INT(cm_http_head_parse(bad[i], strlen(bad[i]), &h, NULL), CM_EUPSTREAM);
}

TEST(http_head__has_limits)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);
	struct cm_http_head h;

	cm_buf_str(&b, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < CM_HTTP_LINES_MAX; i++)
		cm_buf_str(&b, "A: b\r\n");
	CHECK_INT(cm_http_head_parse(b.data, b.len, &h, NULL), CM_EUPSTREAM);
	cm_buf_reset(&b);
	cm_buf_str(&b, "HTTP/1.1 200 OK\r\nA: ");
	while (b.len < CM_HTTP_HEAD_MAX)
		cm_buf_char(&b, 'x');
	CHECK_INT(cm_http_head_parse(b.data, b.len, &h, NULL), CM_EUPSTREAM);
}

TEST(http_body__by_length_by_chunks_and_to_the_end)
{
	cm_autobuf struct cm_buf out = CM_BUF_INIT(100);
	struct cm_http_head length = { .status = 404, .content_length = 5 };
	struct cm_http_head chunks = { .status = 404, .content_length = -1, .chunked = true };
	struct cm_http_head open = { .status = 500, .content_length = -1 };

	CHECK_INT(cm_http_body(&length, "abc", 3, &out, NULL), CM_EBUSY);
	cm_buf_reset(&out);
	CHECK_INT(cm_http_body(&length, "abcdefg", 7, &out, NULL), 0);
	CHECK_STR(out.data, "abcde");
	static const char text[] = "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n";
	for (size_t n = 0; n < strlen(text) - 2; n++) {
		cm_buf_reset(&out);
		CHECK_INT(cm_http_body(&chunks, text, n, &out, NULL), CM_EBUSY);
	}
	cm_buf_reset(&out);
	CHECK_INT(cm_http_body(&chunks, text, strlen(text), &out, NULL), 0);
	CHECK_STR(out.data, "abc0123456789");
	cm_buf_reset(&out);
	CHECK_INT(cm_http_body(&open, "abc", 3, &out, NULL), CM_EBUSY);
	CHECK_STR(out.data, "abc");
	static const char *const bad[] = { "ZZ\r\n", "\r\n", "1\r\nabc", "ffffffff\r\n", "-1\r\n", "1 \r\na\r\n" };
	for (size_t i = 0; i < CM_COUNT(bad); i++) {
		cm_buf_reset(&out);
		CHECK_INT(cm_http_body(&chunks, bad[i], strlen(bad[i]), &out, NULL), CM_EUPSTREAM);
	}
}

static int collect(void *ctx, int stream, const void *data, size_t len, struct cm_err *err)
{
	struct cm_buf *b = ctx;

	(void)err;
	cm_buf_printf(b, "%d:%.*s|", stream, (int)len, (const char *)data);
	return len == 4 && memcmp(data, "stop", 4) == 0 ? CM_ECANCELLED : 0;
}

TEST(stdcopy__takes_frames_apart_in_any_pieces)
{
	static const char text[] = "\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\2er\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\1x";

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		cm_autobuf struct cm_buf b = CM_BUF_INIT(1000);
		struct cm_stdcopy s;
		cm_stdcopy_init(&s, false);
		CHECK_INT(cm_stdcopy_feed(&s, text, cut, collect, &b, NULL), 0);
		CHECK_INT(cm_stdcopy_feed(&s, text + cut, sizeof(text) - 1 - cut + 0, collect, &b, NULL), 0);
		CHECK_INT(cm_stdcopy_end(&s, NULL), 0);
		if (cut == 0)
			CHECK_STR(b.data, "1:out|2:er|1:x|");
		if (cut == sizeof(text) - 1)
			break;
	}
}

TEST(stdcopy__refuses_garbage_and_half_frames)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1000);
	struct cm_stdcopy s;
	struct cm_err err;

	cm_stdcopy_init(&s, false);
	CHECK_INT(cm_stdcopy_feed(&s, "no frame at all", 15, collect, &b, NULL), CM_EUPSTREAM);
	cm_stdcopy_init(&s, false);
	CHECK_INT(cm_stdcopy_feed(&s, "\1\0\0\0\0\0\0\5ab", 10, collect, &b, NULL), 0);
	CHECK_INT(cm_stdcopy_end(&s, NULL), CM_EUPSTREAM);
	cm_stdcopy_init(&s, false);
	CHECK_INT(cm_stdcopy_feed(&s, "\3\0\0\0\0\0\0\4boom", 12, collect, &b, &err), CM_EUPSTREAM);
	CHECK(strstr(err.text, "boom") != NULL);
	cm_stdcopy_init(&s, false);
	CHECK_INT(cm_stdcopy_feed(&s, "\1\0\0\0\0\0\0\4stop", 12, collect, &b, NULL), CM_ECANCELLED);
	cm_buf_reset(&b);
	cm_stdcopy_init(&s, true);
	CHECK_INT(cm_stdcopy_feed(&s, "raw", 3, collect, &b, NULL), 0);
	CHECK_STR(b.data, "1:raw|");
}

static int names(void *ctx, struct json_object *o, struct cm_err *err)
{
	int r = cm_jsonlines_error(o, err);
	cm_buf_printf(ctx, "%s,", cm_json_str(o, "a", "-"));
	return r;
}

TEST(jsonlines__objects_in_any_pieces)
{
	static const char text[] = "{\"a\":\"x\"}\r\n{\"a\":\"y}{\"} \n\n{\"a\":\"z\"}{\"b\":1}\r\n";

	for (size_t cut = 0; cut <= strlen(text); cut++) {
		cm_autobuf struct cm_buf b = CM_BUF_INIT(1000);
		struct cm_jsonlines j;
		cm_jsonlines_init(&j, names, &b);
		int r = cm_jsonlines_feed(&j, text, cut, NULL);
		if (r == 0)
			r = cm_jsonlines_feed(&j, text + cut, strlen(text) - cut, NULL);
		int end = cm_jsonlines_end(&j, NULL);
		cm_jsonlines_release(&j);
		CHECK_INT(r, 0);
		CHECK_INT(end, 0);
		CHECK_STR(b.data, "x,y}{,z,-,");
	}
}

TEST(jsonlines__an_error_inside_is_an_error)
{
	static const struct {
		const char *text;
		int code;
	} table[] = {
		{ "{\"a\":\"1\"}\n{\"errorDetail\":{\"message\":\"no such image: q\"},\"error\":\"x\"}", CM_ENOTFOUND },
		{ "{\"error\":\"write /x: no space left on device\"}", CM_ENOSPACE },
		{ "{\"error\":\"broken\"}", CM_EUPSTREAM },
		{ "[1]", CM_EUPSTREAM },
		{ "{\"a\":}", CM_EUPSTREAM },
		{ "hello", CM_EUPSTREAM },
		{ "{\"a\":\"\xff\"}", CM_EUPSTREAM },
	};
	for (size_t i = 0; i < CM_COUNT(table); i++) {
		cm_autobuf struct cm_buf b = CM_BUF_INIT(1000);
		struct cm_jsonlines j;
		cm_jsonlines_init(&j, names, &b);
		int r = cm_jsonlines_feed(&j, table[i].text, strlen(table[i].text), NULL);
		cm_jsonlines_release(&j);
		CHECK_INT(r, table[i].code);
	}
}

TEST(jsonlines__half_an_object_and_too_much)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1000);
	struct cm_jsonlines j;
	int r = 0;

	cm_jsonlines_init(&j, names, &b);
	CHECK_INT(cm_jsonlines_feed(&j, "{\"a\":\"x", 7, NULL), 0);
	CHECK_INT(cm_jsonlines_end(&j, NULL), CM_EUPSTREAM);
	char part[4096];
	memset(part, 'x', sizeof(part));
	for (int i = 0; r == 0 && i < 1000; i++)
		r = cm_jsonlines_feed(&j, part, sizeof(part), NULL);
	cm_jsonlines_release(&j);
	CHECK_INT(r, CM_EUPSTREAM);
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(self__is_found_in_what_the_kernel_shows)
{
	char id[65];

	CHECK(cm_self_from_mountinfo("1 2 0:3 / / rw - overlay overlay rw\n"
				     "9 8 8:1 /var/lib/docker/containers/" ID
				     "/hostname /etc/hostname rw - ext4 /dev/x rw\n",
				     id));
	CHECK_STR(id, ID);
	CHECK(!cm_self_from_mountinfo("9 8 8:1 /var/lib/docker/containers/" ID "/x /mnt rw - ext4 /dev/x rw\n", id));
	CHECK(!cm_self_from_mountinfo("9 8 8:1 /" ID "0 /etc/hosts rw - ext4 /dev/x rw\n", id));
	CHECK(!cm_self_from_mountinfo("", id));
	CHECK(!cm_self_from_mountinfo("1 2 3", id));
	CHECK(cm_self_from_cgroup("0::/\n3:cpu:/docker/" ID "\n", id));
	CHECK(cm_self_from_cgroup("0::/system.slice/docker-" ID ".scope\n", id));
	CHECK(!cm_self_from_cgroup("0::/\n", id));
	CHECK(cm_self_is(ID, "0123456789ab"));
	CHECK(cm_self_is(ID, ID));
	CHECK(!cm_self_is(ID, "0123"));
	CHECK(!cm_self_is("", "0123456789ab"));
	CHECK(!cm_self_is(ID, NULL));
	CHECK(!cm_self_is(ID, "1123456789ab"));
}

TEST(helper_owner__knows_the_living_and_the_dead)
{
	char me[96], dead[100];

	cm_helper_owner(me);
	CHECK(!cm_helper_owner_gone(me));
	snprintf(dead, sizeof(dead), "%s9", me);
	CHECK(cm_helper_owner_gone(dead));
	CHECK(!cm_helper_owner_gone("1:2:3"));
	CHECK(!cm_helper_owner_gone(""));
}
