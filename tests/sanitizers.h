// Whether this build runs under a sanitizer that replaces the heap and the threads of the C library.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MAMBAC_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MAMBAC_SANITIZED 1
#endif
#endif

#ifndef MAMBAC_SANITIZED
#define MAMBAC_SANITIZED 0
#endif
