# Tests. tests/run prints one line a test and ends with "N passed, N failed".
UNIT_SRC := $(wildcard tests/unit/test_*.c tests/contract/test_*.c)
UNIT_BIN := $(foreach t,$(UNIT_SRC),$(B)/tests/$(basename $(notdir $(t))))
# What a single test needs beside the library: add to these in a fragment.
TEST_EXTRA_OBJ :=

define unit_rule
$(B)/tests/$(basename $(notdir $(1))): $(1) $(B)/libcm.a | $(GENERATED)
	@mkdir -p $$(@D)
	@echo "  CC $(1)"
	$$(Q)$$(CC) $$(CM_CFLAGS) -Wno-missing-prototypes -Itests/unit -o $$@ $$< $$(CM_LDFLAGS) $$(TEST_EXTRA_OBJ) $(B)/libcm.a $$(CM_LIBS)
endef
$(foreach t,$(UNIT_SRC),$(eval $(call unit_rule,$(t))))

-include tests/fuzz/fuzz.mk
-include tests/integration/programs.mk
-include tests/fault/programs.mk

unit-bin: $(UNIT_BIN)

unit: unit-bin
	B=$(B) tests/run unit

# What the sanitizers' run of the same programs leaves out.
plain-bin:
	@$(MAKE) --no-print-directory $(patsubst tests/unit/%.c,$(B)/tests/%,$(shell grep -l __SANITIZE tests/unit/test_*.c))

# The unit tests once more under the sanitizers, in a build folder of their own.
asan-bin:
	@$(MAKE) --no-print-directory B=$(B)/asan SAN=address,undefined OPT="-O1 -g" unit-bin
asan: asan-bin
	B=$(B) tests/run asan
# Races: the parts that run in several threads.
tsan-bin:
	@$(MAKE) --no-print-directory B=$(B)/tsan SAN=thread OPT="-O1 -g" LIB_LEAVE="src/web/%" tsan-unit-bin
TSAN_TESTS := $(filter %_queue %_runner %_db %_writer %_verify %_engine %_follow %_restore_pipe \
	%_job_log %_docker_faults,$(UNIT_BIN))
tsan-unit-bin: $(TSAN_TESTS)
tsan: tsan-bin
	B=$(B) tests/run tsan

# The same of the whole program, while it backs up, verifies, drills and shows logs.
TSAN_APP := $(addprefix tests/integration/,$(addsuffix .test.mjs,backup verify drill logs))
tsan-app: test-ready
	@$(MAKE) --no-print-directory $(JOBS) B=$(B)/tsan-app SAN=thread OPT="-O1 -g" HELPER=$(B)/cm-helper all
	B=$(B) tests/tools/tsan_app.sh $(B)/tsan-app/container-monkey $(TSAN_APP)

tests/node_modules/.package-lock.json: tests/package-lock.json
	cd tests && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# Everything that the tests stand on: packages, engine, images, npm packages, the programs.
test-ready:
	@conf/deps.sh build test
	@$(MAKE) --no-print-directory $(JOBS) all contract-bin integration-bin fault-bin $(B)/tests/mustache_run tests/node_modules/.package-lock.json
	tests/tools/dockerd.sh start
	tests/tools/images.sh debian postgres redis

test: test-ready
	@$(MAKE) --no-print-directory $(JOBS) plain-bin asan-bin tsan-bin fuzz-bin
	@B=$(B) tests/run all

contract integration browser fault docker fuzz security: test-ready
	B=$(B) tests/run $@

# Everything, with what takes too long for each change: a million files, every random moment, every place of damage.
test-long: export TEST_LONG=1
test-long: export TEST_LIMIT=7200
test-long: test tsan-app

# Measures against peers: see tests/bench/README.md. bench-long takes an hour and 30 GB of disk.
bench bench-long: test-ready
	@conf/deps.sh bench
	B=$(B) node tests/bench/bench.mjs $(if $(findstring long,$@),long)

# Quick checks before a commit.
check: all unit-bin
	tests/tools/format.sh
	tests/tools/lint.sh
	B=$(B) tests/tools/law.sh
	B=$(B) tests/run unit

# make t T=name: one test by part of its name.
t: all contract-bin integration-bin fault-bin $(foreach t,$(UNIT_BIN),$(if $(findstring $(T),$(t)),$(t)))
	B=$(B) tests/run one $(T)

compdb:
	bear --output compile_commands.json -- $(MAKE) B=$(B)/compdb all

.PHONY: unit-bin unit plain-bin contract-bin asan-bin asan tsan-bin tsan-unit-bin tsan tsan-app test-ready test test-long contract integration browser fault \
	docker fuzz security bench bench-long check t compdb
-include $(wildcard $(B)/tests/*.d)
