# Tests. tests/run prints one line a test and ends with "N passed, N failed".
UNIT_SRC := $(wildcard tests/unit/test_*.c tests/contract/test_*.c)
UNIT_BIN := $(foreach t,$(UNIT_SRC),$(B)/tests/$(basename $(notdir $(t))))
# A unit test may need more objects or flags: add to these by target name.
TEST_EXTRA_OBJ :=

define unit_rule
$(B)/tests/$(basename $(notdir $(1))): $(1) $(B)/libcm.a | $(GENERATED)
	@mkdir -p $$(@D)
	$$(CC) $$(CM_CFLAGS) -Wno-missing-prototypes -Itests/unit -o $$@ $$< $$(CM_LDFLAGS) $(B)/libcm.a $$(TEST_EXTRA_OBJ) $$(CM_LIBS)
endef
$(foreach t,$(UNIT_SRC),$(eval $(call unit_rule,$(t))))

unit: $(UNIT_BIN)
	tests/run unit

# make t T=name: one test by part of its name.
t:
	tests/run one $(T)

.PHONY: unit t
-include $(wildcard $(B)/tests/*.d)
