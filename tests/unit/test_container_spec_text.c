/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts for people: a real shell reads the command, and the words must be the recorded ones. */
#include "test.h"

#include "core/file.h"
#include "core/mem.h"
#include "service/container_spec.h"

static struct json_object *load(const char *name)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);
	cm_autofree char *path = cm_asprintf("tests/fixtures/inspect/%s.json", name);
	struct json_object *o = NULL;

	if (cm_file_read(path, &b, NULL) != 0 || cm_json_parse(b.data, b.len, &o, NULL) != 0) {
		printf("# cannot read %s\n", path);
		exit(2);
	}
	return o;
}

/* Runs the text with a shell whose docker prints each of its words, ended by a NUL; calls are separated by two. */
static void words_of(const char *text, struct cm_buf *out)
{
	char path[] = "/tmp/cm-run-XXXXXX", piece[4096];
	cm_autofree char *script =
	    cm_asprintf("docker() { for a in \"$@\"; do printf '%%s\\0' \"$a\"; done; printf '\\0'; }\n%s", text);
	cm_autofree char *command = NULL;
	int fd = mkstemp(path);
	size_t n;

	if (fd < 0 || cm_fd_write_all(fd, script, strlen(script)) != 0)
		exit(2);
	close(fd);
	command = cm_asprintf("env -i sh %s", path);
	FILE *f = popen(command, "r");
	while (f != NULL && (n = fread(piece, 1, sizeof(piece), f)) > 0)
		cm_buf_add(out, piece, n);
	if (f == NULL || pclose(f) != 0)
		printf("# the shell refused the text\n");
	unlink(path);
}

static bool has_word(const struct cm_buf *words, const char *word)
{
	for (size_t at = 0; at < words->len; at += strlen(words->data + at) + 1)
		if (strcmp(words->data + at, word) == 0)
			return true;
	return false;
}

static bool has_pair(const struct cm_buf *words, const char *flag, const char *value)
{
	for (size_t at = 0; at < words->len; at += strlen(words->data + at) + 1) {
		size_t next = at + strlen(words->data + at) + 1;
		if (next < words->len && strcmp(words->data + at, flag) == 0 && strcmp(words->data + next, value) == 0)
			return true;
	}
	return false;
}

TEST(run_text__a_shell_reads_every_value_as_recorded)
{
	static const struct {
		const char *flag, *value;
	} want[] = {
		{ "--name", "rec-hard" },
		{ "--env", "QUOTED=a \"b\" $c `d` \\e" },
		{ "--env", "MULTI=a\nb" },
		{ "--env", "UTF=grüße" },
		{ "--env", "EMPTY=" },
		{ "--label", "who=the $operator" },
		{ "--publish", "127.0.0.1:18190:8080/tcp" },
		{ "--publish", "[::1]:18194:8081/tcp" },
		{ "--publish", "18191:9090/udp" },
		{ "--expose", "6000/tcp" },
		{ "--volume", "/srv/rec-bind:/bind:ro,rslave" },
		{ "--volume", "/anon" },
		{ "--mount", "type=volume,target=/anonmount" },
		{ "--mount", "type=volume,source=rec-vol,target=/mnt,readonly,volume-nocopy,volume-label=x=y" },
		{ "--mount", "type=tmpfs,target=/tmpm,tmpfs-size=1048576,tmpfs-mode=1770" },
		{ "--tmpfs", "/scratch:size=1m,mode=1777" },
		{ "--network", "rec-neta" },
		{ "--ip", "10.231.1.9" },
		{ "--network-alias", "api" },
		{ "--restart", "on-failure:3" },
		{ "--cpus", "0.5" },
		{ "--ulimit", "nofile=1000:2000" },
		{ "--device", "/dev/null:/dev/mynull:rw" },
		{ "--health-cmd", "test -f /data/ok || exit 1" },
		{ "--health-timeout", "1500ms" },
		{ "--stop-timeout", "7" },
		{ "--log-opt", "max-size=1m" },
		{ "--sysctl", "net.core.somaxconn=512" },
		{ "--security-opt", "no-new-privileges" },
		{ "--shm-size", "33554432" },
		{ "busybox:local", "sh" },
		{ "-c", "echo \"up $HOME\"; exec sleep 1000000" },
		{ "--ip6", "fd00:231::7" },
		{ "--alias", "second" },
		{ "rec-netb", "rec-hard" },
	};
	cm_autojson struct json_object *inspect = load("hard");
	cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 20), words = CM_BUF_INIT(1 << 20);

	cm_spec_run_text(inspect, NULL, 0, &text);
	words_of(text.data, &words);
	for (size_t i = 0; i < CM_COUNT(want); i++) {
		if (!has_pair(&words, want[i].flag, want[i].value))
			printf("# missing: %s %s\n", want[i].flag, want[i].value);
		CHECK(has_pair(&words, want[i].flag, want[i].value));
	}
	CHECK(!has_word(&words, "--hostname") || has_pair(&words, "--hostname", "hard-host"));
}

