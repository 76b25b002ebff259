/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/ansi.h"

#include "core/str.h"
#include "test.h"

/* Runs as "text{style}text". */
static void run_add(void *ctx, const struct cm_ansi_style *s, const char *text, size_t len)
{
	CHECK(len > 0 && cm_utf8_valid(text, len));
	cm_buf_add(ctx, text, len);
	cm_buf_printf(ctx, "{%d,%d%s%s%s%s%s%s}", s->fg, s->bg, s->bold ? "b" : "", s->dim ? "d" : "",
		      s->italic ? "i" : "", s->underline ? "u" : "", s->inverse ? "v" : "", s->strike ? "s" : "");
}

#define CHECK_RUNS(in, want)                                        \
	do {                                                        \
		cm_autobuf struct cm_buf b_ = CM_BUF_INIT(1 << 16); \
		cm_ansi_runs((in), sizeof(in) - 1, run_add, &b_);   \
		CHECK_STR(b_.data, (want));                         \
	} while (0)

TEST(ansi__text_without_escapes_is_one_run)
{
	CHECK_RUNS("", "");
	CHECK_RUNS("a <b>\t&", "a <b>\t&{0,0}");
}

TEST(ansi__colours_and_weights)
{
	CHECK_RUNS("\x1b[31mred\x1b[0m no", "red{2,0} no{0,0}");
	CHECK_RUNS("\x1b[1;3;4;9;7mx\x1b[22;23;24;27;29my", "x{0,0biuvs}y{0,0}");
	CHECK_RUNS("\x1b[91;104mx\x1b[39my\x1b[49mz", "x{10,13}y{0,13}z{0,0}");
	CHECK_RUNS("\x1b[32ma\x1b[mb", "a{3,0}b{0,0}");
	CHECK_RUNS("\x1b[2;34ma\x1b[34mb", "ab{5,0d}");
}

TEST(ansi__long_colours_become_the_nearest_of_sixteen)
{
	CHECK_RUNS("\x1b[38;5;9mx", "x{10,0}");
	CHECK_RUNS("\x1b[38;5;196mx", "x{10,0}");
	CHECK_RUNS("\x1b[38;2;0;200;0;1mx", "x{3,0b}");
	CHECK_RUNS("\x1b[38:2:0:0:255mx", "x{13,0}");
	CHECK_RUNS("\x1b[38:2::0:0:255;4mx", "x{13,0u}");
	CHECK_RUNS("\x1b[48;5;232mx\x1b[48;5;255my", "x{0,1}y{0,16}");
	CHECK_RUNS("\x1b[4:3mx\x1b[4:0my", "x{0,0u}y{0,0}");
	CHECK_RUNS("\x1b[38mx\x1b[38;5my\x1b[38;2;1;2mz\x1b[38;5;999mw", "xyzw{0,0}");
}

TEST(ansi__other_sequences_go_and_hide_nothing)
{
	CHECK_RUNS("a\x1b[2Jb\x1b[10;20Hc\x1b[?25ld\x1b[1 qe", "abcde{0,0}");
	CHECK_RUNS("a\x1b]0;title\x07"
		   "b\x1b]8;;http://x\x1b\\c",
		   "abc{0,0}");
	CHECK_RUNS("a\x1b(Bb\x1b=c\x1b"
		   "7d",
		   "abcd{0,0}");
	CHECK_RUNS("a\x1b]0;never ends", "a0;never ends{0,0}");
	CHECK_RUNS("a\x1b[31", "a{0,0}");
	CHECK_RUNS("a\x1b", "a{0,0}");
	CHECK_RUNS("a\x1b[3\nb", "a\xe2\x90\x8a"
				 "b{0,0}");
	CHECK_RUNS("\x1b[>31mx\x1b[31!my", "xy{0,0}");
}

TEST(ansi__control_characters_are_seen)
{
	CHECK_RUNS("a\bb\rc\x7f"
		   "d",
		   "a\xe2\x90\x88"
		   "b\xe2\x90\x8d"
		   "c\xe2\x90\xa1"
		   "d{0,0}");
	CHECK_RUNS("\0x", "\xe2\x90\x80x{0,0}");
	CHECK_RUNS("\xff\xfe\xc3x\xc2\x9b"
		   "31my",
		   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdx\xef\xbf\xbd"
		   "31my{0,0}");
}

TEST(ansi__any_bytes_give_valid_text)
{
	cm_autobuf struct cm_buf b = CM_BUF_INIT(1 << 20);
	unsigned seed = 7;
	char s[300];

	for (int round = 0; round < 3000; round++) {
		static const char likely[] = "\x1b[];:m0123456789\xc2\x9b\x07\\?! ";
		for (size_t i = 0; i < sizeof(s); i++) {
			seed = seed * 1103515245 + 12345;
			s[i] = seed >> 16 & 7 ? likely[(seed >> 20) % (sizeof(likely) - 1)] : (char)(seed >> 24);
		}
		cm_buf_reset(&b);
		cm_ansi_plain(&b, s, sizeof(s));
		CHECK(cm_utf8_valid(b.data, b.len) && memchr(b.data, 0x1b, b.len) == NULL);
	}
}
