// The pruned network on bcr: this is the file to read.
#pragma once

#include <algorithm>
#include <bcr/bcr.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "../common/check.hpp"
#include "network.hpp"

using block = bcr::block<4, 16>;  // what train.py pruned by

// Packing and planning come first, and may allocate. Running does not; bias and ReLU happen while results are in
// registers.
class bcr_network {
  using bias = bcr::epilogue::bias<float>;
  using bias_relu = bcr::epilogue::chain_of<bias, bcr::epilogue::relu>;

 public:
  bcr_network(const network& layers, std::size_t images) : images_(images) {
    for (const layer& l : layers) {
      const bcr::matrix_view<const float> weights(l.weights.data(), l.outputs, l.inputs);
      const auto covering = check(bcr::cover_nonzeros<block>(weights));
      packed_.push_back(check(bcr::pack<float>(covering.pattern, weights)));
      biases_.push_back(l.bias.data());
      activations_.emplace_back(images * l.outputs);
    }
    std::size_t workspace = 0;
    for (std::size_t i = 0; i < packed_.size(); ++i) {
      if (i + 1 < packed_.size()) {
        hidden_.push_back(check(bcr::linear_plan<float, bias_relu>::create(packed_[i], {.tokens = images})));
        workspace = std::max(workspace, hidden_.back().workspace_bytes());
      } else {
        output_.push_back(check(bcr::linear_plan<float, bias>::create(packed_[i], {.tokens = images})));
        workspace = std::max(workspace, output_.back().workspace_bytes());
      }
    }
    workspace_ = check(bcr::buffer<std::byte>::allocate(workspace));
  }

  const std::vector<float>& run(const float* pixels) {
    bcr::matrix_view<const float> x(pixels, images_, packed_[0].columns());
    for (std::size_t i = 0; i < packed_.size(); ++i) {
      const bcr::matrix_view<float> y(activations_[i].data(), images_, packed_[i].rows());
      if (i < hidden_.size()) {
        check(hidden_[i].run(x, y, workspace_, bcr::epilogue::chain(bias{biases_[i]}, bcr::epilogue::relu{})));
      } else {
        check(output_[0].run(x, y, workspace_, bias{biases_[i]}));
      }
      x = y;
    }
    return activations_.back();
  }

  std::size_t weight_bytes() const {
    std::size_t bytes = 0;
    for (const auto& p : packed_) bytes += p.bytes().size();
    return bytes;
  }
  const bcr::packed_weights<float, block>& packed(std::size_t i) const { return packed_[i]; }
  const char* kernel_name() const { return hidden_.back().kernel_name(); }

 private:
  std::size_t images_;
  std::vector<bcr::packed_weights<float, block>> packed_;
  std::vector<const float*> biases_;
  std::vector<bcr::linear_plan<float, bias_relu>> hidden_;
  std::vector<bcr::linear_plan<float, bias>> output_;
  std::vector<std::vector<float>> activations_;
  bcr::buffer<std::byte> workspace_;
};