TEST(run_text__what_the_image_says_is_not_said_again)
{
	cm_autojson struct json_object *inspect = load("image"), *image = load("image_config");
	cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 20);

	cm_spec_run_text(inspect, cm_json_obj(image, "Config"), 0, &text);
	CHECK_STR(text.data, "docker run \\\n  --name rec-image \\\n  --detach \\\n  --cgroupns host \\\n  rec-img\n");
}

TEST(run_text__another_entrypoint_says_the_command_too)
{
	cm_autojson struct json_object *inspect = load("auto"), *image = load("image_config");
	cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 20), words = CM_BUF_INIT(1 << 20);

	cm_spec_run_text(inspect, cm_json_obj(image, "Config"), 0, &text);
	words_of(text.data, &words);
	CHECK(has_pair(&words, "--entrypoint", "/bin/sh"));
	CHECK(has_pair(&words, "-c", "sleep 5"));
	CHECK(has_word(&words, "--no-healthcheck"));
}

TEST(run_text__values_of_the_environment_can_be_hidden)
{
	cm_autojson struct json_object *inspect = load("hard");
	cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 20), words = CM_BUF_INIT(1 << 20);

	cm_spec_run_text(inspect, NULL, CM_SPEC_MASK_ENV, &text);
	cm_spec_compose_text(inspect, NULL, CM_SPEC_MASK_ENV, &text);
	CHECK(strstr(text.data, "grüße") == NULL);
	CHECK(strstr(text.data, "UTF=***") != NULL);
}

TEST(compose_text__quotes_every_value_and_doubles_dollars)
{
	static const char *const want[] = {
		"services:\n  \"hard\":\n",
		"    image: \"busybox:local\"\n",
		"      - \"QUOTED=a \\\"b\\\" $$c `d` \\\\e\"\n",
		"      - \"MULTI=a\\nb\"\n",
		"      \"who\": \"the $$operator\"\n",
		"      - \"echo \\\"up $$HOME\\\"; exec sleep 1000000\"\n",
		"    networks:\n      \"rec-neta\":\n        aliases:\n",
		"        ipv4_address: \"10.231.1.9\"\n",
		"volumes:\n  \"rec-vol\":\n    external: true\n",
		"networks:\n  \"rec-neta\":\n    external: true\n",
	};
	cm_autojson struct json_object *inspect = load("hard");
	cm_autobuf struct cm_buf text = CM_BUF_INIT(1 << 20);

	cm_spec_compose_text(inspect, NULL, 0, &text);
	for (size_t i = 0; i < CM_COUNT(want); i++) {
		if (strstr(text.data, want[i]) == NULL)
			printf("# missing: %s\n", want[i]);
		CHECK(strstr(text.data, want[i]) != NULL);
	}
	CHECK(strstr(text.data, "com.docker.compose") == NULL);
}
