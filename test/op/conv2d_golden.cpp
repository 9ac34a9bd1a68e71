// Convolutions as PyTorch computes them, in double precision: test/op/golden/make_conv2d.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bcr/pack/cover.hpp"
#include "op/conv2d_case.hpp"
#include "op/golden/tensors.hpp"

namespace {

using bcr::image_layout;
using bcr::test::tensor;
using block = bcr::block<4, 8>;

// The same image in another layout.
template <class T>
std::vector<T> laid_out(const tensor& image, image_layout layout) {
  const bcr::image_shape shape{image.shape[0], image.shape[1], image.shape[2], image.shape[3]};
  std::vector<T> made(image.elements.size());
  std::size_t i = 0;
  for (std::size_t n = 0; n < shape.batch; ++n) {
    for (std::size_t c = 0; c < shape.channels; ++c) {
      for (std::size_t y = 0; y < shape.height; ++y) {
        for (std::size_t x = 0; x < shape.width; ++x) {
          made[bcr::test::place_in(shape, layout, n, c, y, x)] = static_cast<T>(image.elements[i++]);
        }
      }
    }
  }
  return made;
}

template <class T>
void check(const bcr::test::tensor_file& golden, const std::string& name, image_layout in, image_layout out) {
  CAPTURE(name);
  const tensor &weight = golden[name + "/weight"], &image = golden[name + "/image"], &result = golden[name + "/result"];
  std::vector<std::size_t> w;
  for (const double number : golden[name + "/window"].elements) w.push_back(static_cast<std::size_t>(number));
  const std::size_t groups = w[10], outputs = weight.shape[0] / groups;
  const std::size_t inner = weight.shape[1] * weight.shape[2] * weight.shape[3];
  const std::vector<T> weights = weight.as<T>();
  std::vector<bcr::packed_weights<T, block>> packed;
  for (std::size_t g = 0; g < groups; ++g) {
    const bcr::matrix_view<const T> dense(weights.data() + g * outputs * inner, outputs, inner);
    packed.push_back(std::move(*bcr::pack<T>(bcr::cover_nonzeros<block>(dense)->pattern, dense)));
  }
  const auto plan =
      bcr::test::conv2d_plan<T>::create(std::span<const bcr::packed_weights<T, block>>(packed),
                                        {.input = {image.shape[0], image.shape[1], image.shape[2], image.shape[3]},
                                         .window = {{w[0], w[1]}, {w[2], w[3]}, {w[4], w[5]}, {w[6], w[7], w[8], w[9]}},
                                         .groups = groups,
                                         .input_layout = in,
                                         .output_layout = out});
  REQUIRE(plan.ok());
  REQUIRE(plan->output_shape() == bcr::image_shape{result.shape[0], result.shape[1], result.shape[2], result.shape[3]});
  const std::vector<T> input = laid_out<T>(image, in);
  std::vector<T> output(result.elements.size());
  std::vector<std::byte> workspace(plan->workspace_bytes());
  REQUIRE(plan->run(input, output, workspace).ok());
  const std::vector<double> expected = laid_out<double>(result, out);
  double worst = 0;
  for (std::size_t i = 0; i < output.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(output[i]) - expected[i]));
  }
  // Each sum has `inner` products below 1.
  CHECK(worst <= static_cast<double>(inner + 8) * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

TEST_CASE_TEMPLATE("conv2d: as PyTorch has it", T, float, double) {
  const bcr::test::tensor_file golden(BCR_TEST_FOLDER "/op/golden/conv2d.bin");
  for (const char* name :
       {"same", "valid", "strided", "uneven", "dilated", "both", "groups", "pointwise", "shortcut"}) {
    for (const auto in : {image_layout::nchw, image_layout::nhwc}) {
      for (const auto out : {image_layout::nchw, image_layout::nhwc}) check<T>(golden, name, in, out);
    }
  }
}

}  // namespace
