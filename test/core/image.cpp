// Shapes of images and windows, as PyTorch's documentation of Conv2d counts them.
#include "bcr/core/image.hpp"

#include <doctest/doctest.h>

#include <string_view>

namespace {

TEST_CASE("an image counts its elements") {
  constexpr bcr::image_shape image{.batch = 2, .channels = 3, .height = 5, .width = 7};
  static_assert(image.pixels() == 35);
  static_assert(image.elements() == 210);
  static_assert(bcr::image_shape{}.elements() == 0);
}

TEST_CASE("a window counts its positions") {
  constexpr bcr::image_shape image{.channels = 3, .height = 224, .width = 224};
  constexpr bcr::window2d first{.kernel = {7, 7}, .stride = {2, 2}, .padding = bcr::pad_all(3)};
  static_assert(first.positions(image) == bcr::extent2d{112, 112});
  constexpr bcr::window2d dilated{.kernel = {3, 2}, .dilation = {2, 5}, .padding = {.top = 1, .right = 2}};
  static_assert(dilated.reach() == bcr::extent2d{5, 6});
  static_assert(dilated.positions(image) == bcr::extent2d{221, 221});
}

TEST_CASE("a window that does not fit has no position") {
  constexpr bcr::window2d window{.kernel = {3, 3}};
  CHECK(window.positions({.channels = 1, .height = 2, .width = 9}) == bcr::extent2d{0, 0});
  CHECK(window.positions({.channels = 1, .height = 3, .width = 3}) == bcr::extent2d{1, 1});
}

TEST_CASE("a window without kernel, stride or dilation is refused") {
  CHECK(bcr::check_window({.kernel = {1, 1}}));
  for (const bcr::window2d& window :
       {bcr::window2d{.kernel = {0, 1}}, bcr::window2d{.stride = {1, 0}}, bcr::window2d{.dilation = {0, 1}}}) {
    const bcr::status s = bcr::check_window(window);
    CHECK(s.code() == bcr::errc::invalid_argument);
    CHECK(std::string_view(s.message()) == "A window's kernel, stride and dilation are at least 1.");
    CHECK(window.positions({.channels = 1, .height = 9, .width = 9}) == bcr::extent2d{0, 0});
  }
}

}  // namespace
