#include "picture.hpp"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace {

constexpr std::size_t wanted_pixels = 1024, most_pixels = 8192;
struct color {
  std::uint8_t red, green, blue;
};
constexpr color kept_color{18, 90, 122}, pruned_color{250, 249, 246}, line_color{206, 203, 196};

[[noreturn]] void cannot_write(const std::string& path) {
  throw std::runtime_error("The picture cannot be written to " + path + ".");
}

std::size_t cell_for(const picture& p, std::size_t cell) {
  const std::size_t longer = std::max({p.rows, p.columns, std::size_t{1}});
  return cell != 0 ? cell : std::clamp<std::size_t>(wanted_pixels / longer, 1, 16);
}

// Share of kept weights among those that a pixel stands for, 0 to 254.
std::uint8_t shade(const picture& p, std::size_t y, std::size_t x, std::size_t reduction) {
  std::size_t kept = 0, all = 0;
  for (std::size_t i = y * reduction; i < std::min((y + 1) * reduction, p.rows); ++i) {
    for (std::size_t j = x * reduction; j < std::min((x + 1) * reduction, p.columns); ++j, ++all) kept += p.keeps(i, j);
  }
  return static_cast<std::uint8_t>(all == 0 ? 0 : kept * 254 / all);
}

// PNG's palette: from pruned to kept in 255 steps, and the lines.
std::vector<color> palette() {
  std::vector<color> colors;
  const auto blend = [](int from, int to, int step) {
    return static_cast<std::uint8_t>(from + (to - from) * step / 254);
  };
  for (int s = 0; s < 255; ++s) {
    colors.push_back({blend(pruned_color.red, kept_color.red, s), blend(pruned_color.green, kept_color.green, s),
                      blend(pruned_color.blue, kept_color.blue, s)});
  }
  colors.push_back(line_color);
  return colors;
}

struct rectangle {
  std::size_t top, left, height, width;
};

// The kept weights as rectangles: each run of them in a row, made as tall as equal runs below allow.
std::vector<rectangle> rectangles(const picture& p) {
  std::vector<rectangle> found;
  std::vector<std::uint8_t> left = p.kept;  // what is in no rectangle yet
  for (std::size_t i = 0; i < p.rows; ++i) {
    for (std::size_t begin = 0, end; begin < p.columns; begin = end + 1) {
      for (end = begin; end < p.columns && left[i * p.columns + end] != 0;) ++end;
      if (end == begin) continue;
      std::size_t bottom = i;
      for (; bottom < p.rows; ++bottom) {
        std::uint8_t* const run = &left[bottom * p.columns];
        if (std::find(run + begin, run + end, 0) != run + end) break;
        std::fill(run + begin, run + end, std::uint8_t{0});
      }
      found.push_back({i, begin, bottom - i, end - begin});
    }
  }
  return found;
}

}  // namespace

void write_png(const picture& p, std::size_t cell, const std::string& path) {
  cell = cell_for(p, cell);
  const std::size_t longer = std::max(p.rows, p.columns);
  const std::size_t reduction = longer * cell <= most_pixels ? 1 : (longer + most_pixels - 1) / most_pixels;
  if (reduction > 1) cell = 1;
  const std::size_t height = std::max<std::size_t>(1, (p.rows + reduction - 1) / reduction * cell);
  const std::size_t width = std::max<std::size_t>(1, (p.columns + reduction - 1) / reduction * cell);
  constexpr std::uint8_t line = 255;
  const bool lines = cell >= 4;
  std::vector<std::uint8_t> pixels(height * width);
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      const bool on_line = lines && (y % (p.block_rows * cell) == 0 || x % (p.block_columns * cell) == 0);
      pixels[y * width + x] = on_line ? line : shade(p, y / cell, x / cell, reduction);
    }
  }
  const std::vector<color> colors = palette();
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB_COLORMAP;
  image.colormap_entries = static_cast<png_uint_32>(colors.size());
  if (png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, colors.data()) == 0) cannot_write(path);
}

void write_svg(const picture& p, std::size_t cell, const std::string& path) {
  cell = cell_for(p, cell);
  const auto hex = [](color c) { return fmt::format("#{:02x}{:02x}{:02x}", c.red, c.green, c.blue); };
  std::string text;
  const auto out = std::back_inserter(text);
  fmt::format_to(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {} {}\">\n",
                 p.columns * cell, p.rows * cell, p.columns, p.rows);
  fmt::format_to(out, "<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n<path fill=\"{}\" d=\"", hex(pruned_color),
                 hex(kept_color));
  for (const rectangle& r : rectangles(p)) {
    fmt::format_to(out, "M{} {}h{}v{}h-{}z", r.left, r.top, r.width, r.height, r.width);
  }
  fmt::format_to(out, "\"/>\n<path stroke=\"{}\" stroke-width=\".12\" d=\"", hex(line_color));
  for (std::size_t i = p.block_rows; i < p.rows; i += p.block_rows) fmt::format_to(out, "M0 {}h{}", i, p.columns);
  for (std::size_t j = p.block_columns; j < p.columns; j += p.block_columns) fmt::format_to(out, "M{} 0v{}", j, p.rows);
  text += "\"/>\n</svg>\n";
  std::ofstream file(path, std::ios::binary);
  if (!(file << text).flush()) cannot_write(path);
}
