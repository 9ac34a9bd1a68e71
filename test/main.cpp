#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

// The address sanitizer's operator new aborts, even the one that may not throw, unless told to give a null pointer: the
// tests ask for too much memory on purpose. Nothing calls this without the sanitizer.
extern "C" const char* __asan_default_options();  // NOLINT(bugprone-reserved-identifier)
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }  // NOLINT
