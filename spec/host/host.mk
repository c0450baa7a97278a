# C programs that embed Lua, with the sources linked in: make host-test, for LUA=5.4.
# SPDX-License-Identifier: MIT

HOST_TESTS = $(sort $(wildcard spec/host/*_test.c))
HOST_PROGRAMS = $(HOST_TESTS:spec/host/%.c=$(OUT)/host/%)
LUA_LIBS ?= $(or $(if $(LUA_PACKAGE),$(shell pkg-config --libs '$(LUA_PACKAGE)')),-llua$(LUA))

host-test: $(HOST_PROGRAMS)
	$(Q)spec/support/run-c-tests.sh $(HOST_PROGRAMS)

$(HOST_PROGRAMS): $(OUT)/host/%: $(OUT)/obj/spec/host/%.o $(C_OUT)/obj/spec/c/check.o \
    $(SHARED_OBJECTS) $(BINDING_OBJECTS)
	@mkdir -p $(@D)
	@echo "LINK $@"
	$(Q)$(CC) $(VARIANT_FLAGS) $(LDFLAGS) -o $@ $^ $(LUA_LIBS) $(LIBS)

$(OUT)/obj/spec/host/%.o: spec/host/%.c $(OUT)/obj/flags | found-openssl found-lua
	$(compile) -Ispec/c $(LUA_CFLAGS)

-include $(HOST_TESTS:%.c=$(OUT)/obj/%.d)

.PHONY: host-test
