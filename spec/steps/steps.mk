# A program that counts steps: the core with a call in front of every basic block of it, and the
# functions of <string.h> that it calls counted by their octets. Without the linker's --wrap these
# count as one step.
# SPDX-License-Identifier: MIT

STEP_TESTS = $(sort $(wildcard spec/steps/*_test.c))
STEP_OUT = $(BUILD)/steps
STEP_PROGRAMS = $(STEP_TESTS:spec/steps/%.c=$(STEP_OUT)/%)
STEP_OBJECTS = $(patsubst %.c,$(STEP_OUT)/obj/%.o,$(CORE_SOURCES))
STEP_WRAPPED = memchr memcmp memcpy memmove memset
ifneq ($(shell uname -s),Darwin)
  STEP_FLAGS = -DETTM_WRAPPED $(STEP_WRAPPED:%=-Wl,--wrap=%)
endif
ifeq ($(VARIANT),)
  HOST_PROGRAMS += $(STEP_PROGRAMS)
endif

$(STEP_PROGRAMS): $(STEP_OUT)/%: spec/steps/%.c spec/c/check.c $(STEP_OBJECTS)
	@echo "LINK $@"
	$(Q)$(CC) $(CPPFLAGS) $(WARNINGS) -O1 -g -Icsrc -Ispec/c $(LDFLAGS) $(STEP_FLAGS) -o $@ $^ $(IDN_LIBS)

$(STEP_OUT)/obj/%.o: %.c $(STEP_OUT)/obj/flags
	@mkdir -p $(@D)
	@echo "CC $< (counting)"
	$(Q)$(CC) $(CPPFLAGS) $(WARNINGS) -O1 -g -fno-builtin -fsanitize-coverage=trace-pc -Icsrc \
	  $(IDN_CFLAGS) -MMD -MP -c -o $@ $<

-include $(STEP_OBJECTS:.o=.d)
