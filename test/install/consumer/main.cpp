#include <bcr/bcr.hpp>
#include <cstdio>

int main() {
  const float weights[4] = {1, 2, 0, 4};
  const auto found = bcr::cover_nonzeros<bcr::block<2, 2>>(bcr::matrix_view<const float>(weights, 2, 2));
  std::printf("bcr %d.%d.%d: %s\n", BCR_VERSION_MAJOR, BCR_VERSION_MINOR, BCR_VERSION_PATCH, found.message());
  return found && found->pattern.kept() == 4 && found->zeros_kept == 1 ? 0 : 1;
}
