// pack WEIGHTS.safetensors FILE: packs the parameters that convert.py wrote for the network that this is compiled for,
// once, into the file that programs load.
#include <bcr/net/pack.hpp>
#include <cstdio>
#include <exception>
#include <fstream>

#include "parameters.hpp"
#include "safetensors.hpp"
#include BCR_NETWORK_HEADER

int main(int argc, char** argv) {
  if (argc != 3) return std::puts("pack WEIGHTS.safetensors FILE"), 2;
  try {
    const parameters with = parameters::of(BCR_NETWORK, safetensors(argv[1]));
    const char* failed = BCR_NETWORK.name;
    const auto packed = bcr::net::pack<BCR_NETWORK>(with, &failed);
    if (!packed) return std::fprintf(stderr, "%s: %s\n", failed, packed.message()), 1;
    std::ofstream file(argv[2], std::ios::binary);
    file.write(reinterpret_cast<const char*>(packed->data()), static_cast<std::streamsize>(packed->size()));
    if (!file.flush()) return std::fprintf(stderr, "%s: The file cannot be written.\n", argv[2]), 1;
    return 0;
  } catch (const std::exception& problem) {
    return std::fprintf(stderr, "%s\n", problem.what()), 1;
  }
}
