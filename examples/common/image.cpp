#include "image.hpp"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

// After cstdio, which it wants and does not include.
#include <jpeglib.h>
#include <png.h>

namespace {

// Rows of pixels of three bytes.
struct picture {
  std::size_t width = 0, height = 0;
  std::vector<std::uint8_t> bytes = {};

  std::uint8_t* row(std::size_t y) { return bytes.data() + 3 * width * y; }
  const std::uint8_t* row(std::size_t y) const { return bytes.data() + 3 * width * y; }
};
picture of_size(std::size_t width, std::size_t height) {
  return {width, height, std::vector<std::uint8_t>(3 * width * height)};
}

struct close_file {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

struct jpeg_errors {
  jpeg_error_mgr table;  // first: the library hands a pointer to it back
  std::jmp_buf back;
};

bool read_jpeg(std::FILE* file, picture& p) {
  jpeg_decompress_struct jpeg{};
  jpeg_errors errors{};
  jpeg.err = jpeg_std_error(&errors.table);
  errors.table.error_exit = [](j_common_ptr what) { std::longjmp(reinterpret_cast<jpeg_errors*>(what->err)->back, 1); };
  errors.table.output_message = [](j_common_ptr) {};
  // What a jump goes over has nothing to destroy.
  if (setjmp(errors.back) != 0) {
    jpeg_destroy_decompress(&jpeg);
    return false;
  }
  jpeg_create_decompress(&jpeg);
  jpeg_stdio_src(&jpeg, file);
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = JCS_RGB;
  jpeg_start_decompress(&jpeg);
  p = of_size(jpeg.output_width, jpeg.output_height);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = p.row(jpeg.output_scanline);
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_decompress(&jpeg);
  jpeg_destroy_decompress(&jpeg);
  return true;
}

bool read_png(std::FILE* file, picture& p) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_stdio(&png, file) == 0) return false;
  png.format = PNG_FORMAT_RGB;
  p = of_size(png.width, png.height);
  const png_color white{255, 255, 255};  // behind what is transparent
  const bool read = png_image_finish_read(&png, &white, p.bytes.data(), 0, nullptr) != 0;
  png_image_free(&png);
  return read;
}

// Pixels of the source that make one of the result, and how much each counts: a triangle as wide as two pixels of the
// coarser of both.
struct mixture {
  std::size_t first;
  std::vector<double> shares;
};
std::vector<mixture> mixtures(std::size_t from, std::size_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to), reach = std::max(step, 1.0);
  std::vector<mixture> made(to);
  for (std::size_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * step;
    const auto begin = static_cast<std::size_t>(std::max(centre - reach + 0.5, 0.0));
    const auto end = std::min(static_cast<std::size_t>(centre + reach + 0.5), from);
    made[i].first = begin;
    double all = 0;
    for (std::size_t x = begin; x < end; ++x) {
      made[i].shares.push_back(std::max(0.0, 1 - std::abs((static_cast<double>(x) - centre + 0.5) / reach)));
      all += made[i].shares.back();
    }
    for (double& share : made[i].shares) share /= all;
  }
  return made;
}

// Mixes `m` bytes, `stride` apart, and rounds.
std::uint8_t mixed(const mixture& m, const std::uint8_t* bytes, std::size_t stride) {
  double sum = 0;
  for (std::size_t i = 0; i < m.shares.size(); ++i) sum += m.shares[i] * bytes[(m.first + i) * stride];
  return static_cast<std::uint8_t>(std::clamp(std::floor(sum + 0.5), 0.0, 255.0));
}

picture resized(const picture& p, std::size_t width, std::size_t height) {
  const std::vector<mixture> across = mixtures(p.width, width), down = mixtures(p.height, height);
  picture narrow = of_size(width, p.height), made = of_size(width, height);
  for (std::size_t y = 0; y < p.height; ++y) {
    for (std::size_t x = 0; x < 3 * width; ++x) narrow.row(y)[x] = mixed(across[x / 3], p.row(y) + x % 3, 3);
  }
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < 3 * width; ++x) made.row(y)[x] = mixed(down[y], narrow.bytes.data() + x, 3 * width);
  }
  return made;
}

picture read(const std::string& path) {
  const std::unique_ptr<std::FILE, close_file> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) throw std::runtime_error("The file " + path + " cannot be opened.");
  unsigned char begin[4] = {};
  const std::size_t there = std::fread(begin, 1, sizeof begin, file.get());
  std::rewind(file.get());
  picture made;
  const bool png = there == sizeof begin && std::memcmp(begin, "\x89PNG", 4) == 0;
  if (!(png ? read_png(file.get(), made) : read_jpeg(file.get(), made)) || made.bytes.empty()) {
    throw std::runtime_error("The file " + path + " is no picture in JPEG or PNG, or is damaged.");
  }
  return made;
}

}  // namespace

std::vector<float> load_image(const std::string& path, std::size_t size) {
  constexpr double mean[] = {0.485, 0.456, 0.406}, deviation[] = {0.229, 0.224, 0.225};
  const picture whole = read(path);
  const std::size_t shorter = std::min(whole.width, whole.height), target = size * 256 / 224;
  const picture p = resized(whole, whole.width * target / shorter, whole.height * target / shorter);
  const auto margin = [&](std::size_t extent) {
    return static_cast<std::size_t>(std::nearbyint(0.5 * static_cast<double>(extent - size)));
  };
  std::vector<float> made(3 * size * size);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t y = 0; y < size; ++y) {
      for (std::size_t x = 0; x < size; ++x) {
        const double byte = p.row(margin(p.height) + y)[3 * (margin(p.width) + x) + c];
        made[(c * size + y) * size + x] = static_cast<float>((byte / 255 - mean[c]) / deviation[c]);
      }
    }
  }
  return made;
}
