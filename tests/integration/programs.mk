# C programs that integration tests run: linked like unit tests, but they need an engine.
INTEGRATION_SRC := $(filter-out tests/integration/fidelity_tree%.c,$(wildcard tests/integration/*.c))
INTEGRATION_BIN := $(INTEGRATION_SRC:tests/integration/%.c=$(B)/integration/%)

$(INTEGRATION_BIN): $(B)/integration/%: tests/integration/%.c $(B)/libcm.a | $(GENERATED)
	@mkdir -p $(@D)
	$(CC) $(CM_CFLAGS) -Wno-missing-prototypes -Itests/unit -o $@ $< $(CM_LDFLAGS) $(B)/libcm.a $(CM_LIBS)

# Runs in helper containers in the place of the real helper.
$(B)/integration/helper_probe: tests/tools/helper_probe.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -O2 $(WARN) -static -pthread -s -o $@ $<

# Makes and compares trees, as the only program of an image. Without the library: it must not share its mistakes.
$(B)/integration/fidelity_tree: $(wildcard tests/integration/fidelity_tree*.[ch])
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -O2 $(WARN) -static -s -o $@ $(filter %.c,$^) -lcrypto 2>&1 | \
		{ grep -vE 'statically linked applications|in function .(dlfcn_|BIO_)' >&2 || true; }
	@test -x $@

integration-bin: $(INTEGRATION_BIN) $(B)/integration/helper_probe $(B)/integration/fidelity_tree
.PHONY: integration-bin
-include $(wildcard $(B)/integration/*.d)
