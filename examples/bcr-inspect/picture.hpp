// A picture of which weights a pattern keeps: a dark square for each, pale lines between blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct picture {
  std::size_t rows, columns, block_rows, block_columns;
  std::vector<std::uint8_t> kept;  // rows x columns, 0 or 1

  bool keeps(std::size_t i, std::size_t j) const { return kept[i * columns + j] != 0; }
};

// Both throw std::runtime_error if the file cannot be written. `cell` is the side of a weight's square in pixels, 0 for
// whatever makes the longer side about 1024. A PNG of a large matrix averages over squares of weights instead.
void write_png(const picture& p, std::size_t cell, const std::string& path);
void write_svg(const picture& p, std::size_t cell, const std::string& path);
