// Compiled without flags, so that the processor may be asked before anything else runs.
#include <cstdio>
#include <cstring>

#include "bcr/dispatch.hpp"
#include "dispatch/same_bits.hpp"

// Those of bf16 are all of them and one more.
int main() {
  for (const bcr::dispatch_target& t : bcr::targets<float, bcr::both<bcr::bf16>>()) {
    if (std::strcmp(t.name, BCR_TEST_TARGET) != 0) continue;
    if (!t.runs_here) {
      std::printf("Skipped: this processor does not run %s.\n", t.name);
      return 0;
    }
    const std::string difference = difference_to_dispatched();
    std::printf("%s: %s\n", target_of_flags(), difference.empty() ? "the same bits" : difference.c_str());
    return difference.empty() && std::strcmp(target_of_flags(), t.name) == 0 ? 0 : 1;
  }
  std::printf("FAILED: the library has no target %s.\n", BCR_TEST_TARGET);
  return 1;
}
