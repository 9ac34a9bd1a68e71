// What it costs to convolve an image strip by strip, so that a plan can choose how the image is cut: high strips copy
// fewer rows twice, but have to stay in a cache; and whatever the cut, positions should fill vectors and tiles.
#pragma once

#include <cstddef>

#include "bcr/core/block.hpp"
#include "bcr/op/lone_vector.hpp"
#include "bcr/op/partition.hpp"
#include "bcr/op/window_planes.hpp"

namespace bcr::detail {

// In cycles of a core with two multiply-adds a cycle, as measured on Zen 5; what matters is their proportion.
struct strip_cost {
  std::size_t kept;     // weights of a group
  std::size_t outputs;  // its rows
  std::size_t lanes;
  std::size_t tile_vectors;
  std::size_t element_bytes;
  bool lone_vectors;  // whether a last position may be computed alone

  // A column that keeps four rows, in tiles of so many vectors, which are mostly not aligned.
  static constexpr double column[most_tile_vectors] = {5.6, 6.8, 8.2, 9.4, 10.8, 12.6};
  static constexpr double finished_vector = 5;  // from the scratch tile to the output,
  static constexpr double stored_vector = 2;    // or from registers
  static constexpr double copied_vector = 3, copied_far = 6;
  static constexpr double copied_row = 4;
  static constexpr double lone_weight = 0.3;
  static constexpr std::size_t near_cache = std::size_t{7} << 17;

  // Of a strip of so many images or rows.
  double of_strip(const strip_planes& planes, std::size_t images, std::size_t rows) const noexcept {
    const std::size_t positions = planes.count_positions(images, rows);
    const bool lone = lone_vectors && planes.gapless && leaves_one(positions, lanes);
    const column_tiles tiles(positions - (lone ? 1 : 0), lanes, tile_vectors);
    const auto number = [](std::size_t n) { return static_cast<double>(n); };
    const auto of_tile = [&](std::size_t vectors) {
      return number(kept) / panel_rows * column[vectors - 1] +
             number(outputs * vectors) * (planes.gapless ? stored_vector : finished_vector);
    };
    // All tiles are as wide as the last one, or a vector wider.
    const std::size_t narrow = tiles.vectors(tiles.count() - 1),
                      all = blocks_covering(tiles.end(tiles.count() - 1), lanes);
    const double wide = number(all - narrow * tiles.count());
    double cycles = (number(tiles.count()) - wide) * of_tile(narrow);
    if (wide > 0) cycles += wide * of_tile(narrow + 1);
    if (lone) cycles += number(kept) * lone_weight;
    const std::size_t copied_rows = planes.channels * planes.planes() * (rows + planes.y.largest_reach()) * images;
    const bool near = planes.elements() * element_bytes <= near_cache;
    const std::size_t vectors = blocks_covering(planes.pitch, lanes);
    return cycles + number(copied_rows) * (copied_row + number(vectors) * (near ? copied_vector : copied_far));
  }

  // Of a batch.
  double of_batch(const strip_planes& planes, std::size_t batch) const noexcept {
    const std::size_t height = planes.y.outputs, images = planes.strip_images, rows = planes.strip_rows;
    const auto number = [](std::size_t n) { return static_cast<double>(n); };
    double cycles = number(batch / images * (height / rows)) * of_strip(planes, images, rows);
    if (height % rows != 0) cycles += number(batch / images) * of_strip(planes, images, height % rows);
    if (batch % images != 0) cycles += of_strip(planes, batch % images, rows);
    return cycles;
  }
};

// The cheapest strips for images of so many rows; planes_of(rows, images) says what a strip is.
template <class PlanesOf>
strip_planes cheapest_strips(const strip_cost& cost, std::size_t height, std::size_t batch,
                             const PlanesOf& planes_of) noexcept {
  constexpr std::size_t largest_copy = std::size_t{1} << 20;  // bytes
  constexpr std::size_t most_images = 16;
  strip_planes best = planes_of(1, 1);
  double least = cost.of_batch(best, batch);
  const auto try_strip = [&](std::size_t rows, std::size_t images) {
    const strip_planes planes = planes_of(rows, images);
    if (planes.elements() * cost.element_bytes > largest_copy) return;
    const double cycles = cost.of_batch(planes, batch);
    if (cycles >= least) return;
    least = cycles;
    best = planes;
  };
  // Heights that divide an image evenly, as far as that goes.
  for (std::size_t rows = height; rows > 1;) {
    try_strip(rows, 1);
    const std::size_t next = blocks_covering(height, blocks_covering(height, rows) + 1);
    rows = next < rows ? next : rows - 1;
  }
  for (std::size_t images = 2; images <= (batch < most_images ? batch : most_images); ++images) {
    try_strip(height, images);
  }
  return best;
}

}  // namespace bcr::detail
