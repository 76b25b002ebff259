# Compiler settings and libraries of the program.
VERSION := 1.0.0
OPT ?= -O2 -g
SAN ?=
WARN := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	-Wno-format-nonliteral
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
ifneq ($(SAN),)
HARDEN := -fno-omit-frame-pointer -fsanitize=$(SAN)
endif
CM_CFLAGS = -std=gnu17 -D_GNU_SOURCE -DCM_VERSION='"$(VERSION)"' -Isrc -I$(B)/gen $(WARN) $(OPT) $(HARDEN) -MMD -MP
CM_LDFLAGS = $(if $(SAN),-fsanitize=$(SAN),-pie -Wl,-z,relro,-z,now)
CM_LIBS = -lsqlite3 -larchive -lcurl -ljson-c -lsodium -lzstd -lisal -lcrypto -lssl -lpthread -lm
# Files made at build time that sources include; every fragment adds its own.
GENERATED :=
