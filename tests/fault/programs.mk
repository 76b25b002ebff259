# The library that makes the program's disk and clock fail (see faults.c).
$(B)/fault/faults.so: tests/fault/faults.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -O2 $(WARN) -Wno-missing-prototypes -fPIC -shared -o $@ $< -ldl

fault-bin: $(B)/fault/faults.so
.PHONY: fault-bin
