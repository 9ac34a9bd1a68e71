// rapidcheck inside doctest: PROPERTY("text", [] { ... RC_ASSERT(...) ... }) draws a hundred cases, shrinks the first
// that fails and prints it with the seed; the environment variable RC_PARAMS="seed=..." repeats it.
#pragma once

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstddef>
#include <cstdint>

#include "support/random_pattern.hpp"

#define PROPERTY(text, ...) CHECK(bcr::test::holds(text, __VA_ARGS__))

namespace bcr::test {

// By pointer, so that rapidcheck's machinery is compiled once a file and not once a property.
inline bool holds(const char* text, void (*property)()) { return rc::check(text, property); }

// 0 to `largest`, small ones as likely as large.
inline std::size_t any_extent(std::size_t largest) {
  return *rc::gen::inRange<std::size_t>(0, *rc::gen::element<std::size_t>(2, largest / 4 + 1, largest) + 1);
}

inline std::uint64_t any_seed() { return *rc::gen::inRange<std::uint64_t>(0, 1u << 30); }

// Of every kind that matters to a packer: all kept, nothing kept, empty blocks, rows pruned or not.
inline pattern_options any_pattern_options() {
  return {.density = *rc::gen::element(0.0, 0.02, 0.1, 0.3, 1.0),
          .rows_kept = *rc::gen::element(1.0, 0.75, 0.5),
          .empty_blocks = *rc::gen::element(0.0, 0.0, 0.4),
          .how = *rc::gen::element(selection::exactly, selection::bernoulli)};
}

}  // namespace bcr::test
