# Programs of the tests that are no unit tests: fuzzers (clang's libFuzzer with the sanitizers, in a build folder of
# their own), and the runners that contract tests talk to. `make fuzz` runs each fuzzer for FUZZ_SECONDS.
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/fuzzers/%)

fuzz-bin:
	@$(MAKE) --no-print-directory B=$(B)/fuzz CC=clang SAN=address,undefined,fuzzer-no-link OPT="-O1 -g" \
		LIB_LEAVE="src/web/page/% src/web/view/% src/jobs/%" fuzzers
fuzzers: $(FUZZ_BIN)
# Beside the rule of tests.mk, which runs them.
fuzz: test-ready fuzz-bin

$(B)/fuzzers/%: tests/fuzz/%.c $(B)/libcm.a | $(GENERATED)
	@mkdir -p $(@D)
	$(CC) $(CM_CFLAGS) -Wno-missing-prototypes -fsanitize=fuzzer -o $@ $< -fsanitize=fuzzer,address,undefined \
		$(B)/libcm.a $(CM_LIBS)

$(B)/tests/mustache_run: tests/tools/mustache_run.c $(B)/libcm.a | $(GENERATED)
	@mkdir -p $(@D)
	$(CC) $(CM_CFLAGS) -o $@ $< $(CM_LDFLAGS) $(B)/libcm.a $(CM_LIBS)

.PHONY: fuzz-bin fuzzers
