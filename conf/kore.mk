# Kore, the server under the program: fetched (conf/kore/fetch.sh), patched (conf/kore/*.patch, each says what it mends
# and why) and compiled into one object. KORE_FEATURES are the flags its headers need, KORE_LDFLAGS what its objects do.
KORE_VERSION ?= 4.2.3-2
KORE_DIR := $(B)/kore
KORE_PATCHES := $(sort $(wildcard conf/kore/*.patch))
KORE_FEATURES := $(KORE_DIR)/obj/features
KORE_LDFLAGS := $(KORE_DIR)/obj/ldflags
KORE_OBJECTS := $(KORE_DIR)/kore.o
# Kore is written for gcc without sanitizers; elsewhere its warnings are not our errors.
KORE_QUIET := $(if $(SAN)$(findstring clang,$(CC)),-w)
KORE_CFLAGS = -isystem $(KORE_DIR)/tree/include $$(cat $(KORE_FEATURES))

# A failed step leaves no stamp, so the next make begins with fresh sources.
$(KORE_DIR)/tree/.patched: conf/kore/fetch.sh $(KORE_PATCHES)
	conf/kore/fetch.sh $(KORE_VERSION) $(KORE_DIR)
	for p in $(KORE_PATCHES); do patch -d $(KORE_DIR)/tree -p1 --no-backup-if-mismatch -s <$$p; done
	@touch $@

# One recipe makes all three, once, whoever asks first. Kore's makefile needs make's own rules, which ours switches off.
$(KORE_OBJECTS) $(KORE_FEATURES) $(KORE_LDFLAGS) &: $(KORE_DIR)/tree/.patched
	rm -rf $(KORE_DIR)/obj
	env -u MAKEFLAGS -u MAKELEVEL DEB_CFLAGS_APPEND="$(KORE_QUIET)" make -s -j2 -C $(KORE_DIR)/tree objects TASKS=1 \
		CC="$(CC)" SANITIZE="$(SAN)" OBJDIR=$(abspath $(KORE_DIR)/obj)
	$(CC) -r -nostdlib -o $(KORE_OBJECTS) $(KORE_DIR)/obj/*.o
	@touch $(KORE_FEATURES) $(KORE_LDFLAGS)

# The limits of the server, for when no other file is named with -c.
KORE_CONF_HEADER := $(B)/gen/kore_conf.h
GENERATED += $(KORE_CONF_HEADER)
$(KORE_CONF_HEADER): kore.conf conf/kore.mk
	@mkdir -p $(@D)
	{ echo 'static const char cm_kore_conf[] ='; sed -e 's/[\\"]/\\&/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; echo ';'; } >$@

# The server without the product, for tests/contract/kore_*.test.mjs. It brings a web side and a runner of its own.
PROBE_OBJ := $(patsubst src/%.c,$(B)/obj/%.o,$(wildcard src/web/kore_*.c))
$(B)/tests/kore_probe: tests/tools/kore_probe.c $(PROBE_OBJ) $(KORE_FEATURES) $(KORE_OBJECTS) $(B)/libcm.a | $(GENERATED)
	@mkdir -p $(@D)
	$(CC) $(CM_CFLAGS) -Wno-missing-prototypes $(KORE_CFLAGS) -o $@ $< $(CM_LDFLAGS) -rdynamic $(PROBE_OBJ) $(KORE_OBJECTS) \
		$(B)/libcm.a $$(cat $(KORE_LDFLAGS)) $(CM_LIBS)
contract-bin: $(B)/tests/kore_probe
