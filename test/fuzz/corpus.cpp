// Writes what the fuzzers start from: corpus FOLDER makes FOLDER/open, FOLDER/pack, FOLDER/bcrc and FOLDER/network.
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bcr/net/pack.hpp"
#include "bcr/pack/pack.hpp"
#include "fuzz/small_network.hpp"
#include "support/random_pattern.hpp"
#include "support/tampered.hpp"

namespace {

std::filesystem::path folder;
bool written = true;

void write(const std::string& name, std::span<const std::byte> bytes) {
  const std::filesystem::path path = folder / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  written = written && file.good();
}
void write(const std::string& name, std::initializer_list<std::uint8_t> bytes) {
  write(name, std::as_bytes(std::span(bytes.begin(), bytes.size())));
}

template <class T, class Block>
void write_weights(const std::string& name, std::size_t rows, std::size_t columns, bcr::test::pattern_options how) {
  const auto kept = bcr::test::random_pattern<Block>(rows, columns, how, 1);
  const auto packed = bcr::pack<T>(kept, bcr::test::random_weights<T>(kept, 2).view());
  written = written && packed.ok();
  if (packed) write("open/" + name, packed->bytes());
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return std::puts("corpus FOLDER"), 2;
  folder = arguments[1];

  write("open/carried", bcr::test::victim({.cut = bcr::panel_cut::per_block}).bytes());
  write("open/direct", bcr::test::victim({.cut = bcr::panel_cut::whole_rows}).bytes());
  using bcr::blob_layout, bcr::strip_cut;
  write("open/shared", bcr::test::victim<blob_layout::bands>({.strips = strip_cut::shared_columns}).bytes());
  write("open/own", bcr::test::victim<blob_layout::bands>({.strips = strip_cut::own_columns}).bytes());
  write("open/own_bytes",
        bcr::test::victim<blob_layout::bands, std::int8_t>({.strips = strip_cut::own_columns}).bytes());
  write_weights<float, bcr::block<8, 4>>("no_rows", 0, 5, {});
  write_weights<float, bcr::block<8, 4>>("one_weight", 1, 1, {.density = 1});
  write_weights<float, bcr::block<8, 4>>("nothing_kept", 20, 9, {.density = 0});
  write_weights<float, bcr::block<8, 4>>("several_groups", 40, 20, {.density = 0.5, .rows_kept = 0.75});
  write_weights<double, bcr::block<4, 16>>("doubles", 20, 50, {.density = 0.3});
  write_weights<bcr::bf16, bcr::block<4, 16>>("narrow", 9, 30, {.density = 0.3});

  // Block, cut, N, threads, width, rows, columns, padding; for each block a rule, and row and column bits. Of
  // width 15 the columns are two bytes.
  for (std::uint8_t block = 0; block < 5; ++block) {
    const auto number = static_cast<char>('0' + block);
    write(std::string("pack/all_kept_") + number, {block, 0, 9, 1, 0, 20, 40, 1, 255, 255, 255, 255});
    write(std::string("pack/half_kept_") + number,
          {block, 2, 17, 2, 15, 9, 4, 70, 0, 7, 0x55, 0x0f, 12, 0x33, 0x81, 0, 3, 6, 0xfe, 255, 8, 1, 1});
  }

  // A saved network, with and without zeros.
  for (const std::size_t every : {1u, 3u}) {
    std::vector<float> numbers(500);
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = i % every == 0 ? 0.5f : 0;
    const auto packed = bcr::net::pack<bcr::test::small_network>([&](std::string_view layer, std::string_view name) {
      const bool bias = layer == "depthwise" || layer == "fc";
      const std::size_t weights = layer == "dense" ? 72 : layer == "depthwise" ? 36 : layer == "pruned" ? 216 : 360;
      return std::span<const float>(numbers).first(name == "weight" ? weights : !bias ? 0 : layer == "fc" ? 3 : 4);
    });
    written = written && packed.ok();
    if (packed) write(every > 1 ? "network/pruned" : "network/full", *packed);
  }

  // The example of bcrc.hpp, each array with its length before it, and a matrix without rows.
  write("bcrc/example", {3, 4, 3, 0, 2, 1, 4, 0, 2, 4, 5, 3, 0, 2, 3, 3, 0, 2, 3, 3, 0, 2, 1, 5});
  write("bcrc/no_rows", {0, 4, 0, 1, 0, 1, 0, 1, 0, 0, 0});
  return written ? 0 : 1;
}
