// An artifact is compiled for its instruction set, yet its library may be loaded on a machine that lacks it. Functions
// that can run before check_instruction_set() has agreed carry MAMBAC_ANY_MACHINE: the compiler then gives them
// instructions of the baseline alone, whatever -march says, and does not inline into them what was compiled for more.
// They call one another and the C library, nothing else. Declaration and definition both carry it.
#pragma once

#if defined(__x86_64__)
#define MAMBAC_ANY_MACHINE [[gnu::noinline, gnu::target("arch=x86-64")]]
#else
#define MAMBAC_ANY_MACHINE [[gnu::noinline]]
#endif
