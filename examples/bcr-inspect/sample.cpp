// sample FILE: writes packed weights in bf16, for the inspector to be tested on.
#include <bcr/pack/cover.hpp>
#include <bcr/pack/pack.hpp>
#include <cstdio>
#include <fstream>
#include <vector>

int main(int argc, char** argv) {
  if (argc != 2) return std::puts("sample FILE"), 2;
  std::vector<float> weights(30 * 50);
  for (std::size_t i = 0; i < weights.size(); i += 7) weights[i] = 0.1f;
  const bcr::matrix_view<const float> dense(weights.data(), 30, 50);
  const auto found = bcr::cover_nonzeros<bcr::block<4, 16>>(dense);
  if (!found) return std::puts(found.message()), 1;
  const auto packed = bcr::pack<bcr::bf16>(found->pattern, dense);
  if (!packed) return std::puts(packed.message()), 1;
  std::ofstream file(argv[1], std::ios::binary);
  file.write(reinterpret_cast<const char*>(packed->bytes().data()),
             static_cast<std::streamsize>(packed->bytes().size()));
  return file.flush() ? 0 : 1;
}
